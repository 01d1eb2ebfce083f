//! What an operator sees at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::machine::Dialect;
use nico_crds::names::{LABEL_ROLE, Role};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::workload::{Member, Node, Workload};
use nico_render::{ClusterKey, Health, Inventory, Ownership, PutBack, Sight, TokenState};

use super::{NAMESPACE, timestamp};

/// What the prober found out.
#[derive(Clone, Debug, Default)]
pub struct Probed {
    pub health: BTreeMap<String, Health>,
    /// By cluster.
    pub workloads: BTreeMap<String, Workload>,
}

impl Probed {
    /// The Node of a machine, where its cluster answers and has one.
    pub fn node(&self, cluster: &str, machine: &str) -> Option<&Node> {
        self.nodes(cluster)?.get(machine)
    }

    /// None: it does not answer, or is not asked.
    pub fn nodes(&self, cluster: &str) -> Option<&BTreeMap<String, Node>> {
        self.workloads.get(cluster)?.probe.as_ref()?.nodes.as_ref().ok()
    }

    /// It is seen that it was removed from etcd.
    pub fn is_removed(&self, cluster: &str, machine: &str) -> bool {
        self.node(cluster, machine).is_some_and(|node| matches!(node.member, Some(Member::Removed { .. })))
    }

    /// It is seen to be a member of etcd.
    pub fn is_member(&self, cluster: &str, machine: &str) -> bool {
        let member = self.node(cluster, machine).and_then(|node| node.member.as_ref());
        matches!(member, Some(Member::In { .. } | Member::Asked { .. }))
    }
}

/// All objects, as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    pub at: i64,
    pub clusters: BTreeMap<String, Arc<KubernetesCluster>>,
    pub machines: BTreeMap<String, Arc<Machine>>,
    pub configurations: BTreeMap<String, Arc<NixosConfiguration>>,
    pub owned: BTreeMap<String, Arc<Ownership>>,
    /// When NICO last wrote each configuration, by UID.
    pub written: BTreeMap<String, Timestamp>,
    pub tokens: BTreeMap<ClusterKey, TokenState>,
}

impl Snapshot {
    pub fn inventory(&self, now: i64) -> Inventory {
        Inventory {
            clusters: self.clusters.values().cloned().collect(),
            machines: self.machines.values().cloned().collect(),
            configurations: self.configurations.values().cloned().collect(),
            dialect: Dialect::Python,
            default_git_repo: None,
            completeness: nico_render::Completeness::Whole,
            observed_at: Some(timestamp(now)),
        }
    }

    pub fn sight(&self, probed: &Probed, put_back: &BTreeMap<String, Vec<PutBack>>) -> Sight {
        let key = |machine: &String| (NAMESPACE.to_owned(), machine.clone());
        let health = probed.health.iter().map(|(machine, health)| (key(machine), health.clone()));
        let of_cluster = |name: &String| ClusterKey { namespace: NAMESPACE.to_owned(), name: name.clone() };
        let workloads = probed.workloads.iter().map(|(name, workload)| (of_cluster(name), workload.clone()));
        Sight {
            ownership: self.owned.clone(),
            written_at: self.written.clone(),
            tokens: self.tokens.clone(),
            put_back: put_back.clone(),
            health: health.collect(),
            workloads: workloads.collect(),
            ..Sight::default()
        }
    }

    /// The configurations that a cluster controls.
    pub fn of_cluster<'s>(
        &'s self,
        cluster: &'s KubernetesCluster,
    ) -> impl Iterator<Item = &'s Arc<NixosConfiguration>> {
        self.configurations.values().filter(move |live| is_controlled_by(live, cluster))
    }
}

pub fn is_controlled_by(live: &NixosConfiguration, cluster: &KubernetesCluster) -> bool {
    let uid = cluster.metadata.uid.as_deref();
    live.metadata
        .owner_references
        .iter()
        .flatten()
        .any(|owner| owner.controller == Some(true) && Some(owner.uid.as_str()) == uid)
}

pub fn role(live: &NixosConfiguration) -> Role {
    live.label(LABEL_ROLE).and_then(Role::from_label).unwrap_or(Role::Worker)
}

pub fn uid(live: &NixosConfiguration) -> &str {
    live.metadata.uid.as_deref().unwrap_or_default()
}

pub fn machine_of(live: &NixosConfiguration) -> &str {
    live.machine().unwrap_or_default()
}
