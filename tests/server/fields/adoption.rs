//! Adoption of what the Python operator wrote: nothing changes but whose the fields are, and what we then
//! no longer want goes with an apply that is not even forced.

use nico_render::Memory;
use nico_render::fields::adoption::{self, Adoption, adopt};
use nico_render::fields::{difference, owned, set};
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::{Desk, Keep, OURS, metadata_of, name, our_entry, text};

/// The old operator's writer of specs and status, which is NIO's too.
const OLD: &str = "OpenAPI-Generator";
const KOPF: &str = "kopf";
const LAST_HANDLED: &str = "kopf.zalando.org/last-handled-configuration";

fn recorded(file: &str) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/recorded/");
    let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// Writes a recorded object as it was written: made by one manager, noted and marked by kopf, and with a
/// status by the old one.
async fn write(desk: &Desk, manager: &str, recorded: &Value, owner: Option<&Value>) -> Value {
    let metadata = &recorded["metadata"];
    let mut object = json!({
        "apiVersion": recorded["apiVersion"], "kind": recorded["kind"], "spec": recorded["spec"],
        "metadata": { "name": metadata["name"], "labels": metadata["labels"] },
    });
    if let Some(owner) = owner {
        object["metadata"]["ownerReferences"] = metadata["ownerReferences"].clone();
        object["metadata"]["ownerReferences"][0]["uid"] = owner["metadata"]["uid"].clone();
    }
    desk.create(manager, &object).await;
    let note = &metadata["annotations"][LAST_HANDLED];
    let marks = json!({ "annotations": { LAST_HANDLED: note }, "finalizers": metadata["finalizers"] });
    desk.merge(KOPF, &object, None, &json!({ "metadata": marks })).await;
    desk.merge(OLD, &object, Some("status"), &json!({ "status": recorded["status"] })).await
}

async fn recorded_cluster(desk: &Desk) -> Value {
    write(desk, "kubectl-client-side-apply", &recorded("cluster.yaml")[0], None).await
}

/// What NICO wants of a configuration that it takes over as it is.
fn as_it_is(live: &Value) -> Value {
    json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"], "spec": live["spec"],
        "metadata": {
            "name": live["metadata"]["name"], "labels": live["metadata"]["labels"],
            "ownerReferences": live["metadata"]["ownerReferences"],
        },
    })
}

/// Moves, and nothing but owners has changed.
async fn take(desk: &Desk, live: &Value, adoption: &Adoption<'_>) -> Value {
    let metadata = metadata_of(live);
    let adopted = adopt(&metadata.managed_fields.unwrap(), adoption).expect("there is something to move");
    let patch = adoption::patch(&adopted, &metadata.resource_version.unwrap()).unwrap();
    let taken = desk.json_patch(OURS, live, &patch).await.unwrap();
    assert_eq!(but_owners(&taken), but_owners(live));
    // The server holds just what was sent.
    let held = metadata_of(&taken).managed_fields.unwrap();
    assert_eq!(held.len(), adopted.len());
    for entry in &adopted {
        assert!(held.contains(entry), "{entry:#?} is not in {held:#?}");
    }
    assert_eq!(adopt(&held, adoption), None, "once is enough");
    // Bound to the version that it was decided on.
    let stale = desk.json_patch(OURS, live, &patch).await.unwrap_err();
    assert!(matches!(stale, kube::Error::Api(status) if status.code == 409));
    taken
}

fn but_owners(object: &Value) -> Value {
    let mut rest = object.clone();
    for field in ["managedFields", "resourceVersion"] {
        rest["metadata"].as_object_mut().unwrap().remove(field);
    }
    rest
}

/// The entry of a manager.
fn entry<'a>(object: &'a Value, manager: &str, subresource: Option<&str>) -> Option<&'a Value> {
    let of = |entry: &&Value| entry["manager"] == manager && entry["subresource"].as_str() == subresource;
    object["metadata"]["managedFields"].as_array().unwrap().iter().find(of)
}

const CONFIGURATION: Adoption<'static> =
    Adoption { manager: OURS, from: &[OLD], subresource: None, only: None };

#[tokio::test(flavor = "multi_thread")]
async fn configurations_are_taken_over_and_what_is_dropped_goes() {
    let desk = Desk::new("adopted").await;
    let cluster = recorded_cluster(&desk).await;
    for recorded in recorded("live.yaml") {
        let live = write(&desk, OLD, &recorded, Some(&cluster)).await;
        let desired = as_it_is(&live);
        let before = difference(&desired, &live, None);
        assert!(before.len() > 10, "nothing is ours yet: {before:#?}");

        let taken = take(&desk, &live, &CONFIGURATION).await;
        assert_eq!(our_entry(&taken, None), Some(&owned(&desired)));
        assert_eq!(entry(&taken, OURS, None).unwrap()["time"], entry(&live, OLD, None).unwrap()["time"]);
        assert_eq!(entry(&taken, OLD, None), None);
        // NIO's status, which is the same manager's, and kopf's notes are not touched.
        assert_eq!(entry(&taken, OLD, Some("status")), entry(&live, OLD, Some("status")));
        assert_eq!(entry(&taken, KOPF, None), entry(&live, KOPF, None));
        // The same is no write, not even the first time.
        assert_eq!(difference(&desired, &taken, our_entry(&taken, None)), []);
        let again = desk.apply_unforced(OURS, None, &desired, Keep::Yes).await.unwrap();
        assert_eq!(again["metadata"]["resourceVersion"], taken["metadata"]["resourceVersion"]);

        let mut less = desired;
        less["spec"].as_object_mut().unwrap().remove("configurationSubdir");
        less["spec"].as_object_mut().unwrap().remove("ref");
        less["metadata"]["labels"].as_object_mut().unwrap().remove("nico.homystack.com/role");
        let changes = difference(&less, &taken, our_entry(&taken, None));
        let paths: Vec<_> = changes.iter().map(|change| change.path.as_str()).collect();
        assert_eq!(
            paths,
            ["metadata.labels[nico.homystack.com/role]", "spec.configurationSubdir", "spec.ref"]
        );
        let left = desk.apply_unforced(OURS, None, &less, Keep::Yes).await.unwrap();
        assert!(left["spec"]["configurationSubdir"].is_null());
        assert_eq!(left["spec"]["ref"], "main", "the schema's default");
        assert!(left["metadata"]["labels"]["nico.homystack.com/role"].is_null());
        assert!(left["metadata"]["annotations"][LAST_HANDLED].is_string());
        assert_eq!(left["status"], live["status"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_applied_by_force_is_shared_until_it_is_taken() {
    let desk = Desk::new("shared").await;
    let cluster = recorded_cluster(&desk).await;
    let live = write(&desk, OLD, &recorded("live.yaml")[0], Some(&cluster)).await;
    let mut desired = as_it_is(&live);
    desk.apply(OURS, None, &desired, Keep::Yes).await.unwrap();
    desired["spec"].as_object_mut().unwrap().remove("configurationSubdir");
    let shared = desk.apply(OURS, None, &desired, Keep::Yes).await.unwrap();
    assert_eq!(shared["spec"]["configurationSubdir"], "nix", "it is still the old operator's");

    let taken = take(&desk, &shared, &CONFIGURATION).await;
    let dropped = difference(&desired, &taken, our_entry(&taken, None));
    assert_eq!(
        dropped.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(),
        ["spec.configurationSubdir"]
    );
    let left = desk.apply_unforced(OURS, None, &desired, Keep::Yes).await.unwrap();
    assert!(left["spec"]["configurationSubdir"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_cluster_only_the_finalizer_is_taken() {
    let desk = Desk::new("finalizer").await;
    let live = recorded_cluster(&desk).await;
    let only = json!({ "f:metadata": { "f:finalizers": {} } });
    let adoption = Adoption { manager: OURS, from: &[KOPF], subresource: None, only: Some(&only) };
    let taken = take(&desk, &live, &adoption).await;
    let kept = &entry(&taken, KOPF, None).unwrap()["fieldsV1"];
    let note = format!("f:{LAST_HANDLED}");
    assert!(set::contains(kept, &["f:metadata", "f:annotations", note.as_str()]));
    assert!(!set::contains(kept, &["f:metadata", "f:finalizers"]));
    let person = "kubectl-client-side-apply";
    assert_eq!(entry(&taken, person, None), entry(&live, person, None));

    let ours = json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"],
        "metadata": { "name": name(&live), "finalizers": ["nico.homystack.com/cleanup"] },
    });
    let done = desk.apply_unforced(OURS, None, &ours, Keep::Yes).await.unwrap();
    assert_eq!(done["metadata"]["finalizers"], json!(["nico.homystack.com/cleanup"]));
    assert_eq!(done["spec"], live["spec"]);
    assert_eq!(done["metadata"]["generation"], live["metadata"]["generation"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_shared_out_between_its_two_writers() {
    let desk = Desk::new("shared-out").await;
    let live = recorded_cluster(&desk).await;
    let status = Some("status");
    let remembered = json!({ "f:status": {
        "f:appliedMachines": {}, "f:selectedControlPlaneMachines": {}, "f:selectedDataPlaneMachines": {},
    }});
    let taken = take(
        &desk,
        &live,
        &Adoption { manager: OURS, from: &[OLD], subresource: status, only: Some(&remembered) },
    )
    .await;
    let taken = take(
        &desk,
        &taken,
        &Adoption { manager: "nico-status", from: &[OLD], subresource: status, only: None },
    )
    .await;
    assert_eq!(entry(&taken, OLD, status), None);

    // What is remembered is written as it is: no write. What the aggregator does not want goes.
    let typed = serde_json::from_value(taken["status"].clone()).unwrap();
    let body = |status: Value| {
        json!({
            "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": { "name": name(&live) },
            "status": status,
        })
    };
    let memory = body(serde_json::to_value(Memory::remembered(&typed).as_status()).unwrap());
    assert_eq!(difference(&memory, &taken, our_entry(&taken, status)), []);
    let same = desk.apply_unforced(OURS, status, &memory, Keep::Yes).await.unwrap();
    assert_eq!(same["metadata"]["resourceVersion"], taken["metadata"]["resourceVersion"]);
    let numbers =
        body(json!({ "phase": "Ready", "conditions": [{ "type": "RolledOut", "status": "True" }] }));
    let left = desk.apply_unforced("nico-status", status, &numbers, Keep::Yes).await.unwrap();
    assert!(left["status"]["kubeconfigSecret"].is_null() && left["status"]["controlPlaneReady"].is_null());
    assert_eq!(left["status"]["conditions"], numbers["status"]["conditions"]);
    assert_eq!(left["status"]["appliedMachines"], live["status"]["appliedMachines"]);
    let fewer = body(json!({ "selectedControlPlaneMachines": ["node-1"] }));
    let left = desk.apply_unforced(OURS, status, &fewer, Keep::Yes).await.unwrap();
    assert!(left["status"]["appliedMachines"].is_null());
    assert_eq!(left["status"]["selectedControlPlaneMachines"], json!(["node-1"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_from_before_they_were_told_apart_are_nobodys() {
    let desk = Desk::new("conditions").await;
    let cluster = recorded_cluster(&desk).await;
    let more =
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }, { "type": "Old" }] } });
    let live = desk.merge(OLD, &cluster, Some("status"), &more).await;
    let mut managed = metadata_of(&live).managed_fields.unwrap();
    for entry in &mut managed {
        if entry.subresource.as_deref() == Some("status") {
            // The old CRD had no list type: there the conditions were one field.
            entry.fields_v1.as_mut().unwrap().0["f:status"]["f:conditions"] = json!({});
        }
    }
    let adoption = Adoption { manager: OURS, from: &[OLD], subresource: Some("status"), only: None };
    let adopted = adopt(&managed, &adoption).unwrap();
    let patch = adoption::patch(&adopted, text(&live["metadata"], "resourceVersion")).unwrap();
    let taken = desk.json_patch(OURS, &live, &patch).await.unwrap();
    assert_eq!(but_owners(&taken), but_owners(&live));

    let ours = json!({
        "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": { "name": name(&live) },
        "status": { "conditions": [{ "type": "Ready", "status": "False" }] },
    });
    let status = Some("status");
    let paths: Vec<_> =
        difference(&ours, &taken, our_entry(&taken, status)).into_iter().map(|change| change.path).collect();
    assert!(paths.contains(&"status.conditions[type=Ready].status".to_owned()), "{paths:?}");
    let left = desk.apply_unforced(OURS, status, &ours, Keep::Yes).await.unwrap();
    assert_eq!(our_entry(&left, status), Some(&owned(&ours)));
    // One that we do not write stays, whoever wrote it.
    let conditions = json!([{ "type": "Ready", "status": "False" }, { "type": "Old" }]);
    assert_eq!(left["status"]["conditions"], conditions);
    assert_eq!(difference(&ours, &left, our_entry(&left, status)), []);
    let again = desk.apply_unforced(OURS, status, &ours, Keep::Yes).await.unwrap();
    assert_eq!(again["metadata"]["resourceVersion"], left["metadata"]["resourceVersion"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_over_as_it_is() {
    let desk = Desk::new("token").await;
    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": { "name": "home-join-token" },
        "data": { "token": "am9pbi10b2tlbi1mb3ItaG9tZQ==" },
    });
    let live = desk.create(OLD, &token).await;
    let taken = take(&desk, &live, &CONFIGURATION).await;
    assert_eq!(our_entry(&taken, None), Some(&owned(&token)));
    assert_eq!(difference(&token, &taken, our_entry(&taken, None)), []);
}

/// We drop all that we own in a map that is somebody else's itself: the server makes a null of it, and
/// refuses that.
pub fn is_of_a_map_left_behind(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.code == 422 && status.message.contains("spec.credentialsRef in body must be of type object")
}

pub async fn take_the_map_itself(desk: &Desk, live: &Value, from: &[&str]) -> Value {
    let only = json!({ "f:spec": { "f:credentialsRef": {} } });
    take(desk, live, &Adoption { manager: OURS, from, subresource: None, only: Some(&only) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_map_of_somebody_else_cannot_be_dropped_until_the_map_is_taken() {
    let desk = Desk::new("map").await;
    let mut desired = json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "NixosConfiguration", "metadata": { "name": "home-a" },
        "spec": { "machineRef": { "name": "a" } },
    });
    let without = desired.clone();
    desk.apply(OURS, None, &without, Keep::Yes).await.unwrap();
    desk.merge("person", &desired, None, &json!({ "spec": { "credentialsRef": { "name": "x" } } })).await;
    desired["spec"]["credentialsRef"] = json!({ "name": "y" });
    let live = desk.apply(OURS, None, &desired, Keep::Yes).await.unwrap();
    let refused = desk.apply(OURS, None, &without, Keep::Yes).await.unwrap_err();
    assert!(is_of_a_map_left_behind(&refused), "{refused}");
    take_the_map_itself(&desk, &live, &["person"]).await;
    let left = desk.apply(OURS, None, &without, Keep::Yes).await.unwrap();
    assert!(left["spec"]["credentialsRef"].is_null());
}
