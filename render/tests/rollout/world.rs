//! A small observed world: what a plan says is done in it as on a server, and NIO does what it is told to.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::cluster::{InstallPolicy, MachineSelector, NodeGroup, Rollout};
use nico_crds::machine::MachineStatus;
use nico_crds::names::{KOPF_FINALIZER, LOST, MEMBER_REMOVED};
use nico_crds::status::{KubernetesClusterStatus, MachineLine};
use nico_crds::{KubernetesCluster, KubernetesClusterSpec, Machine, MachineSpec, NixosConfiguration};
use nico_render::rollout::{NodeAct, Plan, Step, WaitReason, Write, rollout};
use nico_render::{ClusterKey, Desired, Health, Inventory, Observed, Ownership, Sight, TokenState};
use nico_render::{fields, render_all};

pub const NAMESPACE: &str = "fleet";
pub const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
pub const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";

/// Something that happens to a world.
pub type Spoil = fn(&mut World);

/// One cluster, `c`, and its machines: `a0`, `a1`, … for control planes, `w0`, `w1`, … for workers.
#[derive(Clone)]
pub struct World {
    pub inventory: Inventory,
    pub sight: Sight,
    pub now: Timestamp,
    births: u64,
}

impl World {
    /// Nothing runs yet.
    pub fn new(control_planes: i32, workers: i32) -> Self {
        let mut cluster = KubernetesCluster {
            metadata: ObjectMeta {
                name: Some("c".to_owned()),
                namespace: Some(NAMESPACE.to_owned()),
                uid: Some("uid-c".to_owned()),
                generation: Some(1),
                ..ObjectMeta::default()
            },
            spec: KubernetesClusterSpec {
                git_repo: Some("https://git.example/fleet.git".to_owned()),
                git_ref: Some("v1".to_owned()),
                control_plane: group("a", control_planes),
                data_plane: Some(group("w", workers)),
                rollout: Some(Rollout::default()),
                ..KubernetesClusterSpec::default()
            },
            status: None,
        };
        cluster.metadata.finalizers = Some(vec!["nico.homystack.com/cleanup".to_owned()]);
        let mut world = Self {
            inventory: Inventory { clusters: vec![Arc::new(cluster)], ..Inventory::default() },
            sight: Sight::default(),
            now: "2026-11-24T12:00:00Z".parse().unwrap(),
            births: 0,
        };
        let key = ClusterKey { namespace: NAMESPACE.to_owned(), name: "c".to_owned() };
        world.sight.tokens.insert(key, TokenState::Own { guessable: false });
        for number in 0..control_planes {
            world.add_machine(&format!("a{number}"));
        }
        for number in 0..workers {
            world.add_machine(&format!("w{number}"));
        }
        world
    }

    /// All of it runs, settled.
    pub fn running(control_planes: i32, workers: i32) -> Self {
        let mut world = Self::new(control_planes, workers);
        for _ in 0..=control_planes + 1 {
            world.tick();
            world.apply_all();
            world.tick();
            world.handle_all();
            world.pass(4300);
        }
        assert_eq!(world.steps(), Vec::<String>::new(), "at rest");
        assert_eq!(world.waits(), BTreeMap::new(), "at rest");
        world
    }

    pub fn pass(&mut self, seconds: i64) {
        self.now = self.now.checked_add(SignedDuration::from_secs(seconds)).unwrap();
    }

    pub fn desired(&self) -> Desired {
        let mut inventory = self.inventory.clone();
        inventory.observed_at = Some(self.now);
        render_all(&inventory).into_values().next().unwrap().unwrap()
    }

    pub fn plan(&self) -> Plan {
        let mut inventory = self.inventory.clone();
        inventory.observed_at = Some(self.now);
        let desired = self.desired();
        let observed = Observed::new(&inventory, &self.sight);
        rollout(&inventory.clusters[0], &desired, &observed, self.now)
    }

    /// What would be written to configurations now, a line each.
    pub fn steps(&self) -> Vec<String> {
        self.plan().steps.iter().filter_map(line).collect()
    }

    /// Why each machine waits, in a word.
    pub fn waits(&self) -> BTreeMap<String, &'static str> {
        let waiting = self.plan().waiting.into_iter();
        waiting.map(|waiting| (waiting.machine.unwrap_or_default(), waiting.reason.reason())).collect()
    }

    #[track_caller]
    pub fn reason(&self, machine: &str) -> WaitReason {
        let waiting = self.plan().waiting;
        let found = waiting.iter().find(|waiting| waiting.machine.as_deref() == Some(machine));
        found.unwrap_or_else(|| panic!("{machine} does not wait: {waiting:#?}")).reason.clone()
    }

    /// Does what the plan says, and tells it.
    pub fn tick(&mut self) -> Vec<String> {
        let plan = self.plan();
        for step in &plan.steps {
            self.execute(step);
        }
        plan.steps.iter().filter_map(line).collect()
    }

    /// The same, but it is killed when so many writes are left no more; whether it was.
    pub fn tick_until(&mut self, left: &mut Option<usize>) -> (Vec<String>, bool) {
        let mut did = Vec::new();
        for step in &self.plan().steps {
            if *left == Some(0) {
                *left = None;
                return (did, true);
            }
            *left = left.map(|left| left - 1);
            self.execute(step);
            did.extend(line(step));
        }
        (did, false)
    }

    /// The next plan is this, and it is done.
    #[track_caller]
    pub fn does(&mut self, expected: &[&str]) {
        assert_eq!(self.tick(), expected, "{:#?}", self.plan().waiting);
    }

    fn execute(&mut self, step: &Step) {
        match step {
            Step::Finalizers { finalizers, .. } => {
                self.cluster().metadata.finalizers = Some(finalizers.clone());
            }
            Step::Remember(memory) => {
                let cluster = self.cluster();
                // The lines of the machines are the aggregator's.
                let machines = cluster.status.take().and_then(|status| status.machines);
                cluster.status = Some(KubernetesClusterStatus { machines, ..memory.as_status() });
            }
            Step::Create(configuration) => self.create(&configuration.object),
            Step::Write(write) => self.write(write),
            Step::Delete { target, .. } => self.delete(target.configuration.trim_start_matches("c-")),
            Step::ReleaseFromNio(target) => {
                let gone = target.configuration.clone();
                self.inventory.configurations.retain(|live| live.metadata.name.as_ref() != Some(&gone));
            }
            Step::Node(step) => self.act(step),
            Step::AdoptStatus
            | Step::LookAtToken
            | Step::CreateToken
            | Step::OwnToken { .. }
            | Step::Adopt(_) => {}
        }
    }

    fn create(&mut self, object: &NixosConfiguration) {
        self.births += 1;
        let mut born = object.clone();
        let uid = format!("uid-{}", self.births);
        born.metadata.uid = Some(uid.clone());
        born.metadata.generation = Some(1);
        born.metadata.creation_timestamp = Some(Time(self.now));
        born.metadata.finalizers = Some(vec![KOPF_FINALIZER.to_owned()]);
        self.inventory.configurations.push(Arc::new(born));
        self.note_ownership(uid, object);
    }

    /// As a server-side apply: what was NICO's and is not sent goes, what is others' stays.
    fn write(&mut self, write: &Write) {
        let machine = write.target.machine.clone();
        let sent = write.object.clone();
        let live = self.nc(&machine);
        if live.spec != sent.spec {
            live.metadata.generation = live.metadata.generation.map(|generation| generation + 1);
        }
        live.spec = sent.spec;
        live.metadata.labels = sent.metadata.labels;
        let annotations = live.metadata.annotations.get_or_insert_default();
        annotations.retain(|key, _| {
            !key.starts_with("nico.homystack.com/") || [LOST, MEMBER_REMOVED].contains(&key.as_str())
        });
        annotations.extend(sent.metadata.annotations.unwrap_or_default());
        let uid = live.metadata.uid.clone().unwrap();
        self.note_ownership(uid, &write.object);
    }

    fn note_ownership(&mut self, uid: String, sent: &NixosConfiguration) {
        let own = fields::owned(&serde_json::to_value(sent).unwrap());
        let ownership = Ownership { own: Some(own), ..Ownership::default() };
        self.sight.written_at.insert(uid.clone(), self.now);
        self.sight.ownership.insert(uid, Arc::new(ownership));
    }

    // People.

    pub fn cluster(&mut self) -> &mut KubernetesCluster {
        Arc::make_mut(&mut self.inventory.clusters[0])
    }

    pub fn spec(&mut self) -> &mut KubernetesClusterSpec {
        let cluster = self.cluster();
        cluster.metadata.generation = cluster.metadata.generation.map(|generation| generation + 1);
        &mut cluster.spec
    }

    pub fn rollout(&mut self) -> &mut Rollout {
        self.spec().rollout.get_or_insert_default()
    }

    pub fn content(&mut self, name: &str) {
        self.spec().git_ref = Some(name.to_owned());
    }

    pub fn counts(&mut self, control_planes: i32, workers: i32) {
        self.spec().control_plane.count = Some(control_planes);
        self.spec().data_plane.get_or_insert_default().count = Some(workers);
    }

    pub fn switch_only(&mut self) {
        self.spec().install_policy = Some(InstallPolicy::SwitchOnly);
    }

    pub fn add_machine(&mut self, name: &str) {
        let metadata = ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(BTreeMap::from([("rack".to_owned(), name[..1].to_owned())])),
            ..ObjectMeta::default()
        };
        let spec = MachineSpec { hostname: Some(format!("{name}.example")), ..MachineSpec::default() };
        let status = MachineStatus {
            discoverable: Some(true),
            has_configuration: Some(false),
            ..MachineStatus::default()
        };
        self.inventory.machines.push(Arc::new(Machine { metadata, spec, status: Some(status) }));
    }

    pub fn delete(&mut self, name: &str) {
        let now = self.now;
        self.nc(name).metadata.deletion_timestamp = Some(Time(now));
    }

    pub fn delete_machine(&mut self, name: &str) {
        self.inventory.machines.retain(|machine| machine.metadata.name.as_deref() != Some(name));
    }

    pub fn machine(&mut self, name: &str) -> &mut Machine {
        let mut machines = self.inventory.machines.iter_mut();
        Arc::make_mut(machines.find(|machine| machine.metadata.name.as_deref() == Some(name)).unwrap())
    }

    pub fn mark_lost(&mut self, name: &str) {
        let annotations = self.machine(name).metadata.annotations.get_or_insert_default();
        annotations.insert(LOST.to_owned(), "true".to_owned());
    }

    pub fn say_removed(&mut self, name: &str) {
        self.annotate(name, MEMBER_REMOVED, "true");
    }

    pub fn annotate(&mut self, name: &str, key: &str, value: &str) {
        self.nc(name).metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
    }

    pub fn annotation(&self, name: &str, key: &str) -> Option<String> {
        self.find(name).unwrap().annotation(key).map(str::to_owned)
    }

    pub fn health(&mut self, name: &str, health: Health) {
        self.sight.health.insert((NAMESPACE.to_owned(), name.to_owned()), health);
    }

    /// The aggregator tells what the cluster said of who is a member.
    pub fn tell_members(&mut self, members: &[(&str, Option<bool>)]) {
        let line = |(name, member): &(&str, Option<bool>)| MachineLine {
            name: (*name).to_owned(),
            member: *member,
            ..MachineLine::default()
        };
        let lines = members.iter().map(line).collect();
        self.cluster().status.get_or_insert_default().machines = Some(lines);
    }

    /// The aggregator tells with what each machine is settled.
    pub fn tell_settled(&mut self) {
        let line = |name: &String| MachineLine {
            name: name.clone(),
            state: Some("Settled".to_owned()),
            settled_at: self.find(name).and_then(|live| live.status.as_ref()?.last_applied_time.clone()),
            ..MachineLine::default()
        };
        let lines = self.names().iter().map(line).collect();
        self.cluster().status.get_or_insert_default().machines = Some(lines);
    }
}

fn group(rack: &str, count: i32) -> NodeGroup {
    NodeGroup {
        machine_selector: Some(MachineSelector {
            match_labels: Some(BTreeMap::from([("rack".to_owned(), rack.to_owned())])),
            match_expressions: None,
        }),
        count: Some(count),
        machines: None,
    }
}

/// What a step writes to a configuration, in a line.
fn line(step: &Step) -> Option<String> {
    match step {
        Step::Create(configuration) if configuration.wipes_disk() => {
            Some(format!("{} install", configuration.machine))
        }
        Step::Create(configuration) => Some(format!("{} create", configuration.machine)),
        Step::Write(write) => Some(format!("{} {:?}", write.target.machine, write.purpose)),
        Step::Delete { target, why } => Some(format!("{} delete {why:?}", target.machine)),
        Step::ReleaseFromNio(target) => Some(format!("{} release", target.machine)),
        Step::Adopt(target) => Some(format!("{} adopt", target.machine)),
        Step::Node(step) => Some(format!("{} {}", step.machine, act(&step.act))),
        Step::Finalizers { .. }
        | Step::AdoptStatus
        | Step::Remember(_)
        | Step::LookAtToken
        | Step::CreateToken
        | Step::OwnToken { .. } => None,
    }
}

fn act(act: &NodeAct) -> String {
    match act {
        NodeAct::Cordon { .. } => "cordon".to_owned(),
        NodeAct::Evict(pods) => {
            let names: Vec<_> = pods.iter().map(|pod| pod.name.as_str()).collect();
            format!("evict {}", names.join(" "))
        }
        NodeAct::RemoveMember { of, .. } => format!("remove member of {of}"),
        NodeAct::Delete => "delete node".to_owned(),
    }
}
