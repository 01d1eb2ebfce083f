//! What the tests share: the binary, objects, and looking at the server.

use std::process::{Command, Output};

use nico_harness::{ControlPlane, Namespace};
use serde_json::{Value, json};

/// Runs the binary against the control plane.
pub async fn nico(control_plane: &ControlPlane, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nico"));
    command.args(arguments).env("KUBECONFIG", control_plane.kubeconfig_path()).env_remove("HTTPS_PROXY");
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// One pass in a namespace. Its standard output, standard error and exit code.
pub async fn apply_once(
    control_plane: &ControlPlane,
    namespace: &Namespace,
    more: &[&str],
) -> (String, String, i32) {
    let mut arguments = vec!["apply", "--once", "-n", namespace.name()];
    arguments.extend(more);
    let output = nico(control_plane, &arguments).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

pub fn machine(name: &str, rack: &str) -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "Machine",
        "metadata": { "name": name, "labels": { "rack": rack } },
        "spec": { "hostname": format!("{name}.example") },
    })
}

pub fn cluster(name: &str, spec: &Value) -> Value {
    let mut whole = json!({
        "gitRepo": "https://git.example/fleet.git",
        "controlPlane": { "count": 3, "machineSelector": { "matchLabels": { "rack": "a" } } },
        "dataPlane": { "count": 5, "machineSelector": { "matchLabels": { "rack": "b" } } },
    });
    for (field, value) in spec.as_object().unwrap() {
        whole[field] = value.clone();
    }
    json!({
        "apiVersion": "nico.homystack.com/v1alpha1",
        "kind": "KubernetesCluster",
        "metadata": { "name": name },
        "spec": whole,
    })
}

/// Puts objects on the server, as a person would.
pub async fn put(control_plane: &ControlPlane, namespace: &Namespace, objects: &[Value]) {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), list.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    kubectl(control_plane, &["apply", "-n", namespace.name(), "-f", path]).await;
}

/// Writes a status, as NIO would.
pub async fn put_status(
    control_plane: &ControlPlane,
    namespace: &Namespace,
    kind: &str,
    name: &str,
    status: &Value,
) {
    let patch = json!({ "status": status }).to_string();
    let arguments =
        ["patch", kind, name, "-n", namespace.name(), "--subresource=status", "--type=merge", "-p", &patch];
    kubectl(control_plane, &arguments).await;
}

/// Eight machines that NIO can reach: three in rack a, five in rack b.
pub async fn put_machines(control_plane: &ControlPlane, namespace: &Namespace) -> Vec<String> {
    let names: Vec<(String, &str)> =
        (1..=8).map(|number| (format!("node-{number}"), if number <= 3 { "a" } else { "b" })).collect();
    let machines: Vec<_> = names.iter().map(|(name, rack)| machine(name, rack)).collect();
    put(control_plane, namespace, &machines).await;
    for (name, _) in &names {
        let status = json!({ "discoverable": true, "hasConfiguration": false });
        put_status(control_plane, namespace, "machine", name, &status).await;
    }
    names.into_iter().map(|(name, _)| name).collect()
}

/// Runs kubectl, which must succeed.
pub async fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    let output = control_plane.kubectl(arguments).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of a kind.
pub async fn list(control_plane: &ControlPlane, namespace: &Namespace, kind: &str) -> Vec<Value> {
    let text = kubectl(control_plane, &["get", kind, "-n", namespace.name(), "-o", "json"]).await;
    serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().clone()
}

/// One object.
pub async fn get(control_plane: &ControlPlane, namespace: &Namespace, kind: &str, name: &str) -> Value {
    let text = kubectl(control_plane, &["get", kind, name, "-n", namespace.name(), "-o", "json"]).await;
    serde_json::from_str(&text).unwrap()
}

/// The names of objects.
pub fn names(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}
