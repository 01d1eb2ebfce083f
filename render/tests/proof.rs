//! What NIO's status proves, word by word, to the second, and what it does not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::{AdditionalFile, NioCondition, NixosConfigurationStatus, ValueType};
use nico_crds::machine::{Dialect, MachineStatus};
use nico_crds::names::WRITTEN_AT;
use nico_crds::{Machine, NixosConfiguration, NixosConfigurationSpec};
use nico_render::files;
use nico_render::proof::{Finding, Lack, Proof, Timing, is_proven, prove};
use proptest::prelude::*;

const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
const WRITTEN: i64 = 1_790_000_000;
const TIMING: Timing =
    Timing { min_ready: SignedDuration::from_secs(60), deadline: SignedDuration::from_secs(4200) };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(WRITTEN + seconds).unwrap()
}

fn time(seconds: i64) -> String {
    at(seconds).to_string()
}

/// Written at 0, and applied after 20 seconds: a switch, as NIO tells it.
fn applied() -> NixosConfiguration {
    let spec = NixosConfigurationSpec {
        git_repo: Some("https://git.example/fleet.git".to_owned()),
        additional_files: vec![AdditionalFile {
            path: "cluster.nix".to_owned(),
            value_type: ValueType::Inline,
            inline: Some("{ }".to_owned()),
            secret_ref: None,
        }],
        ..NixosConfigurationSpec::default()
    };
    let handled = serde_json::json!({ "spec": spec }).to_string();
    NixosConfiguration {
        metadata: ObjectMeta {
            creation_timestamp: Some(Time(at(-100_000))),
            generation: Some(3),
            annotations: Some(BTreeMap::from([
                (HANDLED.to_owned(), handled),
                (WRITTEN_AT.to_owned(), time(0)),
            ])),
            ..ObjectMeta::default()
        },
        status: Some(NixosConfigurationStatus {
            additional_files_hash: files::hash(&spec.additional_files),
            applied_commit: Some("0123456789".to_owned()),
            last_applied_time: Some(time(20)),
            has_full_install: Some(false),
            conditions: vec![condition("Applied", "True", "Success")],
            ..NixosConfigurationStatus::default()
        }),
        spec,
    }
}

fn condition(type_: &str, status: &str, reason: &str) -> NioCondition {
    NioCondition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        ..NioCondition::default()
    }
}

fn status(configuration: &mut NixosConfiguration) -> &mut NixosConfigurationStatus {
    configuration.status.get_or_insert_default()
}

fn annotate(configuration: &mut NixosConfiguration, key: &str, value: &str) {
    configuration.metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
}

/// New content is written at 0; NIO has not noticed.
fn rewritten() -> NixosConfiguration {
    let mut configuration = applied();
    configuration
        .spec
        .additional_files
        .iter_mut()
        .for_each(|file| file.inline = Some("{ new = true; }".to_owned()));
    configuration
}

fn proof(configuration: &NixosConfiguration, seconds: i64) -> Proof {
    prove(configuration, Some(&machine(true)), Dialect::Python, &TIMING, at(seconds))
}

fn machine(discoverable: bool) -> Machine {
    let mut machine = Machine::new("node-1", nico_crds::MachineSpec::default());
    machine.status = Some(MachineStatus { discoverable: Some(discoverable), ..MachineStatus::default() });
    machine
}

#[test]
fn all_is_well_when_it_has_stood_still() {
    let proof = proof(&applied(), 1000);
    for finding in [&proof.reachable, &proof.at_rest, &proof.delivered, &proof.proven, &proof.settled] {
        assert_eq!(finding, &Finding::Yes);
    }
    assert_eq!(proof.overdue, Finding::No(Lack::Delivered));
    assert_eq!(proof.lack(), None);
}

#[test]
fn it_stands_still_for_half_as_long_again_as_it_took_and_for_the_minimum() {
    // It took 20 s: the minimum of 60 counts, from 20 on.
    assert!(!proof(&applied(), 79).is_settled());
    assert!(proof(&applied(), 80).is_settled());
    // It took 1000 s: 1500 count.
    let mut slow = applied();
    status(&mut slow).last_applied_time = Some(time(1000));
    assert!(!proof(&slow, 2499).is_settled());
    assert!(proof(&slow, 2500).is_settled());
    // It took 4000 s: the deadline is the most.
    status(&mut slow).last_applied_time = Some(time(4000));
    assert!(!proof(&slow, 8199).is_settled());
    assert!(proof(&slow, 8200).is_settled());
}

#[test]
fn a_switch_later_than_the_deadline_is_a_push() {
    let mut pushed = applied();
    status(&mut pushed).last_applied_time = Some(time(5000));
    assert!(!proof(&pushed, 5059).is_settled());
    assert!(proof(&pushed, 5060).is_settled());
    // An installation is none.
    status(&mut pushed).has_full_install = Some(true);
    assert!(!proof(&pushed, 5060).is_settled());
    assert!(proof(&pushed, 9200).is_settled());
}

#[test]
fn a_time_in_the_future_never_stood_still() {
    let mut ahead = applied();
    status(&mut ahead).last_applied_time = Some(time(2000));
    assert_eq!(proof(&ahead, 1000).settled, Finding::No(Lack::AheadOfClock { applied: at(2000) }));
}

#[test]
fn without_a_note_of_when_it_was_written_its_creation_counts() {
    let mut unstamped = applied();
    unstamped.metadata.annotations.as_mut().unwrap().remove(WRITTEN_AT);
    unstamped.metadata.creation_timestamp = Some(Time(at(0)));
    assert!(proof(&unstamped, 80).is_settled());
    unstamped.metadata.creation_timestamp = None;
    assert!(matches!(proof(&unstamped, 80_000).settled, Finding::Unknown(Lack::NoTime { .. })));
    // A note that cannot be read is not replaced by a guess.
    annotate(&mut unstamped, WRITTEN_AT, "yesterday");
    unstamped.metadata.creation_timestamp = Some(Time(at(0)));
    assert!(matches!(proof(&unstamped, 80_000).settled, Finding::Unknown(Lack::NoTime { .. })));
}

#[test]
fn pythons_times_may_lack_a_zone() {
    let mut zoneless = applied();
    status(&mut zoneless).last_applied_time = Some(time(20).trim_end_matches('Z').to_owned() + ".462731");
    assert!(proof(&zoneless, 1000).is_settled());
    status(&mut zoneless).last_applied_time = Some("soon".to_owned());
    assert!(matches!(proof(&zoneless, 1000).settled, Finding::Unknown(Lack::NoTime { .. })));
}

#[test]
fn an_old_success_proves_nothing_about_new_content() {
    let proof = proof(&rewritten(), 100_000);
    assert_eq!(proof.delivered, Finding::No(Lack::OtherFiles));
    assert_eq!(proof.proven, Finding::No(Lack::OtherFiles));
    assert_eq!(proof.at_rest, Finding::No(Lack::HandlerBehind));
    assert!(!is_proven(&rewritten(), Dialect::Python));
}

#[test]
fn the_hash_proves_nothing_while_the_handler_runs() {
    let mut running = applied();
    annotate(
        &mut running,
        HANDLED,
        &serde_json::json!({ "spec": { "gitRepo": "https://git.example/old.git" } }).to_string(),
    );
    let proof = proof(&running, 1000);
    assert!(proof.delivered.is_yes());
    assert_eq!(proof.proven, Finding::No(Lack::HandlerBehind));
    running.metadata.annotations.as_mut().unwrap().remove(HANDLED);
    assert!(!is_proven(&running, Dialect::Python));
    annotate(&mut running, HANDLED, "{");
    assert_eq!(self::proof(&running, 1000).at_rest, Finding::Unknown(Lack::HandlerUnreadable));
}

#[test]
fn a_blip_takes_the_proof_away_but_not_the_delivery() {
    let mut blip = applied();
    let told = status(&mut blip);
    (told.applied_commit, told.last_applied_time) = (None, None);
    told.conditions = vec![condition("Applied", "False", "MissingCredentials")];
    let proof = prove(&blip, Some(&machine(false)), Dialect::Python, &TIMING, at(100_000));
    assert_eq!(proof.reachable, Finding::No(Lack::Unreachable));
    assert!(proof.at_rest.is_yes() && proof.delivered.is_yes());
    assert_eq!(proof.proven, Finding::No(Lack::NoSuccess { reason: "MissingCredentials".to_owned() }));
    assert!(!proof.is_settled());
    assert_eq!(proof.overdue, Finding::No(Lack::Delivered));
    status(&mut blip).conditions = vec![condition("Applied", "True", "Success")];
    assert_eq!(self::proof(&blip, 1000).proven, Finding::No(Lack::CommitForgotten));
}

#[test]
fn what_was_never_applied_is_overdue_after_the_deadline() {
    let mut fresh = applied();
    fresh.status = None;
    assert_eq!(proof(&fresh, 4200).overdue, Finding::No(Lack::InTime { until: at(4200) }));
    assert_eq!(proof(&fresh, 4201).overdue, Finding::Yes);
    assert_eq!(proof(&fresh, 10).delivered, Finding::No(Lack::NeverApplied));
    assert_eq!(proof(&rewritten(), 4201).overdue, Finding::Yes);
}

#[test]
fn three_failed_attempts_at_this_content_are_enough() {
    let failed = |retries: u64, started: i64| {
        let mut configuration = rewritten();
        let note =
            serde_json::json!({ "started": time(started), "retries": retries, "message": "no" }).to_string();
        annotate(&mut configuration, PROGRESS, &note);
        configuration
    };
    assert!(matches!(proof(&failed(2, 1), 100).overdue, Finding::No(Lack::InTime { .. })));
    assert_eq!(proof(&failed(3, 1), 100).overdue, Finding::Yes);
    // They were begun with another content.
    assert!(matches!(proof(&failed(3, -1), 100).overdue, Finding::No(Lack::InTime { .. })));
    // The note is stale: the handler has ended since.
    let mut rested = failed(3, 1);
    let handled = serde_json::json!({ "spec": rested.spec }).to_string();
    annotate(&mut rested, HANDLED, &handled);
    assert!(matches!(proof(&rested, 100).overdue, Finding::No(Lack::InTime { .. })));
}

#[test]
fn without_a_machine_it_is_not_reachable() {
    let proof = prove(&applied(), None, Dialect::Python, &TIMING, at(1000));
    assert_eq!(proof.reachable, Finding::No(Lack::NoMachine));
}

#[test]
fn the_go_nio_tells_failures_and_proves_nothing() {
    let told = |phase: &str, observed: i64, ready: &str| {
        let mut configuration = applied();
        configuration.status = Some(NixosConfigurationStatus {
            phase: Some(phase.to_owned()),
            observed_generation: Some(observed),
            last_applied_time: Some(time(20)),
            conditions: vec![condition("Ready", ready, "x")],
            ..NixosConfigurationStatus::default()
        });
        prove(&configuration, Some(&machine(true)), Dialect::Go, &TIMING, at(1000))
    };
    // Its Ready may be left over from before.
    assert_eq!(told("Ready", 3, "True").settled, Finding::Unknown(Lack::GoTellsTooLittle));
    assert_eq!(told("Ready", 2, "True").delivered, Finding::No(Lack::GoBehind));
    assert!(matches!(told("Converging", 3, "False").delivered, Finding::No(Lack::GoPhase { .. })));
    assert_eq!(told("Degraded", 3, "False").overdue, Finding::Yes);
    assert!(!told("Degraded", 2, "False").overdue.is_yes());
    assert!(!is_proven(&applied(), Dialect::Go));
}

#[test]
fn what_the_python_operator_left_is_proven() {
    let recorded = include_str!("../../fixtures/recorded/live.yaml");
    let now: Timestamp = "2026-11-24T06:00:00Z".parse().unwrap();
    for document in serde_yaml::Deserializer::from_str(recorded) {
        let configuration: NixosConfiguration = serde::Deserialize::deserialize(document).unwrap();
        let proof = prove(&configuration, Some(&machine(true)), Dialect::Python, &TIMING, now);
        assert!(proof.is_settled(), "{:?}", proof.settled);
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        (-10_000..10_000_i64).prop_map(time),
        Just(String::new()),
        Just("-009999-01-02T01:59:59Z".to_owned()),
        Just("9999-12-30T22:00:00Z".to_owned()),
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_words_follow_from_each_other(
        hash in prop::option::of(any::<bool>()),
        commit in prop::option::of(any_text()),
        times in prop::collection::vec(prop::option::of(any_text()), 3),
        handled in 0..3_u8,
        applied_condition in prop::option::of((any::<bool>(), any::<bool>())),
        installed in prop::option::of(any::<bool>()),
        retries in any::<u64>(),
        go in any::<bool>(),
        seconds in -20_000..20_000_i64,
        bounds in (0..i32::MAX, 0..i32::MAX),
    ) {
        let mut configuration = rewritten();
        let live = files::hash(&configuration.spec.additional_files);
        let annotations = configuration.metadata.annotations.get_or_insert_default();
        match handled {
            0 => { annotations.remove(HANDLED); }
            1 => { annotations.insert(HANDLED.to_owned(), serde_json::json!({ "spec": configuration.spec }).to_string()); }
            _ => {}
        }
        let mut times = times.into_iter();
        let mut next = || times.next().flatten();
        annotations.extend(next().map(|written| (WRITTEN_AT.to_owned(), written)));
        annotations.extend(next().map(|started| (PROGRESS.to_owned(), serde_json::json!({ "started": started, "retries": retries }).to_string())));
        configuration.status = Some(NixosConfigurationStatus {
            additional_files_hash: hash.map(|ours| if ours { live.clone().unwrap() } else { "other".to_owned() }),
            applied_commit: commit,
            last_applied_time: next(),
            has_full_install: installed,
            conditions: applied_condition.map(|(status, success)| condition("Applied", if status { "True" } else { "False" }, if success { "Success" } else { "Failed" })).into_iter().collect(),
            ..NixosConfigurationStatus::default()
        });
        let timing = Timing { min_ready: SignedDuration::from_secs(i64::from(bounds.0)), deadline: SignedDuration::from_secs(i64::from(bounds.1)) };
        let dialect = if go { Dialect::Go } else { Dialect::Python };
        let proof = prove(&configuration, None, dialect, &timing, at(seconds));
        prop_assert!(!proof.settled.is_yes() || proof.proven.is_yes());
        prop_assert!(!proof.proven.is_yes() || (proof.delivered.is_yes() && proof.at_rest.is_yes()));
        prop_assert!(!proof.delivered.is_yes() || !proof.overdue.is_yes());
        prop_assert!(!proof.delivered.is_yes() || hash == Some(true));
        prop_assert_eq!(is_proven(&configuration, dialect), proof.proven.is_yes());
    }
}
