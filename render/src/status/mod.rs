//! Placeholder.
use crate::rollout::Plan;
use crate::{Desired, Observed, RenderError};
use k8s_openapi::jiff::Timestamp;
use nico_crds::status::ClusterCondition;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};

/// Status.
pub fn status(
    cluster: &KubernetesCluster,
    _desired: Result<&Desired, &RenderError>,
    _observed: &Observed<'_>,
    plan: Option<&Plan>,
    now: Timestamp,
) -> KubernetesClusterStatus {
    let before = cluster.status.clone().unwrap_or_default().conditions.unwrap_or_default();
    let mut conditions: Vec<ClusterCondition> = Vec::new();
    for waiting in plan.into_iter().flat_map(|plan| &plan.waiting) {
        let type_ = waiting.reason.reason().to_owned();
        if conditions.iter().any(|one| one.type_ == type_) {
            continue;
        }
        let old = before.iter().find(|one| one.type_ == type_);
        conditions.push(ClusterCondition {
            status: Some("True".to_owned()),
            reason: Some(type_.clone()),
            message: Some(waiting.to_string()),
            last_transition_time: old
                .and_then(|old| old.last_transition_time.clone())
                .or(Some(now.to_string())),
            observed_generation: cluster.metadata.generation,
            type_,
        });
    }
    KubernetesClusterStatus { conditions: Some(conditions), ..KubernetesClusterStatus::default() }
}

/// A transition.
pub struct Transition {
    /// Reason.
    pub reason: String,
    /// Message.
    pub message: String,
    /// Warning.
    pub warning: bool,
}

/// Transitions.
pub fn transitions(before: &KubernetesClusterStatus, after: &KubernetesClusterStatus) -> Vec<Transition> {
    let known = |type_: &str| before.conditions.iter().flatten().any(|one| one.type_ == type_);
    after
        .conditions
        .iter()
        .flatten()
        .filter(|one| !known(&one.type_))
        .map(|one| Transition {
            reason: one.type_.clone(),
            message: one.message.clone().unwrap_or_default(),
            warning: true,
        })
        .collect()
}
