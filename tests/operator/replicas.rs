//! Two replicas and a Lease: one acts, the other stands by, and takes over when the first is gone or stands
//! still. What a leader that was stopped still sends is refused, or harmless.

use std::path::Path;
use std::sync::Arc;

use nico_harness::proxy::{Proxy, Then};
use nico_harness::{Event, Process, ServiceAccount, wait_until};
use serde_json::json;
use tokio::sync::oneshot;

use crate::quiet::{metrics_address, page};
use crate::stage::{BOUND, CONFIGURATIONS, Stage, cluster};

/// Two accounts with the same rights, so that the audit log tells the replicas apart.
pub async fn accounts(stage: &Stage<'_>) -> [ServiceAccount; 2] {
    crate::stage::shared_account().await;
    let mut made = Vec::new();
    for name in ["first", "second"] {
        made.push(stage.control_plane.service_account(stage.namespace.name(), name).await);
        let subject = json!({ "kind": "ServiceAccount", "name": name, "namespace": stage.namespace.name() });
        for role in ["nico-operator", "nico-operator-definitions"] {
            let binding = json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": { "name": format!("{role}-{name}-{}", stage.namespace.name()) },
                "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
                "subjects": [subject],
            });
            stage.put(&[binding]).await;
        }
        let rules = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "lease" },
            "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"] }],
        });
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": format!("lease-{name}") },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease" },
            "subjects": [subject],
        });
        stage.put(&[rules, binding]).await;
    }
    made.try_into().unwrap()
}

pub fn replica(stage: &Stage<'_>, kubeconfig: &Path) -> Process {
    replica_with(stage, kubeconfig, &[])
}

/// The same with more arguments.
pub fn replica_with(stage: &Stage<'_>, kubeconfig: &Path, more: &[&str]) -> Process {
    let arguments = [
        "--leader-elect",
        "--leader-elect-namespace",
        stage.namespace.name(),
        "--leader-elect-lease-duration",
        "4s",
        "--leader-elect-renew-deadline",
        "3s",
        "--leader-elect-retry-period",
        "500ms",
    ];
    stage.operator_with(kubeconfig, &[&arguments, more].concat())
}

pub async fn wait_leads(replica: &Process) {
    let address = metrics_address(replica).await;
    wait_until("it to lead", BOUND, async || {
        let metrics = page(&address, "/metrics").await;
        if metrics.lines().any(|line| line == "nico_leader 1") { Ok(()) } else { Err("it stands by") }
    })
    .await
    .unwrap();
}

/// What an account has written in the namespace, the Lease aside.
pub fn writes(stage: &Stage<'_>, account: &ServiceAccount) -> Vec<Event> {
    let user = account.user();
    let mut events = stage.control_plane.audit_in(&stage.namespace);
    events.retain(|event| event.user == user && event.is_write() && event.resource != "leases");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_leader_is_killed_the_other_acts() {
    let stage = Stage::new("replicas").await;
    let [first, second] = accounts(&stage).await;
    stage.machines(2).await;
    let leader = replica(&stage, &first.kubeconfig());
    wait_leads(&leader).await;
    let other = replica(&stage, &second.kubeconfig());
    let address = metrics_address(&other).await;
    // It stands by, with warm caches.
    wait_until("the other to be ready", BOUND, async || {
        let page = page(&address, "/readyz").await;
        if page.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap();
    stage.put(&[cluster("home", 2, 0, &json!({ "installPolicy": "SwitchOnly" }))]).await;
    stage
        .wait("the first to create", async || {
            (!stage.configurations().await.is_empty()).then_some(()).ok_or("none")
        })
        .await;
    leader.kill_9();
    assert!(writes(&stage, &second).is_empty(), "who stands by writes nothing");
    stage.wait_installed(2).await;
    wait_leads(&other).await;
    let theirs = writes(&stage, &second);
    let begins = &theirs.first().unwrap().received;
    let late: Vec<_> = writes(&stage, &first).into_iter().filter(|event| event.received > *begins).collect();
    assert!(late.is_empty(), "{late:?}");
    // Who ends lets the Lease go.
    assert!(other.terminate(BOUND).await.unwrap().success());
    let lease = stage.get("lease", "nico.homystack.com").await;
    assert_eq!(lease["spec"]["holderIdentity"].as_str().unwrap_or_default(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stopped_leader_still_sends_does_no_harm() {
    let stage = Stage::new("stopped").await;
    let [first, second] = accounts(&stage).await;
    stage.machines(5).await;
    let proxy =
        Proxy::to(stage.control_plane.config().await).counting(|call| call.is_about(CONFIGURATIONS)).start();
    let leader = Arc::new(replica(&stage, &first.at(&proxy.url()).kubeconfig()));
    wait_leads(&leader).await;
    let other = replica(&stage, &second.kubeconfig());
    // In the middle of the creations it stands still, with one on its way, until the other has done them all.
    let standing = leader.clone();
    let (stopped, is_stopped) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let held = proxy
        .before_write(2, async move |_call| {
            standing.stop();
            stopped.send(()).unwrap();
            may_go_on.await.unwrap();
            standing.cont();
            Then::GoOn
        })
        .await;
    let spec = json!({ "installPolicy": "SwitchOnly", "rollout": { "bootstrap": "AllAtOnce", "minReadySeconds": 1 } });
    stage.put(&[cluster("home", 2, 2, &spec)]).await;
    is_stopped.await.unwrap();
    wait_leads(&other).await;
    stage
        .wait("the other to create all that is left", async || {
            let made = writes(&stage, &second)
                .iter()
                .filter(|event| event.resource == CONFIGURATIONS && event.code == 201)
                .count();
            if made >= 3 { Ok(()) } else { Err(format!("{made}")) }
        })
        .await;
    go_on.send(()).unwrap();
    held.happened(BOUND).await;
    stage.wait_installed(4).await;
    // It stands by now, and says so.
    let address = metrics_address(&leader).await;
    wait_until("the first to stand by", BOUND, async || {
        let metrics = page(&address, "/metrics").await;
        if metrics.lines().any(|line| line == "nico_leader 0") { Ok(()) } else { Err("it leads") }
    })
    .await
    .unwrap();
    let begins = writes(&stage, &second).first().unwrap().received.clone();
    let late: Vec<_> = writes(&stage, &first).into_iter().filter(|event| event.received > begins).collect();
    for event in &late {
        assert!([409, 422, 404].contains(&event.code), "{event:?}");
    }
    assert!(late.len() <= 2, "only what was built already goes out: {late:?}");
    let log = stage.control().log();
    for machine in ["node-1", "node-2", "node-4", "node-5"] {
        assert_eq!(log.applies(machine), 1, "{machine}");
    }
}
