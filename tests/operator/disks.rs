//! Disks: a machine is wiped when it is installed, and then never again, whatever happens while it is being installed
//! or afterwards; and where NIO does so all the same it is seen.

use nico_crds::names::{MEMBER_REMOVED, REINSTALL_FOR};
use nio_stand_in::{Actor, Fail, Kind};
use serde_json::{Value, json};

use crate::fleet::{Fleet, HOME, line, nodes};
use crate::judged::{applied, assert_no_wipe, is_cleaned};
use crate::stage::{BOUND, CONFIGURATIONS, cluster, machine};

/// A cluster that installs its machines: control planes from `node-1` on, then the workers.
async fn begin(fleet: &Fleet, control_planes: usize, workers: usize, deadline: u32) {
    let rollout = json!({ "minReadySeconds": 1, "progressDeadlineSeconds": deadline });
    fleet.stage.put(&[cluster(HOME, control_planes, workers, &json!({ "rollout": rollout }))]).await;
}

/// One control plane, which is installed, and one worker, which is being installed by both of NIO's actors until
/// they are released.
async fn installing(prefix: &str, deadline: u32) -> Fleet {
    let fleet = Fleet::without_cluster(prefix, 1, 1).await;
    fleet.hold("node-2");
    begin(&fleet, 1, 1, deadline).await;
    fleet.wait_both("node-2").await;
    fleet.wait_state("node-1", "Settled").await;
    fleet
}

/// Waits until something is so of the worker's configuration.
async fn wait_live(fleet: &Fleet, what: &str, is_so: impl Fn(&Value) -> bool) {
    fleet
        .stage
        .wait(what, async || {
            let live = fleet.configuration("node-2").await;
            if is_so(&live) {
                Ok(())
            } else {
                Err(format!("{} {}", live["spec"]["fullInstall"], live["status"]))
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blip_between_the_first_apply_and_its_proof_wipes_nothing() {
    let fleet = installing("beforeproof", 600).await;
    // The operator sees nothing of the success before NIO has forgotten it again, but for its traces.
    fleet.operator.stop();
    fleet.control().release("node-2", Actor::Timer);
    wait_live(&fleet, "the timer's to be told", |live| live["status"]["appliedCommit"].is_string()).await;
    fleet.control().lose("node-2");
    wait_live(&fleet, "it to be forgotten", |live| {
        let status = &live["status"];
        status["appliedCommit"].is_null()
            && status["lastAppliedTime"].is_null()
            && status["hasFullInstall"] == true
    })
    .await;
    fleet.operator.cont();
    wait_live(&fleet, "fullInstall to be cleared", |live| live["spec"]["fullInstall"] == false).await;
    // New content is no reason to hurry.
    fleet.roll("next").await;
    fleet.passes(2).await;
    assert_eq!(fleet.configuration("node-2").await["metadata"]["generation"], 2, "only that was written");

    // What the handler has begun breaks with the connection, and then it looks at what was cleared.
    fleet.control().release("node-2", Actor::Handler);
    fleet
        .stage
        .wait("the handler to be at rest with it", async || {
            let log = fleet.control().log().of("node-2");
            let at_rest = log.events().iter().any(|event| event.kind == Kind::Rest && !event.full_install);
            if at_rest { Ok(()) } else { Err(format!("{:?}", log.events().last())) }
        })
        .await;
    // The timer goes on with what it took before.
    let looks = fleet.control().looks("node-2", Actor::Timer);
    fleet
        .stage
        .wait("the timer to have looked anew", async || {
            let now = fleet.control().looks("node-2", Actor::Timer);
            if now > looks + 1 { Ok(()) } else { Err(now) }
        })
        .await;
    let mark = fleet.control().log().mark();
    fleet.control().find("node-2");
    fleet.whole().await;
    let log = fleet.since(mark);
    assert!(applied(&log).contains("node-2"), "NIO applies anew what it has forgotten");
    assert_no_wipe(&log);
    assert_eq!(fleet.control().log().installations("node-2"), 1);
    fleet.assert_invariants();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_while_a_worker_is_installed_waits_for_the_end_of_it() {
    let fleet = installing("editwhile", 600).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.roll("next").await;
    // It holds back nobody else.
    fleet
        .wait_status("the head to run it", |status| {
            status["rollout"]["updated"] == 1 && line(status, "node-1")["state"] == "Settled"
        })
        .await;
    fleet.passes(3).await;
    assert_eq!(applied(&fleet.since(mark)), nodes([1]).into_iter().collect());
    assert!(fleet.done_to(from, "node-2").await.is_empty());
    let (told, _) = fleet.plan(&["-o", "json"]).await;
    let plan: Value = serde_json::from_str(&told).unwrap();
    let waiting = plan["clusters"][0]["waiting"].as_array().unwrap();
    let waits = waiting.iter().find(|one| one["machine"] == "node-2").unwrap_or_else(|| panic!("{plan:#}"));
    assert_eq!(waits["reason"], "Installing");

    fleet.release("node-2");
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-2").await, ["written", "written"], "the clearing, and the content");
    let log = fleet.control().log();
    assert_eq!(log.installations("node-2"), 1);
    let wiped: Vec<_> = log.runs_of("node-2", Kind::Wipe).iter().map(|run| run.start.revision).collect();
    assert!(wiped.iter().all(|revision| *revision == Some(1)), "{wiped:?}");
    assert!(!log.runs_of("node-2", Kind::Switch).is_empty(), "the new content is switched to");
    fleet.assert_invariants();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_cannot_be_reached_while_it_is_installed_is_left_alone() {
    let fleet = installing("reboots", 600).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.control().lose("node-2");
    fleet.wait_reachable("node-2", false).await;
    fleet.roll("next").await;
    // Not even what disturbs no machine is put right meanwhile.
    let edit = json!({ "spec": { "onRemoveFlake": "#other" } });
    fleet.stage.patch(CONFIGURATIONS, "home-node-2", "person", &edit).await;
    fleet.passes(3).await;
    assert!(fleet.done_to(from, "node-2").await.is_empty());
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(line(&status, "node-2")["state"], "Installing", "{status}");
    assert_ne!(status["phase"], "Failed", "{status}");

    fleet.control().find("node-2");
    fleet.wait_reachable("node-2", true).await;
    fleet.release("node-2");
    fleet.whole().await;
    assert_eq!(
        fleet.configuration("node-2").await["spec"]["onRemoveFlake"],
        "#minimal",
        "it is put right then"
    );
    assert_eq!(fleet.control().log().installations("node-2"), 1);
    fleet.assert_invariants();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_text_over_an_installation_that_takes_too_long_ends_well() {
    let fleet = installing("overit", 4).await;
    fleet.control().fail("node-2", Fail::Content("ref = \"broken\"".to_owned()));
    fleet.wait_state("node-2", "Overdue").await;
    // It may be corrected now, although the installation runs.
    fleet.roll("broken").await;
    wait_live(&fleet, "it to be written over it", |live| live["metadata"]["generation"] == 2).await;
    fleet.release("node-2");
    wait_live(&fleet, "fullInstall to be cleared", |live| live["spec"]["fullInstall"] == false).await;
    fleet.wait_state("node-2", "Overdue").await;
    fleet.roll("mended").await;
    fleet.whole().await;
    let live = fleet.configuration("node-2").await;
    let runs = fleet.control().log().of("node-2").runs();
    let mended: Vec<_> =
        runs.iter().filter(|run| live["status"]["additionalFilesHash"] == run.start.files_hash).collect();
    assert!(!mended.is_empty() && mended.iter().all(|run| run.start.kind == Kind::Switch), "{runs:#?}");
    assert_eq!(
        fleet.control().log().machine("node-2").runs(),
        live["status"]["additionalFilesHash"].as_str(),
        "and it is what runs"
    );
    fleet.assert_invariants();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_object_that_comes_back_finds_its_disk_as_it_was() {
    let mut fleet = Fleet::without_cluster("comesback", 1, 1).await;
    begin(&fleet, 1, 1, 600).await;
    fleet.whole().await;
    let mark = fleet.control().log().mark();

    // Before the operator has noticed: its configuration stands for it.
    let uid = fleet.configuration("node-2").await["metadata"]["uid"].clone();
    fleet.operator.terminate(BOUND).await.unwrap();
    fleet.stage.kubectl(&["delete", "machine", "node-2"]).await;
    fleet.stage.put(&[machine("node-2", "b")]).await;
    fleet.wait_reachable("node-2", true).await;
    fleet.operator = fleet.stage.operator().await;
    crate::quiet::passes(&fleet.stage, &fleet.operator, 5).await;
    fleet.whole().await;
    assert_eq!(fleet.configuration("node-2").await["metadata"]["uid"], uid);
    assert!(fleet.since(mark).runs().is_empty(), "no machine notices");

    // And once it was released: nobody has cleaned it, whatever its new status says.
    fleet.stage.kubectl(&["delete", "machine", "node-2"]).await;
    fleet.wait_gone("node-2").await;
    fleet.stage.put(&[machine("node-2", "b")]).await;
    let message = fleet.stage.wait_condition(HOME, "NotCleaned").await;
    assert!(message.contains("node-2") && message.contains(REINSTALL_FOR), "{message}");
    fleet.wait_reachable("node-2", true).await;
    fleet.passes(5).await;
    assert!(fleet.configuration("node-2").await.is_null(), "nor is it taken");
    assert!(!applied(&fleet.since(mark)).contains("node-2"));
    // A person says so.
    fleet.stage.annotate("machine", "node-2", &format!("{REINSTALL_FOR}={HOME}")).await;
    fleet.stage.wait_installed_of("node-2").await;
    fleet.whole().await;
    assert_eq!(fleet.since(mark).installations("node-2"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_that_nio_wipes_again_is_seen_and_followed_where_another_one_is_settled() {
    futures::join!(wiped_beside_another(), wiped_alone());
}

/// The cluster runs, and NIO's timer is still at the head's first installation.
async fn with_a_late_twin(prefix: &str, control_planes: usize) -> Fleet {
    let fleet = Fleet::without_cluster(prefix, control_planes, 0).await;
    fleet.hold("node-1");
    begin(&fleet, control_planes, 0, 600).await;
    fleet.wait_both("node-1").await;
    fleet.control().release("node-1", Actor::Handler);
    fleet.whole().await;
    fleet.control().release("node-1", Actor::Timer);
    let message = fleet.stage.wait_condition(HOME, "WipedAgain").await;
    assert!(message.contains("node-1"), "{message}");
    fleet
}

async fn wiped_beside_another() {
    let fleet = with_a_late_twin("wipedagain", 2).await;
    fleet
        .wait_status("the next one to be the head", |status| {
            status["selectedControlPlaneMachines"][0] == "node-2"
        })
        .await;
    let message = fleet.stage.wait_condition(HOME, "RemovalWaiting").await;
    assert!(message.contains("node-1") && message.contains(MEMBER_REMOVED), "{message}");
    fleet.stage.annotate(CONFIGURATIONS, "home-node-1", &format!("{MEMBER_REMOVED}=true")).await;
    // Cleaned, it is free, and joins the other one.
    fleet
        .wait_status("it to join anew", |status| {
            status["selectedControlPlaneMachines"] == json!(["node-2", "node-1"])
                && status["phase"] == "Ready"
        })
        .await;
    let log = fleet.control().log();
    assert!(is_cleaned(&log, "node-1"));
    assert_eq!(log.installations("node-1"), 1, "it is not installed anew");
}

async fn wiped_alone() {
    let fleet = with_a_late_twin("wipedalone", 1).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.passes(5).await;
    let done = fleet.done(from).await;
    assert!(done.is_empty(), "it is said, and nothing is done: {done:?}");
    assert_eq!(fleet.stage.configurations().await, ["home-node-1"]);
}
