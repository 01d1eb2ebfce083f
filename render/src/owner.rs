//! Whose a configuration is. What belongs to another owner is never touched (S12), nor is its machine
//! taken (S1).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use nico_crds::names::{LABEL_CLUSTER, LABEL_ROLE, Role, configuration_name};
use nico_crds::{KubernetesCluster, NixosConfiguration};

use crate::inventory::name;

const KIND: &str = "KubernetesCluster";
const GROUP_PREFIX: &str = "nico.homystack.com/";
const API_VERSION: &str = "nico.homystack.com/v1alpha1";

/// The owner of an object that says that it controls it.
fn controller(configuration: &NixosConfiguration) -> Option<&OwnerReference> {
    configuration.metadata.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))
}

/// What may make a configuration a cluster's: what [`is_own`] looks at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark<'a> {
    /// The UID of its controller.
    Uid(&'a str),
    /// The name of its controller.
    Name(&'a str),
    /// Its label, without a controller.
    Label(&'a str),
}

/// What a configuration carries.
pub(crate) fn marks(configuration: &NixosConfiguration) -> impl Iterator<Item = Mark<'_>> {
    let owner = controller(configuration);
    let controlled = owner.map(|owner| [Mark::Uid(&owner.uid), Mark::Name(&owner.name)]);
    let label = configuration.label(LABEL_CLUSTER).filter(|_| owner.is_none());
    controlled.into_iter().flatten().chain(label.map(Mark::Label))
}

/// What the configurations of a cluster carry, one of them each.
pub(crate) fn marks_of(cluster: &KubernetesCluster) -> [Mark<'_>; 2] {
    let name = name(&cluster.metadata);
    [cluster.metadata.uid.as_deref().map_or(Mark::Name(name), Mark::Uid), Mark::Label(name)]
}

/// The configuration is the cluster's: controlled by it, by UID where the cluster has one; or, without
/// any controller (restored from a backup, orphaned), labelled and named as its own.
pub(crate) fn is_own(configuration: &NixosConfiguration, cluster: &KubernetesCluster) -> bool {
    match controller(configuration) {
        Some(owner) => {
            owner.kind == KIND
                && owner.api_version.starts_with(GROUP_PREFIX)
                && match cluster.metadata.uid.as_deref() {
                    Some(uid) => owner.uid == uid,
                    None => owner.name == name(&cluster.metadata),
                }
        }
        None => looks_own(configuration, cluster),
    }
}

/// The configuration is controlled by the cluster, and not only labelled and named as its own.
pub(crate) fn is_controlled(configuration: &NixosConfiguration, cluster: &KubernetesCluster) -> bool {
    controller(configuration).is_some() && is_own(configuration, cluster)
}

fn looks_own(configuration: &NixosConfiguration, cluster: &KubernetesCluster) -> bool {
    let cluster = name(&cluster.metadata);
    configuration.label(LABEL_CLUSTER) == Some(cluster)
        && configuration.label(LABEL_ROLE).and_then(Role::from_label).is_some()
        && configuration
            .machine()
            .is_some_and(|machine| configuration_name(cluster, machine) == name(&configuration.metadata))
}

/// Who has a configuration, in words: `KubernetesCluster "a"`, or `nobody that NICO knows`.
pub(crate) fn describe(configuration: &NixosConfiguration) -> String {
    controller(configuration)
        .map_or_else(|| "no owner".to_owned(), |owner| format!("{} \"{}\"", owner.kind, owner.name))
}

/// The reference that makes a configuration the cluster's own. None without a UID (offline): an owner
/// with a made-up UID would have the object garbage-collected at once.
pub(crate) fn reference(cluster: &KubernetesCluster) -> Option<OwnerReference> {
    let uid = cluster.metadata.uid.clone().filter(|uid| !uid.is_empty())?;
    Some(OwnerReference {
        api_version: API_VERSION.to_owned(),
        block_owner_deletion: Some(true),
        controller: Some(true),
        kind: KIND.to_owned(),
        name: name(&cluster.metadata).to_owned(),
        uid,
    })
}
