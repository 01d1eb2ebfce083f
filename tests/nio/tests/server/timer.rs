//! The timer beside the handler, on its frozen copy.

use std::time::Duration;

use nio_stand_in::{Actor, Fail, Kind, Settings};
use serde_json::json;

use crate::support::{Place, attempts, configuration, has_status_hash, hash, is_proven, without_timer};

/// The second content is proven while the timer still applies the first. Its hash.
async fn with_an_old_apply(name: &str, settings: Settings) -> (Place, String, String) {
    let place = Place::new(name, settings).await;
    place.machine("node-1").await;
    place.control.hold("node-1", Actor::Timer);
    place.put(configuration("home-node-1", "node-1", false)).await;
    let first = hash(&place.proven("home-node-1").await);
    let second = hash(&place.write("home-node-1", 2).await);
    place.proven("home-node-1").await;
    assert_eq!(place.log().machine("node-1").runs(), Some(second.as_str()));
    (place, first, second)
}

#[tokio::test]
async fn puts_the_old_content_back_and_the_next_look_mends_it() {
    let (place, first, second) = with_an_old_apply("late", Settings::default()).await;
    place.control.release("node-1", Actor::Timer);
    place
        .until("home-node-1", "the old hash", |live| has_status_hash(live, &first).then(|| is_proven(live)))
        .await;
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &second));
    assert_eq!(place.log().machine("node-1").runs(), Some(second.as_str()));
    let last = place.log().runs().pop().unwrap();
    assert_eq!((last.start.actor, last.start.files_hash), (Actor::Timer, second));
}

#[tokio::test]
async fn puts_the_old_content_back_and_an_annotation_mends_it_at_once() {
    let (place, first, second) = with_an_old_apply("nudge", without_timer()).await;
    place.control.release("node-1", Actor::Timer);
    let live = place
        .until("home-node-1", "the old hash", |live| has_status_hash(live, &first).then(|| live.clone()))
        .await;
    // With a success, and nothing says that it is old.
    let status = live.status.unwrap();
    assert!(status.applied_commit.is_some());
    assert_eq!(status.condition("Applied").unwrap().reason, "Success");
    place.meanwhile("node-2").await;
    assert!(has_status_hash(&place.configuration("home-node-1").await, &first));

    place.patch("home-node-1", json!({ "metadata": { "annotations": { "nudge": "1" } } })).await;
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &second));
    assert_eq!(place.log().machine("node-1").runs(), Some(second.as_str()));
}

#[tokio::test]
async fn doubles_an_update_that_outlasts_its_interval() {
    let place = Place::new("doubles", without_timer()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    place.created("home-node-1", "node-1").await;
    let mark = place.log().mark();
    place.write("home-node-1", 2).await;
    place.proven("home-node-1").await;
    assert_eq!(place.log().since(mark).runs().len(), 1);

    place.control.twin("node-1", true);
    let mark = place.log().mark();
    place.write("home-node-1", 3).await;
    place
        .log_until("both to end", |log| {
            let runs = log.since(mark).runs();
            (runs.len() == 2 && runs.iter().all(nio_stand_in::Run::succeeded)).then_some(())
        })
        .await;
    let log = place.log().since(mark);
    let mut actors: Vec<_> = log.runs().iter().map(|run| run.start.actor).collect();
    actors.sort_unstable();
    assert_eq!(actors, [Actor::Handler, Actor::Timer]);
    assert_eq!(log.applies("node-1"), 1);
}

/// Until the handler is at rest with the clearing.
#[tokio::test]
async fn still_wipes_after_the_clearing() {
    let place = Place::new("frozen", Settings::default()).await;
    place.machine("node-1").await;
    place.control.hold("node-1", Actor::Handler);
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.until("home-node-1", "evidence", |live| live.status.as_ref()?.has_full_install).await;
    place.patch("home-node-1", json!({ "spec": { "fullInstall": false } })).await;
    let mark = place.log().mark();
    place
        .log_until("the timer to wipe again", |log| {
            let runs = log.since(mark).runs();
            runs.iter()
                .any(|run| run.start.kind == Kind::Wipe && run.start.actor == Actor::Timer)
                .then_some(())
        })
        .await;

    place.control.release("node-1", Actor::Handler);
    place.rests("home-node-1").await;
    place.timer_came_round("node-1").await;
    let mark = place.log().mark();
    place.timer_came_round("node-1").await;
    let log = place.log();
    assert_eq!(log.since(mark).runs(), []);
    assert!(log.machine("node-1").wipes >= 3);
    assert_eq!((log.installations("node-1"), log.machine("node-1").switches), (1, 0));
}

#[tokio::test]
async fn fails_without_a_word() {
    let place = Place::new("silent", Settings::default()).await;
    place.machine("node-1").await;
    place.control.fail_timer("node-1", Fail::Always);
    place.control.slow_timer("node-1", Duration::from_millis(300));
    place.put(configuration("home-node-1", "node-1", false)).await;
    let before = place.proven("home-node-1").await;
    place
        .log_until("the timer to fail", |log| {
            log.runs().iter().any(|run| run.failed() && run.start.actor == Actor::Timer).then_some(())
        })
        .await;
    place.timer_came_round("node-1").await;
    let after = place.configuration("home-node-1").await;
    assert_eq!(attempts(&after), None);
    assert_eq!(after, before);
    assert_eq!(place.log().machine("node-1").runs(), None, "and the machine is half of it");
}
