//! What each reason to wait means for people: whether its turn comes by itself, or which condition asks
//! somebody to act.

use super::look::Look;
use crate::rollout::{Shortcoming, WaitReason, Waiting};

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// Nobody: its turn comes.
    Turn,
    /// Said by a condition that is told by what is observed, with or without a plan.
    Observed,
    /// Whoever runs the Python operator.
    OldOperator,
    /// Whoever holds the fields.
    Conflict,
    /// Who knows whether a machine of a cluster in deletion comes back.
    Deletion,
    /// Who knows whether a machine that leaves comes back, or is still a member.
    Removal,
}

/// Every reason is thought about here.
pub(super) const fn of(reason: &WaitReason) -> Concern {
    match reason {
        WaitReason::Bootstrap { .. }
        | WaitReason::FormerHead { .. }
        | WaitReason::ControlPlane { .. }
        | WaitReason::Installing
        | WaitReason::InFlight { .. }
        | WaitReason::Clearing { .. }
        | WaitReason::Confirmation { .. }
        | WaitReason::Removal { .. }
        | WaitReason::LettingGo
        | WaitReason::WorkersFirst { .. }
        | WaitReason::TokenUnknown => Concern::Turn,
        WaitReason::Paused
        | WaitReason::HeadLost
        | WaitReason::CannotJoin { .. }
        | WaitReason::HeadAwaited { .. }
        | WaitReason::Frozen { .. }
        | WaitReason::ForeignToken { .. }
        | WaitReason::TokenLost { .. } => Concern::Observed,
        WaitReason::OldOperatorRunning => Concern::OldOperator,
        WaitReason::Conflict { .. } => Concern::Conflict,
        WaitReason::DeletionWaiting => Concern::Deletion,
        WaitReason::Unreachable => Concern::Removal,
        WaitReason::Parting(parting) => {
            if parting.concerns_a_person() {
                Concern::Removal
            } else {
                Concern::Turn
            }
        }
        WaitReason::Machine { lacks, .. } | WaitReason::EarlierRole { lacks, .. } => match lacks {
            Shortcoming::StillMember => Concern::Removal,
            Shortcoming::NoConfiguration
            | Shortcoming::Begun
            | Shortcoming::Outdated
            | Shortcoming::InFlight(_)
            | Shortcoming::Overdue { .. }
            | Shortcoming::Unsettled(_)
            | Shortcoming::Unreachable
            | Shortcoming::NotReady { .. }
            | Shortcoming::HealthUnknown
            | Shortcoming::NoMember => Concern::Turn,
        },
        // Who leaves waits for the others, and they for somebody.
        WaitReason::Quorum { lacks, .. } => match lacks {
            Shortcoming::StillMember
            | Shortcoming::Overdue { .. }
            | Shortcoming::Unreachable
            | Shortcoming::NotReady { .. }
            | Shortcoming::HealthUnknown
            | Shortcoming::NoMember => Concern::Removal,
            Shortcoming::NoConfiguration
            | Shortcoming::Begun
            | Shortcoming::Outdated
            | Shortcoming::InFlight(_)
            | Shortcoming::Unsettled(_) => Concern::Turn,
        },
    }
}

impl<'a> Look<'a> {
    /// What waits for somebody.
    pub fn concerning(&self, concern: Concern) -> impl Iterator<Item = &'a Waiting> {
        self.waiting().iter().filter(move |waiting| of(&waiting.reason) == concern)
    }
}
