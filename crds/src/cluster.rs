//! `KubernetesCluster`: what a person asks for. The doc comments of the types are what
//! `kubectl explain` prints.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::status::KubernetesClusterStatus;

/// What the cluster should be.
#[derive(CustomResource, JsonSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nico.homystack.com",
    version = "v1alpha1",
    kind = "KubernetesCluster",
    doc = "A Kubernetes cluster on bare-metal NixOS machines: NICO selects the machines, and NIO puts on them what NICO writes.",
    plural = "kubernetesclusters",
    shortname = "k8scluster",
    shortname = "kcluster",
    namespaced,
    status = "KubernetesClusterStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Phase","type":"string","description":"How far the cluster is","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"Control Plane","type":"string","description":"Ready control planes of all","jsonPath":".status.controlPlaneReady"}"#,
    printcolumn = r#"{"name":"Data Plane","type":"string","description":"Ready workers of all","jsonPath":".status.dataPlaneReady"}"#,
    printcolumn = r#"{"name":"Kubeconfig","type":"string","description":"The Secret with the kubeconfig","jsonPath":".status.kubeconfigSecret"}"#,
    printcolumn = r#"{"name":"Rollout","type":"string","priority":1,"description":"Machines that are proven to run the newest content, of all","jsonPath":".status.rollout.progress"}"#,
    printcolumn = r#"{"name":"Waiting","type":"string","priority":1,"description":"The first that waits, and for what","jsonPath":".status.rollout.waiting[0]"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesClusterSpec {
    /// The Git repository with the flake that the machines run: https, ssh, git, http (unencrypted) or
    /// scp-like (`git@host:path`), without credentials in it. May be left out where the operator has a
    /// default repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<String>,

    /// The name of a branch or tag of the repository. NIO only looks it up: a commit hash is never
    /// found, and the default branch is what it clones. The flake finds it in `nico.source.ref`.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,

    /// The folder of the flake in the repository: relative, and within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_subdir: Option<String>,

    /// The Secret, in the cluster's namespace, with the credentials of a private repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<SecretName>,

    /// The machines that run the control plane. The first one bootstraps the cluster; an odd number
    /// survives the loss of a minority.
    pub control_plane: NodeGroup,

    /// The machines that run workloads only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_plane: Option<NodeGroup>,

    /// Where clients reach the control plane: a virtual address or a load balancer. The flake finds the
    /// host in `vip`; the kubeconfig points at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_plane_endpoint: Option<ControlPlaneEndpoint>,

    /// How new content reaches machines that run already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,

    /// Nothing of the cluster is written while this is true, except its status and the clearing of
    /// `fullInstall`; its deletion waits too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,

    /// What may happen to the disk of a new machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_policy: Option<InstallPolicy>,

    /// Also gives each machine its own SSH private key as the file `machine-ssh-key`. It ends up in the
    /// world-readable Nix store. Absent: as this cluster's configurations already do; no for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inject_machine_ssh_key: Option<bool>,

    /// Where the cluster's own kubeconfig is found on its control planes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<KubeconfigSource>,
}

/// A Secret in the cluster's namespace.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretName {
    /// Its name.
    pub name: String,
}

/// Which machines have a role: a list, or a selector and a count.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroup {
    /// The machines by name. Wins over selector and count. The order counts until the cluster runs: the
    /// first control plane bootstraps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<Vec<String>>,

    /// Which machines may be taken. Their labels matter on the way in: a member stays when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_selector: Option<MachineSelector>,

    /// How many of those that the selector finds are taken. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i32>,
}

/// A label selector, as everywhere in Kubernetes: all of its terms must hold.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineSelector {
    /// Labels that a machine must have, with these values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,

    /// Terms that a machine's labels must satisfy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<SelectorTerm>>,
}

/// One term of a label selector.
#[derive(JsonSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectorTerm {
    /// The label.
    pub key: String,
    /// How its value relates to `values`.
    pub operator: SelectorOperator,
    /// For `In` and `NotIn` at least one; for `Exists` and `DoesNotExist` none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// How a label relates to the values of a term.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SelectorOperator {
    /// The label's value is one of them.
    In,
    /// The label is absent, or its value is none of them.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// Where clients reach the control plane.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlPlaneEndpoint {
    /// A host name or an IP address, without port or scheme.
    pub host: String,
    /// The port of the API server.
    #[serde(default = "default_port")]
    pub port: i32,
}

const fn default_port() -> i32 {
    6443
}

/// How new content reaches machines that run already: one safe step at a time.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// How the first machines are brought up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<Bootstrap>,

    /// Which role gets new content first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<RolloutOrder>,

    /// How many workers may be disturbed at once: a number, or a percentage of the selected workers,
    /// rounded down, at least 1. Default 1. Control planes always go one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,

    /// How long, in seconds, an apply must have stood still before it counts. Default 60. NIO applies
    /// new configurations twice, so below 30 the second one may not have shown yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,

    /// After how many seconds an apply that was not delivered is overdue. Default 4200; NIO's own
    /// time-out is 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,

    /// Whether node health is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_node_health: Option<RequireNodeHealth>,

    /// How long, in seconds, the Node of a machine that leaves may take to be drained; after that what a
    /// budget forbids is tried no more, and a person decides. 0: as long as it takes. Default 300.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_timeout_seconds: Option<i32>,

    /// Any text: another one rolls the same content out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
}

/// `HeadFirst` (the default): the first control plane alone, until it runs; a bad flake then touches
/// one machine. `AllAtOnce`: everyone at once; only with `installPolicy: SwitchOnly`.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bootstrap {
    /// The first control plane alone, until it runs.
    #[default]
    HeadFirst,
    /// Every machine at once.
    AllAtOnce,
}

/// Which role gets new content first.
/// `WorkersFirst` (the default), or `ControlPlaneFirst`, as an upgrade of Kubernetes wants it.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutOrder {
    /// Workers, then control planes.
    #[default]
    WorkersFirst,
    /// Control planes, then workers.
    ControlPlaneFirst,
}

/// Whether the Nodes of the running cluster must be healthy before the next machine is touched.
/// `Auto` (the default): from the first time on that they were.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequireNodeHealth {
    /// From the first time on that the nodes were healthy.
    #[default]
    Auto,
    /// From the beginning.
    Always,
    /// Not at all: what NIO proves is enough.
    Never,
}

/// What may happen to the disk of a new machine.
/// `FullInstall` (the default) WIPES THE DISK of a machine that was never installed before and
/// installs it; `SwitchOnly` never wipes and expects machines that run NixOS.
#[derive(JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstallPolicy {
    /// A machine that was never installed is wiped and installed.
    #[default]
    FullInstall,
    /// Machines are switched, never wiped.
    SwitchOnly,
}

/// Where the cluster's own kubeconfig is found.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigSource {
    /// An absolute path on the control planes. Absent: the usual places of k3s, k0s, kubeadm and RKE2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}
