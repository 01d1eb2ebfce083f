//! What is sent for each step of a plan, and to where.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, Preconditions};
use kube::{Resource, ResourceExt};
use nico_crds::names::{KOPF_FINALIZER, join_token_secret};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus, NixosConfiguration};
use nico_render::Memory;
use nico_render::fields::body;
use nico_render::rollout::{Purpose, Target, Write};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::writer::Writer;
use crate::ApplyError;
use crate::token;

/// No object ever has this resourceVersion any more, so an apply that asks for it creates, or is refused
/// with a conflict. (With an empty one it would change what is there; with a POST the fields would not
/// be owned as applied ones.)
const CREATE_ONLY: &str = "1";

const CLUSTERS: &str = "kubernetesclusters";
const CONFIGURATIONS: &str = "nixosconfigurations";
const SECRETS: &str = "secrets";

impl Writer {
    fn clusters(&self, namespace: &str) -> Api<KubernetesCluster> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn configurations(&self, namespace: &str) -> Api<NixosConfiguration> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Gives a cluster these finalizers.
    pub(crate) async fn finalizers(
        &self,
        cluster: &KubernetesCluster,
        finalizers: &[String],
    ) -> Result<KubernetesCluster, ApplyError> {
        let name = cluster.name_any();
        let patch = json_patch(json!([
            { "op": "test", "path": "/metadata/uid", "value": cluster.metadata.uid },
            { "op": "replace", "path": "/metadata/resourceVersion", "value": cluster.metadata.resource_version },
            { "op": "add", "path": "/metadata/finalizers", "value": finalizers },
        ]))?;
        let api = self.clusters(&cluster.namespace().unwrap_or_default());
        let what = || format!("the finalizers of {}", describe(cluster));
        self.write("patch", CLUSTERS, what, api.patch(&name, &self.patch(), &patch)).await
    }

    /// Writes down in a cluster's status what must be remembered.
    pub(crate) async fn remember(
        &self,
        cluster: &KubernetesCluster,
        memory: &Memory,
    ) -> Result<KubernetesCluster, ApplyError> {
        self.status(cluster, &memory.as_status(), false).await
    }

    /// Writes what is told about a cluster.
    pub(crate) async fn tell_status(
        &self,
        cluster: &KubernetesCluster,
        status: &KubernetesClusterStatus,
    ) -> Result<KubernetesCluster, ApplyError> {
        self.status(cluster, status, true).await
    }

    async fn status(
        &self,
        cluster: &KubernetesCluster,
        status: &KubernetesClusterStatus,
        told: bool,
    ) -> Result<KubernetesCluster, ApplyError> {
        let (name, namespace) = (cluster.name_any(), cluster.namespace().unwrap_or_default());
        let patch = json!({
            "apiVersion": KubernetesCluster::api_version(&()),
            "kind": KubernetesCluster::kind(&()),
            "metadata": {
                "name": name,
                "namespace": namespace,
                // On this subresource a wrong uid is ignored: the version is what binds.
                "resourceVersion": cluster.metadata.resource_version,
            },
            "status": status,
        });
        let params = if told { self.tell() } else { self.apply().force() };
        let what = || format!("the status of {}", describe(cluster));
        let api = self.clusters(&namespace);
        let patch = applied(&patch)?;
        self.write("patch", "kubernetesclusters/status", what, api.patch_status(&name, &params, &patch)).await
    }

    /// Creates a configuration; what is there is never changed.
    pub(crate) async fn create_configuration(
        &self,
        mut object: NixosConfiguration,
    ) -> Result<NixosConfiguration, ApplyError> {
        object.metadata.resource_version = Some(CREATE_ONLY.to_owned());
        let api = self.configurations(&object.namespace().unwrap_or_default());
        let (name, params, patch) = (object.name_any(), self.apply(), applied(&object)?);
        self.write("create", CONFIGURATIONS, || describe(&object), api.patch(&name, &params, &patch)).await
    }

    /// Changes a configuration.
    pub(crate) async fn change(&self, write: &Write) -> Result<NixosConfiguration, ApplyError> {
        let mut object = write.object.clone();
        object.metadata.uid = Some(write.target.uid.clone());
        object.metadata.resource_version = Some(write.target.resource_version.clone());
        object.metadata.managed_fields = None;
        object.status = None;
        let forced = match write.purpose {
            // It wipes a disk if it does not get through.
            Purpose::ClearFullInstall => true,
            Purpose::Content
            | Purpose::Confirmation
            | Purpose::Metadata
            | Purpose::Leaving
            | Purpose::NodeNoted
            | Purpose::MemberGone
            | Purpose::Nudge => !write.against.is_empty(),
        };
        let params = if forced { self.apply().force() } else { self.apply() };
        let api = self.configurations(&object.namespace().unwrap_or_default());
        let (name, patch) = (object.name_any(), applied(&object)?);
        self.write("patch", CONFIGURATIONS, || describe(&object), api.patch(&name, &params, &patch)).await
    }

    /// Deletes a configuration. True: it is gone; false: finalizers hold it.
    pub(crate) async fn delete_configuration(
        &self,
        namespace: &str,
        target: &Target,
    ) -> Result<Option<NixosConfiguration>, ApplyError> {
        let params = self.delete().preconditions(Preconditions {
            uid: Some(target.uid.clone()),
            resource_version: Some(target.resource_version.clone()),
        });
        let api = self.configurations(namespace);
        let what = || format!("NixosConfiguration {namespace}/{}", target.configuration);
        let answer =
            self.write("delete", CONFIGURATIONS, what, api.delete(&target.configuration, &params)).await?;
        Ok(answer.left())
    }

    /// Takes NIO's finalizer off.
    pub(crate) async fn release_from_nio(
        &self,
        namespace: &str,
        target: &Target,
    ) -> Result<NixosConfiguration, ApplyError> {
        let api = self.configurations(namespace);
        let live = self.read("a NixosConfiguration", api.get(&target.configuration)).await?;
        same(&live, target)?;
        let others = live.finalizers().iter().filter(|finalizer| finalizer.as_str() != KOPF_FINALIZER);
        let patch = json_patch(json!([
            { "op": "test", "path": "/metadata/uid", "value": target.uid },
            { "op": "replace", "path": "/metadata/resourceVersion", "value": target.resource_version },
            { "op": "add", "path": "/metadata/finalizers", "value": others.collect::<Vec<_>>() },
        ]))?;
        let what = || format!("the finalizers of {}", describe(&live));
        let params = self.patch();
        let request = api.patch(&target.configuration, &params, &patch);
        self.write("patch", CONFIGURATIONS, what, request).await
    }

    /// Creates the Secret with a new join token. By a plain creation, so that no later apply of NICO's,
    /// which knows nothing of the content, ever takes the content away.
    pub(crate) async fn create_token(&self, cluster: &KubernetesCluster) -> Result<Secret, ApplyError> {
        let secret = token::fresh(cluster)?;
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &cluster.namespace().unwrap_or_default());
        let what = || format!("the Secret {}", join_token_secret(&cluster.name_any()));
        self.write("create", SECRETS, what, api.create(&self.create(), &secret)).await
    }

    /// Makes the Secret with the join token the cluster's own.
    pub(crate) async fn own_token(&self, cluster: &KubernetesCluster) -> Result<Secret, ApplyError> {
        let name = join_token_secret(&cluster.name_any());
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &cluster.namespace().unwrap_or_default());
        let live = self.read("the Secret with the join token", api.get_metadata(&name)).await?;
        let version = live.metadata.resource_version.unwrap_or_default();
        let claim = applied(&token::claim(cluster, &live.metadata.uid.unwrap_or_default(), &version))?;
        let what = || format!("the Secret {name}");
        let params = self.apply().force();
        let request = api.patch(&name, &params, &claim);
        self.write("patch", SECRETS, what, request).await
    }
}

/// That it is still what the step was decided on.
fn same(live: &NixosConfiguration, target: &Target) -> Result<(), ApplyError> {
    let same = live.metadata.uid.as_ref() == Some(&target.uid)
        && live.metadata.resource_version.as_ref() == Some(&target.resource_version);
    if same { Ok(()) } else { Err(ApplyError::Conflict { what: describe(live) }) }
}

/// The body of an apply. The server reads it as YAML, also where it is JSON: some characters have to be
/// written otherwise to arrive.
fn applied(object: &impl Serialize) -> Result<Patch<Box<RawValue>>, ApplyError> {
    Ok(Patch::Apply(RawValue::from_string(body(object)?)?))
}

fn json_patch(operations: Value) -> Result<Patch<()>, ApplyError> {
    Ok(Patch::Json(serde_json::from_value(operations)?))
}

fn describe<K: Resource<DynamicType = ()>>(object: &K) -> String {
    format!("{} {}/{}", K::kind(&()), object.namespace().unwrap_or_default(), object.name_any())
}
