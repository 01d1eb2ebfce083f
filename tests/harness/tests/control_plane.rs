//! What a control plane does while it runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use nico_harness::{ControlPlane, Namespace, wait_until};
use serde_json::json;
use tokio::sync::OnceCell;

const BOUND: Duration = Duration::from_secs(30);

/// `ControlPlane::shared` would need NICO's own CRDs.
async fn control_plane() -> &'static ControlPlane {
    static BARE: OnceCell<ControlPlane> = OnceCell::const_new();
    BARE.get_or_init(async || ControlPlane::start().await.unwrap()).await
}

async fn config_maps(namespace: &Namespace) -> Api<ConfigMap> {
    Api::namespaced(control_plane().await.client().await, namespace.name())
}

fn named(name: &str, owner: Option<&ConfigMap>) -> ConfigMap {
    let reference = owner.map(|owner| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: owner.name_any(),
        uid: owner.uid().unwrap(),
        ..OwnerReference::default()
    });
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            owner_references: reference.map(|reference| vec![reference]),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn namespaces_differ() {
    let control_plane = control_plane().await;
    let first = control_plane.namespace("same").await;
    let second = control_plane.namespace("same").await;
    assert_ne!(first, second);
    assert!(first.name().starts_with("same-"), "{first}");
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let namespace = control_plane().await.namespace("owned").await;
    let api = config_maps(&namespace).await;
    let owner = api.create(&PostParams::default(), &named("owner", None)).await.unwrap();
    api.create(&PostParams::default(), &named("owned", Some(&owner))).await.unwrap();
    api.create(&PostParams::default(), &named("free", None)).await.unwrap();

    api.delete("owner", &DeleteParams::background()).await.unwrap();

    wait_until("the owned ConfigMap to go", BOUND, async || {
        let found = api.get_opt("owned").await.map_err(|error| error.to_string())?;
        found.is_none().then_some(()).ok_or("it is there".to_owned())
    })
    .await
    .unwrap();
    api.get("free").await.expect("it has no owner");
}

#[tokio::test]
async fn a_deleted_namespace_goes() {
    let control_plane = control_plane().await;
    let namespace = control_plane.namespace("going").await;
    config_maps(&namespace).await.create(&PostParams::default(), &named("inside", None)).await.unwrap();
    let deleted = control_plane.kubectl(&["delete", "namespace", namespace.name(), "--timeout=60s"]).await;
    assert!(deleted.status.success(), "{deleted:?}");
}

#[tokio::test]
async fn the_audit_log_has_what_was_written_and_by_whom() {
    let control_plane = control_plane().await;
    let namespace = control_plane.namespace("audit").await;
    let api = config_maps(&namespace).await;
    let mut content = named("written", None);
    content.data = Some([("key".to_owned(), "value".to_owned())].into());
    let patch = Patch::Apply(&content);
    api.patch("written", &PatchParams::apply("some/manager").force(), &patch).await.unwrap();
    api.get("written").await.unwrap();

    let (write, read) = wait_until("both requests in the audit log", BOUND, async || {
        let events = control_plane.audit_in(&namespace);
        let find = |verb: &str| {
            let same =
                |event: &&nico_harness::Event| event.verb == verb && event.name.as_deref() == Some("written");
            events.iter().find(same).cloned()
        };
        find("patch").zip(find("get")).ok_or(format!("{events:?}"))
    })
    .await
    .unwrap();

    assert!(write.is_write());
    assert_eq!((write.user.as_str(), write.code, write.resource.as_str()), ("admin", 201, "configmaps"));
    assert_eq!(write.field_manager.as_deref(), Some("some/manager"));
    assert_eq!(write.request_object.unwrap().pointer("/data/key"), Some(&json!("value")));
    assert!(!read.is_write());
    assert_eq!((read.code, read.request_object), (200, None));
}

#[tokio::test]
async fn the_audit_log_keeps_secrets() {
    let control_plane = control_plane().await;
    let namespace = control_plane.namespace("secret").await;
    let api: Api<Secret> = Api::namespaced(control_plane.client().await, namespace.name());
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"key": "much-hidden"}});
    api.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();

    let write = wait_until("the write in the audit log", BOUND, async || {
        let events = control_plane.audit_in(&namespace);
        events.into_iter().find(|event| event.resource == "secrets").ok_or("none about secrets")
    })
    .await
    .unwrap();

    assert_eq!((write.verb.as_str(), write.request_object), ("create", None));
    let log = fs::read_to_string(control_plane.folder().join("audit.log")).unwrap();
    for hidden in ["much-hidden", "bXVjaC1oaWRkZW4="] {
        assert!(!log.contains(hidden));
    }
}

#[tokio::test]
async fn crds_are_served_once_applied() {
    let control_plane = control_plane().await;
    let folder = tempfile::tempdir().unwrap();
    let file = crd(folder.path(), "boxes", "Box");
    control_plane.apply_yaml(&file).await;
    control_plane.apply_yaml(&file).await;
    let boxes = control_plane.kubectl(&["get", "boxes.harness.test", "--all-namespaces"]).await;
    assert!(boxes.status.success(), "{boxes:?}");
}

#[tokio::test]
async fn what_a_custom_resource_owns_goes_at_once_if_the_crd_was_first() {
    let folder = tempfile::tempdir().unwrap();
    crd(folder.path(), "crates", "Crate");
    let control_plane = ControlPlane::start_with(&[folder.path()]).await.unwrap();
    let owner = folder.path().join("owner.json");
    let object = json!({"apiVersion": "harness.test/v1", "kind": "Crate", "metadata": {"name": "owner", "namespace": "default"}});
    fs::write(&owner, object.to_string()).unwrap();
    control_plane.apply_yaml(&owner).await;
    let uid = control_plane.kubectl(&["get", "crate", "owner", "--output=jsonpath={.metadata.uid}"]).await;

    let api: Api<ConfigMap> = Api::namespaced(control_plane.client().await, "default");
    let mut dependant = named("owned", None);
    dependant.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "harness.test/v1".to_owned(),
        kind: "Crate".to_owned(),
        name: "owner".to_owned(),
        uid: String::from_utf8(uid.stdout).unwrap(),
        ..OwnerReference::default()
    }]);
    api.create(&PostParams::default(), &dependant).await.unwrap();
    control_plane.kubectl(&["delete", "crate", "owner"]).await;

    // Less than the 30 seconds after which the garbage collector looks for new kinds.
    wait_until("the owned ConfigMap to go", Duration::from_secs(15), async || {
        let found = api.get_opt("owned").await.map_err(|error| error.to_string())?;
        found.is_none().then_some(()).ok_or("it is there".to_owned())
    })
    .await
    .unwrap();
}

/// Writes a CRD of the group `harness.test`.
fn crd(folder: &Path, plural: &str, kind: &str) -> std::path::PathBuf {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.harness.test")},
        "spec": {
            "group": "harness.test",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.to_lowercase(), "kind": kind},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
        },
    });
    let path = folder.join(format!("{plural}.json"));
    fs::write(&path, crd.to_string()).unwrap();
    path
}
