//! New content for a whole cluster: so many machines at a time as may be, the next one only when the last one
//! is settled, the roles one after the other, each machine once.

use serde_json::{Value, json};

use crate::fleet::{Fleet, nodes};
use crate::judged::{applied, assert_at_once, assert_each_once, spans};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_ref_goes_from_worker_to_worker_and_then_to_the_control_planes() {
    let fleet = Fleet::new("rollout", 3, 5, &json!({})).await;
    // Of these NIO doubles the update too, where its timer comes round in time.
    for machine in ["node-5", "node-2"] {
        fleet.control().twin(machine, true);
    }
    let mark = fleet.roll("next").await;
    fleet.whole().await;
    let log = fleet.since(mark);
    let order = nodes((4..=8).chain(1..=3));
    assert_eq!(log.order(), order);
    assert_each_once(&log, &order);
    assert_at_once(&log, 1);
    let status = fleet.cluster().await["status"].clone();
    assert_eq!(status["rollout"]["progress"], "8/8");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_workers_as_may_be_are_disturbed_at_once_and_no_more() {
    futures::join!(two_at_a_time("two", json!(2)), two_at_a_time("percent", json!("40%")));
}

async fn two_at_a_time(prefix: &str, most: Value) {
    let fleet = Fleet::new(prefix, 1, 5, &json!({ "maxUnavailable": most })).await;
    // What the first two begin with does not end before it is let.
    let held = ["node-4", "node-5"];
    for machine in held {
        fleet.hold(machine);
    }
    let mark = fleet.roll("next").await;
    fleet
        .stage
        .wait("both to begin", async || {
            let begun = applied(&fleet.since(mark));
            if begun.len() == 2 { Ok(()) } else { Err(format!("{begun:?}")) }
        })
        .await;
    fleet.passes(3).await;
    assert_eq!(fleet.since(mark).order().len(), 2, "nobody else begins");
    for machine in held {
        fleet.release(machine);
    }
    fleet.whole().await;
    let log = fleet.since(mark);
    assert_at_once(&log, 2);
    let spans = spans(&log);
    assert_each_once(&log, &nodes((4..=8).chain(1..=1)));
    // The control plane comes after all of them.
    let (head, workers) = spans.split_last().unwrap();
    assert_eq!(head.machine, "node-1");
    assert!(workers.iter().all(|worker| worker.until <= head.from), "{spans:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_planes_first_where_that_is_asked_for() {
    let fleet = Fleet::new("planesfirst", 2, 2, &json!({ "order": "ControlPlaneFirst" })).await;
    let mark = fleet.roll("next").await;
    fleet.whole().await;
    let log = fleet.since(mark);
    let order = nodes([1, 2, 4, 5]);
    assert_eq!(log.order(), order);
    assert_each_once(&log, &order);
    assert_at_once(&log, 1);
}
