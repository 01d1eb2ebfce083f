//! A cluster of which everything was written and applied, and hands to change it with.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::{NioCondition, NixosConfigurationStatus};
use nico_crds::names::WRITTEN_AT;
use nico_crds::status::{ClusterCondition, MachineLine};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus, Machine, NixosConfiguration};
use nico_render::rollout::{Plan, rollout};
use nico_render::status::status;
use nico_render::{ClusterKey, Desired, Health, Observed, Ownership, RenderError, Sight, TokenState, render};

use crate::world::{GroupGene, MachineGene, NAMESPACE, SpecGene, World, cluster, machine, machine_name};

/// When the contents of a scene were written.
pub const WRITTEN: &str = "2026-10-31T23:59:00Z";
/// A while after everything has settled (applied one minute after it was written).
pub const LATER: &str = "2026-11-01T12:00:00.987654321Z";

/// kopf's note about what NIO's handler ended with.
pub const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    time(LATER) + SignedDuration::from_secs(seconds)
}

pub struct Scene {
    pub world: World,
    pub sight: Sight,
    pub now: Timestamp,
    /// Nobody plans.
    pub unplanned: bool,
}

impl Scene {
    /// A cluster `c0` that nothing was written for yet: control planes m00 and on, workers m10 and on.
    pub fn planned(control_planes: u8, workers: u8) -> Self {
        let names = (0..control_planes).chain(10..10 + workers);
        let gene = |name| MachineGene {
            name,
            rack: 0,
            discoverable: true,
            configured: 5,
            marked: 9,
            addressed: true,
        };
        let spec = SpecGene {
            control_plane: GroupGene::Listed((0..control_planes).collect()),
            workers: GroupGene::Listed((10..10 + workers).collect()),
            git_ref: 0,
            trigger: 0,
            switch_only: false,
            endpoint: false,
            keys: 0,
        };
        let mut world = World::default();
        world.inventory.machines = names.map(gene).map(|gene| Arc::new(machine(&gene))).collect();
        let mut cluster = cluster(0, &spec);
        if workers == 0 {
            cluster.spec.data_plane = None;
        }
        cluster.metadata.finalizers = Some(vec![nico_crds::names::CLEANUP_FINALIZER.to_owned()]);
        world.inventory.clusters = vec![Arc::new(cluster)];
        let tokens = [(key(), TokenState::Own { guessable: false })].into();
        let sight = Sight { tokens, ..Sight::default() };
        Self { world, sight, now: time(LATER), unplanned: false }
    }

    /// The same, settled, and told of once.
    pub fn settled(control_planes: u8, workers: u8) -> Self {
        let mut scene = Self::planned(control_planes, workers);
        scene.write();
        scene.world.nio();
        scene.clear_full_install();
        scene.tell();
        scene
    }

    /// Everything that is wanted is written, at `WRITTEN`.
    pub fn write(&mut self) {
        write_keeping_what_was_told(&mut self.world);
        for live in self.world.inventory.configurations.iter_mut().map(Arc::make_mut) {
            let annotations = live.metadata.annotations.get_or_insert_default();
            annotations.entry(WRITTEN_AT.to_owned()).or_insert_with(|| WRITTEN.to_owned());
            live.metadata.creation_timestamp = Some(Time(time(WRITTEN)));
        }
        self.own_all();
    }

    /// NICO owns what was written.
    pub fn own_all(&mut self) {
        self.sight.ownership.extend(owned(&self.world));
    }

    pub fn clear_full_install(&mut self) {
        for number in (0..20).filter(|number| self.has(*number)).collect::<Vec<_>>() {
            self.configuration(number, |live| {
                live.spec.full_install = Some(false);
                handle(live);
                if let Some(status) = &mut live.status {
                    status.has_full_install = Some(false);
                }
            });
        }
    }

    fn has(&self, number: u8) -> bool {
        let name = format!("c0-{}", machine_name(number));
        self.world.inventory.configurations.iter().any(|live| live.metadata.name.as_ref() == Some(&name))
    }

    pub fn configuration(&mut self, number: u8, edit: impl FnOnce(&mut NixosConfiguration)) {
        let name = format!("c0-{}", machine_name(number));
        let same = |live: &&mut Arc<NixosConfiguration>| live.metadata.name.as_ref() == Some(&name);
        edit(self.world.inventory.configurations.iter_mut().find(same).map(Arc::make_mut).unwrap());
    }

    pub fn nio_status(&mut self, number: u8, edit: impl FnOnce(&mut NixosConfigurationStatus)) {
        self.configuration(number, |live| edit(live.status.get_or_insert_default()));
    }

    pub fn machine(&mut self, number: u8, edit: impl FnOnce(&mut Machine)) {
        let name = machine_name(number);
        let same = |machine: &&mut Arc<Machine>| machine.metadata.name.as_ref() == Some(&name);
        edit(self.world.inventory.machines.iter_mut().find(same).map(Arc::make_mut).unwrap());
    }

    pub fn cluster(&mut self, edit: impl FnOnce(&mut KubernetesCluster)) {
        edit(Arc::make_mut(&mut self.world.inventory.clusters[0]));
    }

    /// Another generation of the spec.
    pub fn spec(&mut self, edit: impl FnOnce(&mut nico_crds::KubernetesClusterSpec)) {
        self.cluster(|cluster| {
            edit(&mut cluster.spec);
            cluster.metadata.generation = cluster.metadata.generation.map(|generation| generation + 1);
        });
    }

    pub fn annotate_machine(&mut self, number: u8, key: &str) {
        self.machine(number, |machine| annotate(&mut machine.metadata, key, "true"));
    }

    /// Files that NIO has not taken in: written at a time.
    pub fn put_in_flight(&mut self, number: u8, written: Timestamp) {
        self.configuration(number, |live| {
            annotate(&mut live.metadata, WRITTEN_AT, &written.to_string());
            let status = live.status.get_or_insert_default();
            status.additional_files_hash = Some("0".repeat(64));
        });
    }

    /// A look of NIO's that did not reach it.
    pub fn lose_sight(&mut self, number: u8) {
        self.machine(number, |machine| {
            machine.status.get_or_insert_default().discoverable = Some(false);
        });
        self.nio_status(number, |status| {
            status.applied_commit = None;
            status.last_applied_time = None;
            status.conditions = vec![NioCondition {
                type_: "Applied".to_owned(),
                status: "False".to_owned(),
                reason: "MissingCredentials".to_owned(),
                ..NioCondition::default()
            }];
        });
    }

    pub fn health(&mut self, number: u8, health: Health) {
        self.sight.health.insert((NAMESPACE.to_owned(), machine_name(number)), health);
    }

    pub fn desired(&self) -> Result<Desired, RenderError> {
        render(&self.world.inventory.clusters[0], &self.world.inventory)
    }

    /// What is told now. Nothing is remembered.
    pub fn look(&self) -> KubernetesClusterStatus {
        let cluster = &self.world.inventory.clusters[0];
        let observed = Observed::new(&self.world.inventory, &self.sight);
        let desired = self.desired();
        let plan = desired.as_ref().ok().filter(|_| !self.unplanned);
        let plan: Option<Plan> = plan.map(|desired| rollout(cluster, desired, &observed, self.now));
        status(cluster, desired.as_ref(), &observed, plan.as_ref(), self.now)
    }

    /// What is told now, and stands in the status from then on.
    pub fn tell(&mut self) -> KubernetesClusterStatus {
        let told = self.look();
        self.cluster(|cluster| cluster.status = Some(merged(cluster, told.clone())));
        told
    }

    pub fn at(&mut self, now: Timestamp) -> &mut Self {
        self.now = now;
        self
    }
}

/// Who owns what, by UID: NICO all that it wants.
pub fn owned(world: &World) -> BTreeMap<String, Arc<Ownership>> {
    let mut ownership = BTreeMap::new();
    for wanted in world.render().values().flat_map(|desired| &desired.configurations) {
        let same = |live: &&Arc<NixosConfiguration>| live.metadata.name == wanted.object.metadata.name;
        let live = world.inventory.configurations.iter().find(same);
        if let Some(uid) = live.and_then(|live| live.metadata.uid.clone()) {
            let own = nico_render::fields::owned(&serde_json::to_value(&wanted.object).unwrap());
            ownership.insert(uid, Arc::new(Ownership { own: Some(own), ..Ownership::default() }));
        }
    }
    ownership
}

/// Writes what is desired, and remembers it beside what was told.
pub fn write_keeping_what_was_told(world: &mut World) {
    let told: Vec<_> = world.inventory.clusters.iter().map(|cluster| cluster.status.clone()).collect();
    let desired = world.render();
    world.write(&desired);
    for (cluster, told) in world.inventory.clusters.iter_mut().map(Arc::make_mut).zip(told) {
        cluster.status = Some(merged(cluster, told.unwrap_or_default()));
    }
}

/// The status as the server holds it: what the applier remembers, and what is told.
pub fn merged(cluster: &KubernetesCluster, told: KubernetesClusterStatus) -> KubernetesClusterStatus {
    let KubernetesClusterStatus {
        bootstrapped,
        applied_machines,
        selected_control_plane_machines,
        selected_data_plane_machines,
        rebootstrapped,
        reinstalled,
        adopted_generation,
        ..
    } = cluster.status.clone().unwrap_or_default();
    KubernetesClusterStatus {
        bootstrapped,
        applied_machines,
        selected_control_plane_machines,
        selected_data_plane_machines,
        rebootstrapped,
        reinstalled,
        adopted_generation,
        ..told
    }
}

pub fn key() -> ClusterKey {
    ClusterKey { namespace: NAMESPACE.to_owned(), name: "c0".to_owned() }
}

pub fn annotate(metadata: &mut ObjectMeta, key: &str, value: &str) {
    metadata.annotations.get_or_insert_with(BTreeMap::new).insert(key.to_owned(), value.to_owned());
}

/// NIO's handler ends with the live spec.
pub fn handle(live: &mut NixosConfiguration) {
    let note = serde_json::json!({ "spec": live.spec }).to_string();
    annotate(&mut live.metadata, HANDLED, &note);
}

pub fn find<'s>(status: &'s KubernetesClusterStatus, type_: &str) -> Option<&'s ClusterCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == type_)
}

/// `True/Reason`, or a dash.
pub fn short(status: &KubernetesClusterStatus, type_: &str) -> String {
    find(status, type_).map_or_else(
        || "-".to_owned(),
        |one| format!("{}/{}", one.status.as_deref().unwrap(), one.reason.as_deref().unwrap()),
    )
}

pub fn message<'s>(status: &'s KubernetesClusterStatus, type_: &str) -> &'s str {
    find(status, type_).and_then(|condition| condition.message.as_deref()).unwrap_or_default()
}

#[track_caller]
pub fn says(status: &KubernetesClusterStatus, type_: &str, words: &[&str]) {
    let message = message(status, type_);
    for word in words {
        assert!(message.contains(word), "{type_} does not say {word:?}: {message}");
    }
}

pub fn line(status: &KubernetesClusterStatus, number: u8) -> &MachineLine {
    let name = machine_name(number);
    status.machines.iter().flatten().find(|line| line.name == name).unwrap()
}

pub fn state(status: &KubernetesClusterStatus, number: u8) -> &str {
    line(status, number).state.as_deref().unwrap()
}

pub fn deleting(metadata: &mut ObjectMeta) {
    metadata.deletion_timestamp = Some(Time(time("2026-11-01T11:00:00Z")));
}
