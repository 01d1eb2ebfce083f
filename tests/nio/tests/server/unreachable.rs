//! Machines that NIO cannot log in on.

use nico_crds::NixosConfiguration;
use nio_stand_in::{Actor, Content, Kind, Settings};
use serde_json::json;

use crate::support::{Place, condition, configuration, has_status_hash, hash, without_timer};

fn is_unreachable(live: &NixosConfiguration) -> bool {
    condition(live) == ("False".to_owned(), "MissingCredentials".to_owned())
}

async fn discoverable(place: &Place, value: bool) {
    place
        .machine_until("node-1", "discoverable", |machine| {
            (machine.status.as_ref()?.discoverable? == value).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_blip_is_enough_to_wipe_again() {
    let place = Place::new("blip", Settings::default()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    let live = place.created("home-node-1", "node-1").await;
    let mark = place.log().mark();
    place.control.lose("node-1");
    place.until("home-node-1", "the blip to be seen", |live| is_unreachable(live).then_some(())).await;
    discoverable(&place, false).await;
    let status = place.configuration("home-node-1").await.status.unwrap();
    assert_eq!((status.applied_commit, status.last_applied_time), (None, None));
    assert_eq!(status.additional_files_hash, Some(hash(&live)));
    assert_eq!(place.machines().get("node-1").await.unwrap().status.unwrap().has_configuration, Some(true));
    assert_eq!(place.log().since(mark).runs(), []);

    place.control.find("node-1");
    place.proven("home-node-1").await;
    discoverable(&place, true).await;
    let wipes = place.log().since(mark).runs_of("node-1", Kind::Wipe);
    assert_eq!(wipes.len(), 1, "{wipes:#?}");
}

/// The handler is at rest then, though it has applied nothing.
#[tokio::test]
async fn from_the_start_nothing_is_applied() {
    let place = Place::new("hidden", Settings::default()).await;
    place.control.lose("node-1");
    place.machine("node-1").await;
    discoverable(&place, false).await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.until("home-node-1", "a look", |live| is_unreachable(live).then_some(())).await;
    place.rests("home-node-1").await;
    place.timer_came_round("node-1").await;
    let status = place.configuration("home-node-1").await.status.unwrap();
    assert!(!status.shows_an_apply(), "{status:?}");
    assert_eq!(place.log().machine("node-1").content, Content::Untouched);

    place.control.find("node-1");
    place.proven("home-node-1").await;
}

#[tokio::test]
async fn in_the_middle_of_an_apply_it_fails() {
    let place = Place::new("cut", without_timer()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    let first = hash(&place.created("home-node-1", "node-1").await);
    place.control.hold("node-1", Actor::Handler);
    let second = hash(&place.write("home-node-1", 2).await);
    place.log_until("the apply", |log| (log.machine("node-1").under_way == 1).then_some(())).await;
    place.control.lose("node-1");
    place.control.release("node-1", Actor::Handler);
    let live =
        place.until("home-node-1", "the next look", |live| is_unreachable(live).then(|| live.clone())).await;
    assert!(has_status_hash(&live, &first));
    let content = place.log().machine("node-1").content;
    assert!(matches!(&content, Content::Half(half) if half.files_hash == second), "{content:?}");

    place.control.find("node-1");
    // Its handler is at rest: only a look can find out.
    place.patch("home-node-1", json!({ "metadata": { "annotations": { "nudge": "1" } } })).await;
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &second));
}
