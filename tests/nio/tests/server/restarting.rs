//! NIO ends and begins anew.

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
    assert_eq!(wipes.len(), 2, "{wipes:#?}");
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
    place.start();
    place.timer_came_round("node-1").await;
    wait_until("the handler to look", BOUND, async || {
        let now = place.control.looks("node-1", Actor::Handler);
        (now == looks + 1).then_some(()).ok_or(now)
    })
    .await
    .unwrap();
    assert_eq!(place.log().since(mark).runs(), []);
    // The audit log lags: what is written next is certainly in it.
    let before = place.written();
    assert!(
        before
            .iter()
            .all(|event| ["kopf", "OpenAPI-Generator"].contains(&event.field_manager.as_deref().unwrap()))
    );
    place.write("home-node-1", 2).await;
    place.proven("home-node-1").await;
    let after = wait_until("the writes in the audit log", BOUND, async || {
        let after = place.written();
        let note = |event: &nico_harness::Event| event.field_manager.as_deref() == Some("kopf");
        (after.len() > before.len() && after.last().is_some_and(note)).then_some(after).ok_or("not yet")
    })
    .await
    .unwrap();
    let seen: Vec<_> = after[before.len()..].iter().map(|event| event.resource.as_str()).collect();
    let one_apply = ["machines", "nixosconfigurations", "nixosconfigurations"];
    assert!(seen == one_apply || seen.len() == 2 * one_apply.len() - 1, "{seen:?}");
}
