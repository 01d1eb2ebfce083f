//! What waits for a person: `Paused`, `Conflict`, `DeletionWaiting`, `RemovalWaiting`, `OldOperatorRunning`.

use nico_crds::names::FORCE_DELETE;

use super::{Verdict, selection};
use crate::inventory::is_marked;
use crate::rollout::Waiting;
use crate::status::concern::Concern;
use crate::status::failure::{self, Failure};
use crate::status::look::Look;
use crate::status::words;

fn is_paused(look: &Look<'_>) -> bool {
    look.cluster.spec.paused == Some(true)
}

pub(super) fn paused(look: &Look<'_>) -> Verdict {
    if !is_paused(look) {
        return Verdict::Absent;
    }
    let message = "spec.paused is true: nothing is written but this status and the clearing of fullInstall; its deletion \
                   waits too";
    Verdict::holds("Paused", message)
}

/// Another hand holds fields, or the join token's Secret, or the name of a configuration.
pub(super) fn conflict(look: &Look<'_>) -> Verdict {
    if look.is_deleting() {
        return Verdict::Absent;
    }
    let names = selection::names_taken(look);
    let names = (!names.is_empty()).then_some(Failure { reason: "NameTaken", message: names });
    let found: Vec<_> =
        [failure::foreign_token(look), failure::conflict(look), names].into_iter().flatten().collect();
    match found.first() {
        Some(first) => {
            let message = words::joined(found.iter().map(|failure| failure.message.as_str()));
            Verdict::holds(first.reason, message)
        }
        None if look.plan.is_none() => Verdict::Untold,
        None => Verdict::Absent,
    }
}

/// Named are those that cannot be cleaned, or that the cluster is paused.
pub(super) fn deletion_waiting(look: &Look<'_>) -> Verdict {
    if !look.is_deleting() {
        return Verdict::Absent;
    }
    if is_paused(look) && !is_marked(&look.cluster.metadata, FORCE_DELETE) {
        let message = format!(
            "the deletion waits while spec.paused is true; the annotation {FORCE_DELETE}: \"true\" lets the cluster go all \
             the same, without the machines that cannot be reached"
        );
        return Verdict::holds("Paused", message);
    }
    waits(look, Concern::Deletion)
}

pub(super) fn removal_waiting(look: &Look<'_>) -> Verdict {
    waits(look, Concern::Removal)
}

pub(super) fn old_operator_running(look: &Look<'_>) -> Verdict {
    waits(look, Concern::OldOperator)
}

fn waits(look: &Look<'_>, concern: Concern) -> Verdict {
    let mut waiting = look.concerning(concern).peekable();
    match waiting.peek() {
        Some(first) => {
            let reason = first.reason.reason();
            Verdict::holds(reason, words::listed(waiting.map(Waiting::to_string), "; "))
        }
        None if look.plan.is_none() => Verdict::Untold,
        None => Verdict::Absent,
    }
}
