//! NIO ends and begins anew.

use std::collections::BTreeSet;

use nico_harness::wait_until;
use nio_stand_in::{Actor, Content, Kind, Settings};

use crate::support::{BOUND, Place, configuration, hash};

#[tokio::test]
async fn in_the_middle_leaves_half_and_begins_again() {
    let mut place = Place::new("crash", Settings::default()).await;
    place.machine("node-1").await;
    place.control.hold("node-1", Actor::Handler);
    place.control.hold("node-1", Actor::Timer);
    let wanted = hash(&place.put(configuration("home-node-1", "node-1", true)).await);
    place.log_until("both to begin", |log| (log.machine("node-1").under_way == 2).then_some(())).await;
    place.stop().await;
    let machine = place.log().machine("node-1");
    assert_eq!((machine.under_way, machine.wipes), (0, 2));
    assert!(matches!(machine.content, Content::Half(half) if half.files_hash == wanted));

    place.control.release("node-1", Actor::Handler);
    place.control.release("node-1", Actor::Timer);
    let mark = place.log().mark();
    place.start();
    place.proven("home-node-1").await;
    let wipes = place.log().since(mark).runs_of("node-1", Kind::Wipe);
    let by = |actor| wipes.iter().any(|wipe| wipe.start.actor == actor);
    assert!(by(Actor::Handler) && by(Actor::Timer), "{wipes:#?}");
    assert_eq!(place.log().installations("node-1"), 1);
}

#[tokio::test]
async fn at_rest_looks_at_everything_once_and_writes_nothing() {
    let mut place = Place::new("resume", Settings::default()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    place.created("home-node-1", "node-1").await;
    place.timer_came_round("node-1").await;
    place.stop().await;
    let (mark, looks) = (place.log().mark(), place.control.looks("node-1", Actor::Handler));
    let before = place.written().await;
    let managers: BTreeSet<_> = before.iter().map(|event| event.field_manager.as_deref().unwrap()).collect();
    assert_eq!(managers, ["OpenAPI-Generator", "kopf"].into());

    place.start();
    place.timer_came_round("node-1").await;
    wait_until("the handler to look", BOUND, async || {
        let now = place.control.looks("node-1", Actor::Handler);
        (now == looks + 1).then_some(()).ok_or(now)
    })
    .await
    .unwrap();
    assert_eq!(place.log().since(mark).runs(), []);
    assert_eq!(place.written().await, before);
}
