//! What exists and differs is set right.
//!
//! What disturbs no machine is written at once. New content goes by the rules of `content`, and what
//! waits for them keeps the live content.

use std::rc::Rc;

use nico_crds::NixosConfiguration;
use nico_crds::names::{MEANING, MEANING_BUT_LISTS, NUDGE, Role, TEXT};
use serde_json::Value;

use super::confirm::{self, Confirmation};
use super::contest::Contest;
use super::standing::{Content, Standing};
use super::{Begun, Planner, Purpose, Step, Target, WaitReason, Write, clearing, nudge};
use crate::desired::DesiredConfiguration;
use crate::fields::{self, Change, Kind};

/// The fields that reach the machine, and what is noted of them.
const CONTENT: [&str; 6] = [
    "spec.additionalFiles",
    "spec.configurationSubdir",
    "spec.flake",
    "spec.gitRepo",
    "spec.machineRef",
    "spec.ref",
];

impl<'a> Planner<'a> {
    /// Overdue ones first, then in their order: the head is the first of its role.
    pub(super) fn correct(&mut self) {
        let standings = Rc::clone(&self.standings);
        let mut turns: Vec<_> = standings.iter().collect();
        turns.sort_by_key(|standing| !standing.is_overdue());
        for standing in turns {
            // The move of ownership goes alone.
            if let Some(desired) = standing.desired.filter(|_| !self.is_to_be_adopted(standing.live)) {
                self.correct_one(standing, desired);
            }
        }
    }

    fn correct_one(&mut self, standing: &Standing<'a>, desired: &DesiredConfiguration) {
        if clearing::is_due(standing.live) {
            // The clearing goes alone too.
            if standing.changes.iter().any(|change| change.path != clearing::FIELD) {
                self.wait(standing.machine, WaitReason::Clearing { lacks: clearing::UNDER_WAY.to_owned() });
            }
        } else if standing.may_be_installing() {
            if !standing.changes.is_empty() {
                self.wait(standing.machine, WaitReason::Installing);
            }
        } else {
            self.correct_content(standing, desired);
        }
    }

    fn correct_content(&mut self, standing: &Standing<'a>, desired: &DesiredConfiguration) {
        match standing.content {
            Content::CurrentButForLists | Content::Outdated => {
                let object = if desired.keeps_files {
                    desired.object.clone()
                } else {
                    self.noted(standing, &desired.object)
                };
                if self.write_content(standing, object, Purpose::Content) {
                    return;
                }
            }
            Content::Current => match self.confirmation(standing) {
                Confirmation::None => {}
                Confirmation::Waits(reason) => self.wait(standing.machine, reason),
                Confirmation::Due(object) => {
                    let object = confirm::confirmed(object.clone(), self.now);
                    if self.write_content(standing, object, Purpose::Confirmation) {
                        return;
                    }
                }
            },
        }
        self.correct_metadata(standing, desired);
    }

    /// Whether its turn has come: then nothing else of it is written.
    fn write_content(
        &mut self,
        standing: &Standing<'a>,
        object: NixosConfiguration,
        purpose: Purpose,
    ) -> bool {
        if let Some(reason) = self.holds_content(standing) {
            self.wait(standing.machine, reason);
            return false;
        }
        let counts = match standing.role {
            Role::Worker => !standing.joins(),
            Role::ControlPlane => true,
        };
        if self.write(standing, object, purpose) && counts {
            self.begun.push(Begun { role: standing.role, machine: standing.machine });
        }
        true
    }

    /// All but the content; and a nudge, where NIO has to look again.
    fn correct_metadata(&mut self, standing: &Standing<'a>, desired: &DesiredConfiguration) {
        let nudge = nudge::due(standing);
        let has_metadata = standing.changes.iter().any(|change| !is_content(change));
        if nudge.is_none() && !has_metadata {
            return;
        }
        let mut object = match standing.content {
            Content::Current => desired.object.clone(),
            Content::CurrentButForLists | Content::Outdated => {
                with_live_content(&desired.object, standing.live, self.own(standing.live))
            }
        };
        if let Some(applied) = nudge {
            object.metadata.annotations.get_or_insert_default().insert(NUDGE.to_owned(), applied.to_owned());
        }
        let purpose = if nudge.is_some() { Purpose::Nudge } else { Purpose::Metadata };
        self.write(standing, object, purpose);
    }

    /// What an apply of the object would change.
    pub(super) fn changes(&self, object: &NixosConfiguration, live: &NixosConfiguration) -> Vec<Change> {
        // Both are plain data: neither can fail to become JSON.
        let json = |object: &NixosConfiguration| serde_json::to_value(object).unwrap_or_default();
        fields::difference(&json(object), &json(live), self.own(live))
    }

    /// The fields that NICO has applied.
    pub(super) fn own(&self, live: &NixosConfiguration) -> Option<&Value> {
        self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref())
    }

    /// Writes it, unless it is so already, or another hand holds something of it. Every change of a configuration
    /// but the clearing is written here.
    pub(super) fn write(
        &mut self,
        standing: &Standing<'_>,
        object: NixosConfiguration,
        purpose: Purpose,
    ) -> bool {
        let changes = self.changes(&object, standing.live);
        if changes.is_empty() {
            return false;
        }
        let against = match self.contest(&changes, standing.live) {
            Contest::None => Vec::new(),
            Contest::TakeBack(managers) => managers,
            Contest::Conflict(reason) => {
                self.wait(standing.machine, reason);
                return false;
            }
        };
        let target = Target::of(standing.machine, standing.role, standing.live);
        let fields = changes.into_iter().map(|change| change.path).collect();
        self.step(Step::Write(Box::new(Write { target, object, purpose, fields, against })));
        true
    }
}

/// It reaches the machine. What is only let go does not, the files and the machine aside: NIO acts on the files
/// alone, and whatever else of it meant anything is in them.
pub(crate) fn is_content(change: &Change) -> bool {
    let is_at = |field: &str| {
        change.path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    match change.kind {
        Kind::Added | Kind::Changed => CONTENT.iter().any(|field| is_at(field)),
        Kind::Removed => is_at("spec.additionalFiles") || is_at("spec.machineRef"),
    }
}

/// What is wanted, but the content as it is: of that only what is NICO's own, so that nothing becomes its own
/// that the server filled in or another hand wrote.
fn with_live_content(
    object: &NixosConfiguration,
    live: &NixosConfiguration,
    own: Option<&Value>,
) -> NixosConfiguration {
    let owns = |field: &str| own.and_then(|own| own.pointer(&format!("/f:spec/f:{field}"))).is_some();
    let mut object = object.clone();
    let (wanted, there) = (&mut object.spec, &live.spec);
    wanted.additional_files =
        if owns("additionalFiles") { there.additional_files.clone() } else { Vec::new() };
    wanted.configuration_subdir = there.configuration_subdir.clone().filter(|_| owns("configurationSubdir"));
    wanted.flake = there.flake.clone().filter(|_| owns("flake"));
    wanted.git_repo = there.git_repo.clone().filter(|_| owns("gitRepo"));
    wanted.machine_ref = there.machine_ref.clone().filter(|_| owns("machineRef"));
    wanted.git_ref = there.git_ref.clone().filter(|_| owns("ref"));
    let annotations = object.metadata.annotations.get_or_insert_default();
    for key in [MEANING, MEANING_BUT_LISTS, TEXT] {
        match live.annotation(key) {
            Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
            None => annotations.remove(key),
        };
    }
    object
}
