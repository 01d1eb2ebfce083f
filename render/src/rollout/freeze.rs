//! A rollout is frozen while a machine is overdue with its content: what failed there is not brought to
//! the others (S9). Its delivery, its release, or another content thaws.

use nico_crds::names::Role;

use super::standing::Standing;
use super::{Planner, WaitReason};

impl<'a> Planner<'a> {
    /// Why the freeze holds new content for it, if it does. What is overdue itself goes on.
    pub(super) fn frozen(&self, standing: &Standing<'a>) -> Option<WaitReason> {
        let by = self.standings.get(self.frozen_by?).filter(|_| !standing.is_overdue())?;
        let overdue = by.proof.overdue.yes()?;
        Some(WaitReason::Frozen {
            machine: by.machine.to_owned(),
            overdue: overdue.clone(),
            said: by.proof.said.clone(),
        })
    }
}

/// The place of the first machine that freezes the rollout.
pub(super) fn frozen_by(standings: &[Standing<'_>]) -> Option<usize> {
    standings.iter().position(freezes)
}

/// A change of the lists alone, with a count or the inventory, is no other content.
fn freezes(standing: &Standing<'_>) -> bool {
    let joins = match standing.role {
        Role::Worker => standing.joins(),
        Role::ControlPlane => false,
    };
    standing.release.is_none() && !joins && standing.is_overdue() && standing.is_current_but_for_lists()
}
