//! Machines that leave while something else goes wrong: beside an overdue one, beside a dead one, with a clean-up
//! that fails for ever, or because they failed themselves.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::names::{LOST, MEMBER_REMOVED};
use nio_stand_in::Fail;
use serde_json::json;

use crate::fleet::{Fleet, HOME, nodes};
use crate::judged::{applied, assert_each_once, assert_no_wipe, is_cleaned};
use crate::stage::{CONFIGURATIONS, machine};

/// A machine has so many seconds to be cleaned.
const DEADLINE: i64 = 4;
/// What stands in `cluster.nix` of a ref that a machine cannot take in.
const BROKEN: &str = "ref = \"broken\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_fails_is_scaled_away_in_the_edit_that_mends_the_others() {
    let fleet = Fleet::new("scaledaway", 1, 2, &json!({})).await;
    fleet.control().fail("node-5", Fail::Content(BROKEN.to_owned()));
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.roll("broken").await;
    fleet.wait_state("node-5", "Overdue").await;
    let mark = fleet.edit(json!({ "ref": "mended", "dataPlane": { "count": 1 } })).await;
    fleet.wait_gone("node-5").await;
    fleet.whole().await;
    let done = fleet.done_to(from, "node-5").await;
    assert_eq!(done[done.len() - 2..], ["leaves", "deleted"], "{done:?}");
    let log = fleet.since(mark);
    assert!(is_cleaned(&log, "node-5"));
    assert!(log.of("node-5").runs().iter().all(|run| !run.succeeded() || !run.start.kind.is_apply()));
    for on in nodes([4, 1]) {
        assert_each_once(&log.of(&on), std::slice::from_ref(&on));
        assert!(!fleet.listed(&on).await.contains("node-5"), "{on} still lists it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_control_plane_leaves_beside_an_overdue_one() {
    let fleet = Fleet::new("beside", 3, 0, &json!({})).await;
    fleet.control().fail("node-2", Fail::Content(BROKEN.to_owned()));
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.roll("broken").await;
    fleet.wait_state("node-2", "Overdue").await;
    fleet.edit(json!({ "controlPlane": { "count": 2 } })).await;
    // Not even with a person's word that it is no member any more.
    fleet.stage.annotate(CONFIGURATIONS, "home-node-3", &format!("{MEMBER_REMOVED}=true")).await;
    let message = fleet.stage.wait_condition(HOME, "RemovalWaiting").await;
    assert!(message.contains("node-3") && message.contains("node-2"), "{message}");
    fleet.passes(5).await;
    assert!(fleet.done_to(from, "node-3").await.is_empty(), "nothing is done to it");

    fleet.roll("mended").await;
    fleet.wait_gone("node-3").await;
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-3").await, ["leaves", "deleted"]);
    let log = fleet.since(mark);
    assert!(is_cleaned(&log, "node-3"));
    assert!(!applied(&log).contains("node-3"), "who leaves gets no new content");
    assert_no_wipe(&log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_control_plane_whose_machine_object_goes_stays_a_member_while_another_is_dead() {
    let fleet = Fleet::without_cluster("bothgone", 4, 0).await;
    crate::fleet::begin(&fleet.stage, 3, 0, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.control().log().mark();
    fleet.control().lose("node-3");
    fleet.wait_state("node-3", "Unreachable").await;
    fleet.stage.kubectl(&["delete", "machine", "node-2"]).await;
    fleet.wait_state("node-2", "Lost").await;
    let message = fleet.stage.wait_condition(HOME, "RemovalWaiting").await;
    assert!(message.contains("node-2"), "{message}");
    let at_risk = fleet.stage.wait_condition(HOME, "QuorumAtRisk").await;
    assert!(at_risk.contains("node-2") && at_risk.contains("node-3"), "{at_risk}");
    fleet.passes(5).await;
    // With it the last majority would go; and nobody joins beside the two.
    let done = fleet.done(from).await;
    assert!(done.iter().all(|(_, what)| *what == "written"), "{done:?}");
    assert!(!fleet.configuration("node-2").await.is_null() && fleet.configuration("node-4").await.is_null());
    assert!(applied(&fleet.since(mark)).is_empty(), "nobody is touched");

    // The dead one comes back, and a person says that the other one is no member any more: another takes its place.
    fleet.control().find("node-3");
    fleet.stage.annotate(CONFIGURATIONS, "home-node-2", &format!("{MEMBER_REMOVED}=true")).await;
    fleet.wait_gone("node-2").await;
    fleet.stage.wait_installed_of("node-4").await;
    fleet.whole().await;
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["selectedControlPlaneMachines"], json!(["node-1", "node-3", "node-4"]));
    assert_no_wipe(&fleet.since(mark));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_whose_clean_up_fails_for_ever_is_let_go_after_the_deadline() {
    let fleet = Fleet::new("dirty", 1, 2, &json!({ "progressDeadlineSeconds": DEADLINE })).await;
    fleet.stage.put(&[machine("node-6", "b")]).await;
    fleet.wait_reachable("node-6", true).await;
    fleet.control().fail_cleanup("node-5", Fail::Always);
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.control().log().mark();
    fleet.stage.annotate("machine", "node-5", &format!("{LOST}=true")).await;
    fleet.wait_gone("node-5").await;
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-5").await, ["deleted", "let go"]);
    // Another one takes its place before that.
    let done = fleet.done(from).await;
    let place = |machine: &str, what| done.iter().position(|one| *one == (machine.to_owned(), what)).unwrap();
    assert!(place("node-6", "created") < place("node-5", "let go"), "{done:?}");
    let writes = fleet.writes(from).await;
    let of_it = writes.iter().filter(|event| event.name.as_deref() == Some("home-node-5"));
    let times: Vec<Timestamp> = of_it.map(|event| event.received.parse().unwrap()).collect();
    // A deletion is noted by the second.
    let given = times[1].duration_since(times[0]);
    assert!(given >= SignedDuration::from_secs(DEADLINE - 1), "NIO has its time: {given}");
    let log = fleet.since(mark);
    assert!(log.of("node-5").runs().iter().all(|run| !run.succeeded()), "it was never cleaned");
    assert_eq!(applied(&log), nodes([1, 4, 6]).into_iter().collect());
    assert_no_wipe(&log);
    let message = fleet.stage.wait_condition(HOME, "NotCleaned").await;
    assert!(message.contains("node-5"), "{message}");
}
