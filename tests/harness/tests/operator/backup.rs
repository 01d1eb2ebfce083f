//! Objects come back as strangers, and go by hand.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client, Resource as _, ResourceExt as _};
use nico_harness::backup::{Status, delete_by_hand, dump, recreate, take_finalizers_off};
use nico_harness::{ControlPlane, Namespace};
use serde_json::{Value, json};

use super::{config_map, config_maps};

fn kinds() -> [GroupVersionKind; 2] {
    [
        GroupVersionKind::gvk("nio.homystack.com", "v1alpha1", "Machine"),
        GroupVersionKind::gvk("", "v1", "ConfigMap"),
    ]
}

async fn resource(client: &Client) -> ApiResource {
    kube::discovery::pinned_kind(client, &kinds()[0]).await.unwrap().0
}

async fn machines(client: Client, namespace: &Namespace) -> Api<DynamicObject> {
    let resource = resource(&client).await;
    Api::namespaced_with(client, namespace.name(), &resource)
}

/// A machine with a status and a finalizer, and a `ConfigMap` that it owns.
async fn furnish(client: &Client, namespace: &Namespace) {
    let machines = machines(client.clone(), namespace).await;
    let machine = json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "Machine",
        "metadata": {"name": "m", "labels": {"rack": "1"}, "finalizers": ["test/hold"]},
        "spec": {"hostname": "m"},
    });
    let made =
        machines.create(&PostParams::default(), &serde_json::from_value(machine).unwrap()).await.unwrap();
    let status = Patch::Merge(json!({"status": {"discoverable": true}}));
    machines.patch_status("m", &PatchParams::default(), &status).await.unwrap();
    let mut owned = config_map("owned");
    owned.data = Some([("key".to_owned(), "value".to_owned())].into());
    owned.metadata.owner_references = Some(vec![made.owner_ref(&resource(client).await).unwrap()]);
    config_maps(client.clone(), namespace).create(&PostParams::default(), &owned).await.unwrap();
}

fn field<'a>(object: &'a Value, pointer: &str) -> &'a Value {
    object.pointer(pointer).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn what_was_dumped_comes_back_as_a_stranger_with_its_status() {
    let control_plane = ControlPlane::shared().await;
    let client = control_plane.client().await;
    let namespace = control_plane.namespace("restore").await;
    furnish(&client, &namespace).await;

    let saved = dump(&client, namespace.name(), &kinds()).await;
    let names: Vec<_> =
        saved.iter().map(|object| field(object, "/metadata/name").as_str().unwrap()).collect();
    assert_eq!(names, ["m", "owned"]);
    assert_eq!(field(&saved[1], "/kind"), "ConfigMap");
    assert!(!field(&saved[1], "/metadata/ownerReferences").is_null());

    delete_by_hand(&client, &saved).await;
    assert_eq!(dump(&client, namespace.name(), &kinds()).await, [Value::Null; 0]);

    let made = recreate(&client, &saved, Status::Kept).await;
    assert_eq!(dump(&client, namespace.name(), &kinds()).await, made);
    assert_eq!(field(&made[0], "/status/discoverable"), true);
    assert_eq!(field(&made[0], "/metadata/labels/rack"), "1");
    assert_eq!(field(&made[0], "/spec"), field(&saved[0], "/spec"));
    assert_eq!(field(&made[1], "/data/key"), "value");
    for (old, new) in saved.iter().zip(&made) {
        assert_ne!(field(old, "/metadata/uid"), field(new, "/metadata/uid"));
        for lost in ["/metadata/ownerReferences", "/metadata/finalizers"] {
            assert!(field(new, lost).is_null(), "{lost} of {new}");
        }
    }
}

#[tokio::test]
async fn a_status_may_be_lost() {
    let control_plane = ControlPlane::shared().await;
    let client = control_plane.client().await;
    let namespace = control_plane.namespace("lost").await;
    furnish(&client, &namespace).await;
    let saved = dump(&client, namespace.name(), &kinds()[..1]).await;
    delete_by_hand(&client, &saved).await;
    let made = recreate(&client, &saved, Status::Lost).await;
    assert!(field(&made[0], "/status").is_null(), "{made:?}");
}

#[tokio::test]
async fn by_hand_it_is_these_very_objects() {
    let control_plane = ControlPlane::shared().await;
    let client = control_plane.client().await;
    let namespace = control_plane.namespace("hand").await;
    furnish(&client, &namespace).await;
    let machines = machines(client.clone(), &namespace).await;
    let first = dump(&client, namespace.name(), &kinds()[..1]).await;
    machines.delete("m", &DeleteParams::background()).await.unwrap();
    assert!(machines.get("m").await.unwrap().metadata.deletion_timestamp.is_some());
    take_finalizers_off(&client, &first[0]).await;
    assert!(machines.get_opt("m").await.unwrap().is_none());

    // Another one of the same name is none of them.
    let mut second = first[0].clone();
    let metadata = second.pointer_mut("/metadata").unwrap().as_object_mut().unwrap();
    metadata.remove("uid");
    metadata.remove("resourceVersion");
    metadata.remove("managedFields");
    machines.create(&PostParams::default(), &serde_json::from_value(second).unwrap()).await.unwrap();
    take_finalizers_off(&client, &first[0]).await;
    delete_by_hand(&client, &first).await;
    let kept = machines.get("m").await.unwrap();
    assert_eq!(kept.finalizers(), ["test/hold"]);
    assert!(kept.metadata.deletion_timestamp.is_none());
}
