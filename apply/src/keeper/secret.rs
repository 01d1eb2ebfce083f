//! The Secret that hands the kubeconfig on, and the other objects of the keeper's: whose they are, and what is sent.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::{Resource, ResourceExt as _};
use nico_crds::KubernetesCluster;
use nico_crds::names::{
    KUBECONFIG_KEYS, LABEL_CLUSTER, LABEL_CLUSTER_API, LABEL_MANAGED_BY, MANAGED_BY, kubeconfig_secret,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// It is the cluster's: its controller, or, where it has none (restored from a backup), its label says so.
pub(super) fn is_of<K: Resource>(object: &K, cluster: &KubernetesCluster) -> bool {
    match controller(object) {
        Some(owner) => cluster.uid().is_some_and(|uid| uid == owner.uid),
        None => is_labelled(object, cluster),
    }
}

/// It is seen by who looks for what is the cluster's.
pub(super) fn is_labelled<K: Resource>(object: &K, cluster: &KubernetesCluster) -> bool {
    object.labels().get(LABEL_CLUSTER) == Some(&cluster.name_any())
}

/// It has the same under each of its keys.
pub(super) fn is_whole(secret: &Secret) -> bool {
    let data = |key| secret.data.as_ref().and_then(|data| data.get(key));
    let [first, second] = KUBECONFIG_KEYS.map(data);
    first == second
}

/// Nobody's deletion takes it along.
pub(super) fn is_unowned<K: Resource>(object: &K) -> bool {
    controller(object).is_none()
}

fn controller<K: Resource>(object: &K) -> Option<&OwnerReference> {
    object.owner_references().iter().find(|owner| owner.controller == Some(true))
}

/// A new one.
pub(super) fn fresh(cluster: &KubernetesCluster, text: &SecretString) -> Secret {
    let bytes = ByteString(text.expose_secret().as_bytes().to_vec());
    Secret {
        metadata: metadata(cluster, kubeconfig_secret(&cluster.name_any())),
        data: Some(KUBECONFIG_KEYS.into_iter().map(|key| (key.to_owned(), bytes.clone())).collect()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// The metadata of an object of the cluster's own.
pub(super) fn metadata(cluster: &KubernetesCluster, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: cluster.namespace(),
        labels: Some(labels(cluster)),
        owner_references: owner(cluster).map(|owner| vec![owner]),
        ..ObjectMeta::default()
    }
}

/// What makes an object of this version the cluster's own, as a merge patch (RFC 7386): what others wrote beside it
/// stays.
pub(super) fn claim(cluster: &KubernetesCluster, metadata: &ObjectMeta) -> Value {
    json!({
        "metadata": {
            "uid": metadata.uid,
            "resourceVersion": metadata.resource_version,
            "labels": labels(cluster),
            "ownerReferences": owner(cluster).map(|owner| vec![owner]),
        },
    })
}

fn labels(cluster: &KubernetesCluster) -> BTreeMap<String, String> {
    let name = cluster.name_any();
    BTreeMap::from([
        (LABEL_CLUSTER.to_owned(), name.clone()),
        (LABEL_CLUSTER_API.to_owned(), name),
        (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
    ])
}

fn owner(cluster: &KubernetesCluster) -> Option<OwnerReference> {
    let owner = cluster.controller_owner_ref(&())?;
    Some(OwnerReference { block_owner_deletion: Some(true), ..owner })
}
