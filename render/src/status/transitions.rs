//! What became true or false between two statuses: what events on the cluster tell.

use nico_crds::KubernetesClusterStatus;
use nico_crds::status::ClusterCondition;

use super::conditions::Kind;
use super::gravity::is_ordinary;

/// A condition whose status has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The type of the condition.
    pub condition: String,
    /// `True` or `False`.
    pub status: String,
    /// Why, in one CamelCase word.
    pub reason: String,
    /// Why, in words.
    pub message: String,
    /// It is nothing that ought to be.
    pub warning: bool,
}

/// Of the conditions that are there where they apply, one that is gone has become false.
pub fn transitions(previous: &KubernetesClusterStatus, next: &KubernetesClusterStatus) -> Vec<Transition> {
    Kind::ALL.into_iter().filter_map(|kind| transition(kind, previous, next)).collect()
}

fn transition(
    kind: Kind,
    previous: &KubernetesClusterStatus,
    next: &KubernetesClusterStatus,
) -> Option<Transition> {
    let (before, after) = (find(previous, kind), find(next, kind));
    let status = match (before.map(status_of), after.map(status_of)) {
        (before, Some("True")) if before != Some("True") => "True",
        // What was never true has not become false.
        (Some("True" | "Unknown"), Some("False")) | (Some("True"), None) => "False",
        (_, _) => return None,
    };
    let text = |field: fn(&ClusterCondition) -> &Option<String>| {
        after.and_then(|condition| field(condition).clone()).unwrap_or_default()
    };
    let (reason, message) = match after {
        Some(_) => (text(|condition| &condition.reason), text(|condition| &condition.message)),
        None => (format!("No{}", kind.name()), format!("{} is over", kind.name())),
    };
    let warning = is_warning(kind, status == "True", &reason);
    Some(Transition {
        condition: kind.name().to_owned(),
        status: status.to_owned(),
        reason,
        message,
        warning,
    })
}

fn find(status: &KubernetesClusterStatus, kind: Kind) -> Option<&ClusterCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind.name())
}

fn status_of(condition: &ClusterCondition) -> &str {
    condition.status.as_deref().unwrap_or("Unknown")
}

fn is_warning(kind: Kind, is_true: bool, reason: &str) -> bool {
    match kind {
        // A rollout that begins is what was asked for.
        Kind::RolledOut | Kind::Paused => false,
        Kind::Ready
        | Kind::ControlPlaneReady
        | Kind::DataPlaneReady
        | Kind::MachinesSelected
        | Kind::KubeconfigAvailable
        | Kind::NodesHealthy
        | Kind::ControlPlaneHealthy => !is_true && !is_ordinary(reason),
        Kind::QuorumAtRisk
        | Kind::HeadLost
        | Kind::TokenLost
        | Kind::TokenGuessable
        | Kind::Conflict
        | Kind::NotCleaned
        | Kind::DeletionWaiting
        | Kind::RemovalWaiting
        | Kind::CommitsDiffer
        | Kind::WipedAgain
        | Kind::StaleSinceAdoption
        | Kind::OldOperatorRunning => is_true,
    }
}
