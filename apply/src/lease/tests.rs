//! What needs no server: how a Lease is judged and written, and how long a term lasts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, reason = "a test knows its numbers")]

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

use super::leadership::{Led, Terms};
use super::record::{Holder, Seen, created, is_bound, released, renewed, taken};
use super::{Leadership, LeaseError, Settings};

const HOUR: Duration = Duration::from_hours(1);

fn settings() -> Settings {
    Settings::new("fleet", "us")
}

/// A Lease as the server stores it.
fn lease(holder: &str, seconds: Option<i32>, resource_version: &str) -> Lease {
    let mut lease = created(&settings(), Timestamp::UNIX_EPOCH);
    lease.metadata.uid = Some("uid".to_owned());
    lease.metadata.resource_version = Some(resource_version.to_owned());
    let spec = lease.spec.as_mut().unwrap();
    spec.holder_identity = Some(holder.to_owned());
    spec.lease_duration_seconds = seconds;
    lease
}

fn spec(lease: &Lease) -> &LeaseSpec {
    lease.spec.as_ref().unwrap()
}

fn at(microsecond: i64) -> Timestamp {
    Timestamp::from_microsecond(microsecond).unwrap()
}

fn other() -> Holder {
    Holder::Other("other".to_owned())
}

#[test]
fn another_holder_is_respected_for_its_duration_since_the_last_change_that_we_saw() {
    let start = Instant::now();
    let second = |number| start + Duration::from_secs(number);
    let seen = Seen::new(None, lease("other", Some(20), "1"), start);
    assert_eq!(seen.holder(&settings(), second(19)), other());
    assert_eq!(seen.holder(&settings(), second(20)), Holder::Nobody);

    let again = Seen::new(Some(&seen), lease("other", Some(20), "1"), second(19));
    assert_eq!(again.holder(&settings(), second(20)), Holder::Nobody, "nothing had changed");
    let changed = Seen::new(Some(&seen), lease("other", Some(20), "2"), second(19));
    assert_eq!(changed.holder(&settings(), second(38)), other());
    assert_eq!(changed.holder(&settings(), second(39)), Holder::Nobody);
}

#[test]
fn the_times_in_a_lease_do_not_count() {
    let start = Instant::now();
    for renewed_at in [at(0), at(253_402_200_000_000_000)] {
        let mut lease = lease("other", Some(20), "1");
        lease.spec.as_mut().unwrap().renew_time = Some(MicroTime(renewed_at));
        let seen = Seen::new(None, lease, start);
        assert_eq!(seen.holder(&settings(), start), other());
        assert_eq!(seen.holder(&settings(), start + Duration::from_secs(20)), Holder::Nobody);
    }
}

#[test]
fn a_holder_without_a_sensible_duration_gets_ours() {
    let start = Instant::now();
    for seconds in [None, Some(0), Some(-5), Some(i32::MIN)] {
        let seen = Seen::new(None, lease("other", seconds, "1"), start);
        assert_eq!(seen.holder(&settings(), start + Duration::from_secs(14)), other(), "{seconds:?}");
        assert_eq!(seen.holder(&settings(), start + Duration::from_secs(15)), Holder::Nobody, "{seconds:?}");
    }
    let seen = Seen::new(None, lease("other", Some(i32::MAX), "1"), start);
    assert_eq!(seen.holder(&settings(), start + HOUR), other());
}

#[test]
fn a_lease_is_ours_or_free_whatever_its_age() {
    let start = Instant::now();
    let seen = |lease| Seen::new(None, lease, start);
    assert_eq!(seen(lease("us", Some(15), "1")).holder(&settings(), start + HOUR), Holder::Us);
    assert_eq!(seen(lease("", Some(15), "1")).holder(&settings(), start), Holder::Nobody);
    let empty = Lease { spec: None, ..lease("", None, "1") };
    assert_eq!(seen(empty).holder(&settings(), start), Holder::Nobody);
}

#[test]
fn a_takeover_counts_and_a_renewal_keeps_what_is_there() {
    let mut theirs = lease("other", Some(20), "7");
    theirs.metadata.annotations = Some([("kept".to_owned(), "yes".to_owned())].into());
    let spec_of_theirs = theirs.spec.as_mut().unwrap();
    spec_of_theirs.lease_transitions = Some(4);
    spec_of_theirs.preferred_holder = Some("kept".to_owned());

    let ours = taken(&theirs, &settings(), at(50));
    assert_eq!(ours.metadata, theirs.metadata, "it is bound to what was seen");
    assert_eq!(spec(&ours).lease_transitions, Some(5));
    assert_eq!(spec(&ours).holder_identity.as_deref(), Some("us"));
    assert_eq!(spec(&ours).lease_duration_seconds, Some(15));
    assert_eq!(spec(&ours).preferred_holder.as_deref(), Some("kept"));
    assert_eq!(spec(&ours).acquire_time, Some(MicroTime(at(50))));
    assert_eq!(spec(&ours).renew_time, Some(MicroTime(at(50))));

    let later = renewed(&ours, &settings(), at(60));
    assert_eq!(later.metadata, theirs.metadata);
    let wanted = LeaseSpec { renew_time: Some(MicroTime(at(60))), ..spec(&ours).clone() };
    assert_eq!(spec(&later), &wanted, "only the time of renewal has changed");

    let free = released(&later, at(70));
    assert_eq!(free.metadata, theirs.metadata);
    assert_eq!(spec(&free).holder_identity.as_deref(), Some(""));
    assert_eq!(spec(&free).lease_duration_seconds, Some(1));
    assert_eq!(spec(&free).lease_transitions, Some(5));
}

#[test]
fn a_renewal_shows_also_where_the_clock_stands_still() {
    let ours = taken(&lease("other", Some(20), "7"), &settings(), at(50));
    let again = renewed(&ours, &settings(), at(50));
    assert_ne!(spec(&again).renew_time, spec(&ours).renew_time);
    // Less than what is stored is no difference.
    let finer = Timestamp::from_nanosecond(50_999).unwrap();
    let again = renewed(&ours, &settings(), finer);
    assert_eq!(spec(&again).renew_time, Some(MicroTime(at(51))));
    // Back is another time too.
    assert_eq!(spec(&renewed(&ours, &settings(), at(3))).renew_time, Some(MicroTime(at(3))));
    let last = Timestamp::MAX;
    let at_the_end = taken(&ours, &settings(), last);
    assert_ne!(spec(&renewed(&at_the_end, &settings(), last)).renew_time, spec(&at_the_end).renew_time);
}

#[test]
fn only_what_has_a_uid_and_a_version_binds_a_write() {
    assert!(is_bound(&lease("us", None, "1")));
    assert!(!is_bound(&lease("us", None, "")));
    assert!(!is_bound(&created(&settings(), Timestamp::UNIX_EPOCH)));
    let mut without_uid = lease("us", None, "1");
    without_uid.metadata.uid = None;
    assert!(!is_bound(&without_uid));
}

#[test]
fn settings_by_which_two_could_lead_are_refused() {
    settings().check().unwrap();
    let wrong: [fn(&mut Settings); 7] = [
        |settings| settings.namespace = String::new(),
        |settings| settings.identity = String::new(),
        |settings| settings.renew_deadline = settings.duration,
        |settings| settings.duration = Duration::from_millis(15_500),
        |settings| settings.duration = Duration::MAX,
        |settings| settings.retry_period = Duration::ZERO,
        |settings| settings.retry_period = Duration::from_secs(5),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let mut settings = settings();
        change(&mut settings);
        assert!(matches!(settings.check(), Err(LeaseError::Settings(_))), "number {number}");
    }
}

/// Lets the present term end soon, however slow this machine is just now.
fn soon(terms: &Terms) -> Instant {
    loop {
        let until = Instant::now() + Duration::from_millis(20);
        if terms.lead(Some(until)) == Led::Extended {
            return until;
        }
    }
}

/// What never ends fails.
async fn bounded(lost: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(30), lost).await.unwrap();
}

#[tokio::test]
async fn a_term_ends_by_the_clock_though_nobody_says_so() {
    let (terms, leadership) = Terms::unknown();
    assert!(!leadership.is_valid());
    terms.lead(Some(Instant::now() + HOUR));
    let term = leadership.acquired().await;
    let until = soon(&terms);
    // Also where whoever could say so is gone.
    drop(terms);
    bounded(term.lost()).await;
    bounded(leadership.lost()).await;
    assert!(Instant::now() >= until);
    assert!(!term.is_valid() && !leadership.is_valid());
    assert_eq!(leadership.valid_until(), None);
    assert!(leadership.status().contains("not renewed in time"), "{}", leadership.status());
}

#[tokio::test]
async fn a_term_that_has_ended_never_goes_on() {
    let (terms, leadership) = Terms::unknown();
    terms.lead(Some(Instant::now() + HOUR));
    let first = leadership.acquired().await;
    soon(&terms);
    bounded(first.lost()).await;
    assert!(terms.has_lapsed());
    assert!(!terms.has_lapsed(), "it is told once");

    assert_eq!(terms.lead(Some(Instant::now() + HOUR)), Led::Begun);
    let second = leadership.acquired().await;
    assert_eq!((first.number(), second.number()), (1, 2));
    assert!(second.is_valid() && leadership.is_valid());
    assert!(!first.is_valid(), "somebody else may have led in between");
    assert_eq!(terms.lead(Some(Instant::now() + HOUR)), Led::Extended);
    assert!(second.is_valid());

    assert!(terms.end("stands by: other leads".to_owned()));
    assert!(!second.is_valid() && !leadership.is_valid());
    bounded(second.lost()).await;
    assert_eq!(leadership.status(), "stands by: other leads");
    assert!(!terms.end("stands by: other leads".to_owned()), "it had ended");
}

#[test]
fn a_renewal_that_is_answered_too_late_is_none() {
    let (terms, leadership) = Terms::unknown();
    assert_eq!(terms.lead(Some(Instant::now())), Led::TooLate);
    assert_eq!(terms.lead(None), Led::TooLate, "a clock at its end makes no leader");
    assert!(!leadership.is_valid());
}

#[tokio::test]
async fn who_runs_without_election_always_leads() {
    let leadership = Leadership::always();
    let term = leadership.acquired().await;
    assert!(leadership.is_valid() && term.is_valid());
    assert!(leadership.valid_until().unwrap() > Instant::now() + HOUR);
    assert_eq!(leadership.status(), "leads, without election");
    assert_eq!(leadership.trouble(), None);
    let lost = tokio::time::timeout(Duration::from_millis(50), leadership.lost()).await;
    assert!(lost.is_err(), "it is never lost");
}

#[test]
fn what_is_in_the_way_is_shown_and_is_news_once() {
    let (terms, leadership) = Terms::unknown();
    assert!(terms.set_trouble(Some("no rights".to_owned())));
    assert!(!terms.set_trouble(Some("no rights".to_owned())));
    assert_eq!(leadership.trouble().as_deref(), Some("no rights"));
    assert_eq!(leadership.status(), "stands by: the Lease has not been seen yet; no rights");
    assert!(terms.set_trouble(None));
    assert_eq!(leadership.trouble(), None);
}
