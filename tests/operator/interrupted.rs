//! The operator is killed in the middle of a rollout: whoever goes on, the sequence is the same, and no machine
//! is applied again because of it.

use std::sync::Arc;

use futures::future::join_all;
use nico_harness::proxy::{Proxy, Then};
use nico_harness::{Call, ControlPlane, Process};
use serde_json::json;

use crate::fleet::{self, HOME, nodes};
use crate::judged::{assert_at_once, assert_each_once};
use crate::replicas::{accounts, replica, wait_leads, writes};
use crate::stage::{BOUND, Stage, shared_account};

/// So many clusters are rolled out beside each other.
const LANES: u64 = 6;
/// A rollout has fewer writes than this.
const MOST: u64 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_of_a_rollout_it_goes_on_where_it_was() {
    let writes = join_all((1..=LANES).map(lane)).await;
    // Three configurations, and at least what the status tells of each.
    assert!(
        writes.iter().all(|writes| *writes > 6),
        "so few writes has no rollout of three machines: {writes:?}"
    );
}

/// One cluster of 1 + 2 machines, that is rolled out again and again; each time the operator is killed some writes
/// later. Returns how many a rollout has, where it is seen that it has no more.
async fn lane(first: u64) -> u64 {
    let control_plane = ControlPlane::shared().await;
    let stage = Stage::new(&format!("interrupted-{first}")).await;
    let proxy = Proxy::to(control_plane.config().await).counting(counted).start();
    let kubeconfig = shared_account().await.at(&proxy.url()).kubeconfig();
    let mut operator = Arc::new(stage.operator_with(&kubeconfig, &[]));
    stage.machines(5).await;
    fleet::begin(&stage, 1, 2, &json!({})).await;
    let mut k = first;
    loop {
        assert!(k < MOST, "a rollout has no end");
        let mark = stage.control().log().mark();
        let killing = operator.clone();
        let killed = proxy
            .after_write(k, async move |_call| {
                killing.kill_9();
                Then::Sever
            })
            .await;
        let trigger = json!({ "spec": { "rollout": { "trigger": format!("killed after {k}") } } });
        stage.patch("kubernetescluster", HOME, "person", &trigger).await;
        let mut next: Option<Process> = None;
        let reviving = async {
            killed.happened(BOUND * 2).await;
            next = Some(stage.operator_with(&kubeconfig, &[]));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = fleet::whole(&stage) => {}
            () = reviving => {}
        }
        let log = stage.control().log().since(mark);
        let order = nodes([4, 5, 1]);
        assert_eq!(log.order(), order, "killed after write {k}");
        assert_each_once(&log, &order);
        assert_at_once(&log, 1);
        match next {
            Some(next) => operator = Arc::new(next),
            // It has ended before so many writes.
            None => return k,
        }
        k += LANES;
    }
}

/// Events tell of what was done, and the rest is what is done.
fn counted(call: &Call) -> bool {
    call.is_change() && call.resource != "events"
}

#[tokio::test(flavor = "multi_thread")]
async fn another_replica_goes_on_in_the_middle_of_a_rollout() {
    let stage = Stage::new("failover").await;
    let [first, second] = accounts(&stage).await;
    stage.machines(8).await;
    let leader = replica(&stage, &first.kubeconfig());
    wait_leads(&leader).await;
    let other = replica(&stage, &second.kubeconfig());
    fleet::begin(&stage, 3, 5, &json!({})).await;
    let mark = stage.control().log().mark();
    stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": { "ref": "next" } })).await;
    stage
        .wait("the third machine to begin", async || {
            let order = stage.control().log().since(mark).order();
            if order.len() == 3 { Ok(()) } else { Err(format!("{order:?}")) }
        })
        .await;
    leader.kill_9();
    fleet::whole(&stage).await;
    wait_leads(&other).await;
    assert!(!writes(&stage, &second).is_empty());
    let log = stage.control().log().since(mark);
    let order = nodes((4..=8).chain(1..=3));
    assert_eq!(log.order(), order);
    assert_each_once(&log, &order);
    assert_at_once(&log, 1);
}
