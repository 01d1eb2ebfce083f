//! What one look at Go NIO's status proves: never a delivery, but that it has given up, or that nothing
//! was applied since the content was written.
//!
//! Five letters a case: at rest, delivered, proven, settled, overdue; `?` is unknown.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

#[path = "support/observed.rs"]
mod observed;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::configuration::NixosConfigurationStatus;
use nico_crds::machine::Dialect;
use nico_render::proof::{Finding, GoPhase, Lack, Overdue, Tardiness, is_proven};
use observed::{at, condition, go, letters, status, text, written};

/// Ready with the live generation, applied at 100.
fn ready() -> NixosConfiguration {
    let mut configuration = written();
    configuration.status = Some(NixosConfigurationStatus {
        phase: Some("Ready".to_owned()),
        observed_generation: configuration.metadata.generation,
        last_applied_time: Some(text(100)),
        conditions: vec![condition("Ready", "True", "Applied")],
        ..NixosConfigurationStatus::default()
    });
    configuration
}

#[track_caller]
fn shows(what: &str, spoil: impl FnOnce(&mut NixosConfiguration), now: Timestamp, expected: &str) {
    let mut configuration = ready();
    spoil(&mut configuration);
    let proof = go(&configuration, now);
    assert_eq!(letters(&proof), expected, "{what}: {proof:#?}");
    assert!(!is_proven(&configuration, Dialect::Go), "{what}");
}

#[test]
fn ready_may_be_left_over_from_before() {
    shows("in time", |_| {}, at(4200), "????n");
    shows("and who knows later", |_| {}, at(4201), "?????");
    shows("a wrong clock", |nc| status(nc).last_applied_time = Some("?".to_owned()), at(4201), "?????");
}

#[test]
fn what_is_not_ready_is_not_delivered() {
    for phase in ["Pending", "Blocked", "Installing", "Converging", "Removing", "Sleeping"] {
        let put = |nc: &mut NixosConfiguration| status(nc).phase = Some(phase.to_owned());
        shows(phase, put, at(4200), "?nnnn");
        shows("it may have been Ready before", put, at(4201), "?nnn?");
    }
    shows("no phase", |nc| status(nc).phase = None, at(100), "?nnnn");
    shows("no condition", |nc| status(nc).conditions.clear(), at(100), "?nnnn");
    let not_ready =
        |nc: &mut NixosConfiguration| status(nc).conditions = vec![condition("Ready", "False", "X")];
    shows("the condition says no", not_ready, at(100), "?nnnn");
    shows("no status", |nc| nc.status = None, at(100), "?nnnn");
    let mut configuration = ready();
    status(&mut configuration).phase = Some("Sleeping".to_owned());
    assert_eq!(go(&configuration, at(100)).proven, Finding::No(Lack::GoPhase(GoPhase::Other)));
}

#[test]
fn another_generation_says_nothing() {
    for observed in [None, Some(6), Some(8)] {
        let put = |nc: &mut NixosConfiguration| status(nc).observed_generation = observed;
        shows("Ready", put, at(100), "?nnnn");
        let degraded = |nc: &mut NixosConfiguration| {
            put(nc);
            status(nc).phase = Some("Degraded".to_owned());
            status(nc).conditions.push(condition("Stalled", "True", "X"));
        };
        shows("an old failure is none", degraded, at(100), "?nnnn");
    }
    let neither = |nc: &mut NixosConfiguration| {
        status(nc).observed_generation = None;
        nc.metadata.generation = None;
    };
    shows("none is not the same as none", neither, at(100), "?nnnn");
}

#[test]
fn what_was_not_applied_since_the_writing_is_overdue_by_the_deadline() {
    for time in [None, Some(String::new()), Some(text(-1))] {
        let put = |nc: &mut NixosConfiguration| status(nc).last_applied_time = time.clone();
        shows("Ready from before", put, at(4200), "?nnnn");
        shows("Ready from before", put, at(4201), "?nnny");
    }
    shows("never looked at", |nc| nc.status = None, at(4200), "?nnnn");
    shows("never looked at", |nc| nc.status = None, at(4201), "?nnny");
    shows("applied just then", |nc| status(nc).last_applied_time = Some(text(0)), at(4201), "?????");
    let mut configuration = ready();
    status(&mut configuration).last_applied_time = Some(text(-1));
    let proof = go(&configuration, at(9000));
    assert_eq!(proof.delivered, Finding::No(Lack::GoAppliedBefore { applied: at(-1) }));
    let overdue = Overdue { since: Some(at(4200)), why: Tardiness::Deadline };
    assert_eq!(proof.overdue, Finding::Yes(overdue));
}

#[test]
fn what_nio_has_given_up_is_overdue_at_once() {
    let mut stalled = ready();
    status(&mut stalled).conditions.push(condition("Stalled", "True", "X"));
    let mut degraded = ready();
    status(&mut degraded).phase = Some("Degraded".to_owned());
    for (configuration, why) in [(stalled, Tardiness::GoStalled), (degraded, Tardiness::GoDegraded)] {
        let overdue = Overdue { since: Some(at(50)), why };
        assert_eq!(go(&configuration, at(60)).overdue, Finding::Yes(overdue));
    }
    let not = |nc: &mut NixosConfiguration| status(nc).conditions.push(condition("Stalled", "False", "X"));
    shows("Stalled is False", not, at(100), "????n");
}

#[test]
fn what_is_being_deleted_is_not_at_rest() {
    let delete = |nc: &mut NixosConfiguration| nc.metadata.deletion_timestamp = Some(Time(at(50)));
    shows("cleaned up", delete, at(100), "n???n");
}
