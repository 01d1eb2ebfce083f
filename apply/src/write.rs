//! The writes. Each is server-side apply by field manager `nico`, and bound to what it was decided on:
//! create-only, or on a uid and a resourceVersion.

use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use nico_crds::names::FIELD_MANAGER;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Memory;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::fmt::Debug;

use crate::ApplyError;
use crate::error::has_code;

/// No object ever has this resourceVersion any more, so an apply that asks for it creates, or is refused
/// with a conflict. (With an empty one it would change what is there; with a POST the fields would not
/// be owned as applied ones.)
const CREATE_ONLY: &str = "1";

/// Whether writes are only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Real,
    /// The server checks everything and keeps nothing.
    DryRun,
}

fn params(mode: Mode) -> PatchParams {
    let params = PatchParams::apply(FIELD_MANAGER);
    match mode {
        Mode::Real => params,
        Mode::DryRun => params.dry_run(),
    }
}

/// Creates an object; what is there is never changed.
pub(crate) async fn create<K>(api: &Api<K>, mut object: K, mode: Mode) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Serialize + Debug,
{
    let (name, what) = (object.name_any(), describe(&object));
    object.meta_mut().resource_version = Some(CREATE_ONLY.to_owned());
    let created = api.patch(&name, &params(mode), &Patch::Apply(&object)).await;
    created.map_err(|source| refused(what, source))
}

/// Creates a configuration.
pub(crate) async fn create_configuration(
    client: &Client,
    configuration: NixosConfiguration,
    mode: Mode,
) -> Result<NixosConfiguration, ApplyError> {
    let namespace = configuration.namespace().unwrap_or_default();
    create(&Api::namespaced(client.clone(), &namespace), configuration, mode).await
}

/// Writes down in a cluster's status what must be remembered. Returns the cluster as it is then.
pub(crate) async fn remember(
    client: &Client,
    cluster: &KubernetesCluster,
    memory: &Memory,
    mode: Mode,
) -> Result<KubernetesCluster, ApplyError> {
    let name = cluster.name_any();
    let namespace = cluster.namespace().unwrap_or_default();
    let patch = json!({
        "apiVersion": KubernetesCluster::api_version(&()),
        "kind": KubernetesCluster::kind(&()),
        "metadata": {
            "name": name,
            "namespace": namespace,
            // On this subresource a wrong uid is ignored: the version is what binds.
            "resourceVersion": cluster.resource_version(),
        },
        "status": memory.as_status(),
    });
    let api: Api<KubernetesCluster> = Api::namespaced(client.clone(), &namespace);
    let written = api.patch_status(&name, &params(mode), &Patch::Apply(patch)).await;
    written.map_err(|source| refused(format!("the status of KubernetesCluster {namespace}/{name}"), source))
}

fn describe<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{} {}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any())
}

fn refused(what: String, source: kube::Error) -> ApplyError {
    let contested = matches!(&source, kube::Error::Api(status) if status.details.as_ref().is_some_and(|details| {
        details.causes.iter().any(|cause| cause.reason == "FieldManagerConflict")
    }));
    if has_code(&source, 409) && !contested {
        ApplyError::Conflict { what }
    } else {
        ApplyError::Write { what, cause: source }
    }
}
