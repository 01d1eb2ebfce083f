//! What a proxy tells of requests, held against what the server tells.

use futures::TryStreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use nico_harness::proxy::Proxy;
use nico_harness::{ControlPlane, wait_until};
use serde_json::json;

use super::proxy::{client, quiet};
use super::{BOUND, config_map, config_maps};

/// Requests of all forms, with or without success.
async fn all_forms(client: Client, namespace: &nico_harness::Namespace) {
    let api = config_maps(client.clone(), namespace);
    let patch = Patch::Apply(config_map("a"));
    let manager = PatchParams::apply("test").force();
    api.create(&PostParams::default(), &config_map("b")).await.unwrap();
    api.create(&PostParams::default(), &config_map("b")).await.unwrap_err();
    api.patch("a", &manager, &patch).await.unwrap();
    api.patch("a", &manager.clone().dry_run(), &patch).await.unwrap();
    let object = api.get("a").await.unwrap();
    api.replace("a", &PostParams::default(), &object).await.unwrap();
    api.list(&ListParams::default().limit(1)).await.unwrap();
    api.get_opt("c").await.unwrap();
    api.delete("a", &DeleteParams::background()).await.unwrap();
    api.delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    let events: Vec<_> = api.watch(&quiet().timeout(1), "0").await.unwrap().try_collect().await.unwrap();
    drop(events);
    let leases: Api<Lease> = Api::namespaced(client.clone(), namespace.name());
    let lease = serde_json::from_value(json!({"metadata": {"name": "leader"}})).unwrap();
    leases.create(&PostParams::default(), &lease).await.unwrap();
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    namespaces.get(namespace.name()).await.unwrap();
    namespaces.get_status(namespace.name()).await.unwrap();
    namespaces.list(&ListParams::default()).await.unwrap();
    client.apiserver_version().await.unwrap();
    client.list_api_groups().await.unwrap();
    client.list_api_group_resources("apps/v1").await.unwrap();
    client.list_core_api_resources("v1").await.unwrap();
}

#[tokio::test]
async fn its_log_tells_what_the_server_s_own_log_tells() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("log").await;
    let account = control_plane.service_account(namespace.name(), "admin").await;
    let (_folder, binding) = admin(&account.user(), namespace.name());
    control_plane.apply_yaml(&binding).await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let client = account.at(&proxy.url()).client().await;
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let from = wait_until("the binding to be in force", BOUND, async || {
        namespaces.list(&ListParams::default().limit(1)).await?;
        Ok::<_, kube::Error>(proxy.log().len())
    })
    .await
    .unwrap();
    let mark = control_plane.audit_mark().await;

    all_forms(client, &namespace).await;

    let now = control_plane.audit_mark().await;
    let theirs: Vec<_> = control_plane
        .audit_between(mark, now)
        .into_iter()
        .filter(|event| event.user == account.user())
        // It is in the log when it ends; and what is created there has a name.
        .map(|event| {
            let name = event.name.filter(|_| event.verb != "create");
            let about =
                (event.verb, event.api_group, event.resource, event.subresource, event.namespace, name);
            (about, event.dry_run, event.uri, event.code)
        })
        .collect();
    let ours: Vec<_> = proxy.log()[from..]
        .iter()
        .map(|exchange| {
            let call = exchange.call.clone();
            let about =
                (call.verb, call.api_group, call.resource, call.subresource, call.namespace, call.name);
            (about, call.dry_run, call.uri, exchange.status.unwrap().as_u16())
        })
        .collect();
    assert_eq!(theirs, ours);
    // create, apply, replace, delete, delete all: no dry run, no Lease, nothing in vain.
    assert_eq!(proxy.writes(), 5);
}

/// A file that gives this user all rights.
fn admin(user: &str, name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "User", "name": user}],
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("binding.json");
    std::fs::write(&file, binding.to_string()).unwrap();
    (folder, file)
}

#[tokio::test]
async fn what_is_counted_is_the_test_s_choice() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("counting").await;
    let proxy = Proxy::to(control_plane.config().await).counting(|call| call.resource == "leases").start();
    all_forms(client(control_plane, &proxy).await, &namespace).await;
    assert_eq!(proxy.writes(), 1);
}
