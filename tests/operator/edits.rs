//! Other hands on NICO's objects: an edit of its fields comes back, once; a field of somebody's own stays;
//! where another applier holds a field there is a condition, and no fight.

use serde_json::{Value, json};

use crate::stage::{CONFIGURATIONS, OWN_USER, Stage, cluster};

const OWN: &str = "nico.homystack.com/role";

async fn running(prefix: &str) -> (Stage<'static>, nico_harness::Process) {
    let stage = Stage::new(prefix).await;
    stage.machines(2).await;
    let operator = stage.operator().await;
    stage.put(&[cluster("home", 1, 0, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage.wait_installed(1).await;
    (stage, operator)
}

fn role(configuration: &Value) -> &str {
    configuration["metadata"]["labels"][OWN].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_our_field_comes_back_once_and_a_field_of_their_own_stays() {
    let (stage, _operator) = running("edits").await;
    let edit = json!({ "metadata": { "labels": { OWN: "worker", "team": "blue" }, "annotations": { "note": "x" } } });
    stage.patch(CONFIGURATIONS, "home-node-1", "person", &edit).await;
    stage
        .wait("the label to come back", async || {
            let live = stage.get(CONFIGURATIONS, "home-node-1").await;
            if role(&live) == "control-plane" { Ok(()) } else { Err(live["metadata"].to_string()) }
        })
        .await;
    let live = stage.get(CONFIGURATIONS, "home-node-1").await;
    assert_eq!(live["metadata"]["labels"]["team"], "blue");
    assert_eq!(live["metadata"]["annotations"]["note"], "x");

    // The same hand again: it is said, and left.
    stage.patch(CONFIGURATIONS, "home-node-1", "person", &edit).await;
    let message = stage.wait_condition("home", "Conflict").await;
    assert!(message.contains("person"), "{message}");
    assert_eq!(role(&stage.get(CONFIGURATIONS, "home-node-1").await), "worker");
    // Another hand is another matter.
    let by_other = json!({ "spec": { "onRemoveFlake": "#other" } });
    let back = json!({ "metadata": { "labels": { OWN: "control-plane" } } });
    stage.patch(CONFIGURATIONS, "home-node-1", "person", &back).await;
    stage.patch(CONFIGURATIONS, "home-node-1", "other", &by_other).await;
    stage
        .wait("the flake to come back", async || {
            let live = stage.get(CONFIGURATIONS, "home-node-1").await;
            if live["spec"]["onRemoveFlake"] == "#minimal" { Ok(()) } else { Err(live["spec"].to_string()) }
        })
        .await;
    assert_eq!(stage.control().log().applies("node-1"), 1, "no machine is applied because of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_another_applier_holds_is_left_alone() {
    let (stage, operator) = running("contested").await;
    let theirs = json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "NixosConfiguration",
        "metadata": { "name": "home-node-1" },
        "spec": { "onRemoveFlake": "#theirs", "machineRef": { "name": "node-1" } },
    });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), theirs.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    stage.kubectl(&["apply", "--server-side", "--force-conflicts", "--field-manager=argo", "-f", path]).await;
    let message = stage.wait_condition("home", "Conflict").await;
    assert!(message.contains("argo") && message.contains("spec.onRemoveFlake"), "{message}");
    let address = crate::quiet::metrics_address(&operator).await;
    let metrics = crate::quiet::page(&address, "/metrics").await;
    let counted = metrics.lines().find(|line| line.starts_with("nico_conflicts_total{")).unwrap();
    assert!(!counted.ends_with(" 0"), "it is counted: {counted}");
    let told = |line: &str| line.contains("condition=\"Conflict\"");
    operator.line("the conflict", crate::stage::BOUND, told).await.unwrap();
    // No fight: once it has settled, and that was told, over many passes not a single write.
    crate::quiet::calm(&stage, &operator).await;
    let from = stage.control_plane.audit_mark().await;
    let version = stage.get(CONFIGURATIONS, "home-node-1").await["metadata"]["generation"].clone();
    crate::quiet::passes(&stage, &operator, 10).await;
    let to = stage.control_plane.audit_mark().await;
    let writes: Vec<_> = stage
        .control_plane
        .audit_between(from, to)
        .into_iter()
        .filter(|event| event.is_write() && event.namespace.as_deref() == Some(stage.namespace.name()))
        .filter(|event| event.user == OWN_USER && event.resource == CONFIGURATIONS)
        .collect();
    assert!(writes.is_empty(), "{writes:?}");
    let live = stage.get(CONFIGURATIONS, "home-node-1").await;
    assert_eq!(live["metadata"]["generation"], version);
    assert_eq!(live["spec"]["onRemoveFlake"], "#theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_list_of_the_status_moves_no_control_plane() {
    let stage = Stage::new("listed").await;
    stage.machines(5).await;
    let _operator = stage.operator().await;
    stage.put(&[cluster("home", 2, 1, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage.wait_installed(3).await;
    stage.wait_condition("home", "Ready").await;
    let list = |status: &Value| status["selectedControlPlaneMachines"].clone();
    let before = stage.get("kubernetescluster", "home").await["status"].clone();
    let texts = || async {
        let all = stage.list(CONFIGURATIONS).await;
        all.iter().map(|live| live["spec"]["additionalFiles"].clone()).collect::<Vec<_>>()
    };
    let files = texts().await;
    let mark = stage.control().log().mark();
    let edit = json!({ "status": { "selectedControlPlaneMachines": ["node-2", "node-1"] } }).to_string();
    stage
        .kubectl(&["patch", "kubernetescluster", "home", "--subresource=status", "--type=merge", "-p", &edit])
        .await;
    stage
        .wait("the list to come back", async || {
            let status = stage.get("kubernetescluster", "home").await["status"].clone();
            if list(&status) == list(&before) { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    assert_eq!(texts().await, files);
    assert!(stage.control().log().since(mark).runs().is_empty(), "no machine notices");
}
