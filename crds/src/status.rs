//! The status of a `KubernetesCluster`: what NICO must remember, and what it tells people.
//!
//! Read leniently (the Python operator wrote some of it), so nothing in it is required.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the cluster is.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KubernetesClusterStatus {
    /// In one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// A control plane has shown an apply. Once true, true for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrapped: Option<bool>,
    /// Ready control planes of all, as `2/3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane_ready: Option<String>,
    /// Ready workers of all, as `4/5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane_ready: Option<String>,
    /// The control planes in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<GroupStatus>,
    /// The workers in numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_plane: Option<GroupStatus>,
    /// The Secret with the cluster's kubeconfig, once it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret: Option<String>,
    /// The configuration of each machine that the cluster has taken and NIO has not cleaned since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_machines: Option<BTreeMap<String, String>>,
    /// The control planes, in order. The first one bootstrapped the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_control_plane_machines: Option<Vec<String>>,
    /// The workers, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selected_data_plane_machines: Option<Vec<String>>,
    /// A line a machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub machines: Option<Vec<MachineLine>>,
    /// How far the newest content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    /// The machine that the cluster was last started anew on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rebootstrapped: Option<String>,
    /// Machines whose annotation `reinstall-for` was used, and still stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reinstalled: Option<Vec<String>>,
    /// The generation at which the cluster was taken over from the Python operator. What was pending
    /// then waits for a newer one, or for the annotation `accept-pending`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adopted_generation: Option<i64>,
    /// The Nodes of the cluster were healthy once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_seen: Option<bool>,
    /// Conditions, one a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Option<Vec<ClusterCondition>>,
}

/// How far a cluster is, in one word.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Machines are selected and installed.
    Provisioning,
    /// All control planes were settled once.
    ControlPlaneReady,
    /// Every member runs what it should, and none is missing.
    Ready,
    /// A person must act; the conditions say what to do.
    Failed,
    /// It is being deleted.
    Deleting,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Provisioning, Self::ControlPlaneReady, Self::Ready, Self::Failed, Self::Deleting];

    /// The word that stands in the status.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Provisioning => "Provisioning",
            Self::ControlPlaneReady => "ControlPlaneReady",
            Self::Ready => "Ready",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
        }
    }
}

/// A role in numbers.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GroupStatus {
    /// How many are ready: settled, reachable and healthy.
    pub ready: i32,
    /// How many there are, or should be where that is more.
    pub total: i32,
    /// Which are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_machines: Option<Vec<String>>,
}

/// A machine of the cluster.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineLine {
    /// Its name.
    pub name: String,
    /// `control-plane` or `worker`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What NIO's status proves about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// The health of its Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The version of its kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<String>,
    /// Whether a control plane was a member of the cluster when that last said so: it had a Node, and k3s and RKE2 noted a
    /// member of etcd there that they had not removed. Absent where the cluster never told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<bool>,
    /// The commit that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When that was applied which it was last settled with (RFC 3339). An installation after it wiped a
    /// disk that was in use.
    #[serde(rename = "settledAt", default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<String>,
}

/// How far the newest content is.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RolloutStatus {
    /// `updated` of `total`, as `5/8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// How many machines are proven to run it.
    pub updated: i32,
    /// How many there are.
    pub total: i32,
    /// Which are under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Vec<String>>,
    /// Which wait, and for what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Vec<String>>,
}

/// A condition, as in `meta/v1`, read leniently.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCondition {
    /// What it is about, in CamelCase.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why, in one CamelCase word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in words, and what a person can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the status last changed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// The generation of the spec that it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
