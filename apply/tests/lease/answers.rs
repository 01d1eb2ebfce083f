//! A write that was carried out and whose answer was lost neither costs leadership nor makes a second one.

use nico_harness::ControlPlane;

use crate::network::{Network, Way};
use crate::support::{Contender, holder, settings, spec, wait, with_code, writes};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_creation() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("lost-creation").await;
    let (client, network) = Network::client(control_plane, Way::LosesAnswer).await;
    let a = Contender::start(client, settings(namespace.name(), "a"));
    wait("a lost answer", network.has_lost_one()).await;
    let term = a.leads().await;
    assert_eq!(term.number(), 1);
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(0), "it was its own");
    let all = writes(control_plane, &namespace, "a renewal", |writes| writes.len() > 1).await;
    assert_eq!(with_code(&all, "create", 201).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_renewal() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("lost-renewal").await;
    let (client, network) = Network::client(control_plane, Way::Open).await;
    let a = Contender::start(client, settings(namespace.name(), "a"));
    let term = a.leads().await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;

    network.set(Way::LosesAnswer);
    wait("a lost answer", network.has_lost_one()).await;
    // The next one is bound to a version that is no longer there.
    let refused = |writes: &[nico_harness::Event]| !with_code(writes, "update", 409).is_empty();
    let so_far = writes(control_plane, &namespace, "a conflict", refused).await.len();
    let all = writes(control_plane, &namespace, "more renewals", |writes| writes.len() > so_far + 2).await;
    assert!(all.iter().all(|write| holder(write) == "a"), "{all:#?}");
    assert!(term.is_valid(), "it is the same term");
    assert!(!b.leadership.is_valid());
    assert_eq!(spec(control_plane, &namespace).await.lease_transitions, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_release_leaves_it_released() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("lost-release").await;
    let (client, network) = Network::client(control_plane, Way::Open).await;
    let a = Contender::start(client, settings(namespace.name(), "a"));
    a.leads().await;
    let leadership = a.leadership.clone();
    // Whichever write is next: a renewal, or the release.
    network.set(Way::LosesAnswer);
    let ended = a.end_somehow().await;
    assert!(!leadership.is_valid());
    if let Err(error) = ended {
        assert!(error.to_string().contains("the answer is lost"), "{error}");
    }
    assert_eq!(spec(control_plane, &namespace).await.holder_identity.as_deref(), Some(""));
}
