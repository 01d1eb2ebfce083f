//! Every way in which a control plane can fail to give its kubeconfig is a condition of its own cluster, within its
//! time, and delays no other.

use std::net::{Ipv4Addr, TcpListener};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_harness::Sshd;
use serde_json::{Value, json};

use crate::stage::shared_account;
use crate::visits::{Visits, visited};

/// A cluster that fails, or does not.
struct Case {
    name: &'static str,
    machine: Value,
    reason: &'static str,
    /// What the message has to name.
    names: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_told_and_delays_no_other() {
    let visits = Visits::new("failures", [127, 0, 4, 11]).await;
    let hour = SignedDuration::from_hours(1);
    let good = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
    let with_user = |user: Value| {
        let mut kubeconfig = good.clone();
        kubeconfig["users"][0]["user"] = user;
        kubeconfig
    };
    let server = "https://127.0.0.1";
    for name in ["healthy", "password", "elsewhere", "keyless", "strange-key", "down", "hanging", "odd"] {
        visits.lay_kubeconfig(name, good.clone(), server);
    }
    let runs = json!({ "exec": { "apiVersion": "client.authentication.k8s.io/v1", "command": "sh" } });
    visits.lay_kubeconfig("plugin", with_user(runs), server);
    visits.lay_kubeconfig(
        "paths",
        with_user(json!({ "client-certificate": "/etc/x", "client-key": "/y" })),
        server,
    );
    visits.lay_kubeconfig("stranger", with_user(json!({ "token": "canary" })), server);
    visits.lay_kubeconfig("broken-token", with_user(json!({ "token": "canary\n" })), server);
    visits.lay("garbage", b"\x00\xff garbage");
    let huge = std::fs::File::create(visits.file("huge")).unwrap();
    huge.set_len(1 << 30).unwrap();
    // Whom the key of another machine belongs to.
    let other = Sshd::start(Ipv4Addr::new(127, 0, 4, 12)).await;
    visits.put_key("strange", &other.key()).await;
    let silent = TcpListener::bind((Ipv4Addr::new(127, 0, 4, 13), visits.sshd.port())).unwrap();

    let namespace = visits.namespace().name().to_owned();
    let key =
        |name: &str, namespace: &str| json!({ "sshKeySecretRef": { "name": name, "namespace": namespace } });
    let at = |address: &str| json!({ "hostname": address });
    let case = |name, machine, reason, names: &str| Case { name, machine, reason, names: names.to_owned() };
    let password =
        json!({ "sshKeySecretRef": null, "sshPasswordSecretRef": { "name": "x", "namespace": "y" } });
    let cases = [
        case("hanging", at("127.0.4.13"), "TimedOut", "hanging-1"),
        case("down", at("127.0.4.14"), "Unreachable", "down-1"),
        case("huge", json!({}), "TooMuchOutput", "huge-1"),
        case("garbage", json!({}), "NotAcceptable", "UTF-8"),
        case("plugin", json!({}), "NotAcceptable", "`exec`"),
        case("paths", json!({}), "NotAcceptable", "path of a file"),
        case("stranger", json!({}), "LoginFailed", "stranger-1"),
        case("broken-token", json!({}), "NotAcceptable", "line break"),
        case("missing", json!({}), "NotFound", "spec.kubeconfig.path"),
        case("password", password, "OnlyPassword", "spec.sshKeySecretRef"),
        case(
            "elsewhere",
            key("machines", "kube-system"),
            "KeyNamespaceNotAllowed",
            "--ssh-key-namespace kube-system",
        ),
        case("keyless", key("nowhere", &namespace), "KeyMissing", &format!("{namespace}/nowhere")),
        case("strange-key", key("strange", &namespace), "KeyRefused", &format!("{namespace}/strange")),
        case("odd", json!({ "sshUser": "-oProxyCommand=x" }), "NotVisitable", "sshUser"),
        case("healthy", json!({}), "Available", "healthy-kubeconfig"),
    ];
    let _operator = visits.operator(&[]).await;
    for Case { name, machine, .. } in &cases {
        let machine = visits.machine(&format!("{name}-1"), machine);
        visits.stage.put(&[machine, visits.cluster(name, &format!("{name}-1"), name)]).await;
    }
    for Case { name, reason, names, .. } in &cases {
        let message = visits.wait_reason(name, reason).await;
        assert!(message.contains(names), "{name}: {message}");
        assert!(!message.contains("canary"), "{name}: {message}");
        assert_eq!(visits.secret(name).await.is_null(), *reason != "Available", "{name}");
    }
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_for_ever_delays_no_other() {
    let visits = Visits::new("hanging", [127, 0, 4, 15]).await;
    let hour = SignedDuration::from_hours(1);
    let good = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
    visits.lay_kubeconfig("file", good, "https://127.0.0.1");
    let silent = TcpListener::bind((Ipv4Addr::new(127, 0, 4, 16), visits.sshd.port())).unwrap();
    // Longer than anything is waited for here.
    let _operator = visits.operator_as(shared_account().await, "1h", &[]);
    let hanging = visits.machine("hanging-1", &json!({ "hostname": "127.0.4.16" }));
    visits.stage.put(&[hanging, visits.cluster("hanging", "hanging-1", "file")]).await;
    visits.wait_reason("hanging", "WaitingForControlPlane").await;
    let _visitor = visited(&silent).await;
    visits.stage.put(&[visits.machine("well-1", &json!({})), visits.cluster("well", "well-1", "file")]).await;
    visits.wait_reason("well", "Available").await;
    visits.wait_reason("hanging", "WaitingForControlPlane").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strictly_only_host_keys_that_are_written_down_are_accepted() {
    let visits = Visits::new("strict", [127, 0, 4, 21]).await;
    let hour = SignedDuration::from_hours(1);
    let good = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
    visits.lay_kubeconfig("file", good, "https://127.0.0.1");
    let _operator = visits.operator(&["--ssh-host-keys", "strict"]).await;
    visits.stage.put(&[visits.machine("node-1", &json!({})), visits.cluster("home", "node-1", "file")]).await;
    let message = visits.wait_reason("home", "HostKeyUnknown").await;
    assert!(message.contains("home-known-hosts") && message.contains("known_hosts"), "{message}");

    // That of another machine does not count.
    let line = |host: &str| format!("{host} {}", visits.sshd.host_key());
    let write = async |text: String| {
        let patch = json!({ "stringData": { "known_hosts": text } });
        visits.stage.patch("secret", crate::visits::KEY, "person", &patch).await;
    };
    write(line("10.9.9.9")).await;
    visits.again("home", "1").await;
    visits
        .stage
        .wait("it to be unknown still", async || {
            let message = visits.wait_reason("home", "HostKeyUnknown").await;
            if message.contains("its host key is not known") { Ok(()) } else { Err(message) }
        })
        .await;
    write(line("what is this?")).await;
    visits.again("home", "12").await;
    let message = visits.wait_reason("home", "KnownHostsUnreadable").await;
    assert!(message.contains("line 1"), "{message}");
    write(format!("{}{}", line("10.9.9.9"), line(&visits.address.to_string()))).await;
    visits.again("home", "123").await;
    visits.wait_reason("home", "Available").await;
    assert!(visits.stage.get("configmap", "home-known-hosts").await.is_null(), "nothing is pinned");
}
