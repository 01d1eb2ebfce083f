//! Moving the ownership of fields: no value changes, so no machine is touched.

use kube::ResourceExt;
use kube::api::{Api, DynamicObject, Patch};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::fields::adoption::patch;
use nico_render::rollout::{Target, adopted_configuration, adopted_status};

use super::writer::Writer;
use crate::ApplyError;
use crate::kinds;

impl Writer {
    /// Makes the fields of a configuration NICO's; None where there was nothing to move.
    pub(crate) async fn adopt(
        &self,
        namespace: &str,
        target: &Target,
    ) -> Result<Option<NixosConfiguration>, ApplyError> {
        let whole: Api<DynamicObject> = kinds::configurations(&self.client, Some(namespace));
        // The caches keep only a part of managedFields, and this replaces all of it.
        let live = self.read("a NixosConfiguration", whole.get(&target.configuration)).await?;
        let what = || format!("NixosConfiguration {namespace}/{}", target.configuration);
        if live.uid().as_ref() != Some(&target.uid)
            || live.resource_version().as_ref() != Some(&target.resource_version)
        {
            return Err(ApplyError::Conflict { what: what() });
        }
        let Some(managed) = adopted_configuration(live.managed_fields()) else { return Ok(None) };
        let patch = Patch::<()>::Json(serde_json::from_value(patch(&managed, &target.resource_version)?)?);
        let api: Api<NixosConfiguration> = Api::namespaced(self.client.clone(), namespace);
        let params = self.patch();
        let request = api.patch(&target.configuration, &params, &patch);
        self.write("patch", "nixosconfigurations", what, request).await.map(Some)
    }

    /// Makes the fields of a cluster's status NICO's; None where there was nothing to move.
    pub(crate) async fn adopt_status(
        &self,
        cluster: &KubernetesCluster,
    ) -> Result<Option<KubernetesCluster>, ApplyError> {
        let Some(managed) = adopted_status(cluster.managed_fields()) else { return Ok(None) };
        let version = cluster.resource_version().unwrap_or_default();
        let patch = Patch::<()>::Json(serde_json::from_value(patch(&managed, &version)?)?);
        let (name, namespace) = (cluster.name_any(), cluster.namespace().unwrap_or_default());
        let api: Api<KubernetesCluster> = Api::namespaced(self.client.clone(), &namespace);
        let what = || format!("the ownership of the status of KubernetesCluster {namespace}/{name}");
        // On the subresource a change of managedFields is silently ignored.
        let params = self.patch();
        let request = api.patch(&name, &params, &patch);
        self.write("patch", "kubernetesclusters", what, request).await.map(Some)
    }
}
