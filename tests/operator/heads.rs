//! The first control plane, on which flakes bootstrap the cluster: replaced before anything runs, never made anew
//! afterwards, followed by a settled one; and where none is left it takes a person to start anew, once.

use nico_crds::names::{LOST, MEMBER_REMOVED, REBOOTSTRAP};
use nico_harness::audit;
use nio_stand_in::{Actor, Fail, Kind};
use serde_json::{Value, json};

use crate::fleet::{Fleet, HOME, nodes};
use crate::judged::{applied, assert_no_wipe, is_cleaned};
use crate::stage::{CONFIGURATIONS, cluster, machine};

/// A cluster whose control planes are listed, and that installs them.
fn listing(machines: &[&str]) -> Value {
    let spec = json!({
        "controlPlane": { "machines": machines }, "dataPlane": null,
        "rollout": { "minReadySeconds": 1, "progressDeadlineSeconds": 600 },
    });
    cluster(HOME, 1, 0, &spec)
}

async fn order(fleet: &Fleet) -> Value {
    fleet.cluster().await["status"]["selectedControlPlaneMachines"].clone()
}

/// The machines whose configurations were created since then, in this order.
async fn created(fleet: &Fleet, from: audit::Mark) -> Vec<String> {
    let done = fleet.done(from).await;
    done.into_iter().filter(|(_, what)| *what == "created").map(|(machine, _)| machine).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_drops_the_head_before_anything_runs_replaces_it_and_never_are_there_two() {
    let fleet = Fleet::without_cluster("dropped", 2, 0).await;
    fleet.control().fail("node-1", Fail::Always);
    // NIO does not let go of it while its timer is still at it.
    fleet.control().hold("node-1", Actor::Timer);
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.stage.put(&[listing(&["node-1"])]).await;
    fleet.wait_state("node-1", "Overdue").await;
    fleet
        .stage
        .wait("the timer to be at it", async || {
            let runs = fleet.control().log().of("node-1").runs();
            let held = runs.iter().any(|run| run.start.actor == Actor::Timer && run.end.is_none());
            if held { Ok(()) } else { Err(format!("{runs:?}")) }
        })
        .await;
    fleet.edit(json!({ "controlPlane": { "machines": ["node-2"] } })).await;
    fleet
        .stage
        .wait("NIO to have cleaned it", async || {
            let status = fleet.configuration("node-1").await["status"].clone();
            if status["conditions"][0]["reason"] == "Removed" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    // What it tells of that looks as if something had been applied: yet nothing ever ran.
    fleet.passes(3).await;
    fleet.control().release("node-1", Actor::Timer);
    fleet.whole().await;
    let done = fleet.done(from).await;
    let place =
        |machine: &str, what: &str| done.iter().position(|one| *one == (machine.to_owned(), what)).unwrap();
    assert!(place("node-1", "deleted") < place("node-2", "created"), "{done:?}");
    assert_eq!(created(&fleet, from).await, ["node-1", "node-2"]);
    // NIO has done with the one before it begins with the other.
    let log = fleet.control().log();
    let cleaned = log.runs_of("node-1", Kind::Cleanup).pop().and_then(|run| run.end).expect("it is cleaned");
    let begun = log.of("node-2").runs().into_iter().find(|run| run.start.kind.is_apply()).unwrap();
    assert!(cleaned.seq < begun.start.seq, "{begun:?} {cleaned:?}");
    assert_eq!(order(&fleet).await, json!(["node-2"]));
    assert_eq!(log.installations("node-2"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_without_the_first_of_the_list() {
    let fleet = Fleet::without_cluster("late", 1, 0).await;
    // What is there is the second of the list.
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.stage.put(&[listing(&["node-2", "node-1"])]).await;
    let selected =
        |status: &Value| status["conditions"].to_string().contains("is to be the first control plane");
    fleet.wait_status("it to be waited for", selected).await;
    fleet.passes(3).await;
    assert!(fleet.stage.configurations().await.is_empty());

    fleet.stage.put(&[machine("node-2", "a")]).await;
    fleet.whole().await;
    assert_eq!(created(&fleet, from).await, ["node-2", "node-1"]);
    assert_eq!(order(&fleet).await, json!(["node-2", "node-1"]));
    assert_eq!(fleet.control().log().order(), nodes([2, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_whose_machine_goes_during_its_first_installation_is_replaced_once_it_is_gone() {
    let fleet = Fleet::without_cluster("wentaway", 2, 0).await;
    fleet.hold("node-1");
    let from = fleet.stage.control_plane.audit_mark().await;
    let spec = json!({ "rollout": { "minReadySeconds": 1, "progressDeadlineSeconds": 600 } });
    fleet.stage.put(&[cluster(HOME, 1, 0, &spec)]).await;
    fleet.wait_both("node-1").await;
    fleet.stage.kubectl(&["delete", "machine", "node-1"]).await;
    fleet.stage.wait_installed_of("node-2").await;
    fleet.release("node-1");
    fleet.whole().await;
    let done = fleet.done(from).await;
    let until_the_next = done.split(|(machine, _)| machine == "node-2").next().unwrap();
    let of_the_first: Vec<_> = until_the_next.iter().map(|(_, what)| *what).collect();
    assert_eq!(of_the_first, ["created", "deleted", "let go"], "NIO never lets it go: {done:?}");
    assert_eq!(created(&fleet, from).await, ["node-1", "node-2"]);
    assert_eq!(order(&fleet).await, json!(["node-2"]));
    assert_eq!(fleet.control().log().installations("node-2"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_head_is_followed_by_a_settled_control_plane_and_never_made_anew() {
    let fleet = Fleet::new("head", 2, 1, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.control().log().mark();
    fleet.control().lose("node-1");
    fleet.wait_state("node-1", "Unreachable").await;
    fleet.stage.annotate("machine", "node-1", &format!("{LOST}=true")).await;
    fleet
        .wait_status("the next one to be the head", |status| {
            status["selectedControlPlaneMachines"][0] == "node-2"
        })
        .await;
    // It may be a member yet, so its configuration stays, and no other comes.
    let message = fleet.stage.wait_condition(HOME, "RemovalWaiting").await;
    assert!(message.contains("node-1") && message.contains(MEMBER_REMOVED), "{message}");
    fleet.passes(5).await;
    assert!(fleet.configuration("node-3").await.is_null(), "the replacement comes after");
    assert!(!fleet.configuration("node-1").await.is_null());

    fleet.stage.annotate(CONFIGURATIONS, "home-node-1", &format!("{MEMBER_REMOVED}=true")).await;
    fleet.stage.wait_installed_of("node-3").await;
    fleet.whole().await;
    assert_eq!(fleet.done_to(from, "node-1").await, ["deleted"]);
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["selectedControlPlaneMachines"], json!(["node-2", "node-3"]));
    for on in nodes([2, 3, 4]) {
        let text = fleet.listed(&on).await;
        assert!(!text.contains("node-1"), "{text}");
        let place = |name: &str| text.find(name).unwrap();
        assert!(place("node-2") < place("node-3"), "the head comes first: {text}");
    }
    let log = fleet.since(mark);
    assert_eq!(applied(&log), nodes([2, 3, 4]).into_iter().collect());
    assert_no_wipe(&log);
    // Even when it comes back.
    fleet.control().find("node-1");
    fleet.wait_reachable("node-1", true).await;
    fleet.stage.annotate("machine", "node-1", &format!("{LOST}-")).await;
    fleet.passes(5).await;
    assert!(fleet.configuration("node-1").await.is_null());
    assert_eq!(fleet.done_to(from, "node-1").await, ["deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_only_heads_configuration_was_deleted_by_hand_a_person_lets_it_start_anew_once() {
    let fleet = Fleet::new("anew", 1, 1, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = delete_by_hand(&fleet, "node-1").await;
    assert!(is_cleaned(&fleet.since(mark), "node-1"), "NIO takes it for a removal");
    assert_head_lost(&fleet).await;
    assert!(created(&fleet, from).await.is_empty());
    assert!(applied(&fleet.since(mark)).is_empty(), "nobody is touched");
    assert_eq!(fleet.stage.configurations().await, ["home-node-4"]);

    // Not even on the machine that it ran on, which is free again.
    fleet.stage.annotate("kubernetescluster", HOME, &format!("{REBOOTSTRAP}=node-2")).await;
    fleet.stage.wait_installed_of("node-2").await;
    fleet.whole().await;
    assert_eq!(created(&fleet, from).await, ["node-2"]);
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["rebootstrapped"], "node-2");
    assert_eq!(status["selectedControlPlaneMachines"], json!(["node-2"]));
    assert_eq!(applied(&fleet.since(mark)), nodes([2, 4]).into_iter().collect());
    assert!(fleet.listed("node-4").await.contains("node-2"), "the worker knows where to go");

    // The annotation is still there: it was used, and another look does nothing.
    crate::quiet::calm(&fleet.stage, &fleet.operator).await;
    let again = fleet.stage.control_plane.audit_mark().await;
    fleet.stage.annotate("kubernetescluster", HOME, &format!("{REBOOTSTRAP}=node-2")).await;
    fleet.passes(5).await;
    let writes = fleet.writes(again).await;
    assert!(writes.is_empty(), "{writes:?}");
    // Nor does it start anew by itself the next time.
    let mark = delete_by_hand(&fleet, "node-2").await;
    assert_head_lost(&fleet).await;
    assert!(created(&fleet, again).await.is_empty());
    assert!(applied(&fleet.since(mark)).is_empty());
}

/// Deletes the configuration of a control plane as a person would.
async fn delete_by_hand(fleet: &Fleet, machine: &str) -> nio_stand_in::Mark {
    let mark = fleet.control().log().mark();
    fleet.stage.kubectl(&["delete", CONFIGURATIONS, &format!("{HOME}-{machine}")]).await;
    mark
}

/// Nothing is done about it, over many passes, and it is said what a person can do.
async fn assert_head_lost(fleet: &Fleet) {
    let message = fleet.stage.wait_condition(HOME, "HeadLost").await;
    assert!(message.contains(&format!("{REBOOTSTRAP}: <machine>")), "{message}");
    fleet.passes(5).await;
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["phase"], "Failed", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_control_planes_are_lost_nothing_is_made_until_a_person_says_so() {
    let fleet = Fleet::new("alllost", 2, 1, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    let mark = fleet.control().log().mark();
    for lost in ["node-1", "node-2"] {
        fleet.control().lose(lost);
        fleet.wait_state(lost, "Unreachable").await;
    }
    for lost in ["node-1", "node-2"] {
        fleet.stage.annotate("machine", lost, &format!("{LOST}=true")).await;
    }
    assert_head_lost(&fleet).await;
    assert!(created(&fleet, from).await.is_empty());
    assert_eq!(fleet.stage.configurations().await, ["home-node-1", "home-node-2", "home-node-4"]);

    // Of the two only one is asked for from now on.
    fleet.edit(json!({ "controlPlane": { "count": 1 } })).await;
    fleet.stage.annotate("kubernetescluster", HOME, &format!("{REBOOTSTRAP}=node-3")).await;
    fleet.stage.wait_installed_of("node-3").await;
    fleet.whole().await;
    assert_eq!(created(&fleet, from).await, ["node-3"]);
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["rebootstrapped"], "node-3");
    assert_eq!(status["selectedControlPlaneMachines"], json!(["node-3"]));
    let log = fleet.since(mark);
    assert_eq!(applied(&log), nodes([3, 4]).into_iter().collect());
    assert_no_wipe(&log);
}
