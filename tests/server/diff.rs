//! `nico diff`: just what the applier would change, as people read it; nothing is written, and no Secret is
//! read.

use std::path::Path;

use nico_harness::{ControlPlane, Namespace, ServiceAccount};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::support::{
    apply_once, cluster, get, kubectl, list, machine, names, nico, put, put_machines, put_status,
};

const CONFIGURATIONS: &str = "nixosconfigurations";

/// The difference in a namespace: its standard output, standard error and exit code.
async fn diff(control_plane: &ControlPlane, namespace: &Namespace) -> (String, String, i32) {
    diff_with(control_plane, &["-n", namespace.name()]).await
}

async fn diff_with(control_plane: &ControlPlane, more: &[&str]) -> (String, String, i32) {
    let mut arguments = vec!["diff"];
    arguments.extend(more);
    let output = nico(control_plane, &arguments).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

/// The first lines of each change, without their marks: what is compared with what.
fn headers(diff: &str) -> Vec<(&str, &str)> {
    let lines: Vec<_> = diff.lines().collect();
    let pairs = lines
        .windows(2)
        .filter_map(|pair| Some((pair[0].strip_prefix("--- ")?, pair[1].strip_prefix("+++ ")?)));
    pairs.collect()
}

/// The lines that change, headers aside.
fn changed(diff: &str) -> Vec<&str> {
    let is_header = |line: &&str| line.starts_with("--- ") || line.starts_with("+++ ");
    diff.lines().filter(|line| line.starts_with(['+', '-'])).filter(|line| !is_header(line)).collect()
}

fn switch_only() -> Value {
    json!({ "installPolicy": "SwitchOnly", "rollout": { "bootstrap": "AllAtOnce" } })
}

/// A cluster of all eight machines, just as it should be.
pub async fn made(prefix: &str) -> (&'static ControlPlane, Namespace) {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace(prefix).await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;
    let (_, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{errors}");
    (control_plane, namespace)
}

async fn assert_same(control_plane: &ControlPlane, namespace: &Namespace) {
    let (told, errors, code) = diff(control_plane, namespace).await;
    assert_eq!((told.as_str(), code), ("", 0), "{errors}");
}

pub async fn patch(
    control_plane: &ControlPlane,
    namespace: &Namespace,
    kind: &str,
    name: &str,
    patch: &Value,
) {
    let patch = patch.to_string();
    let by = "--field-manager=person";
    let arguments = ["patch", kind, name, "-n", namespace.name(), "--type=merge", by, "-p", &patch];
    kubectl(control_plane, &arguments).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_shown_whole_and_a_wiped_disk_comes_last() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("new").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &json!({}))]).await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    let expected: Vec<_> =
        (1..=8).map(|number| format!("wanted/{namespace}/home-node-{number}.yaml")).collect();
    assert_eq!(headers(&told), expected.iter().map(|name| ("/dev/null", name.as_str())).collect::<Vec<_>>());
    assert!(changed(&told).iter().all(|line| line.starts_with('+')), "{told}");
    assert!(told.contains("+  fullInstall: true") && told.contains("+kind: NixosConfiguration"), "{told}");
    assert!(!told.contains('\u{1b}') && !errors.contains('\u{1b}'), "no colours but on a terminal");
    // Why the rest waits is said before, what hurts last.
    assert!(errors.contains("node-8 waits for the first control plane, node-1"), "{errors}");
    let last: Vec<_> = errors.lines().rev().take(8).collect();
    assert!(last.iter().all(|line| line.starts_with("warning: WIPES THE DISK of machine node-")), "{errors}");
    let there = list(control_plane, &namespace, "nixosconfigurations,secrets").await;
    assert!(there.is_empty(), "nothing is written: {:?}", names(&there));
    assert!(get(control_plane, &namespace, "kubernetescluster", "home").await["status"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_applied_is_the_same_whatever_the_server_filled_in_and_others_own() {
    let (control_plane, namespace) = made("same").await;
    let live = get(control_plane, &namespace, CONFIGURATIONS, "home-node-4").await;
    assert_eq!(live["spec"]["ref"], "main", "the server fills in a default, or this shows nothing");
    assert_same(control_plane, &namespace).await;
    let theirs = json!({
        "metadata": { "labels": { "team": "blue" }, "annotations": { "note": "x" }, "finalizers": ["example.org/x"] },
        "spec": { "ref": "next", "theirs": { "own": true } },
    });
    patch(control_plane, &namespace, CONFIGURATIONS, "home-node-4", &theirs).await;
    put_status(
        control_plane,
        &namespace,
        CONFIGURATIONS,
        "home-node-4",
        &json!({ "targetMachine": "node-4" }),
    )
    .await;
    assert_same(control_plane, &namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_edit_shows_and_nothing_else_of_the_object() {
    let (control_plane, namespace) = made("edit").await;
    let edit = json!({
        "metadata": { "labels": { "nico.homystack.com/role": "control-plane", "team": "blue" } },
        "spec": { "flake": "#other", "onRemoveFlake": null },
    });
    patch(control_plane, &namespace, CONFIGURATIONS, "home-node-4", &edit).await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    let path = format!("{namespace}/home-node-4.yaml");
    assert_eq!(
        headers(&told),
        [(format!("live/{path}").as_str(), format!("wanted/{path}").as_str())],
        "{told}"
    );
    let expected = [
        "-    nico.homystack.com/role: control-plane",
        "+    nico.homystack.com/role: worker",
        "-  flake: \"#other\"",
        "+  flake: \"#node-4\"",
        "+  onRemoveFlake: \"#minimal\"",
    ];
    let mut there = changed(&told);
    there.sort_unstable_by_key(|line| expected.iter().position(|one| one == line));
    assert_eq!(there, expected, "{told}");
    assert!(!told.contains("team") && !told.contains("ref: main"), "{told}");
    // The applier acts on just that.
    let (told, errors, _) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(told.lines().filter(|line| !line.contains("waits")).count(), 1, "{told}{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn new_content_shows_without_a_date_that_nobody_knows_yet() {
    let (control_plane, namespace) = made("content").await;
    patch(
        control_plane,
        &namespace,
        "kubernetescluster",
        "home",
        &json!({ "spec": { "configurationSubdir": "deep" } }),
    )
    .await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    assert_eq!(headers(&told).len(), 8, "{told}");
    let changed = changed(&told);
    assert!(changed.contains(&"+  configurationSubdir: deep"), "{told}");
    assert!(changed.iter().any(|line| line.contains("revision = 2;")), "{told}");
    assert!(!changed.iter().any(|line| line.contains("written-at")), "{told}");
    // Not applied by any NIO yet: the applier waits, and so it is said.
    assert!(errors.contains("machine node-1 waits for NIO"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leaves_is_shown_until_it_is_being_deleted() {
    let (control_plane, namespace) = made("leaves").await;
    let smaller = json!({ "spec": { "dataPlane": { "count": 4, "machineSelector": { "matchLabels": { "rack": "b" } } } } });
    patch(control_plane, &namespace, "kubernetescluster", "home", &smaller).await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    let gone = format!("live/{namespace}/home-node-8.yaml");
    assert_eq!(headers(&told).last(), Some(&(gone.as_str(), "/dev/null")), "{told}");
    let (_, last) = told.split_once(&gone).unwrap();
    assert!(changed(last).iter().all(|line| line.starts_with('-')), "{last}");
    assert!(last.contains("-  flake: \"#node-8\""), "{last}");
    assert!(!last.contains("resourceVersion") && !last.contains("ref: main"), "{last}");

    // All of a cluster in deletion, but for what is being deleted already.
    kubectl(control_plane, &["delete", "kubernetescluster", "home", "-n", namespace.name(), "--wait=false"])
        .await;
    patch(
        control_plane,
        &namespace,
        CONFIGURATIONS,
        "home-node-1",
        &json!({ "metadata": { "finalizers": ["example.org/held"] } }),
    )
    .await;
    kubectl(
        control_plane,
        &["delete", CONFIGURATIONS, "home-node-1", "-n", namespace.name(), "--wait=false"],
    )
    .await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    let headers = headers(&told);
    assert_eq!(headers.len(), 7, "{told}");
    assert!(headers.iter().all(|(old, new)| *new == "/dev/null" && !old.contains("home-node-1.")), "{told}");
    patch(
        control_plane,
        &namespace,
        CONFIGURATIONS,
        "home-node-1",
        &json!({ "metadata": { "finalizers": null } }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_restored_becomes_nicos_without_a_change_of_value() {
    let (control_plane, namespace) = made("restored").await;
    let mut object = get(control_plane, &namespace, CONFIGURATIONS, "home-node-4").await;
    let before = object["spec"].clone();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata
        .retain(|field, _| ["name", "labels", "annotations", "ownerReferences"].contains(&field.as_str()));
    kubectl(control_plane, &["delete", CONFIGURATIONS, "home-node-4", "-n", namespace.name()]).await;
    put(control_plane, &namespace, &[object]).await;
    let there = get(control_plane, &namespace, CONFIGURATIONS, "home-node-4").await;
    assert_eq!(there["spec"]["ref"], "main", "whoever creates it owns the default, or this shows nothing");
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    let line = format!("# {namespace}/home-node-4.yaml: no value changes; the fields become NICO's\n");
    assert_eq!(told, line);
    // NIO is at rest with it, or the applier waits for that.
    let note = format!("kopf.zalando.org/last-handled-configuration={}", json!({ "spec": before }));
    kubectl(
        control_plane,
        &["annotate", CONFIGURATIONS, "home-node-4", "-n", namespace.name(), "--overwrite", &note],
    )
    .await;
    for _ in 0..2 {
        apply_once(control_plane, &namespace, &[]).await;
    }
    assert_same(control_plane, &namespace).await;
    assert_eq!(get(control_plane, &namespace, CONFIGURATIONS, "home-node-4").await["spec"], before);
}

/// What the Python operator left, as it was recorded: its objects, with an owner that is there.
async fn put_recorded(control_plane: &ControlPlane, namespace: &Namespace) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded");
    let read = |file: &str| -> Vec<Value> {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        serde_yaml::Deserializer::from_str(&text)
            .map(|document| Value::deserialize(document).unwrap())
            .collect()
    };
    let mut uid = Value::Null;
    for mut object in ["machines.yaml", "cluster.yaml", "live.yaml"].map(read).into_iter().flatten() {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let status = object["status"].take();
        let metadata = object["metadata"].as_object_mut().unwrap();
        for field in ["namespace", "uid", "resourceVersion", "generation"] {
            metadata.remove(field);
        }
        if kind == "NixosConfiguration" {
            metadata["ownerReferences"][0]["uid"] = uid.clone();
        }
        put(control_plane, namespace, &[object]).await;
        put_status(control_plane, namespace, &kind, &name, &status).await;
        if kind == "KubernetesCluster" {
            uid = get(control_plane, namespace, &kind, &name).await["metadata"]["uid"].clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_operator_left_keeps_its_files_and_loses_full_install() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("legacy").await;
    put_recorded(control_plane, &namespace).await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 1, "{errors}");
    assert_eq!(headers(&told).len(), 5, "{told}");
    let one = [
        "+    app.kubernetes.io/managed-by: nico",
        "+    nico.homystack.com/meaning",
        "+    nico.homystack.com/ordinal",
        "+    nico.homystack.com/text",
        "+  annotations:",
        "-  fullInstall: true",
        "+  fullInstall: false",
    ];
    for line in changed(&told) {
        assert!(one.iter().any(|part| line.starts_with(part)), "{line} of {told}");
    }
    for part in one {
        let count = changed(&told).iter().filter(|line| line.starts_with(part)).count();
        assert!(count >= 5, "{part}: {count} of {told}");
    }
    for _ in 0..5 {
        apply_once(control_plane, &namespace, &[]).await;
    }
    assert_same(control_plane, &namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_cluster_hides_no_other_and_a_paused_one_says_so() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("broken").await;
    put_machines(control_plane, &namespace).await;
    let one = |name: &str, rack: &str, more: &Value| {
        let mut spec = json!({
            "installPolicy": "SwitchOnly", "dataPlane": {},
            "controlPlane": { "count": 1, "machineSelector": { "matchLabels": { "rack": rack } } },
        });
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        cluster(name, &spec)
    };
    let mut broken = one("broken", "a", &json!({}));
    broken["spec"].as_object_mut().unwrap().remove("gitRepo");
    put(control_plane, &namespace, &[broken, one("paused", "b", &json!({ "paused": true }))]).await;
    let (told, errors, code) = diff(control_plane, &namespace).await;
    assert_eq!(code, 2, "{told}{errors}");
    assert!(errors.contains(&format!("error: cluster {namespace}/broken: ")), "{errors}");
    assert!(errors.contains(&format!("cluster {namespace}/paused: the cluster is paused")), "{errors}");
    assert_eq!(
        headers(&told),
        [("/dev/null", format!("wanted/{namespace}/paused-node-4.yaml").as_str())],
        "{told}"
    );
    // With a repository for all it is sound.
    let repository = ["-n", namespace.name(), "--default-git-repo", "https://git.example/all.git"];
    let (told, errors, code) = diff_with(control_plane, &repository).await;
    assert_eq!(code, 1, "{errors}");
    let expected = ["broken-node-1", "paused-node-4"].map(|name| format!("wanted/{namespace}/{name}.yaml"));
    assert_eq!(headers(&told).iter().map(|(_, new)| *new).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_namespaces_in_order_and_no_server_is_an_error() {
    let control_plane = ControlPlane::shared().await;
    let mut namespaces = Vec::new();
    // Made in the other order, and the machine of the first comes last.
    for (place, prefix) in ["order-z", "order-a"].iter().enumerate() {
        let namespace = control_plane.namespace(prefix).await;
        put(control_plane, &namespace, &[machine(&format!("node-{place}"), "a")]).await;
        let status = json!({ "discoverable": true, "hasConfiguration": false });
        put_status(control_plane, &namespace, "machine", &format!("node-{place}"), &status).await;
        let spec = json!({ "installPolicy": "SwitchOnly", "dataPlane": {} });
        put(control_plane, &namespace, &[cluster("home", &spec)]).await;
        namespaces.push(namespace);
    }
    // Clusters of other tests may be among them, and broken.
    let (told, errors, _) = diff_with(control_plane, &[]).await;
    let ours = |name: &&str| namespaces.iter().any(|namespace| name.contains(namespace.name()));
    let there: Vec<_> = headers(&told).into_iter().map(|(_, new)| new).filter(ours).collect();
    let expected = [
        format!("wanted/{}/home-node-1.yaml", namespaces[1]),
        format!("wanted/{}/home-node-0.yaml", namespaces[0]),
    ];
    assert_eq!(there, expected, "{told}{errors}");

    let (told, errors, code) = diff_with(control_plane, &["--kubeconfig", "/nowhere"]).await;
    assert_eq!((told.as_str(), code), ("", 2), "{errors}");
    let empty = control_plane.namespace("empty").await;
    let (told, errors, code) = diff(control_plane, &empty).await;
    assert_eq!((told.as_str(), code), ("", 0), "{errors}");
    assert!(errors.contains("there is no KubernetesCluster"), "{errors}");
}

/// Somebody who may look at what NICO looks at, and at no Secret.
pub async fn onlooker(control_plane: &ControlPlane, namespace: &Namespace) -> ServiceAccount {
    let name = format!("onlooker-{namespace}");
    let rules = json!([
        { "apiGroups": ["nico.homystack.com"], "resources": ["kubernetesclusters"], "verbs": ["list"] },
        { "apiGroups": ["nio.homystack.com"], "resources": ["machines", "nixosconfigurations"], "verbs": ["list"] },
        { "apiGroups": ["apiextensions.k8s.io"], "resources": ["customresourcedefinitions"], "verbs": ["get"] },
    ]);
    let group = "rbac.authorization.k8s.io";
    let version = "rbac.authorization.k8s.io/v1";
    let role =
        json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": { "name": name }, "rules": rules });
    let binding = json!({
        "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": "onlooker", "namespace": namespace.name() }],
    });
    put(control_plane, namespace, &[role, binding]).await;
    control_plane.service_account(namespace.name(), "onlooker").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_no_secret_sees_the_difference_and_nothing_of_secrets() {
    let (control_plane, namespace) = made("onlooker").await;
    let account = onlooker(control_plane, &namespace).await;
    patch(
        control_plane,
        &namespace,
        CONFIGURATIONS,
        "home-node-4",
        &json!({ "spec": { "additionalFiles": [] } }),
    )
    .await;
    let token = get(control_plane, &namespace, "secret", "home-join-token").await["data"]["token"].clone();
    let from = control_plane.audit_mark().await;
    let kubeconfig = account.kubeconfig();
    let arguments = ["-n", namespace.name(), "--kubeconfig", kubeconfig.to_str().unwrap()];
    let (told, errors, code) = diff_with(control_plane, &arguments).await;
    let to = control_plane.audit_mark().await;
    assert_eq!(code, 1, "{errors}");
    assert!(told.contains("+      name: home-join-token"), "the Secret is named: {told}");
    assert!(!told.contains(token.as_str().unwrap()));
    let events = control_plane.audit_between(from, to);
    let asked: Vec<_> = events.iter().filter(|event| event.user == account.user()).collect();
    assert!(!asked.is_empty());
    for event in asked {
        assert!(event.allowed && event.is_read() && event.resource != "secrets", "{event:?}");
    }
}
