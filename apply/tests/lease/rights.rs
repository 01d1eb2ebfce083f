//! What is missing is said, and once it is there the election goes on.

use std::path::Path;

use k8s_openapi::api::core::v1;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use nico_apply::lease::{Election, LeaseError, Settings};
use nico_harness::ControlPlane;
use serde_json::json;

use crate::support::{Contender, settings};

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("rights").await;
    let mut config: Config = control_plane.config().await;
    config.auth_info.impersonate = Some("nobody-special".to_owned());
    let a = Contender::start(Client::try_from(config).unwrap(), settings(namespace.name(), "a"));
    a.shows("stands by: the Lease has not been seen yet; NICO may not get the Lease").await;
    let trouble = a.leadership.trouble().unwrap();
    for word in ["nobody-special", namespace.name(), "get, create and update on leases (coordination.k8s.io)"]
    {
        assert!(trouble.contains(word), "{trouble}");
    }
    assert!(!a.leadership.is_valid());

    grant(control_plane, namespace.name(), &["get"]).await;
    a.shows("stands by: there is no Lease yet; NICO may not create the Lease").await;
    grant(control_plane, namespace.name(), &["get", "create", "update"]).await;
    a.leads().await;
    a.shows("leads").await;
    assert_eq!(a.leadership.trouble(), None);
    a.end().await;
}

/// Lets the user do these things with Leases.
async fn grant(control_plane: &ControlPlane, namespace: &str, verbs: &[&str]) {
    let group = "rbac.authorization.k8s.io";
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": format!("{group}/v1"), "kind": "Role",
            "metadata": { "name": "leases", "namespace": namespace },
            "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": verbs }],
        },
        {
            "apiVersion": format!("{group}/v1"), "kind": "RoleBinding",
            "metadata": { "name": "leases", "namespace": namespace },
            "roleRef": { "apiGroup": group, "kind": "Role", "name": "leases" },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": "nobody-special" }],
        },
    ] });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), list.to_string()).unwrap();
    control_plane.apply_yaml(Path::new(file.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace() {
    let control_plane = ControlPlane::shared().await;
    // Unique, because it is made from one that is.
    let name = format!("{}-later", control_plane.namespace("missing").await);
    let a = Contender::start(control_plane.client().await, settings(&name, "a"));
    let wanted = format!("stands by: there is no Lease yet; the namespace of the Lease {name}/");
    a.shows(&wanted).await;
    assert!(a.leadership.trouble().unwrap().contains("does not exist: create it"));

    let namespaces: Api<v1::Namespace> = Api::all(control_plane.client().await);
    let metadata = kube::api::ObjectMeta { name: Some(name), ..kube::api::ObjectMeta::default() };
    let namespace = v1::Namespace { metadata, ..v1::Namespace::default() };
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    a.leads().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_by_which_two_could_lead() {
    let client = ControlPlane::shared().await.client().await;
    let settings = Settings { identity: String::new(), ..Settings::new("default", "") };
    assert!(matches!(Election::new(client, settings), Err(LeaseError::Settings(_))));
}
