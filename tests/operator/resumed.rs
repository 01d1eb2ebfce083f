//! The operator is killed after each single write for a control plane to leave, on whichever server: whoever comes next
//! goes on where it stood, and nothing is done twice.

use std::sync::Arc;

use futures::future::join_all;
use nico_harness::proxy::{Proxy, Then};
use nico_harness::{Call, ControlPlane, Process};
use serde_json::json;

use crate::built::shared;
use crate::scene::{Scene, Wanted};
use crate::stage::{BOUND, shared_account};

/// So many lives run beside each other.
const TOGETHER: u64 = 5;
/// A life has fewer writes than this.
const MOST: u64 = 60;

/// Where the writes are counted.
#[derive(Clone, Copy, Debug)]
enum Side {
    /// Where the operator runs.
    Managing,
    /// In the cluster itself.
    Built,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_to_the_cluster_it_goes_on_where_it_stood() {
    // Cordon, eviction, member, Node; and then there is none.
    let killed = join_all((1..=5).map(|k| life(Side::Built, k))).await;
    assert_eq!(killed, [true, true, true, true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_about_it_it_goes_on_where_it_stood() {
    let mut k = 1;
    while k < MOST {
        let killed = join_all((k..k + TOGETHER).map(|k| life(Side::Managing, k))).await;
        k += TOGETHER;
        if killed.contains(&false) {
            // It leaves, its member is noted, it is deleted; and what is told of that.
            assert!(k > 6, "a life has more writes than that");
            return;
        }
    }
    panic!("a life has no end: {MOST} writes");
}

/// One of two control planes leaves, and the operator is killed after the k-th write on this side. Whether it had so
/// many.
async fn life(side: Side, k: u64) -> bool {
    let there = Proxy::to(ControlPlane::shared().await.config().await).counting(counted).start();
    let here = Proxy::to(shared().await.config().await).start();
    let prefix = format!("{side:?}-{k}").to_lowercase();
    let account = Some(shared_account().await.at(&there.url()));
    let wanted = Wanted { account, by: Some(&here), ..Wanted::new(&prefix, 2, 0) };
    let scene = Scene::new(shared().await, wanted).await;
    let [head, leaves] = [1, 2].map(|number| scene.name(number));
    let _k3s = scene.built.distribution(std::slice::from_ref(&leaves));
    scene.built.pod("db", &leaves, &json!({})).await;
    let killing = scene.operator.clone();
    let proxy = match side {
        Side::Managing => &there,
        Side::Built => &here,
    };
    let killed = proxy
        .after_write(k, async move |_call| {
            killing.kill_9();
            Then::Sever
        })
        .await;
    scene.edit(json!({ "controlPlane": { "machines": [head] } })).await;
    let mut second: Option<Arc<Process>> = None;
    let living = async {
        scene.wait_gone(&leaves).await;
        crate::fleet::whole(&scene.visits.stage).await;
    };
    let reviving = async {
        killed.happened(BOUND * 4).await;
        second = Some(scene.start_again());
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = living => {}
        () = reviving => {}
    }
    let wanted = [
        format!("{leaves} leaves"),
        format!("cordons {leaves}"),
        "evicts db".to_owned(),
        "db ends".to_owned(),
        format!("asks {leaves} to go"),
        format!("{leaves} is no member"),
        format!("notes that {leaves} is no member"),
        format!("deletes Node {leaves}"),
        format!("lets {leaves} go"),
    ];
    assert_eq!(scene.done().await, wanted, "{side:?}, killed after write {k}");
    second.is_some()
}

/// Events tell of what was done, and the rest is what is done.
fn counted(call: &Call) -> bool {
    call.is_change() && call.resource != "events"
}
