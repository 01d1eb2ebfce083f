//! What the Python operator left is taken over without a machine noticing: the objects that were recorded on
//! a real server, put there as they were, under the names of those that wrote them.

use std::path::Path;

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::stage::{CONFIGURATIONS, Stage};

/// The commit that the recorded machines run.
pub const COMMIT: &str = "61d63c7b4b2b7da96a70aee111c952dc39159fce";
const PYTHON: &str = "OpenAPI-Generator";
const KOPF: &str = "kopf";
const MARKER: &str = "kopf.zalando.org/KopfFinalizerMarker";

/// The recorded documents of a file.
fn recorded(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::Deserializer::from_str(&text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// Writes an object as it was written: the spec by one manager, kopf's notes by kopf, the status by the Python
/// operators' client.
async fn put_as(stage: &Stage<'_>, object: &Value, manager: &str) -> Value {
    let version = object["apiVersion"].as_str().unwrap();
    let (group, version) = version.split_once('/').unwrap_or(("", version));
    let kind = GroupVersionKind::gvk(group, version, object["kind"].as_str().unwrap());
    let resource = ApiResource::from_gvk(&kind);
    let api: Api<DynamicObject> =
        Api::namespaced_with(stage.client.clone(), stage.namespace.name(), &resource);
    let mut body = object.clone();
    let status = body.as_object_mut().unwrap().remove("status");
    let metadata = body["metadata"].as_object_mut().unwrap();
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "namespace", "managedFields"] {
        metadata.remove(field);
    }
    let finalizers = metadata.remove("finalizers").unwrap_or(json!([]));
    let annotations = metadata.remove("annotations").unwrap_or(json!({}));
    let params = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
    let created = api.create(&params, &serde_json::from_value(body).unwrap()).await.unwrap();
    let name = created.metadata.name.clone().unwrap();
    let by =
        |manager: &str| PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let notes = json!({ "metadata": { "finalizers": finalizers, "annotations": annotations } });
    let mut live = api.patch(&name, &by(KOPF), &Patch::Merge(notes)).await.unwrap();
    if let Some(status) = status {
        let status = Patch::Merge(json!({ "status": status }));
        live = api.patch_status(&name, &by(PYTHON), &status).await.unwrap();
    }
    serde_json::to_value(live).unwrap()
}

/// Puts everything there, owners made to fit. `edit` is what a person changed meanwhile in the cluster's spec.
pub async fn put_recorded(stage: &Stage<'_>, edit: &Value) -> Value {
    for machine in recorded("machines.yaml") {
        put_as(stage, &machine, "kubectl-client-side-apply").await;
    }
    let mut cluster = recorded("cluster.yaml").remove(0);
    for (field, value) in edit.as_object().unwrap() {
        cluster["spec"][field] = value.clone();
    }
    let cluster = put_as(stage, &cluster, "kubectl-client-side-apply").await;
    for mut configuration in recorded("live.yaml") {
        configuration["metadata"]["ownerReferences"][0]["uid"] = cluster["metadata"]["uid"].clone();
        put_as(stage, &configuration, PYTHON).await;
    }
    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "name": "home-join-token" },
        "data": { "token": "am9pbi10b2tlbi1mb3ItaG9tZQ==" },
    });
    put_as(stage, &token, PYTHON).await;
    cluster
}

/// Waits until all five are stamped, without `fullInstall`.
async fn wait_adopted(stage: &Stage<'_>) -> Vec<Value> {
    stage
        .wait("all to be taken over", async || {
            let all = stage.list(CONFIGURATIONS).await;
            let adopted = all.iter().filter(|one| {
                one["spec"]["fullInstall"] == false
                    && one["metadata"]["annotations"]["nico.homystack.com/meaning"].is_string()
                    && one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "nico"
            });
            let adopted = adopted.count();
            if adopted == 5 { Ok(all) } else { Err(format!("{adopted} of {}", all.len())) }
        })
        .await
}

async fn adopted(prefix: &str, edit: Value) -> (Stage<'static>, nico_harness::Process) {
    let mut stage = Stage::new(prefix).await;
    stage.stop_nio().await;
    put_recorded(&stage, &edit).await;
    let files =
        |all: &[Value]| all.iter().map(|one| one["spec"]["additionalFiles"].clone()).collect::<Vec<_>>();
    let before = files(&stage.list(CONFIGURATIONS).await);
    stage.control().push(COMMIT);
    stage.start_nio();
    let operator = stage.operator().await;
    let after = wait_adopted(&stage).await;
    assert_eq!(before, files(&after), "no file changes");
    for configuration in &after {
        let name = configuration["metadata"]["name"].as_str().unwrap();
        let text = stage.kubectl(&["get", CONFIGURATIONS, name, "--show-managed-fields", "-o", "json"]).await;
        let live: Value = serde_json::from_str(&text).unwrap();
        let managed = live["metadata"]["managedFields"].as_array().unwrap();
        let theirs =
            managed.iter().filter(|entry| entry["manager"] == PYTHON && entry["subresource"].is_null());
        let held: Vec<_> = theirs.filter(|entry| entry["fieldsV1"]["f:spec"].is_object()).collect();
        assert!(held.is_empty(), "no field is the old operator's any more: {held:?}");
    }
    let cluster = stage.get("kubernetescluster", "home").await;
    assert_eq!(cluster["metadata"]["finalizers"], json!(["nico.homystack.com/cleanup"]));
    assert_eq!(cluster["status"]["adoptedGeneration"], 1);
    let token = stage.get("secret", "home-join-token").await;
    assert_eq!(token["data"]["token"], "am9pbi10b2tlbi1mb3ItaG9tZQ==");
    assert_eq!(token["metadata"]["ownerReferences"][0]["uid"], cluster["metadata"]["uid"]);
    (stage, operator)
}

/// NIO has looked, and put nothing on any machine; it did so while NICO passed many times more.
async fn assert_undisturbed(stage: &Stage<'_>, operator: &nico_harness::Process) {
    crate::quiet::passes(stage, operator, 5).await;
    let runs = stage.control().log().runs();
    assert!(runs.is_empty(), "{runs:?}");
    assert_eq!(stage.configurations().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recorded_objects_are_taken_over_once_and_no_machine_notices() {
    let (stage, operator) = adopted("adopted", json!({})).await;
    assert_undisturbed(&stage, &operator).await;
    stage.wait_condition("home", "TokenGuessable").await;
    // Nobody stands in the way of the next content.
    let before = stage.list(CONFIGURATIONS).await;
    let trigger = json!({ "spec": { "rollout": { "trigger": "again", "minReadySeconds": 1 } } });
    stage.patch("kubernetescluster", "home", "person", &trigger).await;
    stage
        .wait("new content", async || {
            let after = stage.list(CONFIGURATIONS).await;
            let changed = before.iter().zip(&after).filter(|(before, after)| {
                before["spec"]["additionalFiles"] != after["spec"]["additionalFiles"]
            });
            if changed.count() > 0 { Ok(()) } else { Err("none") }
        })
        .await;
    let events = stage.events().await;
    let told = events.iter().filter(|event| event.starts_with("Adopted: ")).count();
    assert_eq!(told, 1, "{events:?}");
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_was_pending_waits_for_a_persons_word() {
    let edit =
        json!({ "controlPlane": { "count": 4, "machineSelector": { "matchLabels": { "rack": "a" } } } });
    let (stage, operator) = adopted("fourth", edit).await;
    assert_undisturbed(&stage, &operator).await;
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    stage.wait_gone("kubernetesclusters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_that_was_pending_waits_for_a_persons_word() {
    let edit =
        json!({ "controlPlane": { "count": 2, "machineSelector": { "matchLabels": { "rack": "a" } } } });
    let (stage, operator) = adopted("second", edit).await;
    assert_undisturbed(&stage, &operator).await;
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    stage.wait_gone("kubernetesclusters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_old_operator_runs_nothing_is_written() {
    let (stage, operator) = adopted("stillthere", json!({})).await;
    // kopf puts its finalizer back when it sees the object without it.
    let both = json!({ "metadata": { "finalizers": ["nico.homystack.com/cleanup", MARKER] } });
    stage.patch("kubernetescluster", "home", KOPF, &both).await;
    stage.wait_condition("home", "OldOperatorRunning").await;
    let edit = json!({ "spec": { "ref": "next" } });
    stage.patch("kubernetescluster", "home", "person", &edit).await;
    crate::quiet::passes(&stage, &operator, 5).await;
    for configuration in stage.list(CONFIGURATIONS).await {
        assert_ne!(configuration["spec"]["ref"], "next");
    }
    let finalizers = stage.get("kubernetescluster", "home").await["metadata"]["finalizers"].clone();
    assert_eq!(finalizers, both["metadata"]["finalizers"]);
}
