//! New content for a machine that has a configuration: why it waits (S6 to S9), and what is noted on it.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::NixosConfiguration;
use nico_crds::cluster::RolloutOrder;
use nico_crds::names::{CONFIRM_AT, Role, WRITTEN_AT};

use super::shortcoming::Shortcoming;
use super::standing::{Content, Standing};
use super::{Planner, WaitReason};
use crate::proof::{self, Finding, attempts, times};

impl<'a> Planner<'a> {
    /// Why new content for it cannot be written now.
    pub(super) fn holds_content(&self, standing: &Standing<'a>) -> Option<WaitReason> {
        if standing.release.is_some() {
            return Some(WaitReason::HeadLost);
        }
        self.uncleared(standing)
            .or_else(|| own_apply(standing))
            .or_else(|| self.frozen(standing))
            .or_else(|| self.earlier_role(standing))
            .or_else(|| {
                let other = self.too_many_in_flight(standing).or_else(|| self.too_many_counting(standing));
                other.map(|(machine, lacks)| WaitReason::Machine { machine: machine.to_owned(), lacks })
            })
    }

    /// NIO may still work on a copy with `fullInstall` on: it would wipe the disk for the new content.
    fn uncleared(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        // Of what is not cleared yet and may be, nothing was ever applied: it is overdue.
        if standing.live.spec.full_install == Some(true) {
            return None;
        }
        let written = self.observed.written_at(standing.live);
        let cleared = proof::cleared(standing.live, self.observed.inventory.dialect, written);
        cleared.lack().map(|lack| WaitReason::Clearing { lacks: lack.to_string() })
    }

    /// Machines of the earlier role come first, unless it can only become better.
    fn earlier_role(&self, standing: &Standing<'a>) -> Option<WaitReason> {
        let order = self.cluster.spec.rollout.as_ref().and_then(|rollout| rollout.order).unwrap_or_default();
        let earlier = match order {
            RolloutOrder::WorkersFirst => Role::Worker,
            RolloutOrder::ControlPlaneFirst => Role::ControlPlane,
        };
        if standing.role == earlier || standing.is_overdue() || standing.is_not_ready() {
            return None;
        }
        let begun = self.begun.iter().filter(|begun| begun.role == earlier);
        let begun = begun.map(|begun| (begun.machine, Shortcoming::Begun));
        let others = self.standings.iter().filter(|other| other.role == earlier && other.release.is_none());
        let others = others.filter_map(|other| Some((other.machine, is_behind(other)?)));
        begun.chain(others).next().map(|(machine, lacks)| WaitReason::EarlierRole {
            role: earlier,
            machine: machine.to_owned(),
            lacks,
        })
    }

    /// New files, with what must be remembered of them.
    pub(super) fn noted(&self, standing: &Standing<'_>, object: &NixosConfiguration) -> NixosConfiguration {
        let mut object = object.clone();
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(WRITTEN_AT.to_owned(), self.written_at(standing).to_string());
        annotations.extend(self.confirm_at(standing).map(|time| (CONFIRM_AT.to_owned(), time)));
        object
    }

    /// Now; but what is overdue stays so where only its lists are written anew: a change of a count, or of
    /// the inventory, thaws nothing (S9).
    fn written_at(&self, standing: &Standing<'_>) -> Timestamp {
        let keeps = standing.is_overdue() && standing.content == Content::CurrentButForLists;
        let overdue = self.timing.deadline.checked_add(SignedDuration::from_secs(1));
        let overdue = overdue.and_then(|long| self.now.checked_sub(long).ok()).filter(|_| keeps);
        let before = times::written(standing.live).yes().copied();
        let now = self.not_before_the_attempts(standing.live);
        overdue.map_or(now, |overdue| before.map_or(overdue, |before| before.min(overdue)))
    }
}

impl Planner<'_> {
    /// What NIO noted already was before this, though its clock be ahead of ours: else those attempts would count as
    /// the new content's. No clock is ahead by as long as an apply may take: such a note is not believed, as with it
    /// nothing would ever be overdue.
    fn not_before_the_attempts(&self, live: &NixosConfiguration) -> Timestamp {
        let ahead = attempts::begun(live).filter(|begun| begun.duration_since(self.now) < proof::NIO_TIMEOUT);
        ahead.map_or(self.now, |begun| begun.max(self.now))
    }
}

/// NIO would begin the next apply beside the one that runs.
fn own_apply(standing: &Standing<'_>) -> Option<WaitReason> {
    if !standing.is_in_flight() {
        return None;
    }
    let lacks = match &standing.proof.in_flight {
        Finding::Yes(flight) => flight.to_string(),
        Finding::No(lack) | Finding::Unknown(lack) => lack.to_string(),
    };
    Some(WaitReason::InFlight { lacks })
}

/// What keeps it from being current and settled. Those that do not count lack nothing.
fn is_behind(standing: &Standing<'_>) -> Option<Shortcoming> {
    let counts_not = match standing.role {
        Role::Worker => standing.joins(),
        Role::ControlPlane => standing.is_late_and_no_member(),
    };
    if counts_not {
        return None;
    }
    standing.unsettled().or(match standing.content {
        Content::Current => None,
        Content::CurrentButForLists | Content::Outdated => Some(Shortcoming::Outdated),
    })
}
