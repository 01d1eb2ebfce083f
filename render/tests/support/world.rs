//! Small worlds: machines, clusters and a server that holds what was rendered. Built from plain numbers,
//! so that a failing one shrinks to something a person can read.

#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use nico_crds::cluster::{Bootstrap, InstallPolicy, MachineSelector, NodeGroup, Rollout};
use nico_crds::configuration::{NioCondition, NixosConfigurationStatus};
use nico_crds::machine::{MachineStatus, SecretReference};
use nico_crds::{KubernetesCluster, KubernetesClusterSpec, Machine, MachineSpec, NixosConfiguration};
use nico_render::{ClusterKey, Desired, Inventory, files, render_all};
use proptest::prelude::*;

pub const NAMESPACE: &str = "fleet";

/// A machine, in small numbers.
#[derive(Clone, Debug)]
pub struct MachineGene {
    pub name: u8,
    pub rack: u8,
    pub discoverable: bool,
    /// `hasConfiguration`: absent, false, true.
    pub configured: u8,
    pub marked: u8,
    pub addressed: bool,
}

/// What a cluster asks for, in small numbers.
#[derive(Clone, Debug)]
pub struct SpecGene {
    pub control_plane: GroupGene,
    pub workers: GroupGene,
    pub git_ref: u8,
    pub trigger: u8,
    pub switch_only: bool,
    pub endpoint: bool,
    pub keys: u8,
}

#[derive(Clone, Debug)]
pub enum GroupGene {
    Listed(Vec<u8>),
    Found { rack: u8, count: u8 },
}

pub fn machines() -> impl Strategy<Value = Vec<MachineGene>> {
    prop::collection::btree_map(
        0..14_u8,
        (0..2_u8, prop::bool::weighted(0.9), 0..12_u8, 0..32_u8, prop::bool::weighted(0.95)),
        0..13,
    )
    .prop_map(|genes| {
        let gene = |(name, (rack, discoverable, configured, marked, addressed))| MachineGene {
            name,
            rack,
            discoverable,
            configured,
            marked,
            addressed,
        };
        genes.into_iter().map(gene).collect()
    })
}

fn group() -> impl Strategy<Value = GroupGene> {
    prop_oneof![
        (0..2_u8, 0..6_u8).prop_map(|(rack, count)| GroupGene::Found { rack, count }),
        prop::collection::vec(0..14_u8, 1..6).prop_map(GroupGene::Listed),
    ]
}

pub fn spec() -> impl Strategy<Value = SpecGene> {
    (group(), group(), 0..3_u8, 0..3_u8, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
        |(control_plane, workers, git_ref, trigger, switch_only, endpoint, keys)| SpecGene {
            control_plane,
            workers,
            git_ref,
            trigger,
            switch_only,
            endpoint,
            keys,
        },
    )
}

pub fn machine_name(number: u8) -> String {
    format!("m{number:02}")
}

pub fn machine(gene: &MachineGene) -> Machine {
    let annotation = match gene.marked {
        0 => Some((nico_crds::names::LOST, "true")),
        1 => Some((nico_crds::names::REINSTALL_FOR, "c0")),
        2 => Some((nico_crds::names::REINSTALL_FOR, "c1")),
        3 => Some((nico_crds::names::FULL_INSTALLATION_APPLIED, "true")),
        _ => None,
    };
    Machine {
        metadata: ObjectMeta {
            name: Some(machine_name(gene.name)),
            namespace: Some(NAMESPACE.to_owned()),
            labels: Some(BTreeMap::from([("rack".to_owned(), gene.rack.to_string())])),
            annotations: annotation.map(|(key, value)| BTreeMap::from([(key.to_owned(), value.to_owned())])),
            ..ObjectMeta::default()
        },
        spec: MachineSpec {
            hostname: gene.addressed.then(|| format!("{}.example", machine_name(gene.name))),
            ssh_key_secret_ref: Some(SecretReference {
                name: Some(format!("key-{}", gene.name)),
                namespace: Some(NAMESPACE.to_owned()),
                key: None,
            }),
            ..MachineSpec::default()
        },
        status: Some(MachineStatus {
            discoverable: Some(gene.discoverable),
            has_configuration: match gene.configured {
                0 => Some(true),
                1 => None,
                _ => Some(false),
            },
            ..MachineStatus::default()
        }),
    }
}

fn node_group(gene: &GroupGene) -> NodeGroup {
    match gene {
        GroupGene::Listed(machines) => NodeGroup {
            machines: Some(machines.iter().copied().map(machine_name).collect()),
            ..NodeGroup::default()
        },
        GroupGene::Found { rack, count } => NodeGroup {
            machine_selector: Some(MachineSelector {
                match_labels: Some(BTreeMap::from([("rack".to_owned(), rack.to_string())])),
                match_expressions: None,
            }),
            count: Some(i32::from(*count)),
            ..NodeGroup::default()
        },
    }
}

pub fn cluster_spec(gene: &SpecGene) -> KubernetesClusterSpec {
    KubernetesClusterSpec {
        git_repo: Some("https://git.example/fleet.git".to_owned()),
        git_ref: (gene.git_ref > 0).then(|| format!("release-{}", gene.git_ref)),
        control_plane: node_group(&gene.control_plane),
        data_plane: Some(node_group(&gene.workers)),
        rollout: Some(Rollout {
            trigger: (gene.trigger > 0).then(|| gene.trigger.to_string()),
            bootstrap: gene.switch_only.then_some(Bootstrap::AllAtOnce),
            ..Rollout::default()
        }),
        install_policy: gene.switch_only.then_some(InstallPolicy::SwitchOnly),
        control_plane_endpoint: gene
            .endpoint
            .then(|| nico_crds::cluster::ControlPlaneEndpoint { host: "10.0.0.1".to_owned(), port: 6443 }),
        inject_machine_ssh_key: match gene.keys {
            0 => None,
            1 => Some(true),
            _ => Some(false),
        },
        ..KubernetesClusterSpec::default()
    }
}

pub fn cluster(number: usize, gene: &SpecGene) -> KubernetesCluster {
    let created =
        Timestamp::from_second(1_790_000_000 + i64::try_from(number).unwrap_or(0)).unwrap_or_default();
    KubernetesCluster {
        metadata: ObjectMeta {
            name: Some(format!("c{number}")),
            namespace: Some(NAMESPACE.to_owned()),
            uid: Some(format!("uid-c{number}")),
            generation: Some(1),
            creation_timestamp: Some(Time(created)),
            ..ObjectMeta::default()
        },
        spec: cluster_spec(gene),
        status: None,
    }
}

/// A configuration of somebody else's, for a machine.
pub fn foreign(name: &str, machine: u8) -> NixosConfiguration {
    let mut configuration = NixosConfiguration::new(name, nico_crds::NixosConfigurationSpec::default());
    configuration.metadata.namespace = Some(NAMESPACE.to_owned());
    configuration.spec.machine_ref =
        Some(nico_crds::configuration::LocalReference { name: machine_name(machine) });
    configuration.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        name: "other".to_owned(),
        uid: "uid-other".to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    }]);
    configuration
}

/// A server: what was rendered is there, and NIO has applied it where it may.
#[derive(Clone, Default)]
pub struct World {
    pub inventory: Inventory,
    /// Every text that was ever written, by the configuration that it was written to.
    pub texts: BTreeMap<String, Vec<String>>,
    births: u64,
}

/// A failing world is read by a person.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let compact = |value: serde_json::Value| value.to_string().replace('"', "");
        for cluster in &self.inventory.clusters {
            let spec = serde_json::to_value(&cluster.spec).unwrap_or_default();
            let status = serde_json::to_value(&cluster.status).unwrap_or_default();
            writeln!(f, "\n{:?} {} {}", cluster.metadata.name, compact(spec), compact(status))?;
        }
        for machine in &self.inventory.machines {
            let metadata = (&machine.metadata.name, &machine.metadata.labels, &machine.metadata.annotations);
            let status = serde_json::to_value(&machine.status).unwrap_or_default();
            writeln!(f, "{metadata:?} {:?} {}", machine.spec.hostname, compact(status))?;
        }
        for live in &self.inventory.configurations {
            writeln!(f, "{:?} for {:?} {:?}", live.metadata.name, live.machine(), live.metadata.annotations)?;
        }
        Ok(())
    }
}

impl World {
    pub fn render(&self) -> BTreeMap<ClusterKey, Desired> {
        render_all(&self.inventory)
            .into_iter()
            .filter_map(|(key, desired)| Some((key, desired.ok()?)))
            .collect()
    }

    /// Writes everything that is desired, deletes what leaves, and remembers it.
    pub fn write(&mut self, desired: &BTreeMap<ClusterKey, Desired>) {
        for desired in desired.values() {
            for leaving in &desired.leaving {
                self.inventory
                    .configurations
                    .retain(|live| live.metadata.name.as_ref() != Some(&leaving.configuration));
                self.clean(&leaving.machine);
            }
            for configuration in &desired.configurations {
                self.put(configuration.object.clone());
            }
            let wanted = |cluster: &&mut Arc<KubernetesCluster>| {
                cluster.metadata.name.as_ref() == Some(&desired.cluster.name)
            };
            if let Some(cluster) = self.inventory.clusters.iter_mut().find(wanted) {
                let mut memory = desired.memory.clone();
                for configuration in &desired.configurations {
                    memory
                        .applied_machines
                        .insert(configuration.machine.clone(), configuration.name().to_owned());
                }
                Arc::make_mut(cluster).status = Some(memory.as_status());
            }
        }
    }

    /// As server-side apply by one manager: what is sent is there, the rest stays.
    fn put(&mut self, sent: NixosConfiguration) {
        let same = |live: &&mut Arc<NixosConfiguration>| live.metadata.name == sent.metadata.name;
        if let Some(live) = self.inventory.configurations.iter_mut().find(same).map(Arc::make_mut) {
            if live.spec != sent.spec {
                live.metadata.generation = live.metadata.generation.map(|generation| generation + 1);
                note(&mut self.texts, live.metadata.uid.as_deref(), &live.spec, &sent.spec);
            }
            live.spec = sent.spec;
            live.metadata.labels = sent.metadata.labels;
            live.metadata.annotations = sent.metadata.annotations;
            return;
        }
        self.births += 1;
        let mut born = sent;
        born.metadata.uid = Some(format!("uid-{}", self.births));
        born.metadata.generation = Some(1);
        note(
            &mut self.texts,
            born.metadata.uid.as_deref(),
            &nico_crds::NixosConfigurationSpec::default(),
            &born.spec,
        );
        self.inventory.configurations.push(Arc::new(born));
    }

    fn clean(&mut self, machine: &str) {
        let same = |other: &&mut Arc<Machine>| other.metadata.name.as_deref() == Some(machine);
        if let Some(status) = self
            .inventory
            .machines
            .iter_mut()
            .find(same)
            .and_then(|machine| Arc::make_mut(machine).status.as_mut())
        {
            status.has_configuration = Some(false);
        }
    }

    /// NIO applies everything that is there, on every machine it reaches.
    pub fn nio(&mut self) {
        for live in self.inventory.configurations.iter_mut().map(Arc::make_mut) {
            let Some(hash) = files::hash(&live.spec.additional_files) else {
                continue;
            };
            let Some(target) = live.spec.machine_ref.clone() else {
                continue;
            };
            let same =
                |machine: &&mut Arc<Machine>| machine.metadata.name.as_deref() == Some(target.name.as_str());
            let Some(status) = self
                .inventory
                .machines
                .iter_mut()
                .find(same)
                .and_then(|machine| Arc::make_mut(machine).status.as_mut())
            else {
                continue;
            };
            if status.discoverable != Some(true) {
                continue;
            }
            status.has_configuration = Some(true);
            status.applied_configuration.clone_from(&live.metadata.name);
            status.last_applied_time = Some("2026-11-01T00:00:00Z".to_owned());
            let spec = serde_json::to_value(&live.spec).unwrap_or_default();
            let handled = serde_json::json!({ "spec": spec }).to_string();
            live.metadata
                .annotations
                .get_or_insert_default()
                .insert("kopf.zalando.org/last-handled-configuration".to_owned(), handled);
            live.status = Some(NixosConfigurationStatus {
                applied_commit: Some("0123456789012345678901234567890123456789".to_owned()),
                last_applied_time: Some("2026-11-01T00:00:00Z".to_owned()),
                additional_files_hash: Some(hash),
                has_full_install: live.spec.full_install,
                conditions: vec![NioCondition {
                    type_: "Applied".to_owned(),
                    status: "True".to_owned(),
                    reason: "Success".to_owned(),
                    ..NioCondition::default()
                }],
                ..NixosConfigurationStatus::default()
            });
        }
    }

    pub fn edit(&mut self, number: usize, gene: &SpecGene) {
        let name = format!("c{number}");
        let same =
            |cluster: &&mut Arc<KubernetesCluster>| cluster.metadata.name.as_deref() == Some(name.as_str());
        if let Some(cluster) = self.inventory.clusters.iter_mut().find(same).map(Arc::make_mut) {
            cluster.spec = cluster_spec(gene);
            cluster.metadata.generation = cluster.metadata.generation.map(|generation| generation + 1);
        }
    }
}

/// A text counts as written when the files change to it.
fn note(
    texts: &mut BTreeMap<String, Vec<String>>,
    uid: Option<&str>,
    before: &nico_crds::NixosConfigurationSpec,
    after: &nico_crds::NixosConfigurationSpec,
) {
    if before.additional_files != after.additional_files {
        let text = serde_json::to_string(&after.additional_files).unwrap_or_default();
        texts.entry(uid.unwrap_or_default().to_owned()).or_default().push(text);
    }
}

/// Up to two clusters that compete for up to twelve machines, somebody else's configuration among them.
pub fn worlds() -> impl Strategy<Value = World> {
    let foreigner = prop::option::weighted(0.3, 0..14_u8);
    (machines(), prop::collection::vec(spec(), 1..3), foreigner).prop_map(|(machines, specs, foreigner)| {
        World {
            inventory: Inventory {
                clusters: specs
                    .iter()
                    .enumerate()
                    .map(|(number, gene)| Arc::new(cluster(number, gene)))
                    .collect(),
                machines: machines.iter().map(machine).map(Arc::new).collect(),
                configurations: foreigner
                    .map(|number| {
                        foreign(&format!("c0-{}", machine_name(number)), number.wrapping_add(1) % 14)
                    })
                    .map(Arc::new)
                    .into_iter()
                    .collect(),
                ..Inventory::default()
            },
            ..World::default()
        }
    })
}
