//! Machines that leave: each goes only while NIO can clean it, when nothing of it runs any more, and, of the
//! control planes, when the others do well without it (S11). A removal that has begun is finished.

use std::rc::Rc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::names::{KOPF_FINALIZER, LEAVING, LEAVING_NODE, LOST, Role};

use super::standing::{Release, Standing};
use super::{Planner, Purpose, Removal, Step, Target, WaitReason, budget, clearing, has_finalizer};
use crate::desired::LeavingConfiguration;
use crate::inventory::is_marked;
use crate::workload::Presence;

impl<'a> Planner<'a> {
    pub(super) fn remove(&mut self) {
        let desired = self.desired;
        let standings = Rc::clone(&self.standings);
        for role in [Role::Worker, Role::ControlPlane] {
            let leaving = desired.leaving.iter().filter(|leaving| leaving.role == role);
            let of_role = || standings.iter().filter(|standing| standing.role == role);
            let mut going: Vec<_> = of_role().filter(|standing| is_going(standing)).collect();
            for leaving in leaving {
                let standing = of_role().find(|standing| standing.machine == leaving.machine);
                if let Some(standing) = standing
                    && self.remove_one(leaving, standing, &going)
                {
                    going.push(standing);
                }
            }
        }
    }

    /// Whether its removal begins.
    fn remove_one(
        &mut self,
        leaving: &LeavingConfiguration,
        standing: &Standing<'a>,
        going: &[&Standing<'_>],
    ) -> bool {
        if standing.live.metadata.deletion_timestamp.is_some() {
            self.comes_back(standing);
            self.let_go(leaving, standing.live);
            return false;
        }
        if let Some(reason) = self.holds_everything(standing) {
            self.wait(standing.machine, reason);
            return false;
        }
        match standing.release {
            Some(Release::Lost) => self.lose(standing),
            Some(Release::Begun) => self.finish(standing, going),
            Some(Release::Leaving) | None => return self.begin(standing, going),
        }
        false
    }

    /// Nothing is removed while the head is lost; and the clearing goes alone.
    fn holds_everything(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        if self.desired.head_lost {
            return Some(WaitReason::HeadLost);
        }
        let is_due = clearing::is_due(standing.live);
        is_due.then(|| WaitReason::Clearing { lacks: clearing::UNDER_WAY.to_owned() })
    }

    /// Why its removal cannot begin now.
    fn holds_removal(&self, standing: &Standing<'_>, going: &[&Standing<'_>]) -> Option<WaitReason> {
        if let Some(first) = going.first().filter(|_| going.len() >= self.budget(standing.role)) {
            return Some(WaitReason::Removal { machine: first.machine.to_owned() });
        }
        let holds = self.needed(standing).or_else(|| holds_deletion(standing));
        holds.or_else(|| self.holds_farewell(standing))
    }

    /// All other control planes have to be settled and healthy; then a majority of them is Ready too. Of two that are
    /// no members any more neither waits for the other, and before anything runs nobody needs anybody.
    fn needed(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        let lacking = match standing.role {
            Role::Worker => None,
            Role::ControlPlane if !self.desired.bootstrapped => None,
            Role::ControlPlane => self.other_control_planes(standing.machine, |other| {
                let counts = other.release.is_none() || other.may_be_member;
                counts.then(|| budget::not_well(other).or_else(|| other.lacks_membership())).flatten()
            }),
        };
        lacking.map(|(machine, lacks)| WaitReason::Quorum { machine, lacks })
    }

    /// From now on it leaves, whatever the spec says meanwhile.
    fn begin(&mut self, standing: &Standing<'_>, going: &[&Standing<'_>]) -> bool {
        if let Some(reason) = self.holds_removal(standing, going) {
            self.wait(standing.machine, reason);
            return false;
        }
        let Some(mut object) = self.as_it_is(standing.live) else { return false };
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(LEAVING.to_owned(), self.now.to_string());
        if let Presence::Present(node) = standing.presence {
            annotations.insert(LEAVING_NODE.to_owned(), node.name.clone());
        }
        self.write(standing, object, Purpose::Leaving)
    }

    fn finish(&mut self, standing: &Standing<'a>, going: &[&Standing<'_>]) {
        if let Some(reason) = self.needed(standing).or_else(|| holds_deletion(standing)) {
            self.wait(standing.machine, reason);
        } else if self.takes_leave(standing) {
            match self.cleaned_first(standing, going) {
                Some(machine) => self.wait(standing.machine, WaitReason::Removal { machine }),
                None => self.delete(standing, Removal::Leaves),
            }
        }
    }

    /// Another one that NIO cleans, where as many as may be are under way: the budget may have become smaller since the
    /// removals began.
    fn cleaned_first(&self, standing: &Standing<'_>, going: &[&Standing<'_>]) -> Option<String> {
        let is_deleted = |other: &&&Standing<'_>| {
            other.machine != standing.machine
                && (other.live.metadata.deletion_timestamp.is_some() || self.deletes(other.machine))
        };
        let mut deleted = going.iter().filter(is_deleted);
        let first = deleted.next()?;
        let count = deleted.count().saturating_add(1);
        (count >= self.budget(standing.role)).then(|| first.machine.to_owned())
    }

    /// This plan deletes its configuration.
    fn deletes(&self, machine: &str) -> bool {
        let is_it = |step: &Step| matches!(step, Step::Delete { target, .. } if target.machine == machine);
        self.plan.steps.iter().any(is_it)
    }

    pub(super) fn delete(&mut self, standing: &Standing<'_>, why: Removal) {
        let target = Target::of(standing.machine, standing.role, standing.live);
        self.step(Step::Delete { target, why });
    }

    /// A configuration that is being deleted waits for NIO, which never lets go of one whose Machine object
    /// is gone, nor of one whose clean-up fails for ever.
    pub(super) fn let_go(&mut self, leaving: &LeavingConfiguration, live: &NixosConfiguration) {
        let held = has_finalizer(live.metadata.finalizers.as_ref(), KOPF_FINALIZER);
        if held && self.nio_never_lets_go(&leaving.machine, live) {
            let target = Target::of(&leaving.machine, leaving.role, live);
            self.step(Step::ReleaseFromNio(target));
        } else {
            self.wait(&leaving.machine, WaitReason::LettingGo);
        }
    }

    fn nio_never_lets_go(&self, machine: &str, live: &NixosConfiguration) -> bool {
        let Some(object) = self.machine(machine) else { return true };
        let is_lost = is_marked(&object.metadata, LOST) || is_marked(&live.metadata, LOST);
        is_lost && self.is_late(live.metadata.deletion_timestamp.as_ref().map(|time| time.0))
    }

    fn is_late(&self, since: Option<Timestamp>) -> bool {
        let until = since.and_then(|since| since.checked_add(self.timing.deadline).ok());
        until.is_some_and(|until| self.now > until)
    }
}

/// One of those that may be under way at a time. Nobody waits for a lost one.
fn is_going(standing: &Standing<'_>) -> bool {
    match standing.release {
        Some(Release::Begun) => true,
        Some(Release::Lost | Release::Leaving) | None => false,
    }
}

/// Why it cannot be taken out now.
fn holds_deletion(standing: &Standing<'_>) -> Option<WaitReason> {
    if standing.is_in_flight() {
        let lacks = standing.unsettled().map(|lacks| lacks.to_string()).unwrap_or_default();
        return Some(WaitReason::InFlight { lacks });
    }
    (!standing.proof.reachable.is_yes()).then_some(WaitReason::Unreachable)
}
