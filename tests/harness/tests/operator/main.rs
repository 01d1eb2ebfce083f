//! What the tests of an operator ask of the harness, on one real control plane.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ListParams, ObjectMeta};
use kube::{Api, Client, ResourceExt};
use nico_harness::{ControlPlane, Namespace, Process};
use serde_json::json;

mod audit;
mod backup;
mod faults;
mod identity;
mod log;
mod process;
mod proxy;

const BOUND: Duration = Duration::from_mins(1);

fn config_map(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

fn config_maps(client: Client, namespace: &Namespace) -> Api<ConfigMap> {
    Api::namespaced(client, namespace.name())
}

/// The names of the `ConfigMaps` that are really there.
async fn stored(control_plane: &ControlPlane, namespace: &Namespace) -> Vec<String> {
    let api = config_maps(control_plane.client().await, namespace);
    api.list(&ListParams::default()).await.unwrap().iter().map(ResourceExt::name_any).collect()
}

/// The test process that writes so many `ConfigMaps` and then watches them.
fn writer(kubeconfig: &Path, namespace: &Namespace, count: u32) -> Process {
    Process::start(env!("CARGO_BIN_EXE_test-child"), |command: &mut Command| {
        command.args(["write", namespace.name(), &count.to_string()]).env("KUBECONFIG", kubeconfig);
    })
}

/// An account that may do this with `ConfigMaps` in the namespace.
async fn account(
    control_plane: &ControlPlane,
    namespace: &Namespace,
    verbs: &[&str],
) -> nico_harness::ServiceAccount {
    let (_folder, file) = role(namespace, verbs);
    control_plane.apply_yaml(&file).await;
    control_plane.service_account(namespace.name(), "operator").await
}

/// A file with a role for the account `operator`, and its binding.
fn role(namespace: &Namespace, verbs: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let metadata = json!({"name": "operator", "namespace": namespace.name()});
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata,
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}],
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "operator"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": namespace.name()}],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("role.yaml");
    std::fs::write(&file, format!("{role}\n---\n{binding}\n")).unwrap();
    (folder, file)
}
