//! At rest there is not a single request but the watches and the Lease (L2).

use nico_harness::Process;
use serde_json::json;

use crate::stage::{BOUND, OWN_USER, Stage, cluster, shared_account};

/// Waits until the operator has gone over the cluster so many times more.
pub async fn passes(stage: &Stage<'_>, operator: &Process, count: u64) {
    let address = metrics_address(operator).await;
    let goal = turns(&address).await + count;
    stage
        .wait(&format!("{count} passes"), async || {
            let turns = turns(&address).await;
            if turns >= goal { Ok(()) } else { Err(format!("{turns} of {goal}")) }
        })
        .await;
}

/// Waits until the last thing that there is to do, or to tell, is done.
pub async fn calm(stage: &Stage<'_>, operator: &Process) {
    let mut calm = 0;
    stage
        .wait("five passes without a request", async || {
            let from = stage.control_plane.audit_mark().await;
            passes(stage, operator, 1).await;
            let to = stage.control_plane.audit_mark().await;
            calm = if asked(stage, from, to).is_empty() { calm + 1 } else { 0 };
            if calm >= 5 { Ok(()) } else { Err(format!("{calm}")) }
        })
        .await;
}

/// How many turns of all clusters have ended.
async fn turns(address: &str) -> u64 {
    let metrics = page(address, "/metrics").await;
    metrics
        .lines()
        .filter(|line| line.starts_with("nico_cluster_reconcile_duration_seconds_count"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        .sum()
}

pub async fn metrics_address(operator: &Process) -> String {
    let line = operator.line("where its pages are", BOUND, |line| line.contains("metrics are served")).await;
    let line = line.unwrap();
    let (_, address) = line.rsplit_once("address=").unwrap();
    address.trim().to_owned()
}

/// A page of the operator's.
pub async fn page(address: &str, path: &str) -> String {
    let (address, path) = (address.to_owned(), path.to_owned());
    tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_nothing_is_asked_and_nothing_is_written() {
    let stage = Stage::new("quiet").await;
    stage.machines(4).await;
    let account = shared_account().await;
    let arguments = ["--leader-elect", "--leader-elect-namespace", stage.namespace.name()];
    stage.allow_lease().await;
    let operator = stage.operator_with(&account.kubeconfig(), &arguments);
    stage.put(&[cluster("home", 2, 1, &json!({}))]).await;
    stage.wait_installed(3).await;
    calm(&stage, &operator).await;
    let from = stage.control_plane.audit_mark().await;
    passes(&stage, &operator, 20).await;
    let to = stage.control_plane.audit_mark().await;
    let asked = asked(&stage, from, to);
    assert!(asked.is_empty(), "{asked:?}");
}

/// What the operator of this namespace has asked for, but watches and the Lease.
pub fn asked(
    stage: &Stage<'_>,
    from: nico_harness::audit::Mark,
    to: nico_harness::audit::Mark,
) -> Vec<String> {
    let events = stage.control_plane.audit_between(from, to);
    let by_operator = events
        .into_iter()
        .filter(|event| event.user == OWN_USER && event.namespace.as_deref() == Some(stage.namespace.name()));
    let others = by_operator.filter(|event| event.resource != "leases" && event.verb != "watch");
    others.map(|event| format!("{} {}", event.verb, event.uri)).collect()
}
