//! A configuration as NIO leaves it, and small hands to spoil it with.

#![allow(dead_code, reason = "each test uses what it needs")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::{
    AdditionalFile, FileSecret, LocalReference, NioCondition, NixosConfigurationStatus, ValueType,
};
use nico_crds::machine::{Dialect, MachineStatus};
use nico_crds::names::WRITTEN_AT;
use nico_crds::{Machine, NixosConfiguration, NixosConfigurationSpec};
use nico_render::files;
use nico_render::proof::{Finding, Proof, Timing, prove};
use serde_json::{Value, json};

pub const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
pub const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";

pub const TIMING: Timing =
    Timing { min_ready: SignedDuration::from_secs(60), deadline: SignedDuration::from_secs(4200) };

/// Milliseconds after the content was written.
pub fn at_ms(milliseconds: i64) -> Timestamp {
    let written: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    written + SignedDuration::from_millis(milliseconds)
}

/// Seconds after the content was written.
pub fn at(seconds: i64) -> Timestamp {
    at_ms(seconds * 1000)
}

/// The same as a text.
pub fn text(seconds: i64) -> String {
    at(seconds).to_string()
}

fn bare() -> NixosConfiguration {
    let file = |path: &str, value_type| AdditionalFile {
        path: path.to_owned(),
        value_type,
        inline: None,
        secret_ref: None,
    };
    let token = FileSecret { name: "c-join-token".to_owned(), key: None };
    let spec = NixosConfigurationSpec {
        git_repo: Some("https://git.example.org/cluster.git".to_owned()),
        flake: Some("#m".to_owned()),
        full_install: Some(false),
        machine_ref: Some(LocalReference { name: "m".to_owned() }),
        additional_files: vec![
            AdditionalFile {
                inline: Some("{ name = \"c\"; }\n".to_owned()),
                ..file("cluster.nix", ValueType::Inline)
            },
            AdditionalFile { secret_ref: Some(token), ..file("join-token", ValueType::SecretRef) },
        ],
        ..NixosConfigurationSpec::default()
    };
    let mut configuration = NixosConfiguration::new("c-m", spec);
    configuration.metadata.generation = Some(7);
    configuration.metadata.creation_timestamp = Some(Time(at(-86_400)));
    annotate(&mut configuration, WRITTEN_AT, &at(0).to_string());
    configuration
}

/// Written at 0 and never looked at.
pub fn written() -> NixosConfiguration {
    bare()
}

/// Written at 0, switched to at 100, at rest: settled from 250 on.
pub fn applied() -> NixosConfiguration {
    let mut configuration = bare();
    configuration.status = Some(NixosConfigurationStatus {
        applied_commit: Some("61d63c7b4b2b7da96a70aee111c952dc39159fce".to_owned()),
        last_applied_time: Some(text(100)),
        additional_files_hash: files::hash(&configuration.spec.additional_files),
        has_full_install: Some(false),
        conditions: vec![condition("Applied", "True", "Success")],
        ..NixosConfigurationStatus::default()
    });
    handle(&mut configuration);
    configuration
}

/// Applied, and then other files were written at 0: NIO has not looked at them yet.
pub fn outdated() -> NixosConfiguration {
    let mut configuration = applied();
    status(&mut configuration).last_applied_time = Some(text(-5000));
    configuration.spec.additional_files[0].inline =
        Some("{ name = \"c\"; vip = \"10.0.0.1\"; }\n".to_owned());
    configuration
}

/// One look of NIO's could not reach the machine.
pub fn blip(configuration: &mut NixosConfiguration) {
    let status = status(configuration);
    status.applied_commit = None;
    status.last_applied_time = None;
    status.conditions = vec![condition("Applied", "False", "MissingCredentials")];
}

/// The handler ends with the live spec.
pub fn handle(configuration: &mut NixosConfiguration) {
    let note = json!({ "spec": configuration.spec, "metadata": { "labels": {} } });
    annotate(configuration, HANDLED, &format!("{note}\n"));
}

/// The handler has failed so often, since a time.
pub fn fail(configuration: &mut NixosConfiguration, retries: u64, started: &str) {
    let note = json!({
        "started": started, "delayed": at(9999).to_string(), "purpose": "update", "retries": retries,
        "success": false, "failure": false, "message": "Command failed with token s3cr3t",
    });
    annotate(configuration, PROGRESS, &note.to_string());
}

pub fn annotate(configuration: &mut NixosConfiguration, name: &str, value: &str) {
    let annotations = configuration.metadata.annotations.get_or_insert_default();
    annotations.insert(name.to_owned(), value.to_owned());
}

pub fn forget(configuration: &mut NixosConfiguration, name: &str) {
    configuration.metadata.annotations.get_or_insert_default().remove(name);
}

pub fn status(configuration: &mut NixosConfiguration) -> &mut NixosConfigurationStatus {
    configuration.status.get_or_insert_default()
}

pub fn condition(type_: &str, status: &str, reason: &str) -> NioCondition {
    NioCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: "some words".to_owned(),
        last_transition_time: Some(text(50)),
    }
}

/// kopf's note about what it handled, with something changed in it.
pub fn edit_note(configuration: &mut NixosConfiguration, edit: impl FnOnce(&mut Value)) {
    let mut note = serde_json::from_str(configuration.annotation(HANDLED).unwrap()).unwrap();
    edit(&mut note);
    annotate(configuration, HANDLED, &note.to_string());
}

pub fn machine(discoverable: Option<bool>) -> Machine {
    let mut machine = Machine::new("m", nico_crds::MachineSpec::default());
    machine.status = Some(MachineStatus { discoverable, ..MachineStatus::default() });
    machine
}

pub fn python(configuration: &NixosConfiguration, now: Timestamp) -> Proof {
    prove(configuration, Some(&machine(Some(true))), Dialect::Python, &TIMING, now)
}

pub fn go(configuration: &NixosConfiguration, now: Timestamp) -> Proof {
    prove(configuration, Some(&machine(Some(true))), Dialect::Go, &TIMING, now)
}

/// At rest, delivered, proven, settled, overdue: a letter each.
pub fn letters(proof: &Proof) -> String {
    let Proof { at_rest, delivered, proven, settled, overdue, .. } = proof;
    [letter(at_rest), letter(delivered), letter(proven), letter(settled), letter(overdue)].iter().collect()
}

fn letter<T>(finding: &Finding<T>) -> char {
    match finding {
        Finding::Yes(_) => 'y',
        Finding::No(_) => 'n',
        Finding::Unknown(_) => '?',
    }
}
