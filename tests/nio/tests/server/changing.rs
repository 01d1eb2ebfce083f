//! A change: what makes NIO apply, and what does not.

use nico_crds::NixosConfiguration;
use nio_stand_in::{Actor, Content, Fail, Kind, Settings};
use serde_json::json;

use crate::support::{Place, configuration, has_status_hash, hash, is_proven, without_timer};

async fn installed(name: &str, settings: Settings) -> Place {
    let place = Place::new(name, settings).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.created("home-node-1", "node-1").await;
    place
}

fn installs(live: &NixosConfiguration) -> Option<bool> {
    live.status.as_ref()?.has_full_install
}

#[tokio::test]
async fn one_line_wipes_again_while_full_install_stands() {
    let place = installed("again", Settings::default()).await;
    let wipes = place.log().machine("node-1").wipes;
    place.write("home-node-1", 2).await;
    let live = place.proven("home-node-1").await;
    assert_eq!(installs(&live), Some(true));
    let log = place.log();
    assert!(log.machine("node-1").wipes > wipes);
    assert_eq!(log.machine("node-1").switches, 0);
    assert_eq!(log.installations("node-1"), 2);
}

#[tokio::test]
async fn clearing_full_install_triggers_nothing_and_then_it_is_a_switch() {
    let place = installed("clearing", Settings::default()).await;
    place.patch("home-node-1", json!({ "spec": { "fullInstall": false } })).await;
    place.rests("home-node-1").await;
    let (mark, wipes) = (place.log().mark(), place.log().machine("node-1").wipes);
    place.timer_came_round("node-1").await;
    assert_eq!(place.log().since(mark).runs(), []);
    assert_eq!(installs(&place.configuration("home-node-1").await), Some(true));

    place.write("home-node-1", 2).await;
    let live = place.proven("home-node-1").await;
    assert_eq!(installs(&live), Some(false));
    let log = place.log();
    assert_eq!((log.machine("node-1").wipes, log.installations("node-1")), (wipes, 1));
    assert!(log.machine("node-1").switches >= 1);

    // Set again, it wipes again with the next change, and that is another installation.
    place.patch("home-node-1", json!({ "spec": { "fullInstall": true } })).await;
    place.write("home-node-1", 3).await;
    place.proven("home-node-1").await;
    assert!(place.log().installations("node-1") > 1);
}

#[tokio::test]
async fn of_what_is_no_file_triggers_nothing() {
    let place = installed("flake", Settings::default()).await;
    let mark = place.log().mark();
    let change =
        json!({ "flake": "#other", "configurationSubdir": "nix", "ref": "other", "onRemoveFlake": "#x" });
    place.patch("home-node-1", json!({ "spec": change })).await;
    place.rests("home-node-1").await;
    place.timer_came_round("node-1").await;
    assert_eq!(place.log().since(mark).runs(), []);
}

#[tokio::test]
async fn a_push_reaches_every_machine_by_the_timer() {
    let place = installed("push", Settings::default()).await;
    place.patch("home-node-1", json!({ "spec": { "fullInstall": false } })).await;
    place.rests("home-node-1").await;
    let mark = place.log().mark();
    let commit = "0123456789012345678901234567890123456789";
    place.control.push(commit);
    place
        .until("home-node-1", "the new commit", |live| {
            (live.status.as_ref()?.applied_commit.as_deref()? == commit).then_some(())
        })
        .await;
    let runs = place.log().since(mark).runs();
    assert_eq!(
        runs.iter().map(|run| (run.start.actor, run.start.kind)).collect::<Vec<_>>(),
        [(Actor::Timer, Kind::Switch)]
    );
}

/// And what is true is not what is said.
#[tokio::test]
async fn back_to_earlier_bytes_is_not_applied() {
    let place = installed("back", Settings::default()).await;
    place.patch("home-node-1", json!({ "spec": { "fullInstall": false } })).await;
    place.rests("home-node-1").await;
    let first = hash(&place.configuration("home-node-1").await);

    place.control.fail("node-1", Fail::Content("revision = 2;".to_owned()));
    let second = hash(&place.write("home-node-1", 2).await);
    place
        .log_until("the second content to fail", |log| {
            log.of("node-1")
                .runs()
                .iter()
                .any(|run| run.failed() && run.start.files_hash == second)
                .then_some(())
        })
        .await;
    place.write("home-node-1", 1).await;
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &first));
    // A timer that began with the second one has ended.
    place.timer_came_round("node-1").await;
    let mark = place.log().mark();
    place.timer_came_round("node-1").await;
    assert_eq!(place.log().since(mark).runs(), []);
    assert!(is_proven(&place.configuration("home-node-1").await));
    let content = place.log().machine("node-1").content;
    assert!(matches!(&content, Content::Half(half) if half.files_hash == second), "{content:?}");
}

#[tokio::test]
async fn that_comes_while_the_handler_runs_is_begun_when_it_ends() {
    let place = installed("behind", without_timer()).await;
    place.control.hold("node-1", Actor::Handler);
    let second = hash(&place.write("home-node-1", 2).await);
    place
        .log_until("the second to begin", |log| {
            log.runs().iter().any(|run| run.start.files_hash == second).then_some(())
        })
        .await;
    place.write("home-node-1", 3).await;
    let fourth = hash(&place.write("home-node-1", 4).await);
    place.meanwhile("node-2").await;
    assert_eq!(place.log().machine("node-1").under_way, 1);

    place.control.release("node-1", Actor::Handler);
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &fourth));
    let runs = place.log().of("node-1").runs();
    let revisions: Vec<_> = runs.iter().map(|run| run.start.revision.unwrap()).collect();
    assert_eq!(revisions, [1, 1, 2, 4], "the third was never seen");
    assert!(!runs[2].overlaps(&runs[3]));
}
