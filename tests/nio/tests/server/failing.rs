//! A handler that fails, and what makes it look.

use kube::api::{Patch, PatchParams};
use nio_stand_in::{Actor, Fail, Settings};
use serde_json::{Value, json};

use crate::support::{Place, attempts, configuration, has_status_hash, hash, patient, without_timer};

async fn created(name: &str, settings: Settings) -> Place {
    let place = Place::new(name, settings).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    place.created("home-node-1", "node-1").await;
    place
}

async fn tried(place: &Place, times: u64) -> Value {
    place
        .until("home-node-1", "failed attempts", |live| {
            attempts(live).filter(|note| note["retries"].as_u64().unwrap() >= times)
        })
        .await
}

#[tokio::test]
async fn notes_its_attempts_and_the_old_status_stays() {
    let place = created("attempts", without_timer()).await;
    let before = place.configuration("home-node-1").await;
    place.control.fail("node-1", Fail::Always);
    place.write("home-node-1", 2).await;
    let note = tried(&place, 3).await;
    assert_eq!(note["message"], "Configuration reconciliation failed: Failed to apply configuration");
    assert_eq!(
        (&note["purpose"], &note["success"], &note["failure"]),
        (&json!("update"), &json!(false), &json!(false))
    );
    let live = place.configuration("home-node-1").await;
    assert_eq!(live.status, before.status);
    assert!(note["delayed"].as_str() > note["started"].as_str());

    // What is tried next is what is written then; the count goes on with it.
    let third = hash(&place.write("home-node-1", 3).await);
    place
        .log_until("the third content to be tried", |log| {
            log.runs().iter().any(|run| run.failed() && run.start.files_hash == third).then_some(())
        })
        .await;
    let later = tried(&place, 4).await;
    assert_eq!(later["started"], note["started"]);

    place.control.heal("node-1");
    let live = place.proven("home-node-1").await;
    assert!(has_status_hash(&live, &third));
    assert_eq!(attempts(&live), None);
    assert_eq!(live.annotation("kopf.zalando.org/touch-dummy"), None);
}

#[tokio::test]
async fn fails_so_often_and_no_more() {
    let place = created("times", without_timer()).await;
    place.control.fail_handler("node-1", Fail::Times(2));
    let second = hash(&place.write("home-node-1", 2).await);
    place.proven("home-node-1").await;
    let runs = place.log().runs();
    let of_second = runs.iter().filter(|run| run.start.files_hash == second);
    assert_eq!(of_second.map(nio_stand_in::Run::succeeded).collect::<Vec<_>>(), [false, false, true]);
}

#[tokio::test]
async fn is_not_hurried_by_an_annotation_while_it_waits() {
    let place = created("pending", patient()).await;
    place.control.fail("node-1", Fail::Times(1));
    place.write("home-node-1", 2).await;
    tried(&place, 1).await;
    let looks = place.control.looks("node-1", Actor::Handler);
    place.patch("home-node-1", json!({ "metadata": { "annotations": { "nudge": "1" } } })).await;
    place.write("home-node-1", 3).await;
    place.meanwhile("node-2").await;
    assert_eq!(place.control.looks("node-1", Actor::Handler), looks);
}

#[tokio::test]
async fn at_rest_looks_when_a_label_or_an_annotation_changes_and_for_nothing_else() {
    let place = created("hurried", patient()).await;
    let looks = || place.control.looks("node-1", Actor::Handler);
    let before = looks();
    let machine = json!({ "metadata": { "labels": { "rack": "b" } }, "spec": { "sshUser": "admin" } });
    place.machines().patch("node-1", &PatchParams::default(), &Patch::Merge(machine)).await.unwrap();
    let mut finalizers = place.configuration("home-node-1").await.metadata.finalizers.unwrap();
    finalizers.push("example.com/mine".to_owned());
    place.patch("home-node-1", json!({ "metadata": { "finalizers": finalizers } })).await;
    place.meanwhile("node-2").await;
    assert_eq!(looks(), before);

    for (change, count) in
        [(json!({ "labels": { "role": "other" } }), 1), (json!({ "annotations": { "a": "1" } }), 2)]
    {
        let mark = place.log().mark();
        place.patch("home-node-1", json!({ "metadata": change })).await;
        place
            .log_until("the handler to look", |log| (log.since(mark).events().len() == 1).then_some(()))
            .await;
        assert_eq!(looks(), before + count);
    }
    assert!(place.log().since(place.log().mark()).runs().is_empty());
}
