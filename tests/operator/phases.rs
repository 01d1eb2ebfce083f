//! The phases of a cluster's life, as `kubectl get` shows them.

use nio_stand_in::{Actor, Fail};
use serde_json::json;

use crate::stage::{Stage, cluster};

/// The name of the cluster.
const HOME: &str = "home";

/// Waits until kubectl's table shows this phase, and these numbers of ready machines.
async fn wait_row(stage: &Stage<'_>, phase: &str, control_plane: &str, data_plane: &str) {
    stage
        .wait(&format!("{phase} {control_plane} {data_plane}"), async || {
            let row = stage.kubectl(&["get", "kcluster", HOME, "--no-headers"]).await;
            let columns: Vec<_> = row.split_whitespace().take(4).map(str::to_owned).collect();
            if columns == [HOME, phase, control_plane, data_plane] { Ok(()) } else { Err(row) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_phase_is_seen_with_kubectl() {
    let stage = Stage::new("phases").await;
    let control = stage.control();
    stage.machines(4).await;
    for actor in [Actor::Handler, Actor::Timer] {
        control.hold("node-1", actor);
        control.hold("node-4", actor);
    }
    let _operator = stage.operator().await;
    let header = stage.kubectl(&["get", "kcluster"]).await;
    assert!(header.is_empty(), "{header}");
    stage.put(&[cluster(HOME, 1, 1, &json!({}))]).await;
    wait_row(&stage, "Provisioning", "0/1", "0/1").await;
    for actor in [Actor::Handler, Actor::Timer] {
        control.release("node-1", actor);
    }
    wait_row(&stage, "ControlPlaneReady", "1/1", "0/1").await;
    for actor in [Actor::Handler, Actor::Timer] {
        control.release("node-4", actor);
    }
    wait_row(&stage, "Ready", "1/1", "1/1").await;
    let table = stage.kubectl(&["get", "k8scluster"]).await;
    let header = table.lines().next().unwrap_or_default();
    let columns: Vec<_> = header.split("  ").map(str::trim).filter(|column| !column.is_empty()).collect();
    assert_eq!(columns, ["NAME", "PHASE", "CONTROL PLANE", "DATA PLANE", "KUBECONFIG", "AGE"]);

    control.fail("node-4", Fail::Content("ref = \"broken\"".to_owned()));
    stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": { "ref": "broken" } })).await;
    wait_row(&stage, "Failed", "1/1", "0/1").await;
    stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": { "ref": "mended" } })).await;
    wait_row(&stage, "Ready", "1/1", "1/1").await;

    control.lose("node-4");
    wait_row(&stage, "ControlPlaneReady", "1/1", "0/1").await;
    stage.kubectl(&["delete", "kcluster", HOME, "--wait=false"]).await;
    wait_row(&stage, "Deleting", "1/1", "0/1").await;
    control.find("node-4");
    stage.wait_gone("kubernetesclusters").await;
}
