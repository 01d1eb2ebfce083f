//! What NICO tells people about a cluster: the phase, numbers, a line a machine, conditions.
//!
//! Nothing is ordered by it, and nothing that the applier must remember is in it: that has a field manager
//! of its own. What is told depends on times of the past alone, never on how long ago they were, so that at
//! rest nothing is written; what the previous status says and still holds is taken over, so that a restart
//! changes nothing.

mod concern;
mod conditions;
mod failure;
mod gravity;
mod look;
mod member;
mod numbers;
mod phase;
mod seen;
mod state;
mod transitions;
mod words;

use k8s_openapi::jiff::Timestamp;
use nico_crds::status::{GroupStatus, MachineLine, Phase};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};

use crate::desired::Desired;
use crate::error::RenderError;
use crate::observed::Observed;
use crate::rollout::Plan;

use conditions::{Kind, Teller};
use look::Look;
use seen::Seen;

pub use gravity::Gravity;
pub(crate) use gravity::{of_condition, of_state, rank};
pub use state::State;
pub use transitions::{Transition, transitions};

/// Tells how a cluster is. `plan` is absent where none could be made; what only a plan can tell then stays
/// as it was told before.
pub fn status(
    cluster: &KubernetesCluster,
    desired: Result<&Desired, &RenderError>,
    observed: &Observed<'_>,
    plan: Option<&Plan>,
    now: Timestamp,
) -> KubernetesClusterStatus {
    let nothing = KubernetesClusterStatus::default();
    let previous = cluster.status.as_ref().unwrap_or(&nothing);
    let look = Look::at(cluster, previous, desired, observed, plan, now);
    let failure = failure::of(&look);
    let phase = phase::of(&look, failure.as_ref());
    let conditions = Teller { look: &look, failure: failure.as_ref(), phase }.tell();
    KubernetesClusterStatus {
        phase: Some(phase),
        observed_generation: cluster.metadata.generation,
        control_plane_ready: Some(fraction(&look.control_plane)),
        data_plane_ready: Some(fraction(&look.data_plane)),
        control_plane: Some(look.control_plane.clone()),
        data_plane: Some(look.data_plane.clone()),
        kubeconfig_secret: kubeconfig_secret(&look),
        machines: lines(&look),
        rollout: Some(numbers::rollout(&look)),
        health_seen: health_seen(&look),
        conditions: Some(conditions),
        // The applier's, see `Memory`.
        bootstrapped: None,
        applied_machines: None,
        selected_control_plane_machines: None,
        selected_data_plane_machines: None,
        rebootstrapped: None,
        reinstalled: None,
        adopted_generation: None,
    }
}

/// None rather than an empty list, which nobody would own on the server.
fn lines(look: &Look<'_>) -> Option<Vec<MachineLine>> {
    let lines: Vec<_> = look.machines.iter().map(|seen| state::line(look, seen)).collect();
    Some(lines).filter(|lines| !lines.is_empty())
}

fn fraction(group: &GroupStatus) -> String {
    format!("{}/{}", group.ready, group.total)
}

/// Once it exists. Where nobody has looked yet, as it was told beside its condition: the Python operator named a
/// Secret that did not exist, and had no such condition.
fn kubeconfig_secret(look: &Look<'_>) -> Option<String> {
    if let Some(workload) = look.workload() {
        return workload.kubeconfig.stored.as_ref().map(|stored| stored.secret.clone());
    }
    conditions::told(look.previous, Kind::KubeconfigAvailable)?;
    look.previous.kubeconfig_secret.clone()
}

/// Once true, true for ever.
fn health_seen(look: &Look<'_>) -> Option<bool> {
    let mut members = look.members().peekable();
    let all_ready = members.peek().is_some() && members.all(Seen::is_node_ready);
    (look.previous.health_seen == Some(true) || all_ready).then_some(true)
}

/// The status was written by this aggregator before; the Python operator noted no generation.
fn is_ours(status: &KubernetesClusterStatus) -> bool {
    status.observed_generation.is_some()
}

/// All control planes were ready once: from then on the cluster is never Provisioning again. After a failure
/// the phase does not tell it any more; the condition does, which has a reason of its own until then.
fn control_plane_was_ready(previous: &KubernetesClusterStatus) -> bool {
    let by_phase = match previous.phase {
        Some(Phase::ControlPlaneReady | Phase::Ready) => true,
        Some(Phase::Provisioning | Phase::Failed | Phase::Deleting) | None => false,
    };
    let condition = conditions::told(previous, Kind::ControlPlaneReady);
    let by_condition =
        condition.is_some_and(|condition| condition.reason.as_deref() != Some(conditions::PROVISIONING));
    is_ours(previous) && (by_phase || by_condition)
}
