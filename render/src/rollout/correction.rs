//! What exists and differs is set right.
//!
//! What disturbs no machine is written at once. New content waits while NIO has not taken the last one
//! in, so that no two applies of one machine run beside each other.

use nico_crds::NixosConfiguration;
use nico_crds::names::{MEANING, MEANING_BUT_LISTS, TEXT, WRITTEN_AT};

use super::{Planner, Purpose, Step, WaitReason, Write, clearing};
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

impl Planner<'_> {
    pub(super) fn correct(&mut self) {
        let desired = self.desired;
        for configuration in desired.configurations.iter().filter(|configuration| !configuration.is_new) {
            let Some(live) = self.space.configurations.get(configuration.name()).copied() else { continue };
            // The clearing goes alone, and so does the move of ownership.
            if clearing::is_due(live) || !self.owns(live) {
                continue;
            }
            self.correct_one(configuration, live);
        }
    }

    fn owns(&self, live: &NixosConfiguration) -> bool {
        self.observed.ownership(live).is_some_and(|ownership| ownership.own.is_some())
    }

    fn correct_one(&mut self, configuration: &DesiredConfiguration, live: &NixosConfiguration) {
        let differing = self.differing(&configuration.object, live);
        if differing.is_empty() {
            return;
        }
        let proof = self.proof(&configuration.machine, live);
        if live.spec.full_install == Some(true) && !proof.overdue.is_yes() {
            self.wait(&configuration.machine, WaitReason::Installing);
            return;
        }
        if !differing.iter().any(|path| is_content(path)) {
            self.write(configuration, configuration.object.clone(), live, Purpose::Metadata, differing);
            return;
        }
        let in_flight = proof.at_rest.lack().filter(|_| !proof.overdue.is_yes());
        let Some(lack) = in_flight else {
            let mut object = configuration.object.clone();
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(WRITTEN_AT.to_owned(), self.now.to_string());
            self.write(configuration, object, live, Purpose::Content, differing);
            return;
        };
        self.wait(&configuration.machine, WaitReason::InFlight { lacks: lack.to_string() });
        let object = with_live_content(&configuration.object, live);
        let differing = self.differing(&object, live);
        if !differing.is_empty() {
            self.write(configuration, object, live, Purpose::Metadata, differing);
        }
    }

    fn differing(&self, object: &NixosConfiguration, live: &NixosConfiguration) -> Vec<String> {
        // Both are plain data: neither can fail to become JSON.
        let json = |object: &NixosConfiguration| serde_json::to_value(object).unwrap_or_default();
        let own = self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref());
        fields::difference(&json(object), &json(live), own).into_iter().map(|change| change.path).collect()
    }

    fn write(
        &mut self,
        configuration: &DesiredConfiguration,
        object: NixosConfiguration,
        live: &NixosConfiguration,
        purpose: Purpose,
        fields: Vec<String>,
    ) {
        let target = self.target(&configuration.machine, configuration.role, live);
        self.step(Step::Write(Box::new(Write { target, object, purpose, fields, against: Vec::new() })));
    }
}

fn is_content(path: &str) -> bool {
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
