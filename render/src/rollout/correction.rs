//! What exists and differs is set right.
//!
//! What disturbs no machine is written at once. New content waits while NIO has not taken the last one
//! in, so that no two applies of one machine run beside each other.

use nico_crds::NixosConfiguration;
use nico_crds::names::{MEANING, MEANING_BUT_LISTS, TEXT, WRITTEN_AT};
use serde_json::Value;

use super::contest::Contest;
use super::{Planner, Purpose, Step, WaitReason, Write, clearing};
use crate::desired::DesiredConfiguration;
use crate::fields::{self, Change};

/// The fields that reach the machine, and what is noted of them.
const CONTENT: [&str; 6] = [
    "spec.additionalFiles",
    "spec.configurationSubdir",
    "spec.flake",
    "spec.gitRepo",
    "spec.machineRef",
    "spec.ref",
];

impl Planner<'_> {
    pub(super) fn correct(&mut self) {
        let desired = self.desired;
        for configuration in desired.configurations.iter().filter(|configuration| !configuration.is_new) {
            let Some(live) = self.space.configurations.get(configuration.name()).copied() else { continue };
            // The clearing goes alone, and so does the move of ownership.
            if clearing::is_due(live) || self.is_to_be_adopted(live) {
                continue;
            }
            self.correct_one(configuration, live);
        }
    }

    fn correct_one(&mut self, configuration: &DesiredConfiguration, live: &NixosConfiguration) {
        let changes = self.changes(&configuration.object, live);
        if changes.is_empty() {
            return;
        }
        let proof = self.proof(&configuration.machine, live);
        if live.spec.full_install == Some(true) && !proof.overdue.is_yes() {
            self.wait(&configuration.machine, WaitReason::Installing);
            return;
        }
        if !changes.iter().any(|change| is_content(&change.path)) {
            self.write(configuration, configuration.object.clone(), live, Purpose::Metadata);
            return;
        }
        let in_flight = proof.at_rest.lack().filter(|_| !proof.overdue.is_yes());
        if let Some(lack) = in_flight {
            self.wait(&configuration.machine, WaitReason::InFlight { lacks: lack.to_string() });
            let object = with_live_content(&configuration.object, live, self.own(live));
            self.write(configuration, object, live, Purpose::Metadata);
            return;
        }
        let mut object = configuration.object.clone();
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.insert(WRITTEN_AT.to_owned(), self.now.to_string());
        self.write(configuration, object, live, Purpose::Content);
    }

    fn changes(&self, object: &NixosConfiguration, live: &NixosConfiguration) -> Vec<Change> {
        // Both are plain data: neither can fail to become JSON.
        let json = |object: &NixosConfiguration| serde_json::to_value(object).unwrap_or_default();
        fields::difference(&json(object), &json(live), self.own(live))
    }

    /// The fields that NICO has applied.
    fn own(&self, live: &NixosConfiguration) -> Option<&Value> {
        self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref())
    }

    /// Writes it, unless it is so already, or another hand holds something of it.
    fn write(
        &mut self,
        configuration: &DesiredConfiguration,
        object: NixosConfiguration,
        live: &NixosConfiguration,
        purpose: Purpose,
    ) {
        let changes = self.changes(&object, live);
        if changes.is_empty() {
            return;
        }
        let against = match self.contest(&changes, live) {
            Contest::None => Vec::new(),
            Contest::TakeBack(managers) => managers,
            Contest::Conflict(reason) => {
                self.wait(&configuration.machine, reason);
                return;
            }
        };
        let target = self.target(&configuration.machine, configuration.role, live);
        let fields = changes.into_iter().map(|change| change.path).collect();
        self.step(Step::Write(Box::new(Write { target, object, purpose, fields, against })));
    }
}

fn is_content(path: &str) -> bool {
    CONTENT.iter().any(|field| {
        path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
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
