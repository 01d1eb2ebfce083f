//! A cluster comes up: the head first, then the others; each disk is wiped once.

use nico_harness::Process;
use nico_harness::process::Stream;
use serde_json::json;

use crate::stage::{BOUND, CONFIGURATIONS, Stage, cluster};

#[tokio::test(flavor = "multi_thread")]
async fn eight_machines_become_a_cluster_and_each_disk_is_wiped_once() {
    let stage = Stage::new("bringup").await;
    let operator = stage.operator().await;
    stage.machines(8).await;
    stage.put(&[cluster("home", 3, 5, &json!({}))]).await;
    let all = stage.wait_installed(8).await;

    let owner = stage.get("kubernetescluster", "home").await;
    for configuration in &all {
        let metadata = &configuration["metadata"];
        assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "nico");
        assert_eq!(metadata["labels"]["nico.homystack.com/cluster"], "home");
        assert_eq!(metadata["ownerReferences"][0]["uid"], owner["metadata"]["uid"]);
        assert_eq!(metadata["ownerReferences"][0]["controller"], true);
        assert_eq!(configuration["spec"]["onRemoveFlake"], "#minimal");
        assert_eq!(configuration["spec"]["fullInstall"], false);
    }
    assert_eq!(stage.list("secrets").await.len(), 1);
    assert_eq!(owner["metadata"]["finalizers"], json!(["nico.homystack.com/cleanup"]));

    let log = stage.control().log();
    for number in 1..=8 {
        assert_eq!(log.installations(&format!("node-{number}")), 1, "node-{number}");
    }
    // The head alone first; then workers at once, and the other control planes one after the other.
    let starts: Vec<_> = log.runs().into_iter().filter(|run| run.start.kind.is_apply()).collect();
    let first = |machine: &str| starts.iter().find(|run| run.start.machine == machine).unwrap().clone();
    let head = first("node-1");
    for number in 2..=8 {
        assert!(!first(&format!("node-{number}")).overlaps(&head), "node-{number} beside the head");
    }
    assert_eq!(log.order()[0], "node-1");
    assert!(!first("node-2").overlaps(&first("node-3")), "control planes come one at a time");
    let events = stage.events().await;
    assert!(events.iter().any(|event| event.starts_with("Installing: home-node-1")), "{events:?}");
    assert!(operator.terminate(BOUND).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flake_that_fails_on_the_head_touches_one_machine() {
    let stage = Stage::new("badflake").await;
    stage.machines(8).await;
    stage.control().fail("node-1", nio_stand_in::Fail::Always);
    let _operator = stage.operator().await;
    stage.put(&[cluster("home", 3, 5, &json!({}))]).await;
    stage
        .wait("three failed attempts on the head", async || {
            let failed = stage.control().log().runs().iter().filter(|run| run.failed()).count();
            if failed >= 6 { Ok(()) } else { Err(format!("{failed} failures")) }
        })
        .await;
    assert_eq!(stage.configurations().await, ["home-node-1"]);
    assert_eq!(stage.control().log().machines().into_iter().collect::<Vec<_>>(), ["node-1"]);
    // Mended, it goes on.
    stage.control().heal("node-1");
    stage.wait_installed(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_created_for_a_paused_cluster_and_full_install_is_cleared_all_the_same() {
    let stage = Stage::new("paused").await;
    stage.machines(2).await;
    let _operator = stage.operator().await;
    // The installation of the head does not end before the cluster is paused.
    stage.control().hold("node-1", nio_stand_in::Actor::Handler);
    stage.control().hold("node-1", nio_stand_in::Actor::Timer);
    stage.put(&[cluster("home", 2, 0, &json!({}))]).await;
    stage
        .wait("the head's installation to begin", async || {
            (!stage.control().log().runs().is_empty()).then_some(()).ok_or("not yet")
        })
        .await;
    stage.patch("kubernetescluster", "home", "person", &json!({ "spec": { "paused": true } })).await;
    stage.wait_condition("home", "Paused").await;
    stage.control().release("node-1", nio_stand_in::Actor::Handler);
    stage.control().release("node-1", nio_stand_in::Actor::Timer);
    stage
        .wait("fullInstall to be cleared", async || {
            let head = stage.get(CONFIGURATIONS, "home-node-1").await;
            if head["spec"]["fullInstall"] == false { Ok(()) } else { Err(head["status"].to_string()) }
        })
        .await;
    assert_eq!(stage.configurations().await, ["home-node-1"]);
    stage.patch("kubernetescluster", "home", "person", &json!({ "spec": { "paused": false } })).await;
    stage.wait_installed(2).await;
    assert_eq!(stage.control().log().installations("node-1"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pass_that_waits_sees_the_head_installed() {
    let stage = Stage::new("once").await;
    stage.machines(2).await;
    stage.put(&[cluster("home", 2, 0, &json!({}))]).await;
    let arguments = ["apply", "--once", "--wait", "-n", stage.namespace.name()];
    let kubeconfig = crate::stage::shared_account().await.kubeconfig();
    let once = Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
        command.args(arguments).arg("--kubeconfig").arg(&kubeconfig);
    });
    let status = once.ended(BOUND).await.unwrap();
    assert!(status.success());
    let told = once.text(Stream::Out);
    assert!(told.contains("home-node-1 is created, which WIPES THE DISK"), "{told}");
    assert!(told.contains("home-node-1: fullInstall is taken off"), "{told}");
    let all = stage.wait_installed(1).await;
    assert_eq!(all.len(), 1, "it makes one pass, and no more");
    assert_eq!(stage.control().log().installations("node-1"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_interrupted_says_what_it_left_and_the_next_one_sees_to_it() {
    let stage = Stage::new("interrupted").await;
    stage.machines(1).await;
    stage.control().hold("node-1", nio_stand_in::Actor::Handler);
    stage.control().hold("node-1", nio_stand_in::Actor::Timer);
    stage.put(&[cluster("home", 1, 0, &json!({}))]).await;
    let kubeconfig = crate::stage::shared_account().await.kubeconfig();
    let once = |arguments: &[&str]| {
        Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
            command.args(["apply", "--once", "-n", stage.namespace.name()]).args(arguments);
            command.arg("--kubeconfig").arg(&kubeconfig);
        })
    };
    let awaits = |line: &str| line.contains("waits for the installation of home-node-1");
    let first = once(&["--wait"]);
    first.line("what it waits for", BOUND, awaits).await.unwrap();
    let status = first.terminate(BOUND).await.unwrap();
    assert_eq!(status.code(), Some(130));
    let told = first.text(Stream::Error);
    assert!(told.contains("fullInstall may be left on home-node-1: NIO WIPES THE DISK"), "{told}");
    // Who does not wait is told too.
    let bare = once(&[]);
    assert!(bare.ended(BOUND).await.unwrap().success());
    assert!(bare.text(Stream::Error).contains("fullInstall may be left on home-node-1"));
    let second = once(&["--wait"]);
    second.line("what it waits for", BOUND, awaits).await.unwrap();
    stage.control().release("node-1", nio_stand_in::Actor::Handler);
    stage.control().release("node-1", nio_stand_in::Actor::Timer);
    assert!(second.ended(BOUND).await.unwrap().success());
    let told = second.text(Stream::Out);
    assert!(told.contains("home-node-1: fullInstall is taken off"), "{told}");
    assert_eq!(stage.control().log().installations("node-1"), 1);
}
