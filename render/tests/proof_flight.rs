//! What one look shows of applies that may be running: in flight, joining, cleared; and what is told of a
//! failed attempt.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

#[path = "support/observed.rs"]
mod observed;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::machine::Dialect;
use nico_crds::names::{CONFIRM_AT, WRITTEN_AT};
use nico_render::proof::{Finding, InFlight, Joining, Lack, TimeField, cleared};
use observed::{
    HANDLED, PROGRESS, annotate, applied, at, blip, edit_note, fail, forget, go, handle, outdated, python,
    status, written,
};
use serde_json::json;

fn flight(configuration: &NixosConfiguration, now: Timestamp) -> Finding<InFlight> {
    python(configuration, now).in_flight
}

fn is(since: Option<i64>, until: Option<i64>, why: Lack) -> Finding<InFlight> {
    Finding::Yes(InFlight { since: since.map(at), until: until.map(at), why })
}

#[test]
fn in_flight_is_what_was_not_delivered_since_it_was_written_until_the_deadline() {
    assert_eq!(flight(&written(), at(10)), is(Some(0), Some(4200), Lack::NeverApplied));
    assert_eq!(flight(&outdated(), at(10)), is(Some(0), Some(4200), Lack::OtherFiles));
    assert_eq!(flight(&outdated(), at(9000)), is(Some(0), Some(4200), Lack::OtherFiles), "overdue too");
    let mut unnoted = written();
    annotate(&mut unnoted, WRITTEN_AT, "noon");
    assert_eq!(flight(&unnoted, at(10)), is(None, None, Lack::NeverApplied));
}

#[test]
fn in_flight_is_what_is_not_at_rest_or_has_not_stood_still() {
    let mut unhandled = applied();
    forget(&mut unhandled, HANDLED);
    assert_eq!(flight(&unhandled, at(9000)), is(Some(0), None, Lack::HandlerNotEnded));
    let mut behind = applied();
    edit_note(&mut behind, |note| note["spec"]["flake"] = json!("#other"));
    assert_eq!(flight(&behind, at(9000)), is(Some(0), None, Lack::HandlerBehind));
    let mut going = applied();
    going.metadata.deletion_timestamp = Some(Time(at(200)));
    assert_eq!(flight(&going, at(9000)), is(Some(0), None, Lack::InDeletion));
    let still = Lack::NotStill { needed: at(150).duration_since(at(0)), since: at(100) };
    assert_eq!(flight(&applied(), at(249)), is(Some(100), Some(250), still));
    assert_eq!(flight(&applied(), at(250)), Finding::No(Lack::AtRest));
    assert_eq!(flight(&applied(), at(99)), is(Some(100), None, Lack::AheadOfClock { applied: at(100) }));
}

#[test]
fn a_blip_is_not_in_flight() {
    let mut configuration = applied();
    blip(&mut configuration);
    assert_eq!(flight(&configuration, at(110)), Finding::No(Lack::CommitForgotten));
    let mut moves = applied();
    status(&mut moves).applied_commit = None;
    assert!(flight(&moves, at(110)).is_yes(), "it was applied just now");
}

#[test]
fn what_cannot_be_told_is_not_denied() {
    let mut configuration = applied();
    status(&mut configuration).last_applied_time = Some("noon".to_owned());
    assert_eq!(flight(&configuration, at(9000)), Finding::Unknown(Lack::NoTime(TimeField::LastApplied)));
    let mut unreadable = applied();
    annotate(&mut unreadable, HANDLED, "?");
    assert_eq!(flight(&unreadable, at(9000)), Finding::Unknown(Lack::HandlerUnreadable));
    assert_eq!(go(&applied(), at(9000)).in_flight, is(Some(0), Some(4200), Lack::GoBehind));
}

#[test]
fn its_words_are_stable_over_time() {
    let words =
        |configuration: &NixosConfiguration, now| flight(configuration, now).yes().unwrap().to_string();
    assert_eq!(
        words(&outdated(), at(10)),
        "other files than these were applied last (since 2026-11-24T12:00:00Z, until 2026-11-24T13:10:00Z at the most)"
    );
    assert_eq!(words(&outdated(), at(10)), words(&outdated(), at(4000)));
    assert_eq!(words(&applied(), at(110)), words(&applied(), at(240)));
}

#[test]
fn stillness_is_counted_from_when_undelivered_content_was_replaced() {
    let mut configuration = applied();
    // Only its lists were written anew at 60, so the time of the content stayed; it took 400 s from then on.
    annotate(&mut configuration, CONFIRM_AT, &at(7260).to_string());
    annotate(&mut configuration, WRITTEN_AT, &at(-9000).to_string());
    status(&mut configuration).last_applied_time = Some(at(460).to_string());
    assert!(!python(&configuration, at(460 + 599)).is_settled(), "half as long again as 400 s");
    assert!(python(&configuration, at(460 + 600)).is_settled());
    forget(&mut configuration, CONFIRM_AT);
    assert!(python(&configuration, at(460 + 60)).is_settled(), "else it is a push");
}

#[test]
fn joining_is_what_never_delivered_anything() {
    let joining = |configuration: &NixosConfiguration| python(configuration, at(9000)).joining;
    assert_eq!(joining(&written()), Finding::Yes(Joining { since: Some(at(-86_400)) }));
    assert_eq!(joining(&outdated()), Finding::No(Lack::AppliedBefore));
    let mut configuration = applied();
    blip(&mut configuration);
    assert_eq!(joining(&configuration), Finding::No(Lack::AppliedBefore), "a blip takes nothing away");
}

/// Installed, and the clearing was written at 200.
fn installed() -> NixosConfiguration {
    let mut configuration = applied();
    status(&mut configuration).has_full_install = Some(true);
    edit_note(&mut configuration, |note| note["spec"]["fullInstall"] = json!(true));
    configuration
}

#[track_caller]
fn holds(configuration: &NixosConfiguration, expected: bool) {
    let finding = cleared(configuration, Dialect::Python, Some(at(200)));
    assert_eq!(finding.is_yes(), expected, "{finding:?}");
}

#[test]
fn a_clearing_holds_once_the_handler_has_ended_with_it() {
    let mut configuration = installed();
    holds(&configuration, false);
    let mut ended = configuration.clone();
    handle(&mut ended);
    holds(&ended, true);
    let mut never = configuration.clone();
    forget(&mut never, HANDLED);
    holds(&never, false);
    status(&mut never).has_full_install = Some(false);
    holds(&never, true);
    status(&mut never).has_full_install = None;
    holds(&never, false);
    never.status = None;
    holds(&never, true);
    configuration.spec.full_install = Some(true);
    holds(&configuration, false);
    annotate(&mut configuration, HANDLED, "?");
    configuration.spec.full_install = Some(false);
    let finding = cleared(&configuration, Dialect::Python, Some(at(200)));
    assert_eq!(finding, Finding::Unknown(Lack::HandlerUnreadable));
    assert!(cleared(&configuration, Dialect::Go, None).is_yes());
}

#[test]
fn or_once_an_attempt_begun_after_it_has_failed() {
    let mut configuration = installed();
    fail(&mut configuration, 1, &at(201).to_string());
    holds(&configuration, true);
    assert!(!cleared(&configuration, Dialect::Python, None).is_yes(), "nobody knows when it was written");
    fail(&mut configuration, 1, &at(200).to_string());
    // Its end, in the support, lies far in the future.
    edit_progress(&mut configuration, "delayed", &at(300).to_string());
    holds(&configuration, false);
    edit_progress(&mut configuration, "delayed", "soon");
    holds(&configuration, false);
}

fn edit_progress(configuration: &mut NixosConfiguration, key: &str, value: &str) {
    let mut note: serde_json::Value =
        serde_json::from_str(configuration.annotation(PROGRESS).unwrap()).unwrap();
    note[key] = json!(value);
    annotate(configuration, PROGRESS, &note.to_string());
}

fn said(message: &str) -> Option<String> {
    let mut configuration = outdated();
    fail(&mut configuration, 1, &at(1).to_string());
    edit_progress(&mut configuration, "message", message);
    python(&configuration, at(100)).said
}

#[test]
fn what_is_said_of_a_failed_attempt_is_words() {
    for (message, told) in [
        ("Command failed with exit status 1", "Command failed with exit status 1"),
        (
            "nix build failed: error: path '/nix/store/x1' is not valid",
            "nix build failed: error: path ... is not valid",
        ),
        ("CalledProcessError: timed out", "CalledProcessError: timed out"),
        ("Permission denied (publickey).", "Permission denied (publickey)."),
    ] {
        assert_eq!(said(message).as_deref(), Some(told));
    }
    assert_eq!(said(""), None);
    assert_eq!(said("0123456789"), None);
    let long = said(&"word ".repeat(1000)).unwrap();
    assert!(long.len() < 200 && long.ends_with("word ..."), "{long}");
    let mut rests = outdated();
    fail(&mut rests, 1, &at(1).to_string());
    handle(&mut rests);
    assert_eq!(python(&rests, at(100)).said, None, "what is left over is not told");
}

#[test]
fn no_secret_is_ever_among_them() {
    for message in [
        "cannot clone https://user:hunter@git.example/fleet.git",
        "cannot clone https://ghp_hunter@git.example/fleet.git",
        "password: hunter",
        "Password hunter is wrong",
        "authorization: bearer hunter",
        "token=hunter",
        "the token is hunter",
        "GIT_TOKEN=hunter git clone failed",
        "Command sshpass -p hunter ssh root failed",
        "Command nix run --option access-tokens hunter failed",
        "invalid key -----BEGIN OPENSSH PRIVATE KEY----- hunter",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter\nhunter",
        "secret \"hunter\"",
        "K10hunter::server:hunter1",
        "hunterhunterhunterhunter",
        "hunTer",
        "hunter7",
        "no credentials for hunter",
    ] {
        let told = said(message).unwrap_or_default().to_lowercase();
        assert!(!told.contains("hunter"), "{message:?} is told as {told:?}");
    }
}
