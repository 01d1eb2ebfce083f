//! Workers that leave a cluster which is asked: what runs on them goes first, then their Nodes, then they do.

use k8s_openapi::api::apps::v1::{DaemonSet, ReplicaSet};
use nico_crds::names::{DRAINED_SINCE, LOST};
use serde_json::json;

use crate::asked::plan;
use crate::built::shared;
use crate::scene::{K3S, Scene, Wanted};
use crate::steps::assert_order;

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_drained_and_its_node_deleted_before_its_configuration_goes() {
    let mut scene = Scene::new(shared().await, Wanted::new("drained", 1, 2)).await;
    let [stays, leaves] = [scene.name(2), scene.name(3)];
    let built = &scene.built;
    built.pod("web", &leaves, &built.owned::<ReplicaSet>().await).await;
    built.pod("bare", &leaves, &json!({})).await;
    built.pod("slow", &leaves, &json!({})).await;
    built.pod("agent", &leaves, &built.owned::<DaemonSet>().await).await;
    built.pod("static", &leaves, &json!({ "annotations": { "kubernetes.io/config.mirror": "x" } })).await;
    built.pod("job", &leaves, &json!({})).await;
    built.phase("job", "Succeeded").await;
    built.pod("elsewhere", &stays, &json!({})).await;
    built.budget("web", "web", 0).await;
    built.hold("slow");

    // On machines that stay nothing is done, whatever is rolled out.
    scene.edit(json!({ "ref": "next" })).await;
    crate::fleet::whole(&scene.visits.stage).await;
    assert!(scene.written_there().await.is_empty(), "{:?}", scene.written_there().await);

    // What is going to be done is told beforehand.
    assert!(scene.operator.terminate(crate::stage::BOUND).await.unwrap().success());
    scene.edit(json!({ "dataPlane": { "machines": [stays] } })).await;
    let (told, _) = plan(&scene.visits.stage, &[]).await;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("its Node is cordoned, drained and deleted, and then its configuration"), "{told}");

    scene.operator = scene.start_again();
    scene.wait_waiting(&leaves, "Draining", &["is being drained", "slow (it is ending)"]).await;
    scene.passes(3).await;
    let node = scene.built.noted(&leaves).await;
    assert_eq!(node["spec"]["unschedulable"], true);
    assert!(node["notes"][DRAINED_SINCE].is_string(), "{node}");
    assert!(scene.configuration(&leaves).await["metadata"]["deletionTimestamp"].is_null());
    let mut left = scene.built.running().await;
    left.sort();
    assert_eq!(left, ["agent", "elsewhere", "job", "slow", "static"]);

    scene.built.release("slow").await;
    scene.wait_gone(&leaves).await;
    let done = scene.done().await;
    for pod in ["web", "bare", "slow"] {
        let wanted = [
            format!("{leaves} leaves"),
            format!("cordons {leaves}"),
            format!("evicts {pod}"),
            format!("{pod} ends"),
            format!("deletes Node {leaves}"),
            format!("lets {leaves} go"),
        ];
        assert_order(&done, &wanted);
    }
    assert_eq!(done.len(), 10, "and nothing else: {done:#?}");
    let mut left = scene.built.running().await;
    left.sort();
    assert_eq!(left, ["agent", "elsewhere", "job", "static"]);
    assert!(scene.built.noted(&leaves).await.is_null());

    for said in
        ["NodeCordoned: ", "Evicting: evicted from the Node drained-3: ", "NodeDeleted: ", "Leaving: "]
    {
        scene.wait_event(said).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_never_lets_a_pod_go_ends_the_drain_and_a_person_goes_on_without() {
    let rollout = json!({ "drainTimeoutSeconds": 4 });
    let scene = Scene::new(shared().await, Wanted { rollout, ..Wanted::new("budget", 1, 2) }).await;
    let [stays, leaves] = [scene.name(2), scene.name(3)];
    scene.built.pod("web", &leaves, &json!({})).await;
    scene.built.pod("other", &leaves, &json!({})).await;
    scene.built.budget("always", "web", 1).await;
    scene.edit(json!({ "dataPlane": { "machines": [stays] } })).await;
    let pod = format!("{}/web", scene.built.namespace);
    scene.wait_waiting(&leaves, "DrainTimedOut", &["4 s", &pod, "PodDisruptionBudget always", LOST]).await;
    let message = scene.visits.stage.wait_condition("home", "RemovalWaiting").await;
    assert!(message.contains(&pod) && message.contains("always"), "{message}");
    let tried = scene.written_there().await;
    scene.passes(5).await;
    assert_eq!(scene.written_there().await, tried, "nothing more is tried");
    let refused: Vec<_> = tried.iter().filter(|event| event.code == 429).collect();
    assert!(
        !refused.is_empty() && refused.iter().all(|event| event.name.as_deref() == Some("web")),
        "{tried:?}"
    );
    assert_eq!(scene.built.running().await, ["web"], "what may go went");
    assert!(!scene.configuration(&leaves).await.is_null());

    scene.visits.stage.annotate("machine", &leaves, &format!("{LOST}=true")).await;
    scene.wait_gone(&leaves).await;
    let done = scene.done().await;
    let wanted = [
        format!("cordons {leaves}"),
        "evicts other".to_owned(),
        format!("deletes Node {leaves}"),
        format!("lets {leaves} go"),
    ];
    assert_order(&done, &wanted);
    assert_eq!(scene.built.running().await, ["web"], "nobody evicted it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_of_a_lost_worker_goes_without_a_drain_and_also_once_its_machine_is_gone() {
    let scene = Scene::new(shared().await, Wanted::new("dead", 1, 3)).await;
    for (number, is_marked) in [(4, true), (3, false)] {
        let dead = scene.name(number);
        scene.built.pod(&format!("on-{number}"), &dead, &json!({})).await;
        scene.built.node(&dead, K3S, false).await;
        scene.visits.stage.control().lose(&dead);
        if is_marked {
            scene.visits.stage.annotate("machine", &dead, &format!("{LOST}=true")).await;
        } else {
            scene.visits.stage.kubectl(&["delete", "machine", &dead]).await;
        }
        scene.wait_gone(&dead).await;
        let done = scene.done().await;
        assert_order(&done, &[format!("deletes Node {dead}"), format!("lets {dead} go")]);
    }
    assert_eq!(scene.done().await.len(), 4, "{:#?}", scene.done().await);
    assert_eq!(scene.built.running().await, ["on-3", "on-4"]);
}
