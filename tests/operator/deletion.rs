//! A cluster goes: workers first, then control planes, each cleaned by NIO; then the cluster, and its Secrets
//! after it. Nobody is left behind in silence.

use nio_stand_in::Kind;
use serde_json::json;

use crate::stage::{BOUND, CONFIGURATIONS, Stage, cluster};

const FORCE: &str = "nico.homystack.com/force-delete=true";
const LOST: &str = "nico.homystack.com/lost=true";

/// A cluster of two control planes and two workers that runs.
async fn running(prefix: &str) -> (Stage<'static>, nico_harness::Process) {
    let stage = Stage::new(prefix).await;
    stage.machines(5).await;
    let operator = stage.operator().await;
    stage.put(&[cluster("home", 2, 2, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage.wait_installed(4).await;
    (stage, operator)
}

async fn lose(stage: &Stage<'_>, machine: &str) {
    stage.control().lose(machine);
    stage
        .wait("the machine to be unreachable", async || {
            let status = stage.get("machine", machine).await["status"].clone();
            if status["discoverable"] == false { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
}

async fn delete(stage: &Stage<'_>, how: &str) {
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false", how]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_go_before_control_planes_and_all_are_cleaned() {
    let (stage, _operator) = running("gone").await;
    delete(&stage, "--cascade=background").await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    let log = stage.control().log();
    let cleaned = |machine: &str| {
        log.runs_of(machine, Kind::Cleanup)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("{machine} was not cleaned"))
    };
    for worker in ["node-4", "node-5"] {
        let ended = cleaned(worker).end.unwrap().seq;
        for control_plane in ["node-1", "node-2"] {
            assert!(ended < cleaned(control_plane).start.seq, "{worker} goes before {control_plane}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreground_deletion_ends() {
    let (stage, operator) = running("foreground").await;
    // Kubernetes takes the configurations, whatever their machines are like: this one is not cleaned.
    lose(&stage, "node-4").await;
    delete(&stage, "--cascade=foreground").await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    let told = |line: &str| line.contains("does not show that it cleaned") && line.contains("node-4");
    operator.line("who stays as it is", BOUND, told).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_orphan_nothing_is_deleted() {
    let (stage, _operator) = running("orphan").await;
    let before = stage.configurations().await;
    delete(&stage, "--cascade=orphan").await;
    stage.wait_gone("kubernetesclusters").await;
    assert_eq!(stage.configurations().await, before);
    assert_eq!(stage.list("secrets").await.len(), 1);
    assert!(stage.control().log().runs().iter().all(|run| run.start.kind != Kind::Cleanup));

    // A cluster of that name takes them over, and no machine notices.
    let mark = stage.control().log().mark();
    stage.put(&[cluster("home", 2, 2, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage
        .wait("all to be owned anew", async || {
            let uid = stage.get("kubernetescluster", "home").await["metadata"]["uid"].clone();
            let all = stage.list(CONFIGURATIONS).await;
            let owned = all.iter().filter(|one| one["metadata"]["ownerReferences"][0]["uid"] == uid).count();
            if owned == 4 { Ok(()) } else { Err(format!("{owned} of {}", all.len())) }
        })
        .await;
    let later = stage.control().log().since(mark);
    assert!(later.runs().is_empty(), "{:?}", later.runs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_ends() {
    let (stage, _operator) = running("namespace").await;
    let name = stage.namespace.name().to_owned();
    let output = stage.control_plane.kubectl(&["delete", "namespace", &name, "--wait=false"]).await;
    assert!(output.status.success());
    stage
        .wait("the namespace to be gone", async || {
            let output = stage
                .control_plane
                .kubectl(&["get", "namespace", &name, "--ignore-not-found", "-o", "json"])
                .await;
            let text = String::from_utf8(output.stdout).unwrap();
            if text.is_empty() { Ok(()) } else { Err(text) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_machine_is_waited_for_by_name_until_it_is_forced() {
    let (stage, _operator) = running("unreachable").await;
    lose(&stage, "node-5").await;
    delete(&stage, "--cascade=background").await;
    let message = stage.wait_condition("home", "DeletionWaiting").await;
    assert!(message.contains("node-5") && message.contains("force-delete"), "{message}");
    stage
        .wait("the other worker to go", async || {
            let left = stage.configurations().await;
            if left == ["home-node-1", "home-node-2", "home-node-5"] {
                Ok(())
            } else {
                Err(format!("{left:?}"))
            }
        })
        .await;
    // Also while paused.
    stage.patch("kubernetescluster", "home", "person", &json!({ "spec": { "paused": true } })).await;
    stage.wait_condition("home", "Paused").await;
    stage.annotate("kubernetescluster", "home", FORCE).await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    let log = stage.control().log();
    assert!(log.runs_of("node-5", Kind::Cleanup).is_empty());
    assert!(!log.runs_of("node-4", Kind::Cleanup).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_cluster_waits_with_its_deletion_and_says_so() {
    let (stage, _operator) = running("pausedgone").await;
    stage.patch("kubernetescluster", "home", "person", &json!({ "spec": { "paused": true } })).await;
    stage.wait_condition("home", "Paused").await;
    delete(&stage, "--cascade=background").await;
    stage
        .wait("the status to speak of the deletion", async || {
            let live = stage.get("kubernetescluster", "home").await;
            if live["metadata"]["deletionTimestamp"].is_string() { Ok(()) } else { Err("not yet") }
        })
        .await;
    stage.wait_condition("home", "Paused").await;
    assert_eq!(stage.configurations().await.len(), 4);
    stage.patch("kubernetescluster", "home", "person", &json!({ "spec": { "paused": false } })).await;
    stage.wait_gone("kubernetesclusters").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_object_that_is_gone_holds_nothing_up() {
    let (stage, _operator) = running("machinegone").await;
    stage.kubectl(&["delete", "machine", "node-4"]).await;
    delete(&stage, "--cascade=background").await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    assert!(stage.control().log().runs_of("node-4", Kind::Cleanup).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_marked_lost_holds_nothing_up() {
    let (stage, _operator) = running("marked").await;
    stage.control().lose("node-2");
    stage.annotate("machine", "node-2", LOST).await;
    delete(&stage, "--cascade=background").await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
}
