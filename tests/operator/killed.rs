//! The operator is killed after each single write of a cluster's life, and started again: the end is the same,
//! the token is written once, and no disk is wiped again.

use std::sync::Arc;

use futures::future::join_all;
use nico_harness::proxy::{Proxy, Then};
use nico_harness::{Call, ControlPlane, Process};
use serde_json::json;

use crate::stage::{BOUND, OWN_USER, Stage, cluster, machine, shared_account};

/// So many lives run beside each other.
const TOGETHER: u64 = 6;
/// A life has fewer writes than this.
const MOST: u64 = 80;

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_it_ends_the_same() {
    let mut k = 1;
    while k < MOST {
        let lives = (k..k + TOGETHER).map(life);
        let killed = join_all(lives).await;
        if killed.contains(&false) {
            assert!(k + TOGETHER > 12, "a life has more writes than that");
            return;
        }
        k += TOGETHER;
    }
    panic!("a life has no end: {MOST} writes");
}

/// The life of a cluster of 1 + 2 machines, in which the operator is killed after the k-th write. Whether it
/// had so many.
async fn life(k: u64) -> bool {
    let control_plane = ControlPlane::shared().await;
    let stage = Stage::new(&format!("killed-{k}")).await;
    let account = shared_account().await;
    let proxy = Proxy::to(control_plane.config().await).counting(counted).start();
    let kubeconfig = account.at(&proxy.url()).kubeconfig();
    stage.put(&[machine("node-1", "a"), machine("node-2", "b"), machine("node-3", "b")]).await;
    let first = Arc::new(stage.operator_with(&kubeconfig, &[]));
    let killing = first.clone();
    let killed = proxy
        .after_write(k, async move |_call| {
            killing.kill_9();
            Then::Sever
        })
        .await;
    stage.put(&[cluster("home", 1, 2, &json!({}))]).await;
    let living = async {
        stage.wait_installed(3).await;
        stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
        stage.wait_gone("kubernetesclusters").await;
        stage.wait_gone("nixosconfigurations,secrets").await;
    };
    let mut second: Option<Process> = None;
    let reviving = async {
        killed.happened(BOUND * 4).await;
        second = Some(stage.operator_with(&kubeconfig, &[]));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = living => {}
        () = reviving => {}
    }
    assert_once(&stage, k);
    second.is_some()
}

/// Events tell of what was done, and the rest is what is done.
fn counted(call: &Call) -> bool {
    call.resource != "events" && call.resource != "leases"
}

fn assert_once(stage: &Stage<'_>, k: u64) {
    let log = stage.control().log();
    for number in 1..=3 {
        let name = format!("node-{number}");
        assert_eq!(log.installations(&name), 1, "{name}, killed after write {k}");
    }
    let events = stage.control_plane.audit_in(&stage.namespace);
    let tokens: Vec<_> =
        events.iter().filter(|event| event.resource == "secrets" && event.is_write()).collect();
    let created = tokens.iter().filter(|event| event.verb == "create" && event.code == 201).count();
    assert_eq!(created, 1, "killed after write {k}: {tokens:?}");
    let others = tokens.iter().filter(|event| event.user == OWN_USER && event.verb != "create").count();
    assert_eq!(others, 0, "killed after write {k}: {tokens:?}");
}
