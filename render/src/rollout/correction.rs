//! What exists and differs is set right.
//!
//! What disturbs no machine is written at once. New content goes by the rules of `content`, and what
//! waits for them keeps the live content.

use std::rc::Rc;

use nico_crds::NixosConfiguration;
use nico_crds::names::{MEANING, MEANING_BUT_LISTS, NUDGE, Role, TEXT};

use super::confirm::{self, Confirmation};
use super::standing::{Content, Standing};
use super::{Begun, Planner, Purpose, Step, Target, WaitReason, Write, clearing, nudge};
use crate::desired::DesiredConfiguration;
use crate::fields;

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
            if let Some(desired) = standing.desired.filter(|_| self.owns(standing.live)) {
                self.correct_one(standing, desired);
            }
        }
    }

    fn owns(&self, live: &NixosConfiguration) -> bool {
        self.observed.ownership(live).is_some_and(|ownership| ownership.own.is_some())
    }

    fn correct_one(&mut self, standing: &Standing<'a>, desired: &DesiredConfiguration) {
        if clearing::is_due(standing.live) {
            // The clearing goes alone too.
            if standing.differing.iter().any(|path| path != clearing::FIELD) {
                self.wait(standing.machine, WaitReason::Clearing { lacks: clearing::UNDER_WAY.to_owned() });
            }
        } else if standing.may_be_installing() {
            if !standing.differing.is_empty() {
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

    /// Whether it is written, or has to wait.
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
        if counts {
            self.begun.push(Begun { role: standing.role, machine: standing.machine });
        }
        let differing = self.differing(&object, standing.live);
        self.write(standing, object, purpose, differing);
        true
    }

    /// All but the content; and a nudge, where NIO has to look again.
    fn correct_metadata(&mut self, standing: &Standing<'a>, desired: &DesiredConfiguration) {
        let nudge = nudge::due(standing);
        let has_metadata = standing.differing.iter().any(|path| !is_content(path));
        if nudge.is_none() && !has_metadata {
            return;
        }
        let mut object = match standing.content {
            Content::Current => desired.object.clone(),
            Content::CurrentButForLists | Content::Outdated => {
                with_live_content(&desired.object, standing.live)
            }
        };
        if let Some(applied) = nudge {
            object.metadata.annotations.get_or_insert_default().insert(NUDGE.to_owned(), applied.to_owned());
        }
        let differing = self.differing(&object, standing.live);
        let purpose = if nudge.is_some() { Purpose::Nudge } else { Purpose::Metadata };
        if !differing.is_empty() {
            self.write(standing, object, purpose, differing);
        }
    }

    /// The fields of it that an apply of the object would change.
    pub(super) fn differing(&self, object: &NixosConfiguration, live: &NixosConfiguration) -> Vec<String> {
        // Both are plain data: neither can fail to become JSON.
        let json = |object: &NixosConfiguration| serde_json::to_value(object).unwrap_or_default();
        let own = self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref());
        fields::difference(&json(object), &json(live), own).into_iter().map(|change| change.path).collect()
    }

    /// All changes of configurations, but for the clearing, are written here.
    pub(super) fn write(
        &mut self,
        standing: &Standing<'_>,
        object: NixosConfiguration,
        purpose: Purpose,
        fields: Vec<String>,
    ) {
        let target = Target::of(standing.machine, standing.role, standing.live);
        self.step(Step::Write(Box::new(Write { target, object, purpose, fields, against: Vec::new() })));
    }
}

/// The path is, or lies in, a field that reaches the machine.
pub(super) fn is_content(path: &str) -> bool {
    CONTENT.iter().any(|field| {
        path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// What is wanted, but the content as it is.
fn with_live_content(object: &NixosConfiguration, live: &NixosConfiguration) -> NixosConfiguration {
    let mut object = object.clone();
    object.spec.additional_files.clone_from(&live.spec.additional_files);
    object.spec.configuration_subdir.clone_from(&live.spec.configuration_subdir);
    object.spec.flake.clone_from(&live.spec.flake);
    object.spec.git_repo.clone_from(&live.spec.git_repo);
    object.spec.machine_ref.clone_from(&live.spec.machine_ref);
    object.spec.git_ref.clone_from(&live.spec.git_ref);
    let annotations = object.metadata.annotations.get_or_insert_default();
    for key in [MEANING, MEANING_BUT_LISTS, TEXT] {
        match live.annotation(key) {
            Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
            None => annotations.remove(key),
        };
    }
    object
}
