//! Machines that cannot be reached: while one control plane cannot, no other is touched; and a blip long after a
//! rollout is no failure.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::names::WRITTEN_AT;
use serde_json::{Value, json};

use crate::fleet::{Fleet, line, nodes};
use crate::judged::{applied, assert_at_once, assert_no_wipe};

#[tokio::test(flavor = "multi_thread")]
async fn while_one_of_two_or_three_control_planes_cannot_be_reached_no_other_is_touched() {
    futures::join!(unreachable("oftwo", 2), unreachable("ofthree", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_one_of_five_control_planes_cannot_be_reached_no_other_is_touched() {
    unreachable("offive", 5).await;
}

async fn unreachable(prefix: &str, control_planes: usize) {
    let fleet = Fleet::new(prefix, control_planes, 1, &json!({})).await;
    let worker = control_planes.max(3) + 1;
    fleet.control().lose("node-2");
    fleet.wait_state("node-2", "Unreachable").await;
    let mark = fleet.roll("next").await;
    // The worker is none of them.
    fleet
        .wait_status("the worker to be settled, and the others to wait", |status| {
            let waiting = status["rollout"]["waiting"].to_string();
            status["rollout"]["updated"] == 1
                && line(status, &nodes([worker])[0])["state"] == "Settled"
                && waiting.contains("node-2")
        })
        .await;
    fleet.passes(5).await;
    assert_eq!(applied(&fleet.since(mark)), nodes([worker]).into_iter().collect(), "of {control_planes}");
    let status = fleet.cluster().await["status"].clone();
    assert_ne!(status["phase"], "Failed", "{status}");

    fleet.control().find("node-2");
    fleet.whole().await;
    let log = fleet.since(mark);
    assert_at_once(&log, 1);
    assert_eq!(applied(&log), nodes((1..=control_planes).chain([worker])).into_iter().collect());
    assert_no_wipe(&log);
}

/// It counts against no other, for there is none: it gets what is new, and takes it in when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_only_control_plane_cannot_be_reached_nobody_joins_it() {
    let fleet = Fleet::new("ofone", 1, 1, &json!({})).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.control().lose("node-1");
    fleet.wait_state("node-1", "Unreachable").await;
    let mark = fleet.edit(json!({ "ref": "next", "controlPlane": { "count": 2 } })).await;
    fleet
        .wait_status("the worker to be settled, and the other one to wait", |status| {
            let waiting = status["rollout"]["waiting"].to_string();
            line(status, "node-4")["state"] == "Settled" && waiting.contains("node-1")
        })
        .await;
    fleet.passes(5).await;
    assert_eq!(applied(&fleet.since(mark)), nodes([4]).into_iter().collect());
    assert!(fleet.configuration("node-2").await.is_null(), "nobody joins what cannot be reached");
    assert_ne!(fleet.cluster().await["status"]["phase"], "Failed");

    fleet.control().find("node-1");
    fleet.whole().await;
    let log = fleet.since(mark);
    assert_eq!(log.order(), nodes([4, 1, 2]));
    assert_at_once(&log, 1);
    assert_no_wipe(&log);
    assert_eq!(fleet.done_to(from, "node-1").await, ["written"], "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blip_or_a_push_long_after_a_rollout_is_no_failure() {
    let rollout = json!({ "progressDeadlineSeconds": 4, "maxUnavailable": 2 });
    let fleet = Fleet::new("blip", 1, 3, &rollout).await;
    fleet.roll("next").await;
    fleet.whole().await;
    wait_long_after(&fleet).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.control().lose("node-5");
    let told = fleet.wait_state("node-5", "Unreachable").await;
    assert!(told["reason"].is_string(), "{told}");
    // Its content was delivered: no deadline runs.
    let seen = Timestamp::now();
    fleet
        .stage
        .wait("a deadline to pass", async || {
            let now = Timestamp::now();
            if now > seen + SignedDuration::from_secs(5) { Ok(()) } else { Err(now) }
        })
        .await;
    fleet.passes(2).await;
    // Nothing is frozen by it: with room for two the others go on.
    let longer = json!({ "ref": "another", "rollout": { "progressDeadlineSeconds": 600 } });
    let mark = fleet.edit(longer).await;
    fleet
        .wait_status("the other workers to be settled", |status| {
            status["rollout"]["updated"] == 2 && line(status, "node-6")["state"] == "Settled"
        })
        .await;
    fleet.control().find("node-5");
    fleet.whole().await;
    assert_eq!(applied(&fleet.since(mark)), nodes([1, 4, 5, 6]).into_iter().collect());

    // A push reaches every machine by itself.
    fleet.edit(json!({ "rollout": { "progressDeadlineSeconds": 4 } })).await;
    wait_long_after(&fleet).await;
    let mark = fleet.control().log().mark();
    let commit = "a".repeat(40);
    fleet.control().push(&commit);
    let runs_it =
        |status: &Value| nodes([1, 4, 5, 6]).iter().all(|name| line(status, name)["commit"] == commit);
    fleet.wait_status("all to run what was pushed", runs_it).await;
    fleet.whole().await;
    assert_eq!(applied(&fleet.since(mark)), nodes([1, 4, 5, 6]).into_iter().collect());

    let statuses = fleet.told(from).await;
    assert!(statuses.len() > 3, "{statuses:?}");
    for status in statuses {
        assert_ne!(status["phase"], "Failed", "{status}");
        assert_ne!(status["phase"], "Provisioning", "{status}");
        let states: Vec<_> =
            status["machines"].as_array().unwrap().iter().map(|line| &line["state"]).collect();
        assert!(!states.contains(&&json!("Overdue")), "{status}");
        assert!(!status["rollout"]["waiting"].to_string().contains("frozen"), "{status}");
    }
}

/// Waits until the deadlines of all that was written are over.
async fn wait_long_after(fleet: &Fleet) {
    fleet
        .stage
        .wait("the deadlines to be over", async || {
            let now = Timestamp::now();
            let all = fleet.stage.list(crate::stage::CONFIGURATIONS).await;
            let written = all.iter().map(|live| &live["metadata"]["annotations"][WRITTEN_AT]);
            let until = written.map(|at| at.as_str().unwrap().parse::<Timestamp>().unwrap()).max().unwrap();
            if now > until + SignedDuration::from_secs(5) { Ok(()) } else { Err(format!("{now} of {until}")) }
        })
        .await;
}
