//! The numbers: how many of how many. An error never makes a total smaller.

use nico_crds::names::Role;
use nico_crds::status::{GroupStatus, RolloutStatus};

use super::look::Look;
use super::seen::Seen;
use super::words::{self, MAX_LINE};
use crate::diagnostic::Notice;

/// A role in numbers.
pub(super) fn group(look: &Look<'_>, role: Role) -> GroupStatus {
    let members = count(look.of_role(role).count());
    let ready: Vec<String> =
        look.of_role(role).filter(|seen| seen.is_ready()).map(|seen| seen.machine.to_owned()).collect();
    GroupStatus {
        ready: count(ready.len()),
        total: members.max(wanted(look, role)),
        ready_machines: Some(ready).filter(|ready| !ready.is_empty()),
    }
}

/// How many were asked for, where there are fewer; as told before, where that cannot be told now.
fn wanted(look: &Look<'_>, role: Role) -> i32 {
    if look.desired.is_err() {
        let before = match role {
            Role::ControlPlane => look.previous.control_plane.as_ref(),
            Role::Worker => look.previous.data_plane.as_ref(),
        };
        return before.map_or(0, |group| group.total);
    }
    let wanted = look.diagnostics().iter().find_map(|diagnostic| match_too_few(&diagnostic.notice, role));
    wanted.map_or(0, count)
}

fn match_too_few(notice: &Notice, of: Role) -> Option<usize> {
    if let Notice::TooFew { role, wanted, found: _ } = notice
        && *role == of
    {
        return Some(*wanted);
    }
    None
}

/// How far the newest content is.
pub(super) fn rollout(look: &Look<'_>) -> RolloutStatus {
    let updated = count(updated(look));
    let members = count(look.members().count());
    let before = look.previous.rollout.as_ref();
    let total = match look.desired {
        Ok(_) => members,
        Err(_) => members.max(before.map_or(0, |before| before.total)),
    };
    let current = look.members().filter(|seen| seen.is_under_way()).map(|seen| seen.machine.to_owned());
    let waiting = match (look.desired, look.plan) {
        (Err(error), _) => vec![words::bounded(&error.to_string(), MAX_LINE)],
        (Ok(_), Some(_)) => waiting(look),
        (Ok(_), None) => before.and_then(|before| before.waiting.clone()).unwrap_or_default(),
    };
    RolloutStatus {
        progress: Some(format!("{updated}/{total}")),
        updated,
        total,
        current: Some(current.collect()).filter(|current: &Vec<String>| !current.is_empty()),
        waiting: Some(waiting).filter(|waiting| !waiting.is_empty()),
    }
}

/// How many are proven to run what they should.
pub(super) fn updated(look: &Look<'_>) -> usize {
    let is_updated = |seen: &&Seen<'_>| seen.is_current() && seen.proof(|proof| proof.proven.is_yes());
    look.members().filter(is_updated).count()
}

fn waiting(look: &Look<'_>) -> Vec<String> {
    let all = look.waiting();
    let mut waiting: Vec<String> =
        all.iter().take(words::MOST).map(|waiting| words::bounded(&waiting.to_string(), MAX_LINE)).collect();
    let more = all.len().saturating_sub(words::MOST);
    if more > 0 {
        waiting.push(format!("and {more} more"));
    }
    waiting
}

pub(super) fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
