//! A namespace is restored from a backup: other UIDs, no owners, the status as it was. NICO takes the objects
//! over, and no machine notices.

use kube::core::GroupVersionKind;
use nico_harness::backup::{Status, delete_by_hand, dump, recreate};
use serde_json::json;

use crate::stage::{BOUND, CONFIGURATIONS, Stage, cluster};

#[tokio::test(flavor = "multi_thread")]
async fn restored_objects_are_taken_over_and_no_machine_notices() {
    let mut stage = Stage::new("restore").await;
    stage.machines(5).await;
    let operator = stage.operator().await;
    stage.put(&[cluster("home", 2, 2, &json!({}))]).await;
    stage.wait_installed(4).await;
    let token = stage.get("secret", "home-join-token").await["data"].clone();

    assert!(operator.terminate(BOUND).await.unwrap().success());
    stage.stop_nio().await;
    let kinds = [
        GroupVersionKind::gvk("nio.homystack.com", "v1alpha1", "Machine"),
        GroupVersionKind::gvk("nico.homystack.com", "v1alpha1", "KubernetesCluster"),
        GroupVersionKind::gvk("nio.homystack.com", "v1alpha1", "NixosConfiguration"),
        GroupVersionKind::gvk("", "v1", "Secret"),
    ];
    let objects = dump(&stage.client, stage.namespace.name(), &kinds).await;
    assert_eq!(objects.len(), 5 + 1 + 4 + 1);
    delete_by_hand(&stage.client, &objects).await;
    recreate(&stage.client, &objects, Status::Kept).await;

    let mark = stage.control().log().mark();
    stage.start_nio();
    let operator = stage.operator().await;
    let uid = stage.get("kubernetescluster", "home").await["metadata"]["uid"].clone();
    stage
        .wait("all to be owned anew", async || {
            let all = stage.list(&format!("{CONFIGURATIONS},secrets")).await;
            let owned = all.iter().filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == uid).count();
            if owned == 5 { Ok(()) } else { Err(format!("{owned} of {}", all.len())) }
        })
        .await;
    crate::quiet::passes(&stage, &operator, 5).await;
    let runs = stage.control().log().since(mark).runs();
    assert!(runs.is_empty(), "{runs:?}");
    assert_eq!(stage.get("secret", "home-join-token").await["data"], token);

    // And they are looked after as before.
    let edit = json!({ "spec": { "rollout": { "trigger": "again" } } });
    stage.patch("kubernetescluster", "home", "person", &edit).await;
    stage
        .wait("all to be applied anew", async || {
            let applied = stage.control().log().since(mark).machines().len();
            if applied == 4 { Ok(()) } else { Err(format!("{applied} of 4")) }
        })
        .await;
}
