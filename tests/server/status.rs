//! `nico status` of what is on a server: in which namespaces, of which clusters, and as it changes.

use std::time::Duration;

use nico_harness::faults::{Faults, Settings};
use nico_harness::proxy::Proxy;
use nico_harness::{ControlPlane, Namespace, Process, ServiceAccount};
use serde_json::{Value, json};

use crate::support::{cluster, kubectl, nico, put, put_status};

/// For what takes a moment on an idle machine.
pub const BOUND: Duration = Duration::from_mins(2);

/// Standard output, standard error and exit code.
async fn status(control_plane: &ControlPlane, arguments: &[&str]) -> (String, String, i32) {
    let mut whole = vec!["status"];
    whole.extend(arguments);
    let output = nico(control_plane, &whole).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// What an operator would tell of one control plane in this state.
pub fn told(state: &str) -> Value {
    json!({
        "phase": "Provisioning", "observedGeneration": 1,
        "controlPlane": { "ready": 0, "total": 1 },
        "machines": [{ "name": "node-1", "role": "control-plane", "state": state, "since": "2026-11-01T00:00:00Z" }],
    })
}

pub async fn put_cluster(control_plane: &ControlPlane, namespace: &Namespace, name: &str, state: &str) {
    put(control_plane, namespace, &[cluster(name, &json!({}))]).await;
    put_status(control_plane, namespace, "kcluster", name, &told(state)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_as_elsewhere_and_clusters_are_named() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-one").await;
    let other = control_plane.namespace("status-other").await;
    let none = control_plane.namespace("status-none").await;
    put_cluster(control_plane, &namespace, "home", "Settled").await;
    put_cluster(control_plane, &namespace, "lab", "Overdue").await;
    put(control_plane, &other, &[cluster("home", &json!({}))]).await;
    let (home, lab) = (format!("{namespace}/home"), format!("{namespace}/lab"));
    let theirs = format!("{other}/home");

    let (text, errors, code) = status(control_plane, &["-n", namespace.name()]).await;
    assert_eq!((code, errors.as_str()), (0, ""), "however they are");
    assert!(
        text.starts_with(&format!("{home} (Provisioning): control planes 0/1, no kubeconfig yet\n")),
        "{text}"
    );
    assert!(text.contains("node-1") && text.contains("Settled") && text.contains(&lab), "{text}");
    assert!(!text.contains(&theirs) && !text.contains('\u{1b}'), "{text}");
    for all in [&["status"][..], &["status", "-A"], &["status", "--all-namespaces"]] {
        let (text, _, code) = status(control_plane, &all[1..]).await;
        assert_eq!(code, 0);
        assert!(text.contains(&home) && text.contains(&lab) && text.contains(&theirs), "{text}");
    }
    let (text, _, code) = status(control_plane, &["-n", namespace.name(), "lab"]).await;
    assert!(code == 0 && text.starts_with(&lab) && !text.contains(&home), "{text}");
    let (text, _, code) = status(control_plane, &[&theirs, &lab]).await;
    assert!(code == 0 && text.contains(&theirs) && text.contains(&lab) && !text.contains(&home), "{text}");
    assert!(text.contains("the operator has not told anything of it yet: is it running?"), "{text}");

    let wrong: [(&[&str], String); 5] = [
        (
            &["-n", namespace.name(), "nope"],
            format!("error: nope: there is no such KubernetesCluster; there are: {home}, {lab}"),
        ),
        (
            &["-n", none.name(), "nope"],
            "error: nope: there is no such KubernetesCluster; there are: none".to_owned(),
        ),
        (&["-A", "home"], "error: home: there are several of that name; name the namespace too".to_owned()),
        (&["--context", "nope"], "nope".to_owned()),
        (&["-A", "-n", none.name()], "cannot be used with".to_owned()),
    ];
    for (arguments, words) in wrong {
        let (text, errors, code) = status(control_plane, arguments).await;
        assert!(code == 2 && text.is_empty() && errors.contains(&words), "{arguments:?}: {errors}");
    }
    let (text, errors, code) = status(control_plane, &["-n", none.name()]).await;
    assert_eq!((text.as_str(), errors.as_str(), code), ("", "note: there is no KubernetesCluster\n", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_read_it_as_data() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-data").await;
    put_cluster(control_plane, &namespace, "home", "Overdue").await;
    let patch = json!({ "spec": { "paused": true } }).to_string();
    kubectl(
        control_plane,
        &["patch", "kcluster", "home", "-n", namespace.name(), "--type=merge", "-p", &patch],
    )
    .await;
    let (text, _, code) = status(control_plane, &["-n", namespace.name(), "-o", "json"]).await;
    assert_eq!(code, 0);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert!(document["formatVersion"] == 1 && document["at"].is_string(), "{text}");
    let expected = json!([{
        "namespace": namespace.name(), "name": "home", "phase": "Provisioning",
        "freshness": "Behind", "generation": 2, "observedGeneration": 1, "attention": [],
        "roles": [
            { "role": "control-plane", "ready": 0, "total": 1, "machines": [
                { "name": "node-1", "state": "Overdue", "severity": "Critical", "since": "2026-11-01T00:00:00Z" }] },
            { "role": "worker", "machines": [] },
        ],
    }]);
    assert_eq!(document["clusters"], expected);
    let (yaml, _, _) = status(control_plane, &["-n", namespace.name(), "-o", "yaml"]).await;
    let yaml: Value = serde_yaml::from_str(&yaml).unwrap();
    assert_eq!(yaml["clusters"], document["clusters"]);
}

/// Who may see clusters in one namespace, and nothing else.
async fn reader(control_plane: &ControlPlane, namespace: &Namespace) -> ServiceAccount {
    let version = "rbac.authorization.k8s.io/v1";
    let rules = json!([{ "apiGroups": ["nico.homystack.com"], "resources": ["kubernetesclusters"], "verbs": ["list", "watch"] }]);
    let role =
        json!({ "apiVersion": version, "kind": "Role", "metadata": { "name": "reader" }, "rules": rules });
    let binding = json!({
        "apiVersion": version, "kind": "RoleBinding", "metadata": { "name": "reader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader" },
        "subjects": [{ "kind": "ServiceAccount", "name": "reader", "namespace": namespace.name() }],
    });
    put(control_plane, namespace, &[role, binding]).await;
    control_plane.service_account(namespace.name(), "reader").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_clusters_and_nothing_else_is_told() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-reader").await;
    put_cluster(control_plane, &namespace, "home", "Settled").await;
    let kubeconfig = reader(control_plane, &namespace).await.kubeconfig();
    let kubeconfig = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    let (text, errors, code) =
        status(control_plane, &[&kubeconfig[..], &["-n", namespace.name()]].concat()).await;
    assert_eq!((code, errors.as_str()), (0, ""), "{text}");
    let (text, errors, code) = status(control_plane, &kubeconfig).await;
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(
        errors.contains("cannot read the KubernetesClusters") && errors.contains("forbidden"),
        "{errors}"
    );
}

/// `nico status --watch` of this namespace.
fn watch(control_plane: &ControlPlane, namespace: &Namespace, more: &[&str]) -> Process {
    Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
        command.args(["status", "--watch", "-n", namespace.name()]).args(more);
        command.env("KUBECONFIG", control_plane.kubeconfig_path());
    })
}

async fn says(process: &Process, words: &str) {
    process.line(words, BOUND, |line| line.contains(words)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_told_when_it_comes_until_somebody_ends_it() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-watch").await;
    put_cluster(control_plane, &namespace, "home", "Installing").await;
    put_cluster(control_plane, &namespace, "lab", "Installing").await;
    let text = watch(control_plane, &namespace, &["home"]);
    let data = watch(control_plane, &namespace, &["-o", "json"]);
    says(&text, "Installing").await;
    says(&data, "Installing").await;
    put_status(control_plane, &namespace, "kcluster", "lab", &told("Overdue")).await;
    says(&data, "Overdue").await;
    put_status(control_plane, &namespace, "kcluster", "home", &told("Proven")).await;
    says(&text, "Proven").await;
    says(&data, "Proven").await;
    kubectl(control_plane, &["delete", "kcluster", "home", "-n", namespace.name()]).await;
    says(&text, &format!("{namespace}/home is gone")).await;
    assert!(text.interrupt(BOUND).await.unwrap().success(), "Ctrl-C is how it ends");
    assert!(data.terminate(BOUND).await.unwrap().success());

    let text = text.text(nico_harness::process::Stream::Out);
    assert!(!text.contains("lab") && !text.contains('\u{1b}'), "{text}");
    let blocks = text.lines().filter(|line| line.starts_with("20") && line.ends_with('Z')).count();
    assert_eq!(blocks, 3, "one a change: {text}");
    let documents = data.text(nico_harness::process::Stream::Out);
    let documents = serde_json::Deserializer::from_str(&documents).into_iter::<Value>();
    let documents: Vec<_> = documents.map(Result::unwrap).collect();
    let states: Vec<_> =
        documents.iter().map(|document| document["clusters"].as_array().unwrap().len()).collect();
    assert_eq!(states, [2, 2, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_that_it_is_cut_off_and_goes_on_afterwards() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-cut").await;
    put_cluster(control_plane, &namespace, "home", "Installing").await;
    let faults = Faults::new(Settings::new(0));
    let proxy = Proxy::to(control_plane.config().await).faults(&faults).start();
    let kubeconfig = reader(control_plane, &namespace).await.at(&proxy.url()).kubeconfig();
    let watching = watch(control_plane, &namespace, &["--kubeconfig", kubeconfig.to_str().unwrap()]);
    says(&watching, "Installing").await;
    faults.down();
    says(&watching, "NOT LIVE: ").await;
    put_status(control_plane, &namespace, "kcluster", "home", &told("Settled")).await;
    assert!(!watching.text(nico_harness::process::Stream::Out).contains("Settled"));
    faults.up();
    says(&watching, "Settled").await;
    let text = watching.text(nico_harness::process::Stream::Out);
    let last = text.rsplit_once("\n\n").map_or("", |(_, last)| last);
    assert!(text.contains("NOT LIVE") && !last.contains("NOT LIVE"), "it is live again: {text}");
    assert!(watching.interrupt(BOUND).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_watched_ends_at_once() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("status-no").await;
    let (text, errors, code) = status(control_plane, &["-w", "-n", namespace.name(), "nope"]).await;
    assert!(code == 2 && text.is_empty() && errors.contains("nope: there is no such"), "{errors}");
    let (text, errors, code) = status(control_plane, &["-w", "--context", "nope"]).await;
    assert!(code == 2 && text.is_empty() && errors.contains("nope"), "{errors}");
    let (_, errors, code) = status(control_plane, &["-w", "-f", "nope.yaml"]).await;
    assert!(code == 2 && errors.contains("cannot be used with"), "{errors}");
}
