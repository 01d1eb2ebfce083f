//! One leads, and the next one follows: after its death, its release, a stall.

use std::time::{Duration, Instant};

use kube::api::{DeleteParams, Patch, PatchParams};
use nico_apply::lease::{LEASE_NAME, Settings};
use nico_harness::ControlPlane;
use serde_json::json;
use tokio::time::sleep;

use crate::network::{Network, Way};
use crate::support::{Contender, begun, holder, leases, settings, spec, wait, with_code, writes};

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_leads() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("one").await;
    let (a, b) = tokio::join!(
        Contender::of(control_plane, &namespace, "a"),
        Contender::of(control_plane, &namespace, "b")
    );
    let leader = tokio::select! { _ = a.leads() => "a", _ = b.leads() => "b" };
    let (leads, follows) = if leader == "a" { (&a, &b) } else { (&b, &a) };
    let term = leads.leads().await;
    follows.follows(leader).await;
    let first = spec(control_plane, &namespace).await;

    let seen = writes(control_plane, &namespace, "renewals", |writes| writes.len() > 4).await;
    let succeeded: Vec<_> = seen.iter().filter(|write| write.code < 300).collect();
    assert_eq!(with_code(&seen, "create", 201).len(), 1);
    assert!(succeeded.iter().all(|write| holder(write) == leader), "{succeeded:#?}");
    assert!(term.is_valid(), "renewals are one term");
    assert!(!follows.leadership.is_valid());

    let later = spec(control_plane, &namespace).await;
    assert_eq!(later.holder_identity.as_deref(), Some(leader));
    assert_eq!(later.lease_duration_seconds, Some(8));
    assert_eq!(later.lease_transitions, Some(0));
    assert_eq!(later.acquire_time, first.acquire_time, "it was acquired once");
    assert!(later.renew_time > first.renew_time && later.renew_time > later.acquire_time);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_dies_is_succeeded_after_its_validity() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("dies").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let term = a.leads().await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;
    let before = spec(control_plane, &namespace).await;

    a.task.abort();
    assert!(wait("the end of its task", a.task).await.unwrap_err().is_cancelled());
    // Nobody renews it any more: this is how far it goes.
    let end_of_a = term.valid_until().expect("it has just been renewed");
    assert!(!b.leadership.is_valid());
    let next = b.leads().await;
    assert!(begun(&next, &settings(namespace.name(), "b")) >= end_of_a, "two led at once");
    assert!(!term.is_valid() && !a.leadership.is_valid());
    assert_eq!(a.leadership.status(), "stands by: its leadership was not renewed in time");

    let after = spec(control_plane, &namespace).await;
    assert_eq!(after.holder_identity.as_deref(), Some("b"));
    assert_eq!(after.lease_transitions, Some(1));
    assert!(after.acquire_time > before.acquire_time);
    writes(control_plane, &namespace, "its write", |writes| writes.iter().any(|w| holder(w) == "b")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ends_in_good_order_is_succeeded_at_once() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("ends").await;
    // By time alone nobody would follow before the test has failed.
    let for_hours = |identity: &str| Settings {
        duration: Duration::from_hours(2),
        renew_deadline: Duration::from_hours(1),
        ..settings(namespace.name(), identity)
    };
    let a = Contender::start(control_plane.client().await, for_hours("a"));
    let term = a.leads().await;
    let b = Contender::start(control_plane.client().await, for_hours("b"));
    b.follows("a").await;

    let leadership = a.end().await;
    assert!(!term.is_valid() && !leadership.is_valid());
    assert_eq!(leadership.status(), "stands by: it has been told to end");
    b.leads().await;
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(1));

    let released = |write: &nico_harness::Event| holder(write).is_empty();
    let all = writes(control_plane, &namespace, "both", |all| {
        all.iter().any(released) && all.iter().any(|write| holder(write) == "b")
    });
    let all = all.await;
    let release: Vec<_> = all.iter().filter(|write| released(write)).collect();
    assert_eq!(release.len(), 1);
    let sent = &release[0].request_object.as_ref().unwrap()["spec"];
    assert_eq!(sent["leaseDurationSeconds"], 1);
    assert_eq!(release[0].code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_stood_by_releases_nothing() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("stood-by").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let term = a.leads().await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;
    b.end().await;
    let all = writes(control_plane, &namespace, "renewals", |writes| writes.len() > 3).await;
    assert!(all.iter().all(|write| holder(write) == "a"), "{all:#?}");
    assert!(term.is_valid());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_lost_the_lease_does_not_release_it_for_another() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("has-lost").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let term = a.leads().await;
    let patch = Patch::Merge(json!({ "spec": { "holderIdentity": "hand" } }));
    let api = leases(control_plane, &namespace).await;
    api.patch(LEASE_NAME, &PatchParams::default(), &patch).await.unwrap();
    wait("the end of the term", term.lost()).await;
    a.end().await;
    assert_eq!(spec(control_plane, &namespace).await.holder_identity.as_deref(), Some("hand"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_knows_it_before_another_leads_and_its_late_write_changes_nothing() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("cut-off").await;
    let (client, network) = Network::client(control_plane, Way::Open).await;
    let a = Contender::start(client, settings(namespace.name(), "a"));
    let term = a.leads().await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;

    network.set(Way::Held);
    let mut end_of_a = Instant::now();
    while let Some(until) = term.valid_until() {
        end_of_a = until;
        // Asked in this order: b may begin when a has ended, never before.
        let (b_leads, a_leads) = (b.leadership.is_valid(), term.is_valid());
        assert!(!(b_leads && a_leads), "two lead at once");
        sleep(Duration::from_millis(5)).await;
    }
    let next = b.leads().await;
    assert!(begun(&next, &settings(namespace.name(), "b")) >= end_of_a, "two led at once");
    assert!(!a.leadership.is_valid());
    let trouble = a.leadership.trouble().expect("it gets no answers");
    assert!(trouble.contains("no answer within"), "{trouble}");

    // Now the renewals arrive that were under way.
    network.set(Way::Open);
    a.follows("b").await;
    assert_eq!(a.leadership.trouble(), None);
    let all = writes(control_plane, &namespace, "the late renewal", |writes| {
        with_code(writes, "update", 409).iter().any(|write| holder(write) == "a")
    })
    .await;
    assert_eq!(with_code(&all, "create", 201).len(), 1);
    assert!(next.is_valid());
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_deleted_ends_the_term_and_only_its_leader_makes_it_anew() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("deleted").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    let (leads, follows, leader) =
        tokio::select! { _ = a.leads() => (&a, &b, "a"), _ = b.leads() => (&b, &a, "b") };
    let term = leads.leads().await;
    follows.follows(leader).await;

    let api = leases(control_plane, &namespace).await;
    for _ in 0..3 {
        let before = api.get(LEASE_NAME).await.unwrap();
        let present = leads.leads().await;
        api.delete(LEASE_NAME, &DeleteParams::default()).await.unwrap();
        wait("the end of the term", present.lost()).await;
        assert!(leads.leads().await.number() > present.number());
        let after = api.get(LEASE_NAME).await.unwrap();
        assert_ne!(after.metadata.uid, before.metadata.uid);
    }
    let all = writes(control_plane, &namespace, "four Leases", |writes| {
        with_code(writes, "create", 201).len() == 4
    })
    .await;
    let made = |write: &&nico_harness::Event| write.code < 300 && holder(write) != leader;
    assert_eq!(all.iter().find(made), None, "the other waits: somebody may lead by the one that is gone");
    assert!(!term.is_valid());
    // An update that would make a Lease out of nothing is refused.
    assert!(!with_code(&all, "update", 409).is_empty(), "{all:#?}");
    assert_eq!(with_code(&all, "update", 201).len(), 0);
    follows.follows(leader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vacancy_that_lasts_is_filled() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("vacancy").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let term = a.leads().await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;
    a.task.abort();
    let end_of_a = term.valid_until().expect("it has just been renewed");
    leases(control_plane, &namespace).await.delete(LEASE_NAME, &DeleteParams::default()).await.unwrap();
    let next = b.leads().await;
    assert!(begun(&next, &settings(namespace.name(), "b")) >= end_of_a, "two led at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_kept_and_ends_nothing_unless_it_names_another_holder() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("edit").await;
    let a = Contender::of(control_plane, &namespace, "a").await;
    let term = a.leads().await;
    let api = leases(control_plane, &namespace).await;
    let edit = async |patch| {
        api.patch(LEASE_NAME, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    };

    edit(json!({ "metadata": { "labels": { "by": "hand" } } })).await;
    let refused = |writes: &[nico_harness::Event]| !with_code(writes, "update", 409).is_empty();
    let all = writes(control_plane, &namespace, "a conflict", refused).await;
    let so_far = all.len();
    writes(control_plane, &namespace, "more renewals", |writes| writes.len() > so_far + 2).await;
    assert!(term.is_valid());
    assert_eq!(api.get(LEASE_NAME).await.unwrap().metadata.labels.unwrap()["by"], "hand");

    // Another one, that never renews.
    edit(json!({ "spec": { "holderIdentity": "hand" } })).await;
    wait("the end of the term", term.lost()).await;
    assert!(!term.is_valid());
    let next = a.leads().await;
    assert_eq!(next.number(), 2);
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(1));

    // Nobody.
    edit(json!({ "spec": { "holderIdentity": "" } })).await;
    wait("the end of the term", next.lost()).await;
    assert_eq!(a.leads().await.number(), 3);
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(2));
}
