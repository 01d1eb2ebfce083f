//! The objects as an API server keeps them: versions, generations, defaults, field managers, finalizers.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use nico_crds::configuration::NixosConfigurationStatus;
use nico_crds::machine::MachineStatus;
use nico_crds::names::{KOPF_FINALIZER, WRITTEN_AT};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::{ClusterKey, Memory, Ownership, TokenState};

use super::fields;
use super::snapshot::{Snapshot, uid};
use super::timestamp;

/// Why a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is there already.
    Exists,
    /// It changed since, or is gone.
    Conflict,
}

/// An API server.
#[derive(Default)]
pub struct Server {
    pub now: i64,
    pub objects: Snapshot,
    /// What kopf looks at to tell whether there is anything to handle: grows with every change of a spec,
    /// of labels and of annotations that are not its own. By UID.
    pub essence: BTreeMap<String, u64>,
    /// Configurations that changed since NIO last took notice.
    pub changed: Vec<String>,
    /// Something changed since the operator last looked.
    pub is_new: bool,
    pub version: u64,
    pub births: u64,
}

impl Server {
    fn stamp(&mut self, metadata: &mut ObjectMeta) {
        self.version += 1;
        metadata.resource_version = Some(self.version.to_string());
        self.is_new = true;
    }

    fn born(&mut self, metadata: &mut ObjectMeta) {
        self.births += 1;
        metadata.uid = Some(format!("uid-{}", self.births));
        metadata.generation = Some(1);
        metadata.creation_timestamp = Some(Time(timestamp(self.now)));
        self.stamp(metadata);
    }

    /// A person makes an object.
    pub fn add_machine(&mut self, mut machine: Machine) {
        self.born(&mut machine.metadata);
        self.objects.machines.insert(machine.metadata.name.clone().unwrap(), Arc::new(machine));
    }

    pub fn remove_machine(&mut self, name: &str) {
        self.objects.machines.remove(name);
        self.is_new = true;
    }

    pub fn add_cluster(&mut self, mut cluster: KubernetesCluster) {
        self.born(&mut cluster.metadata);
        self.objects.tokens.insert(ClusterKey::of(&cluster), TokenState::Absent);
        self.objects.clusters.insert(cluster.metadata.name.clone().unwrap(), Arc::new(cluster));
    }

    pub fn change_machine(&mut self, name: &str, change: impl FnOnce(&mut Machine)) {
        let Some(shared) = self.objects.machines.get(name) else { return };
        let mut machine = Machine::clone(shared);
        change(&mut machine);
        if machine != **shared {
            self.stamp(&mut machine.metadata);
            self.objects.machines.insert(name.to_owned(), Arc::new(machine));
        }
    }

    pub fn machine_status(&mut self, name: &str, change: impl FnOnce(&mut MachineStatus)) {
        self.change_machine(name, |machine| change(machine.status.get_or_insert_default()));
    }

    pub fn change_cluster(&mut self, name: &str, change: impl FnOnce(&mut KubernetesCluster)) {
        let Some(shared) = self.objects.clusters.get(name) else { return };
        let mut cluster = KubernetesCluster::clone(shared);
        change(&mut cluster);
        if cluster == **shared {
            return;
        }
        if cluster.spec != shared.spec {
            cluster.metadata.generation = cluster.metadata.generation.map(|generation| generation + 1);
        }
        self.stamp(&mut cluster.metadata);
        if cluster.metadata.deletion_timestamp.is_some()
            && cluster.metadata.finalizers.iter().flatten().next().is_none()
        {
            self.objects.clusters.remove(name);
            self.objects.tokens.remove(&ClusterKey::of(&cluster));
            self.collect(cluster.metadata.uid.as_deref().unwrap_or_default());
        } else {
            self.objects.clusters.insert(name.to_owned(), Arc::new(cluster));
        }
    }

    /// Garbage collection: what the cluster owned goes in the background.
    fn collect(&mut self, owner: &str) {
        let owned = |live: &&Arc<NixosConfiguration>| {
            live.metadata.owner_references.iter().flatten().any(|reference| reference.uid == owner)
        };
        let names: Vec<_> = self
            .objects
            .configurations
            .values()
            .filter(owned)
            .map(|live| live.metadata.name.clone().unwrap())
            .collect();
        for name in names {
            self.delete(&name);
        }
    }

    /// The Secret with the token of a cluster is gone.
    pub fn lose_token(&mut self, cluster: &str) {
        if let Some(cluster) = self.objects.clusters.get(cluster) {
            self.objects.tokens.insert(ClusterKey::of(cluster), TokenState::Absent);
            self.is_new = true;
        }
    }

    /// A person restores it, just as it was.
    pub fn restore_token(&mut self, cluster: &str) {
        if let Some(cluster) = self.objects.clusters.get(cluster) {
            self.objects.tokens.insert(ClusterKey::of(cluster), TokenState::Unclaimed { guessable: false });
            self.is_new = true;
        }
    }

    pub fn live(&self, name: &str) -> Option<&Arc<NixosConfiguration>> {
        self.objects.configurations.get(name)
    }

    pub fn by_uid(&self, wanted: &str) -> Option<&Arc<NixosConfiguration>> {
        self.objects.configurations.values().find(|live| uid(live) == wanted)
    }

    pub fn essence_of(&self, uid: &str) -> u64 {
        self.essence.get(uid).copied().unwrap_or(0)
    }

    /// Any change of a configuration, by anybody.
    pub fn change(&mut self, name: &str, change: impl FnOnce(&mut NixosConfiguration)) -> bool {
        let Some(shared) = self.objects.configurations.get(name) else { return false };
        let mut live = NixosConfiguration::clone(shared);
        change(&mut live);
        live.spec.git_ref.get_or_insert_with(|| "main".to_owned());
        let shared = &self.objects.configurations[name];
        if live == **shared {
            return false;
        }
        let respecified = live.spec != shared.spec;
        if respecified || seen_by_kopf(&live) != seen_by_kopf(shared) {
            *self.essence.entry(uid(&live).to_owned()).or_default() += 1;
        }
        if respecified {
            live.metadata.generation = live.metadata.generation.map(|generation| generation + 1);
        }
        self.stamp(&mut live.metadata);
        self.changed.push(name.to_owned());
        if live.metadata.deletion_timestamp.is_some()
            && live.metadata.finalizers.iter().flatten().next().is_none()
        {
            self.objects.configurations.remove(name);
            self.objects.owned.remove(uid(&live));
        } else {
            self.objects.configurations.insert(name.to_owned(), Arc::new(live));
        }
        true
    }

    pub fn status(&mut self, name: &str, change: impl FnOnce(&mut NixosConfigurationStatus)) {
        self.change(name, |live| change(live.status.get_or_insert_default()));
    }

    pub fn annotate(&mut self, name: &str, key: &str, value: Option<&str>) {
        self.change(name, |live| {
            let annotations = live.metadata.annotations.get_or_insert_default();
            match value {
                Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
                None => annotations.remove(key),
            };
        });
    }

    /// Without a precondition: a person's, or garbage collection.
    pub fn delete(&mut self, name: &str) {
        let now = Time(timestamp(self.now));
        self.change(name, |live| {
            if live.metadata.deletion_timestamp.is_none() {
                live.metadata.deletion_timestamp = Some(now);
                live.metadata.generation = live.metadata.generation.map(|generation| generation + 1);
            }
        });
    }

    /// Server-side apply of something that must not be there yet.
    pub fn create(&mut self, object: &NixosConfiguration) -> Result<(), Refused> {
        let name = object.metadata.name.clone().unwrap();
        if self.objects.configurations.contains_key(&name) {
            return Err(Refused::Exists);
        }
        let mut live = object.clone();
        live.spec.git_ref.get_or_insert_with(|| "main".to_owned());
        self.born(&mut live.metadata);
        let uid = uid(&live).to_owned();
        self.objects.written.insert(uid.clone(), timestamp(self.now));
        let own = Ownership { own: Some(fields::owned(object)), others: Vec::new() };
        self.objects.owned.insert(uid.clone(), Arc::new(own));
        self.essence.insert(uid, 1);
        self.changed.push(name.clone());
        self.objects.configurations.insert(name, Arc::new(live));
        Ok(())
    }

    pub fn bound(&self, name: &str, uid: &str, version: &str) -> Result<(), Refused> {
        let is_same = self.live(name).is_some_and(|live| {
            live.metadata.uid.as_deref() == Some(uid)
                && live.metadata.resource_version.as_deref() == Some(version)
        });
        if is_same { Ok(()) } else { Err(Refused::Conflict) }
    }

    /// Server-side apply of what is there: what we applied before and leave out now goes.
    pub fn apply(&mut self, name: &str, object: &NixosConfiguration) -> bool {
        let own = fields::owned(object);
        let Some(live) = self.live(name) else { return false };
        let uid = uid(live).to_owned();
        let before = self.objects.owned.get(&uid).cloned().unwrap_or_default();
        let had = |section: &str, key: &str| {
            before
                .own
                .as_ref()
                .is_some_and(|own| own["f:metadata"][section].get(format!("f:{key}")).is_some())
        };
        let changed = self.change(name, |live| {
            merge(&mut live.metadata.annotations, &object.metadata.annotations, |key| {
                had("f:annotations", key)
            });
            merge(&mut live.metadata.labels, &object.metadata.labels, |key| had("f:labels", key));
            if object.metadata.owner_references.is_some() {
                live.metadata.owner_references.clone_from(&object.metadata.owner_references);
            }
            live.spec = object.spec.clone();
        });
        if changed || before.own.as_ref() != Some(&own) {
            self.objects.written.insert(uid.clone(), timestamp(self.now));
            let ownership = Ownership { own: Some(own), others: Vec::new() };
            self.objects.owned.insert(uid, Arc::new(ownership));
            self.is_new = true;
        }
        changed
    }

    /// What must be remembered, in the status of a cluster, bound to its version.
    pub fn remember(&mut self, cluster: &str, memory: &Memory) {
        let ours = memory.as_status();
        self.change_cluster(cluster, |cluster| {
            let status = cluster.status.get_or_insert_default();
            status.selected_control_plane_machines = ours.selected_control_plane_machines;
            status.selected_data_plane_machines = ours.selected_data_plane_machines;
            status.applied_machines = ours.applied_machines;
            status.bootstrapped = ours.bootstrapped;
            status.reinstalled = ours.reinstalled;
            status.rebootstrapped = ours.rebootstrapped;
            status.adopted_generation = ours.adopted_generation;
        });
    }

    pub fn let_go(&mut self, name: &str) {
        self.change(name, |live| {
            if let Some(finalizers) = &mut live.metadata.finalizers {
                finalizers.retain(|finalizer| finalizer != KOPF_FINALIZER);
            }
        });
    }
}

type Texts = Option<BTreeMap<String, String>>;

fn merge(live: &mut Texts, sent: &Texts, had: impl Fn(&str) -> bool) {
    let live = live.get_or_insert_default();
    live.retain(|key, _| !had(key) || sent.as_ref().is_some_and(|sent| sent.contains_key(key)));
    live.extend(sent.iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
}

type Text<'a> = (&'a String, &'a String);

/// kopf sees labels and annotations, its own aside.
fn seen_by_kopf(live: &NixosConfiguration) -> (Vec<Text<'_>>, Vec<Text<'_>>) {
    let annotations = live.metadata.annotations.iter().flatten().filter(|(key, _)| !key.starts_with("kopf."));
    (annotations.collect(), live.metadata.labels.iter().flatten().collect())
}

/// When NICO noted that it wrote a content.
pub fn written_at(live: &NixosConfiguration) -> Option<i64> {
    match live.annotation(WRITTEN_AT) {
        Some(noted) => super::parse_time(noted),
        None => live.metadata.creation_timestamp.as_ref().map(|time| time.0.as_second()),
    }
}
