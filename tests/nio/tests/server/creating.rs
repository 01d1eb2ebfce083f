//! A new configuration: applied twice, and how the objects look then.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{Patch, PatchParams};
use nico_crds::machine::Dialect;
use nico_harness::wait_until;
use nico_render::proof::{self, Timing};
use nio_stand_in::{Actor, Content, Kind, Settings};
use serde_json::{Value, json};

use crate::support::{BOUND, Place, attempts, condition, configuration, hash, is_proven, without_timer};

#[tokio::test]
async fn is_installed_twice_at_once() {
    let place = Place::new("twice", Settings::default()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    let live = place.created("home-node-1", "node-1").await;

    let log = place.log();
    let wipes = log.runs_of("node-1", Kind::Wipe);
    let by = |actor| wipes.iter().find(|wipe| wipe.start.actor == actor).unwrap();
    assert!(by(Actor::Handler).overlaps(by(Actor::Timer)), "{wipes:#?}");
    assert!(wipes.iter().all(|wipe| wipe.start.files_hash == hash(&live) && wipe.start.revision == Some(1)));
    assert_eq!((log.installations("node-1"), log.applies("node-1"), log.overlapping()), (1, 1, 1));
    assert_eq!(log.machine("node-1").runs(), Some(hash(&live).as_str()));

    let status = live.status.clone().unwrap();
    assert_eq!(status.additional_files_hash, Some(hash(&live)));
    assert_eq!(status.applied_commit, Some(place.control.commit()));
    assert_eq!(status.target_machine.as_deref(), Some("node-1"));
    assert_eq!(status.has_full_install, Some(true));
    assert_eq!(status.observed_generation, None);
    assert_eq!(condition(&live), ("True".to_owned(), "Success".to_owned()));
    assert!(status.last_applied_time.is_some() && status.configuration_hash.is_some());
    let machine = place.machines().get("node-1").await.unwrap().status.unwrap();
    assert_eq!(machine.has_configuration, Some(true));
    assert_eq!(machine.applied_configuration.as_deref(), Some("home-node-1"));
    assert_eq!(machine.applied_commit, status.applied_commit);
    assert!(machine.last_applied_time.is_some());
}

#[tokio::test]
async fn is_settled_in_the_end() {
    let place = Place::new("settled", Settings::default()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    let timing = Timing { min_ready: SignedDuration::from_secs(1), deadline: SignedDuration::from_mins(5) };
    wait_until("the configuration to be settled", BOUND, async || {
        let live = place.configuration("home-node-1").await;
        let machine = place.machines().get("node-1").await.unwrap();
        let proof = proof::prove(&live, Some(&machine), Dialect::Python, &timing, Timestamp::now());
        proof.is_settled().then_some(()).ok_or_else(|| format!("{proof:#?}"))
    })
    .await
    .unwrap();
    assert_eq!(place.log().machine("node-1").under_way, 0);
}

/// As the recorded objects of the real one have it.
#[tokio::test]
async fn fields_belong_to_whom_they_belong_to_in_the_real_one() {
    let place = Place::new("managers", without_timer()).await;
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", false)).await;
    place.created("home-node-1", "node-1").await;

    let fields = |managed: Value, manager: &str, subresource: Option<&str>| {
        let entries = managed.as_array().unwrap().clone();
        let found = entries
            .into_iter()
            .find(|entry| entry["manager"] == json!(manager) && entry["subresource"].as_str() == subresource);
        let found = found.unwrap_or_else(|| panic!("{manager} has written nothing: {managed:#}"));
        assert_eq!(found["operation"], json!("Update"));
        found["fieldsV1"].clone()
    };
    let live = place.configuration("home-node-1").await;
    let managed = serde_json::to_value(&live.metadata.managed_fields).unwrap();
    let names = |fields: &Value| fields.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&fields(managed.clone(), "OpenAPI-Generator", Some("status"))["f:status"]),
        [
            ".",
            "f:additionalFilesHash",
            "f:appliedCommit",
            "f:conditions",
            "f:configurationHash",
            "f:hasFullInstall",
            "f:lastAppliedTime",
            "f:targetMachine",
        ]
    );
    let kopf = json!({
        "f:metadata": {
            "f:annotations": { ".": {}, "f:kopf.zalando.org/last-handled-configuration": {} },
            "f:finalizers": { ".": {}, "v:\"kopf.zalando.org/KopfFinalizerMarker\"": {} },
        },
    });
    assert_eq!(fields(managed, "kopf", None), kopf);

    let machine = place.machines().get("node-1").await.unwrap();
    let managed = serde_json::to_value(&machine.metadata.managed_fields).unwrap();
    assert_eq!(
        names(&fields(managed.clone(), "OpenAPI-Generator", Some("status"))["f:status"]),
        [
            ".",
            "f:appliedCommit",
            "f:appliedConfiguration",
            "f:discoverable",
            "f:hardwareFacts",
            "f:hasConfiguration",
            "f:lastAppliedTime",
        ]
    );
    assert_eq!(fields(managed, "kopf", None), kopf);
}

/// NIO leaves the file out, and the flake cannot do without it.
#[tokio::test]
async fn waits_for_its_secrets() {
    let place = Place::asleep("secrets", Settings::default()).await.started();
    place.machine("node-1").await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    place
        .until("home-node-1", "a second failed attempt", |live| {
            (attempts(live)?["retries"].as_u64()? >= 2).then_some(())
        })
        .await;
    assert_eq!(place.log().machine("node-1").content, Content::Untouched);
    assert_eq!(place.configuration("home-node-1").await.status, None);

    place.secret("join-token").await;
    let live = place.proven("home-node-1").await;
    assert_eq!(attempts(&live), None);
}

/// A ref is looked up by name, and a commit has none.
#[tokio::test]
async fn with_a_commit_as_ref_is_never_applied() {
    let place = Place::new("commit", Settings::default()).await;
    place.machine("node-1").await;
    let mut wanted = configuration("home-node-1", "node-1", true);
    wanted["spec"]["ref"] = json!(place.control.commit());
    place.put(wanted).await;
    place
        .until("home-node-1", "three failed attempts", |live| {
            (attempts(live)?["retries"].as_u64()? >= 3).then_some(())
        })
        .await;
    assert_eq!(place.log().runs(), []);
    assert_eq!(place.configuration("home-node-1").await.status, None);

    // Any other ref is found, and makes no difference.
    place.patch("home-node-1", json!({ "spec": { "ref": "a-branch" } })).await;
    let live = place.proven("home-node-1").await;
    assert!(is_proven(&live));
    assert_eq!(live.status.unwrap().applied_commit, Some(place.control.commit()));
}

/// The Machine is looked up when it is looked at, not when there is one.
#[tokio::test]
async fn without_a_machine_is_tried_again() {
    let place = Place::new("no-machine", Settings::default()).await;
    place.put(configuration("home-node-1", "node-1", true)).await;
    let message = place
        .until("home-node-1", "a failed attempt", |live| {
            Some(attempts(live)?["message"].as_str()?.to_owned())
        })
        .await;
    assert!(message.starts_with("Configuration reconciliation failed: (404)"), "{message}");
    place.machine("node-1").await;
    place.proven("home-node-1").await;
}

#[tokio::test]
async fn needs_a_user_to_log_in_as() {
    let place = Place::new("user", Settings::default()).await;
    place.machine("node-1").await;
    let user = |user: Value| Patch::Merge(json!({ "spec": { "sshUser": user } }));
    place.machines().patch("node-1", &PatchParams::default(), &user(Value::Null)).await.unwrap();
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.until("home-node-1", "a failed attempt", attempts).await;
    assert_eq!(place.machines().get("node-1").await.unwrap().status.unwrap().discoverable, Some(true));
    assert_eq!(place.log().runs(), []);
    place.machines().patch("node-1", &PatchParams::default(), &user(json!("root"))).await.unwrap();
    place.proven("home-node-1").await;
}
