//! Deletion: cleaned up, or not, or never let go.

use std::time::Duration;

use kube::api::DeleteParams;
use nico_harness::wait_until;
use nio_stand_in::{Actor, Content, Fail, Kind, Settings};
use serde_json::json;

use crate::support::{BOUND, FINALIZER, Place, attempts, configuration, without_timer};

async fn created(name: &str, settings: Settings) -> Place {
    let place = Place::new(name, settings).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    let live = place.created("home-node-1", "node-1").await;
    assert_eq!(live.metadata.finalizers.unwrap(), [FINALIZER]);
    place
}

async fn has_configuration(place: &Place) -> Option<bool> {
    place.machines().get("node-1").await.unwrap().status.unwrap().has_configuration
}

#[tokio::test]
async fn a_machine_that_can_be_reached_is_cleaned_up() {
    let place = created("cleaned", Settings::default()).await;
    // The clean-up needs no files.
    place.no_secret("join-token").await;
    place.delete("home-node-1").await;
    place.gone("home-node-1").await;
    let log = place.log();
    assert_eq!(log.machine("node-1").content, Content::Clean);
    assert!(log.runs_of("node-1", Kind::Cleanup).iter().all(|run| run.start.actor == Actor::Handler));
    let status = place.machines().get("node-1").await.unwrap().status.unwrap();
    assert_eq!((status.has_configuration, status.applied_configuration), (Some(false), None));
    assert_eq!(status.applied_commit, None);

    // And is free: the same again.
    place.secret("join-token").await;
    place.put(configuration("other-node-1", "node-1", true)).await;
    place.proven("other-node-1").await;
    assert_eq!(place.log().installations("node-1"), 2);
}

/// The clean-up writes a status too, so an event of the object may come after it was let go, before that of its
/// end. With several that is likely.
#[tokio::test]
async fn is_not_cleaned_up_again_once_it_is_let_go() {
    let place = Place::new("once", without_timer()).await;
    let machines = ["node-1", "node-2", "node-3", "node-4", "node-5"];
    for machine in machines {
        place.machine(machine).await;
        place.put(configuration(&format!("home-{machine}"), machine, false)).await;
        place.created(&format!("home-{machine}"), machine).await;
    }
    for machine in machines {
        place.delete(&format!("home-{machine}")).await;
    }
    for machine in machines {
        place.gone(&format!("home-{machine}")).await;
    }
    place.meanwhile("node-6").await;
    for machine in machines {
        let runs = place.log().runs_of(machine, Kind::Cleanup);
        assert_eq!(runs.len(), 1, "{runs:#?}");
    }
}

#[tokio::test]
async fn without_a_flake_for_it_nothing_is_applied() {
    let place = Place::new("plain", Settings::default()).await;
    place.machine("node-1").await;
    let mut wanted = configuration("home-node-1", "node-1", false);
    wanted["spec"].as_object_mut().unwrap().remove("onRemoveFlake");
    place.put(wanted).await;
    place.created("home-node-1", "node-1").await;
    place.delete("home-node-1").await;
    place.gone("home-node-1").await;
    assert_eq!(has_configuration(&place).await, Some(false));
    assert_eq!(place.log().machine("node-1").cleanups, 0);
}

#[tokio::test]
async fn a_machine_that_cannot_be_reached_is_left_as_it_is() {
    let place = created("left", without_timer()).await;
    let before = place.log().machine("node-1").content;
    place.control.lose("node-1");
    place.delete("home-node-1").await;
    place.gone("home-node-1").await;
    assert_eq!(has_configuration(&place).await, Some(true));
    assert_eq!(place.log().machine("node-1").content, before);
}

#[tokio::test]
async fn whose_machine_object_is_gone_is_never_let_go() {
    let place = created("stuck", Settings::default()).await;
    place.machines().delete("node-1", &DeleteParams::background()).await.unwrap();
    wait_until("the Machine to go", BOUND, async || {
        place.machines().get_opt("node-1").await.unwrap().is_none().then_some(()).ok_or("it is there")
    })
    .await
    .unwrap();
    place.delete("home-node-1").await;
    let note = place
        .until("home-node-1", "three failed attempts", |live| {
            attempts(live).filter(|note| note["retries"].as_u64().unwrap() >= 3)
        })
        .await;
    assert_eq!(note["purpose"], "delete");
    assert_eq!(place.log().machine("node-1").cleanups, 0);

    // Somebody else can let it go.
    place.patch("home-node-1", json!({ "metadata": { "finalizers": null } })).await;
    place.gone("home-node-1").await;
}

#[tokio::test]
async fn is_not_let_go_while_its_clean_up_fails() {
    let place = created("failing", Settings::default()).await;
    place.control.fail_cleanup("node-1", Fail::Always);
    place.delete("home-node-1").await;
    place
        .until("home-node-1", "two failed attempts", |live| {
            attempts(live).filter(|note| note["retries"].as_u64().unwrap() >= 2)
        })
        .await;
    assert_eq!(has_configuration(&place).await, Some(true));
    place.control.heal("node-1");
    place.gone("home-node-1").await;
    assert_eq!(has_configuration(&place).await, Some(false));
}

#[tokio::test]
async fn in_the_middle_of_an_apply_waits_for_its_end_and_the_timer_may_begin_another() {
    let place = created("middle", Settings::default()).await;
    place.control.hold("node-1", Actor::Handler);
    place.write("home-node-1", 2).await;
    place
        .log_until("the handler to apply", |log| {
            log.runs().iter().any(|run| run.end.is_none() && run.start.actor == Actor::Handler).then_some(())
        })
        .await;
    place.delete("home-node-1").await;
    let mark = place.log().mark();
    place
        .log_until("the timer to begin another", |log| {
            log.since(mark).runs().iter().any(|run| run.start.actor == Actor::Timer).then_some(())
        })
        .await;
    assert_eq!(place.log().machine("node-1").cleanups, 0);
    place.control.release("node-1", Actor::Handler);
    place.gone("home-node-1").await;
    let runs = place.log().of("node-1").runs();
    let handler: Vec<_> = runs.iter().filter(|run| run.start.actor == Actor::Handler).collect();
    assert_eq!(handler[1].start.revision, Some(2));
    assert!(handler[1].succeeded() && !handler[1].overlaps(handler[2]));
    assert_eq!(handler[2].start.kind, Kind::Cleanup);
    assert_eq!(place.log().machine("node-1").content, Content::Clean);
    assert_eq!(has_configuration(&place).await, Some(false));
}

/// So `hasConfiguration` goes to and fro.
#[tokio::test]
async fn beside_an_apply_of_the_timer_cleans_up_once_more() {
    let place =
        Place::new("beside", Settings { polling: Duration::from_millis(50), ..Settings::default() }).await;
    place.machine("node-1").await;
    place.control.hold("node-1", Actor::Timer);
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.proven("home-node-1").await;
    place.delete("home-node-1").await;
    place
        .machine_until("node-1", "it to be cleaned", |machine| {
            (machine.status.as_ref()?.has_configuration == Some(false)).then_some(())
        })
        .await;
    assert!(place.configuration("home-node-1").await.metadata.finalizers.is_some());
    place.control.release("node-1", Actor::Timer);
    place.gone("home-node-1").await;
    let log = place.log();
    assert!(log.machine("node-1").cleanups >= 2);
    assert_eq!(log.machine("node-1").content, Content::Clean);
    assert_eq!(has_configuration(&place).await, Some(false));
}
