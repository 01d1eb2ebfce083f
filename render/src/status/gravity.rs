//! How grave it is: what of all that is told asks something of a person, and what of it first.

use nico_crds::status::{ClusterCondition, Phase};
use serde::Serialize;

use super::conditions::{self, Kind};
use super::state::State;

/// What something asks of a person, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Gravity {
    /// To be known.
    Note,
    /// Something is out, at risk, or waits for somebody.
    Warning,
    /// Something is lost, nobody is served, or nothing goes on.
    Critical,
}

/// What a person needs first, first.
const GRAVEST_FIRST: [Kind; 21] = [
    Kind::Ready,
    Kind::ControlPlaneHealthy,
    Kind::QuorumAtRisk,
    Kind::HeadLost,
    Kind::TokenLost,
    Kind::WipedAgain,
    Kind::ControlPlaneReady,
    Kind::NodesHealthy,
    Kind::DataPlaneReady,
    Kind::OldOperatorRunning,
    Kind::Conflict,
    Kind::DeletionWaiting,
    Kind::RemovalWaiting,
    Kind::MachinesSelected,
    Kind::KubeconfigAvailable,
    Kind::CommitsDiffer,
    Kind::NotCleaned,
    Kind::StaleSinceAdoption,
    Kind::TokenGuessable,
    Kind::Paused,
    Kind::RolledOut,
];

/// The place of a condition among those that are as grave. One that this NICO does not know comes last.
pub(crate) fn rank(type_: &str) -> usize {
    let place = GRAVEST_FIRST.into_iter().position(|kind| kind.name() == type_);
    place.unwrap_or(GRAVEST_FIRST.len())
}

/// What a condition asks of a person; None: nothing.
pub(crate) fn of_condition(condition: &ClusterCondition, phase: Option<Phase>) -> Option<Gravity> {
    let Some(kind) = Kind::ALL.into_iter().find(|kind| kind.name() == condition.type_) else {
        // Whether it is good or bad only who wrote it knows.
        return Some(Gravity::Note);
    };
    let is_true = condition.status.as_deref() == Some("True");
    let reason = condition.reason.as_deref().unwrap_or_default();
    match kind {
        // What does not get on is told by Ready and by what waits.
        Kind::RolledOut => None,
        Kind::KubeconfigAvailable if is_true => {
            (reason == conditions::NOT_RENEWED).then_some(Gravity::Warning)
        }
        Kind::Ready
        | Kind::ControlPlaneReady
        | Kind::DataPlaneReady
        | Kind::MachinesSelected
        | Kind::KubeconfigAvailable
        | Kind::NodesHealthy
        | Kind::ControlPlaneHealthy => {
            let is_deleting = phase == Some(Phase::Deleting);
            let is_fine = is_true || is_deleting || is_ordinary(reason) || is_told_elsewhere(reason);
            (!is_fine).then(|| lacking(kind, reason, phase))
        }
        Kind::QuorumAtRisk => is_true.then(|| quorum(reason)),
        Kind::HeadLost | Kind::TokenLost | Kind::WipedAgain => is_true.then_some(Gravity::Critical),
        Kind::Conflict
        | Kind::DeletionWaiting
        | Kind::RemovalWaiting
        | Kind::CommitsDiffer
        | Kind::OldOperatorRunning => is_true.then_some(Gravity::Warning),
        Kind::TokenGuessable | Kind::Paused | Kind::NotCleaned | Kind::StaleSinceAdoption => {
            is_true.then_some(Gravity::Note)
        }
    }
}

/// Something that ought to be is not.
fn lacking(kind: Kind, reason: &str, phase: Option<Phase>) -> Gravity {
    let has_failed = kind == Kind::Ready && phase == Some(Phase::Failed);
    let is_silent = kind == Kind::ControlPlaneHealthy && reason == conditions::NOT_ANSWERING;
    if has_failed || is_silent { Gravity::Critical } else { Gravity::Warning }
}

fn quorum(reason: &str) -> Gravity {
    match reason {
        conditions::QUORUM_LOST => Gravity::Critical,
        // Who asked for one control plane knows.
        conditions::TOO_FEW_CONTROL_PLANES => Gravity::Note,
        _ => Gravity::Warning,
    }
}

/// What passes by itself, as it should.
pub(super) fn is_ordinary(reason: &str) -> bool {
    let states =
        [State::Leaving, State::Waiting, State::Installing, State::Joining, State::InFlight, State::Proven];
    [conditions::PROVISIONING, conditions::DELETING, conditions::ROLLING_OUT].contains(&reason)
        || states.into_iter().any(|state| state.word() == reason)
}

/// The kubeconfig comes with the control planes, and whoever is asked with it.
fn is_told_elsewhere(reason: &str) -> bool {
    [conditions::KUBECONFIG_AWAITED, conditions::NO_KUBECONFIG].contains(&reason)
}

/// What the state of a machine asks of a person, by its word; None: nothing.
pub(crate) fn of_state(word: &str) -> Option<Gravity> {
    let Some(state) = State::from_word(word) else {
        // What cannot be told is not taken to be well.
        return Some(Gravity::Warning);
    };
    match state {
        State::WipedAgain | State::Overdue => Some(Gravity::Critical),
        State::Lost | State::Unreachable | State::NotReady | State::HealthUnknown | State::Unknown => {
            Some(Gravity::Warning)
        }
        State::Delivered => Some(Gravity::Note),
        State::Leaving
        | State::Waiting
        | State::Installing
        | State::Joining
        | State::InFlight
        | State::Proven
        | State::Settled => None,
    }
}

/// Each condition has its place, and each state.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgotten() {
        for kind in Kind::ALL {
            assert!(rank(kind.name()) < GRAVEST_FIRST.len(), "{kind:?} has no place");
        }
        assert!(State::ALL.is_sorted_by(|one, next| one < next), "a state is missing, or stands twice");
        assert_eq!(State::ALL.last(), Some(&State::Settled));
    }
}
