//! Machines that come and go, step by step: removed, lost, back again; workers and control planes.

use std::collections::BTreeSet;

use nico_crds::names::{LOST, MEMBER_REMOVED, REINSTALL_FOR};
use serde_json::json;

use crate::fleet::{Fleet, HOME, nodes};
use crate::judged::{applied, assert_at_once, assert_each_once, assert_no_wipe, is_cleaned};
use crate::stage::{CONFIGURATIONS, machine};

async fn count(fleet: &Fleet, field: &str, count: usize) -> nio_stand_in::Mark {
    fleet.edit(json!({ field: { "count": count } })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_removed_and_joins_anew() {
    let fleet = Fleet::new("worker", 1, 3, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = count(&fleet, "dataPlane", 2).await;
    fleet.wait_gone("node-6").await;
    fleet.whole().await;
    // The newest goes, and is cleaned; the others follow, whose lists are others now.
    assert_eq!(fleet.done_to(from, "node-6").await, ["leaves", "deleted"]);
    let log = fleet.since(mark);
    assert!(is_cleaned(&log, "node-6"));
    let rest = nodes([4, 5, 1]);
    assert_eq!(log.order(), rest);
    assert_each_once(&log, &rest);
    assert_at_once(&log, 1);
    for on in &rest {
        assert!(!fleet.listed(on).await.contains("node-6"), "{on} still lists it");
    }
    fleet.wait_status("its claim to end", |status| status["appliedMachines"].get("node-6").is_none()).await;

    let mark = count(&fleet, "dataPlane", 3).await;
    fleet.whole().await;
    assert_each_once(&fleet.since(mark), &nodes([1, 4, 5, 6]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_is_removed_once_a_person_says_that_it_is_no_member() {
    let fleet = Fleet::new("plane", 3, 1, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = count(&fleet, "controlPlane", 2).await;
    let message = fleet.stage.wait_condition(HOME, "RemovalWaiting").await;
    assert!(message.contains("node-3") && message.contains(MEMBER_REMOVED), "{message}");
    fleet.passes(5).await;
    assert!(fleet.done_to(from, "node-3").await.is_empty(), "nothing is done to it");
    assert!(!is_cleaned(&fleet.since(mark), "node-3"));

    fleet.stage.annotate(CONFIGURATIONS, "home-node-3", &format!("{MEMBER_REMOVED}=true")).await;
    fleet.wait_gone("node-3").await;
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-3").await, ["leaves", "deleted"]);
    let log = fleet.since(mark);
    assert!(is_cleaned(&log, "node-3"));
    let rest = nodes([4, 1, 2]);
    assert!(!applied(&log).contains("node-3"), "who leaves gets no new content");
    assert_eq!(applied(&log), rest.iter().cloned().collect::<BTreeSet<_>>());
    assert_no_wipe(&log);
    for on in &rest {
        assert!(!fleet.listed(on).await.contains("node-3"), "{on} still lists it");
    }
    // The head never: neither by a count, nor by name.
    let explicit = json!({ "controlPlane": { "machines": ["node-2"] } });
    fleet.edit(explicit).await;
    let stays = "node-1: the spec no longer has it, but it is the first control plane: it stays";
    fleet.wait_status("the head to stay", |status| status["conditions"].to_string().contains(stays)).await;
    fleet.passes(5).await;
    assert!(!fleet.configuration("node-1").await.is_null());
    assert_eq!(fleet.cluster().await["status"]["selectedControlPlaneMachines"], json!(["node-1", "node-2"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_whose_machine_is_gone_is_let_go_and_replaced() {
    let fleet = Fleet::new("gone", 1, 3, &json!({})).await;
    fleet.stage.put(&[machine("node-7", "b")]).await;
    fleet.wait_reachable("node-7", true).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.control().log().mark();
    fleet.stage.kubectl(&["delete", "machine", "node-5"]).await;
    fleet.stage.wait_installed_of("node-7").await;
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-5").await, ["deleted", "let go"], "NIO never lets it go");
    assert!(fleet.configuration("node-5").await.is_null());
    let log = fleet.since(mark);
    assert!(!is_cleaned(&log, "node-5"));
    assert_each_once(&log, &nodes([1, 4, 6, 7]));
    // It comes back under its old name, and nothing shows what is on it.
    fleet.stage.put(&[machine("node-5", "b")]).await;
    let message = fleet.stage.wait_condition(HOME, "NotCleaned").await;
    assert!(message.contains("node-5") && message.contains(REINSTALL_FOR), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_that_returns_is_taken_again_only_when_a_person_says_so() {
    let fleet = Fleet::new("returns", 1, 3, &json!({})).await;
    fleet.stage.put(&[machine("node-7", "b")]).await;
    fleet.wait_reachable("node-7", true).await;
    let mark = fleet.control().log().mark();
    fleet.control().lose("node-5");
    fleet.wait_state("node-5", "Unreachable").await;
    fleet.passes(3).await;
    assert!(applied(&fleet.since(mark)).is_empty(), "it is waited for, until a person says that it is lost");
    fleet.stage.annotate("machine", "node-5", &format!("{LOST}=true")).await;
    fleet.stage.wait_installed_of("node-7").await;
    fleet.whole().await;
    assert!(fleet.configuration("node-5").await.is_null());
    assert_each_once(&fleet.since(mark), &nodes([1, 4, 6, 7]));

    fleet.control().find("node-5");
    fleet.wait_reachable("node-5", true).await;
    fleet.stage.annotate("machine", "node-5", &format!("{LOST}-")).await;
    let mark = count(&fleet, "dataPlane", 4).await;
    let message = fleet.stage.wait_condition(HOME, "NotCleaned").await;
    assert!(message.contains("node-5"), "{message}");
    fleet.passes(5).await;
    assert!(fleet.since(mark).runs().is_empty(), "it is not free");
    fleet.stage.annotate("machine", "node-5", &format!("{REINSTALL_FOR}={HOME}")).await;
    fleet.stage.wait_installed_of("node-5").await;
    fleet.whole().await;
    assert_each_once(&fleet.since(mark), &nodes([1, 4, 5, 6, 7]));
}
