//! What was seen on a server at one moment: the inventory, and beside it what only the rollout looks at.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::Timestamp;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use serde_json::Value;

use crate::inventory::{ClusterKey, Inventory, Space, index, name, namespace};
use crate::workload::Workload;

/// What was seen beside the inventory.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// Who owns the fields of each configuration, by the configuration's UID.
    pub ownership: BTreeMap<String, Arc<Ownership>>,
    /// When NICO last wrote each configuration, by the configuration's UID. Absent: not known.
    pub written_at: BTreeMap<String, Timestamp>,
    /// The Secrets with the join tokens.
    pub tokens: BTreeMap<ClusterKey, TokenState>,
    /// What was put back of late against another hand, by the configuration's UID.
    pub put_back: BTreeMap<String, Vec<PutBack>>,
    /// The health of the Nodes, by namespace and machine. Absent: not asked.
    pub health: BTreeMap<(String, String), Health>,
    /// What each running cluster says of itself. Absent: nobody has looked yet.
    pub workloads: BTreeMap<ClusterKey, Workload>,
    /// The same, as the operator told it last: for who asks no cluster, and only looks at what may happen.
    pub as_told: BTreeMap<ClusterKey, Workload>,
}

/// Who owns which fields of a configuration, as far as it matters to NICO.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ownership {
    /// The fields that NICO has applied (`FieldsV1`); absent: it never applied any.
    pub own: Option<Value>,
    /// Others that own fields that NICO may want.
    pub others: Vec<ManagedFieldsEntry>,
}

/// The Secret with a cluster's join token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// There is none.
    Absent,
    /// It is the cluster's.
    Own {
        /// Anybody can guess it: the Python operator made it.
        guessable: bool,
    },
    /// It is the cluster's, and does not say so yet: the Python operator's, or restored.
    Unclaimed {
        /// Anybody can guess it: the Python operator made it.
        guessable: bool,
    },
    /// It is somebody else's, or holds something else.
    Foreign,
}

/// A field of ours that another hand had changed, and that was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    /// The field manager of the other hand; empty where it took the field away, which leaves no name.
    pub manager: String,
    /// When.
    pub at: Timestamp,
}

/// The health of a machine's Node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// Nobody asks: what NIO proves is enough.
    #[default]
    NotAsked,
    /// It is Ready.
    Ready,
    /// It is not.
    NotReady {
        /// Why.
        why: String,
    },
    /// It is asked for, and cannot be told now. Unsafe.
    Unknown,
}

/// What was seen, ready to be looked things up in.
pub struct Observed<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    sight: &'a Sight,
    spaces: BTreeMap<&'a str, Space<'a>>,
}

impl<'a> Observed<'a> {
    /// Indexes what was seen: once, for all clusters.
    pub fn new(inventory: &'a Inventory, sight: &'a Sight) -> Self {
        Self { inventory, sight, spaces: index(inventory) }
    }

    /// The configurations, machines and clusters of a namespace.
    pub(crate) fn space(&self, namespace: &str) -> Option<&Space<'a>> {
        self.spaces.get(namespace)
    }

    /// Who owns the fields of a configuration.
    pub(crate) fn ownership(&self, configuration: &NixosConfiguration) -> Option<&Ownership> {
        self.sight.ownership.get(configuration.metadata.uid.as_deref()?).map(AsRef::as_ref)
    }

    /// When NICO last wrote a configuration, if that is known.
    pub(crate) fn written_at(&self, configuration: &NixosConfiguration) -> Option<Timestamp> {
        self.sight.written_at.get(configuration.metadata.uid.as_deref()?).copied()
    }

    /// A cluster's join token, if anybody looked.
    pub(crate) fn token(&self, cluster: &KubernetesCluster) -> Option<TokenState> {
        self.sight.tokens.get(&ClusterKey::of(cluster)).copied()
    }

    /// What a running cluster says of itself, if anybody has looked.
    pub(crate) fn workload(&self, cluster: &KubernetesCluster) -> Option<&Workload> {
        self.sight.workloads.get(&ClusterKey::of(cluster))
    }

    /// What it says of its Nodes: what it says itself, else what was told of it.
    pub fn asked(&self, cluster: &KubernetesCluster) -> Option<&Workload> {
        self.workload(cluster).or_else(|| self.sight.as_told.get(&ClusterKey::of(cluster)))
    }

    /// What was put back on a configuration of late.
    pub(crate) fn put_back(&self, configuration: &NixosConfiguration) -> &[PutBack] {
        let uid = configuration.metadata.uid.as_deref().unwrap_or_default();
        self.sight.put_back.get(uid).map_or(&[], Vec::as_slice)
    }

    /// The health of a machine's Node.
    pub fn health(&self, machine: &Machine) -> Health {
        if self.sight.health.is_empty() {
            return Health::NotAsked;
        }
        let key = (namespace(&machine.metadata).to_owned(), name(&machine.metadata).to_owned());
        self.sight.health.get(&key).cloned().unwrap_or_default()
    }
}
