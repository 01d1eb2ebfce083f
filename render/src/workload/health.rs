//! From what a cluster said to what the rollout goes by.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::Role;

use super::{Api, Node, Probe, Workload};
use crate::observed::Health;

/// What is asked of the Nodes of a cluster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Nothing.
    Nothing,
    /// Whether they are healthy; nothing is made of it if they are not, as they never were so far.
    Once,
    /// That they are healthy.
    Health,
}

impl Asks {
    pub fn of(cluster: &KubernetesCluster) -> Self {
        let rollout = cluster.spec.rollout.as_ref();
        let seen = cluster.status.as_ref().and_then(|status| status.health_seen) == Some(true);
        match rollout.and_then(|rollout| rollout.require_node_health).unwrap_or_default() {
            RequireNodeHealth::Never => Self::Nothing,
            RequireNodeHealth::Auto if !seen => Self::Once,
            RequireNodeHealth::Auto | RequireNodeHealth::Always => Self::Health,
        }
    }
}

/// The health of each machine of a cluster, as far as its spec asks for it. What is absent is not asked.
pub fn health(
    cluster: &KubernetesCluster,
    workload: Option<&Workload>,
    now: Timestamp,
) -> Vec<(String, Health)> {
    let asks = Asks::of(cluster);
    if asks == Asks::Nothing {
        return Vec::new();
    }
    let probe = workload.and_then(|workload| workload.probe.as_deref());
    let found = machines(cluster)
        .map(|(machine, role)| (machine.to_owned(), report(cluster, probe, machine, role, now)));
    let counts = |health: &Health| match health {
        Health::Ready => true,
        Health::NotAsked | Health::NotReady { .. } | Health::Unknown => asks == Asks::Health,
    };
    found.filter(|(_, health)| counts(health)).collect()
}

/// The same, for who asks no cluster, and only looks at what may happen: as the operator told it last.
pub fn health_as_told(cluster: &KubernetesCluster) -> Vec<(String, Health)> {
    if Asks::of(cluster) != Asks::Health {
        return Vec::new();
    }
    let lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    let told: BTreeMap<_, _> = lines.map(|line| (line.name.as_str(), line.health.as_deref())).collect();
    let of = |machine: &str| match told.get(machine).copied().flatten() {
        Some("Ready") => Health::Ready,
        Some("NotReady") => not_ready("as the status tells"),
        Some(_) | None => Health::Unknown,
    };
    machines(cluster).map(|(machine, _)| (machine.to_owned(), of(machine))).collect()
}

/// The machines that the cluster has taken, as it remembers them.
fn machines(cluster: &KubernetesCluster) -> impl Iterator<Item = (&str, Role)> {
    let taken = cluster.status.iter().flat_map(|status| status.applied_machines.iter().flatten());
    taken.map(|(machine, _)| {
        (machine.as_str(), if is_control_plane(cluster, machine) { Role::ControlPlane } else { Role::Worker })
    })
}

fn control_planes(cluster: &KubernetesCluster) -> impl Iterator<Item = &String> {
    cluster.status.iter().flat_map(|status| status.selected_control_plane_machines.iter().flatten())
}

fn is_control_plane(cluster: &KubernetesCluster, machine: &str) -> bool {
    control_planes(cluster).any(|one| one == machine)
}

/// How a machine is by what the cluster said, whatever is asked for.
///
/// A control plane whose Node is Ready, and its API server unwell, is unknown and not `NotReady`: its etcd may still
/// be needed, so that nothing exempts it.
pub(crate) fn report(
    cluster: &KubernetesCluster,
    probe: Option<&Probe>,
    machine: &str,
    role: Role,
    now: Timestamp,
) -> Health {
    let Some(probe) = probe.filter(|probe| probe.is_fresh(now)) else { return Health::Unknown };
    let Ok(nodes) = &probe.nodes else { return Health::Unknown };
    let is_node = |machine: &String| nodes.contains_key(machine);
    match (role, nodes.get(machine)) {
        (_, Some(Node { unready: Some(why), .. })) => not_ready(why),
        (Role::Worker, None) => not_ready("NoNode"),
        (Role::ControlPlane, Some(_)) if is_unwell(probe, machine) => Health::Unknown,
        (Role::Worker | Role::ControlPlane, Some(_)) => Health::Ready,
        // Distributions that run no kubelet on their control planes (k0s) have a Node for none of them.
        (Role::ControlPlane, None) if !control_planes(cluster).any(is_node) => {
            match probe.apis.get(machine) {
                Some(Api::Ready) => Health::Ready,
                Some(Api::NotReady(_) | Api::Silent) | None => Health::Unknown,
            }
        }
        (Role::ControlPlane, None) => Health::Unknown,
    }
}

/// Why the health of a machine cannot be told, in words.
pub(crate) fn why_unknown(probe: Option<&Probe>, machine: &str, now: Timestamp) -> String {
    let Some(probe) = probe.filter(|probe| probe.is_fresh(now)) else {
        return "the health of its Node cannot be told now".to_owned();
    };
    match (&probe.nodes, probe.apis.get(machine)) {
        (Err(silence), _) => format!("the health of its Node cannot be told now: {silence}"),
        (Ok(_), Some(Api::NotReady(checks))) => {
            format!("its API server is not ready: {}", checks.join(", "))
        }
        (Ok(_), Some(Api::Silent)) if probe.reaches_own_addresses() => {
            "its API server does not answer at the machine's address".to_owned()
        }
        (Ok(_), Some(Api::Ready | Api::Silent) | None) => "it is no Node of the cluster".to_owned(),
    }
}

fn not_ready(why: &str) -> Health {
    Health::NotReady { why: why.to_owned() }
}

/// By the word of its own API server. Where none can be asked at its own address nothing is made of that.
fn is_unwell(probe: &Probe, machine: &str) -> bool {
    match probe.apis.get(machine) {
        Some(Api::Ready) => false,
        Some(Api::NotReady(_)) => true,
        Some(Api::Silent) | None => probe.reaches_own_addresses(),
    }
}
