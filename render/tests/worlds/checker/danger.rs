//! The truth of the machines: disks that were wiped without need, quorum broken by our own hand.

use nico_crds::NixosConfiguration;
use nico_crds::names::Role;

use super::{Checker, Invariant};
use crate::model::machine::Truth;
use crate::model::nio::{Apply, Nio};
use crate::model::snapshot::{role, uid};

/// So long after the first evidence NICO has had its chance to clear `fullInstall`, and NIO to see it.
const LATE: i64 = 300;

impl Checker {
    /// An apply begins. Its wiping has not been done yet.
    pub fn apply_begins(
        &mut self,
        apply: &Apply,
        live: Option<&NixosConfiguration>,
        nio: &Nio,
        truth: &Truth,
        now: i64,
    ) {
        let uid = uid(&apply.object).to_owned();
        let history = self.histories.entry(uid.clone()).or_default();
        if apply.wipes {
            let evident = history.evident;
            history.wipes += 1;
            let left = live.is_some_and(|live| live.spec.full_install == Some(true));
            let late =
                left && evident.is_some_and(|evident| now > evident + LATE && self.excused_until < evident);
            *self.tally.checks.entry(Invariant::D1).or_default() += 1;
            if evident.is_some() {
                self.antecedent(Invariant::D1);
                self.danger("wipes after the first evidence");
            }
            if late {
                self.fail(
                    Invariant::D1,
                    format!("{} is wiped long after the first evidence of an apply", apply.machine),
                );
            }
        }
        if role(&apply.object) == Role::ControlPlane && history_contents(self, &uid) > 1 {
            let disturbs = |other: &&Apply| {
                other.machine != apply.machine
                    && role(&other.object) == Role::ControlPlane
                    && other.object.metadata.labels == apply.object.metadata.labels
            };
            if nio.applies.values().any(|other| disturbs(&other)) {
                self.danger("control planes disturbed at once");
            }
            if truth.members.values().any(|members| members.contains(&apply.machine) && members.len() > 1) {
                self.danger("control planes disturbed");
            }
        }
    }

    /// A disk that is wiped, and what was on it.
    pub fn wiping(&mut self, machine: &str, ran: Option<&str>, asked: bool) {
        *self.tally.checks.entry(Invariant::D2).or_default() += 1;
        if let Some(ran) = ran.filter(|_| !asked) {
            self.fail(
                Invariant::D2,
                format!("the disk of {machine} is wiped, which ran {ran}, and nobody asked for it"),
            );
        }
    }

    /// An attempt of the handler failed that began then.
    pub fn attempt_failed(&mut self, uid: &str, began: i64) {
        self.histories.entry(uid.to_owned()).or_default().failed = Some(began);
    }
}

fn history_contents(checker: &Checker, uid: &str) -> u32 {
    checker.histories.get(uid).map_or(0, |history| history.contents)
}
