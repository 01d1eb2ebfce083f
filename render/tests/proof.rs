//! What Python NIO's status proves: each word, each trap, each boundary to the second.
//!
//! Five letters a case: at rest, delivered, proven, settled, overdue; `?` is unknown. The objects are
//! `written()` (at 0, never looked at), `applied()` (at 100, a switch: half as long again is 150, settled
//! from 250 on) and `outdated()` (other files were written at 0 over something proven).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

#[path = "support/observed.rs"]
mod observed;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::cluster::Rollout;
use nico_crds::configuration::ValueType;
use nico_crds::machine::Dialect;
use nico_crds::names::WRITTEN_AT;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::proof::{Finding, Lack, Overdue, Tardiness, TimeField, Timing, is_proven, prove};
use observed::{
    HANDLED, PROGRESS, TIMING, annotate, applied, at, at_ms, blip, condition, edit_note, fail, forget,
    handle, letters, machine, outdated, python, status, text, written,
};
use serde_json::json;

#[track_caller]
fn shows(
    what: &str,
    mut configuration: NixosConfiguration,
    spoil: impl FnOnce(&mut NixosConfiguration),
    now: Timestamp,
    expected: &str,
) {
    spoil(&mut configuration);
    let proof = python(&configuration, now);
    assert_eq!(letters(&proof), expected, "{what}: {proof:#?}");
    assert_eq!(is_proven(&configuration, Dialect::Python), proof.proven.is_yes(), "{what}");
}

fn nothing(_: &mut NixosConfiguration) {}

/// Applied so many seconds after the writing, or before it.
fn took(seconds: i64, full_install: Option<bool>) -> impl FnOnce(&mut NixosConfiguration) {
    move |nc| {
        status(nc).last_applied_time = Some(text(seconds));
        status(nc).has_full_install = full_install;
    }
}

#[test]
fn settled_is_half_as_long_again_as_the_apply_took() {
    let switch = Some(false);
    for (what, seconds, kind, still_from) in [
        ("half as long again", 100, switch, 250_000),
        ("never less than minReadySeconds", 20, switch, 80_000),
        ("just minReadySeconds", 40, switch, 100_000),
        ("half seconds count", 41, switch, 102_500),
        ("an installation counts the same", 1000, Some(true), 2_500_000),
        ("at most the deadline", 4000, switch, 8_200_000),
        ("a switch just at the deadline is no push", 4200, switch, 8_400_000),
        ("a switch later than the deadline is a push", 4201, switch, 4_261_000),
        ("an installation never is", 4201, Some(true), 8_401_000),
        ("nor what does not say", 4201, None, 8_401_000),
        ("an apply from before its writing may have taken long", -1, switch, 4_199_000),
        ("an apply at its writing took no time", 0, switch, 60_000),
    ] {
        shows(what, applied(), took(seconds, kind), at_ms(still_from - 1), "yyynn");
        shows(what, applied(), took(seconds, kind), at_ms(still_from), "yyyyn");
    }
}

#[test]
fn the_apply_is_counted_since_the_creation_where_nothing_is_noted() {
    let unnoted = |nc: &mut NixosConfiguration| {
        forget(nc, WRITTEN_AT);
        nc.metadata.creation_timestamp = Some(Time(at(-100)));
    };
    shows("200 s: 300", applied(), unnoted, at(399), "yyynn");
    shows("200 s: 300", applied(), unnoted, at(400), "yyyyn");
    let ever = |nc: &mut NixosConfiguration| {
        forget(nc, WRITTEN_AT);
        nc.metadata.creation_timestamp = None;
    };
    shows("neither noted nor created", applied(), ever, at(9000), "yyy?n");
    shows("neither noted nor created", outdated(), ever, at(9000), "nnnn?");
}

#[test]
fn a_time_that_cannot_be_told_is_unknown() {
    let noted = |noted: &'static str| move |nc: &mut NixosConfiguration| annotate(nc, WRITTEN_AT, noted);
    shows("a note is not replaced by a guess", applied(), noted("noon"), at(9000), "yyy?n");
    shows("a note is not replaced by a guess", outdated(), noted("noon"), at(9000), "nnnn?");
    shows("a note at the end of time", outdated(), noted("9999-12-30T22:00:00Z"), at(9000), "nnnn?");
    for (time, expected) in [
        (Some("2026-11-24T12:01:40Z"), "yyyyn"),
        (Some("2026-11-24T12:01:40.123456+00:00"), "yyyyn"),
        (Some("2026-11-24T12:01:40.123456"), "yyyyn"),
        (Some("2026-11-24 12:01:40"), "yyyyn"),
        (Some("2026-11-24T14:01:40+02:00"), "yyyyn"),
        (Some("2026-11-24T12:01:40-02:00"), "yyynn"),
        (Some("2026-11-24"), "yyy?n"),
        (Some("12:01:40"), "yyy?n"),
        (Some(""), "yyy?n"),
        (Some("null"), "yyy?n"),
        (Some("1764000000"), "yyy?n"),
        (None, "yyy?n"),
    ] {
        let put = |nc: &mut NixosConfiguration| status(nc).last_applied_time = time.map(str::to_owned);
        shows(time.unwrap_or("none"), applied(), put, at(1000), expected);
    }
}

#[test]
fn what_lies_in_the_future_has_not_stood_still() {
    shows("a second ahead", applied(), nothing, at(99), "yyynn");
    let lack = python(&applied(), at(99)).settled;
    assert_eq!(lack, Finding::No(Lack::AheadOfClock { applied: at(100) }));
    let mut just_now = applied();
    status(&mut just_now).last_applied_time = Some("2026-11-24T12:01:40.9".to_owned());
    let lack = python(&just_now, at(100)).settled;
    assert!(matches!(lack, Finding::No(Lack::NotStill { .. })), "NICO's clock has no fractions: {lack:?}");
    shows("a year ahead, a push", applied(), took(31_536_000, Some(false)), at(9000), "yyynn");
}

#[test]
fn the_status_of_the_content_before_proves_nothing() {
    shows("Success and a commit, of other files", outdated(), nothing, at(100), "nnnnn");
    shows("a look that could not reach it ended", outdated(), handle, at(100), "ynnnn");
    shows(
        "no hash, all else is there",
        applied(),
        |nc| status(nc).additional_files_hash = None,
        at(9000),
        "ynnny",
    );
    shows("delivered, its handler still runs", applied(), |nc| forget(nc, HANDLED), at(9000), "nynnn");
    assert_eq!(python(&outdated(), at(100)).proven, Finding::No(Lack::OtherFiles));
    assert_eq!(python(&written(), at(100)).proven, Finding::No(Lack::NeverApplied));
}

#[test]
fn a_blip_leaves_it_delivered_and_at_rest() {
    shows("at once", applied(), blip, at(300), "yynnn");
    shows("after the deadline", applied(), blip, at(99_999), "yynnn");
    let mut configuration = applied();
    blip(&mut configuration);
    assert_eq!(python(&configuration, at(300)).proven, Finding::No(Lack::CommitForgotten));
    shows("only the commit", applied(), |nc| status(nc).applied_commit = None, at(300), "yynnn");
    shows(
        "an empty commit",
        applied(),
        |nc| status(nc).applied_commit = Some(String::new()),
        at(300),
        "yynnn",
    );
}

#[test]
fn only_true_with_success_is_a_success() {
    for (name, value, reason) in [
        ("Applied", "False", "GitError"),
        ("Applied", "False", "Success"),
        ("Applied", "Unknown", "Success"),
        ("Applied", "true", "Success"),
        ("Applied", "True", "InProgress"),
        ("Ready", "True", "Success"),
    ] {
        let put = |nc: &mut NixosConfiguration| status(nc).conditions = vec![condition(name, value, reason)];
        shows(&format!("{name}={value}/{reason}"), applied(), put, at(9000), "yynnn");
    }
    shows("no condition", applied(), |nc| status(nc).conditions.clear(), at(9000), "yynnn");
}

#[test]
fn a_reason_that_is_no_word_is_not_repeated() {
    for (reason, repeated) in [("GitError", true), ("https://x:s3cr3t@h", false), ("", false)] {
        let mut configuration = applied();
        status(&mut configuration).conditions = vec![condition("Applied", "False", reason)];
        let expected = repeated.then(|| reason.to_owned());
        let proven = python(&configuration, at(9000)).proven;
        assert_eq!(proven, Finding::No(Lack::NoSuccess { reason: expected }));
    }
}

#[test]
fn the_handler_is_at_rest_with_the_live_spec_only() {
    let inline = |nc: &mut NixosConfiguration| edit_note(nc, |note| note["spec"]["flake"] = json!("#other"));
    shows("another flake", applied(), inline, at(9000), "nynnn");
    let cleared = |nc: &mut NixosConfiguration| nc.spec.full_install = Some(true);
    shows("fullInstall is not cleared for it", applied(), cleared, at(9000), "nynnn");
    let unset = |nc: &mut NixosConfiguration| edit_note(nc, |note| note["spec"]["ref"] = json!(null));
    shows("null is absent", applied(), unset, at(9000), "yyyyn");
    let beyond = |nc: &mut NixosConfiguration| edit_note(nc, |note| note["spec"]["storeRef"] = json!({}));
    shows("a field that NIO does not act upon", applied(), beyond, at(9000), "yyyyn");
    let short = |nc: &mut NixosConfiguration| annotate(nc, HANDLED, "{\"spec\":{\"flake\"");
    shows("cut off", applied(), short, at(9000), "?y??n");
    let none = |nc: &mut NixosConfiguration| edit_note(nc, |note| *note = json!({ "metadata": {} }));
    shows("without a spec", applied(), none, at(9000), "?y??n");
    let odd = |nc: &mut NixosConfiguration| edit_note(nc, |note| note["spec"]["flake"] = json!(7));
    shows("a flake that is a number", applied(), odd, at(9000), "?y??n");
    shows("never looked at", written(), nothing, at(1), "nnnnn");
}

#[test]
fn what_is_being_deleted_is_not_at_rest() {
    let delete = |nc: &mut NixosConfiguration| nc.metadata.deletion_timestamp = Some(Time(at(8000)));
    shows("cleaned up", applied(), delete, at(9000), "nynnn");
    assert_eq!(python(&written(), at(1)).at_rest, Finding::No(Lack::HandlerNotEnded));
    let stale = |nc: &mut NixosConfiguration| {
        handle(nc);
        fail(nc, 9, "2026-11-24T12:00:01");
        delete(nc);
    };
    shows("old failures are not its clean-up's", outdated(), stale, at(100), "nnnnn");
}

#[test]
fn overdue_is_what_was_not_delivered_by_the_deadline() {
    for (what, object) in [("never looked at", written()), ("outdated", outdated())] {
        shows(what, object.clone(), nothing, at_ms(4_200_000), "nnnnn");
        shows(what, object, nothing, at_ms(4_200_001), "nnnny");
    }
    shows("at rest, another hash", outdated(), handle, at(4201), "ynnny");
    let unnoted = |nc: &mut NixosConfiguration| forget(nc, WRITTEN_AT);
    shows("since its creation", written(), unnoted, at(-86_400 + 4200), "nnnnn");
    shows("since its creation", written(), unnoted, at(-86_400 + 4201), "nnnny");
    shows("delivered but failing is not", applied(), |nc| forget(nc, HANDLED), at(99_999), "nynnn");
    let overdue = Overdue { since: Some(at(4200)), why: Tardiness::Deadline };
    assert_eq!(python(&written(), at(9000)).overdue, Finding::Yes(overdue));
    assert_eq!(python(&written(), at(9)).overdue, Finding::No(Lack::InTime { until: at(4200) }));
    assert_eq!(python(&applied(), at(9000)).overdue, Finding::No(Lack::Delivered));
}

#[test]
fn three_failed_attempts_since_the_writing_are_overdue_at_once() {
    let failing =
        |retries, started: &'static str| move |nc: &mut NixosConfiguration| fail(nc, retries, started);
    let after = "2026-11-24T12:00:01.000001";
    shows("two", outdated(), failing(2, after), at(200), "nnnnn");
    shows("three", outdated(), failing(3, after), at(200), "nnnny");
    shows("with a zone", outdated(), failing(3, "2026-11-24T12:00:01+00:00"), at(200), "nnnny");
    shows("of a new one", written(), failing(3, after), at(200), "nnnny");
    shows("begun with the writing", outdated(), failing(3, "2026-11-24T12:00:00"), at(200), "nnnnn");
    shows("begun with the content before", outdated(), failing(99, "2026-11-24T11:59:59"), at(200), "nnnnn");
    shows(
        "delivered by the timer",
        applied(),
        |nc| {
            forget(nc, HANDLED);
            fail(nc, 3, after);
        },
        at(200),
        "nynnn",
    );
    shows(
        "left over",
        outdated(),
        |nc| {
            handle(nc);
            fail(nc, 3, after);
        },
        at(200),
        "ynnnn",
    );
    let mut configuration = outdated();
    fail(&mut configuration, 3, after);
    let since = Some(at_ms(1000) + SignedDuration::from_micros(1));
    let overdue = Overdue { since, why: Tardiness::Failed };
    assert_eq!(python(&configuration, at(200)).overdue, Finding::Yes(overdue.clone()));
    assert_eq!(python(&configuration, at(9000)).overdue, Finding::Yes(overdue), "it keeps its since");
}

#[test]
fn failures_that_cannot_be_told_wait_for_the_deadline() {
    for note in ["", "[]", "{\"retries\":\"3\"}", "{\"retries\":3}", "{\"retries\":3,\"started\":\"x\"}"] {
        let put = |nc: &mut NixosConfiguration| annotate(nc, PROGRESS, note);
        shows(note, outdated(), put, at(4200), "nnnn?");
        shows(note, outdated(), put, at(4201), "nnnny");
    }
    let left_over = |nc: &mut NixosConfiguration| {
        handle(nc);
        annotate(nc, PROGRESS, "?");
    };
    shows("what is left over matters to nobody", outdated(), left_over, at(4200), "ynnnn");
    shows("an empty note", outdated(), |nc| annotate(nc, PROGRESS, "{}"), at(4200), "nnnnn");
    let unread = |nc: &mut NixosConfiguration| {
        annotate(nc, HANDLED, "?");
        fail(nc, 3, "2026-11-24T12:00:01");
    };
    shows("left over or not", outdated(), unread, at(4200), "?nnn?");
    shows("left over or not", outdated(), unread, at(4201), "?nnny");
}

#[test]
fn what_nio_alone_can_hash_is_unknown() {
    let facts = |nc: &mut NixosConfiguration| {
        nc.spec.additional_files[0].value_type = ValueType::NixosFacter;
        handle(nc);
    };
    shows("facts", applied(), facts, at(9000), "y????");
}

#[test]
fn a_machine_counts_for_being_reachable_alone() {
    let proof =
        |machine: Option<Machine>| prove(&applied(), machine.as_ref(), Dialect::Python, &TIMING, at(9000));
    assert_eq!(proof(Some(machine(Some(true)))).reachable, Finding::Yes(()));
    assert_eq!(proof(Some(machine(Some(false)))).reachable, Finding::No(Lack::Unreachable));
    assert_eq!(proof(Some(machine(None))).reachable, Finding::No(Lack::Unreachable));
    assert_eq!(proof(None).reachable, Finding::No(Lack::NoMachine));
    assert_eq!(letters(&proof(None)), "yyyyn");
}

#[test]
fn the_recorded_objects_of_the_python_operators_are_settled() {
    let recorded = include_str!("../../fixtures/recorded/live.yaml");
    let mut seen = 0;
    for document in serde_yaml::Deserializer::from_str(recorded) {
        let configuration: NixosConfiguration = serde::Deserialize::deserialize(document).unwrap();
        seen += 1;
        // Applied within three seconds of 04:39:50: a minute later at the latest.
        let before = python(&configuration, "2026-11-24T04:40:51Z".parse().expect("a time"));
        let after = python(&configuration, "2026-11-24T04:40:53Z".parse().expect("a time"));
        assert_eq!(letters(&before), "yyynn", "{before:#?}");
        assert_eq!(letters(&after), "yyyyn", "{after:#?}");
    }
    assert_eq!(seen, 5);
}

#[test]
fn the_defaults_of_the_timing() {
    let mut cluster = KubernetesCluster::default();
    assert_eq!(Timing::of(&cluster), TIMING);
    cluster.spec.rollout = Some(Rollout::default());
    assert_eq!(Timing::of(&cluster), TIMING);
    let own =
        Rollout { min_ready_seconds: Some(5), progress_deadline_seconds: Some(90), ..Rollout::default() };
    cluster.spec.rollout = Some(own);
    let seconds = SignedDuration::from_secs;
    assert_eq!(Timing::of(&cluster), Timing { min_ready: seconds(5), deadline: seconds(90) });
}

#[test]
fn words_for_people() {
    for (lack, words) in [
        (Lack::NoTime(TimeField::LastApplied), "status.lastAppliedTime is missing or cannot be read"),
        (
            Lack::NotStill { needed: SignedDuration::from_secs(150), since: at(100) },
            "it was applied at 2026-11-24T12:01:40Z and has to stand still for 150 s",
        ),
        (Lack::NoSuccess { reason: Some("GitError".to_owned()) }, "its last apply was no success (GitError)"),
        (Lack::InTime { until: at(4200) }, "it has time until 2026-11-24T13:10:00Z"),
    ] {
        assert_eq!(lack.to_string(), words);
    }
    assert_eq!(Tardiness::Failed.to_string(), "NIO tried to apply it three times and failed");
}
