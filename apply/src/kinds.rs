//! The kinds that NICO reads, and whether the server serves them as NICO needs them.

use std::time::Duration;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps,
};
use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::GroupVersionKind;
use kube::{Client, CustomResourceExt, Resource};
use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};

use crate::ApplyError;
use crate::error::has_code;

/// A kind that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// In words.
    pub what: &'static str,
    /// Its name.
    pub kind: &'static str,
    /// Its definition.
    pub crd: &'static str,
    /// What to do where it is missing.
    pub remedy: &'static str,
}

pub(crate) const CLUSTERS: Kind = Kind {
    what: "the KubernetesClusters",
    kind: "KubernetesCluster",
    crd: "kubernetesclusters.nico.homystack.com",
    remedy: "install NICO's CRD (`nico crds | kubectl apply --server-side -f -`)",
};
pub(crate) const MACHINES: Kind =
    Kind { what: "the Machines", kind: "Machine", crd: "machines.nio.homystack.com", remedy: "install NIO" };
pub(crate) const CONFIGURATIONS: Kind = Kind {
    what: "the NixosConfigurations",
    kind: "NixosConfiguration",
    crd: "nixosconfigurations.nio.homystack.com",
    remedy: "install NIO",
};
pub(crate) const SECRETS: Kind =
    Kind { what: "the Secrets", kind: "Secret", crd: "secrets", remedy: "that is no Kubernetes API server" };

impl Kind {
    /// An error of reading objects of this kind.
    pub fn unreadable(&self, source: kube::Error) -> ApplyError {
        if has_code(&source, 404) {
            ApplyError::MissingKind { kind: self.kind, crd: self.crd, remedy: self.remedy }
        } else {
            ApplyError::Read { what: self.what, cause: source }
        }
    }

    /// The server does not serve it.
    pub fn missing(&self) -> String {
        ApplyError::MissingKind { kind: self.kind, crd: self.crd, remedy: self.remedy }.to_string()
    }
}

/// Objects of a kind, untyped: one that is odd can be named then, instead of failing the whole list.
pub(crate) fn untyped<K: Resource<DynamicType = ()>>(
    client: &Client,
    namespace: Option<&str>,
) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk(&K::group(&()), &K::version(&()), &K::kind(&()));
    let resource = ApiResource::from_gvk_with_plural(&kind, &K::plural(&()));
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// That the server serves all kinds, and NICO's own with every field that this NICO writes. Returns the
/// dialect of the Machines.
pub(crate) async fn check(client: &Client) -> Result<Dialect, ApplyError> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let get = async |kind: &Kind| {
        let seconds = PATIENCE.as_secs();
        let answer = tokio::time::timeout(PATIENCE, crds.get(kind.crd)).await;
        let answer = answer.map_err(|_| ApplyError::Timeout { what: kind.crd.to_owned(), seconds })?;
        answer.map_err(|source| kind.unreadable(source))
    };
    let clusters = get(&CLUSTERS).await?;
    let wanted = KubernetesCluster::crd();
    if let Some(field) = first_missing(&wanted, &clusters) {
        return Err(ApplyError::OldDefinition { crd: CLUSTERS.crd, field, remedy: CLUSTERS.remedy });
    }
    let machines = get(&MACHINES).await?;
    let configurations = get(&CONFIGURATIONS).await?;
    for (kind, definition) in [(MACHINES, &machines), (CONFIGURATIONS, &configurations)] {
        if schemas(definition).next().is_none() {
            return Err(ApplyError::MissingKind { kind: kind.kind, crd: kind.crd, remedy: kind.remedy });
        }
    }
    dialect(&machines)
}

/// Which NIO serves the machines: its Machine CRD says it.
fn dialect(machines: &CustomResourceDefinition) -> Result<Dialect, ApplyError> {
    let has = |field: &str| {
        schemas(machines).any(|schema| {
            let spec = schema.properties.as_ref().and_then(|properties| properties.get("spec"));
            spec.and_then(|spec| spec.properties.as_ref()).is_some_and(|fields| fields.contains_key(field))
        })
    };
    match (has("hostname"), has("host")) {
        (true, _) => Ok(Dialect::Python),
        (false, true) => Ok(Dialect::Go),
        (false, false) => Err(ApplyError::UnknownDialect),
    }
}

/// A server that does not answer is asked again.
const PATIENCE: Duration = Duration::from_secs(10);
const VERSION: &str = "v1alpha1";

/// The schemas of the version that is read, where it is served.
fn schemas(definition: &CustomResourceDefinition) -> impl Iterator<Item = &JSONSchemaProps> {
    let served = definition.spec.versions.iter().filter(|version| version.served && version.name == VERSION);
    served.filter_map(|version| version.schema.as_ref()?.open_api_v3_schema.as_ref())
}

/// The first field that the server would drop.
fn first_missing(wanted: &CustomResourceDefinition, there: &CustomResourceDefinition) -> Option<String> {
    let there = schemas(there).next();
    let wanted = schemas(wanted).next()?;
    there.map_or_else(|| Some(VERSION.to_owned()), |there| missing_field(wanted, there, ""))
}

fn missing_field(wanted: &JSONSchemaProps, there: &JSONSchemaProps, path: &str) -> Option<String> {
    if there.x_kubernetes_preserve_unknown_fields == Some(true) {
        return None;
    }
    wanted.properties.iter().flatten().find_map(|(name, wanted)| {
        let path = format!("{path}.{name}");
        match there.properties.as_ref().and_then(|properties| properties.get(name)) {
            Some(there) => missing_field(wanted, there, &path),
            None => Some(path),
        }
    })
}

/// The kinds themselves, so that nothing else needs to name them.
pub(crate) fn clusters(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    untyped::<KubernetesCluster>(client, namespace)
}

/// Machines.
pub(crate) fn machines(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    untyped::<Machine>(client, namespace)
}

/// Configurations.
pub(crate) fn configurations(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    untyped::<NixosConfiguration>(client, namespace)
}
