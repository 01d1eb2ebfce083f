//! Where the kubeconfig of a cluster may be fetched from.

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::{LOST, Role, configuration_name};

use crate::desired::Desired;
use crate::inventory::{is_marked, name, namespace};
use crate::observed::Observed;
use crate::owner;
use crate::proof::{self, Timing};

/// The control planes that may give the kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// Those that are settled and reachable, in their order.
    pub settled: Vec<String>,
    /// It may be fetched for the first time: all control planes are settled.
    pub are_all: bool,
    /// Nothing may be written for the cluster now: it is paused, or it goes.
    pub is_held: bool,
}

/// Finds them. Where the Nodes must be healthy before the next machine is created, those control planes that there
/// are already are all.
pub fn sources(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    now: Timestamp,
) -> Sources {
    let rollout = cluster.spec.rollout.as_ref();
    let asks = rollout.and_then(|rollout| rollout.require_node_health).unwrap_or_default();
    let is_held = cluster.metadata.deletion_timestamp.is_some() || cluster.spec.paused == Some(true);
    let mut sources = Sources { is_held, ..Sources::default() };
    let mut missing = 0_usize;
    let timing = Timing::of(cluster);
    let space = observed.space(namespace(&cluster.metadata));
    for member in desired.members.iter().filter(|member| member.role == Role::ControlPlane) {
        let configuration = configuration_name(name(&cluster.metadata), &member.machine);
        let live = space.and_then(|space| space.configurations.get(configuration.as_str()).copied());
        let machine = space.and_then(|space| space.machine(&member.machine));
        let Some(live) = live.filter(|live| owner::is_own(live, cluster)) else {
            missing = missing.saturating_add(usize::from(asks != RequireNodeHealth::Always));
            continue;
        };
        let goes = live.metadata.deletion_timestamp.is_some() || is_marked(&live.metadata, LOST);
        let proof = proof::prove(live, machine, observed.inventory.dialect, &timing, now);
        if !goes && proof.is_settled() && proof.reachable.is_yes() {
            sources.settled.push(member.machine.clone());
        } else {
            missing = missing.saturating_add(1);
        }
    }
    sources.are_all = missing == 0 && !sources.settled.is_empty();
    sources
}
