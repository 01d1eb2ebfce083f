//! Reads everything that a rendering depends on: whole, or not at all (S13).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::GroupVersionKind;
use kube::{Client, Resource, ResourceExt};
use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::{Completeness, Inventory};

use crate::ApplyError;
use crate::error::has_code;

/// Objects of a kind, a page at a time, so that a large fleet is read in bounded pieces.
const PAGE: u32 = 500;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    /// One namespace; absent: all.
    pub namespace: Option<&'a str>,
    /// The repository of clusters that name none.
    pub default_git_repo: Option<&'a str>,
}

/// Reads it.
pub async fn observe(client: &Client, scope: &Scope<'_>) -> Result<Inventory, ApplyError> {
    let dialect = dialect(client).await?;
    Ok(Inventory {
        clusters: list(client, scope, &CLUSTERS).await?,
        machines: list(client, scope, &MACHINES).await?,
        configurations: list(client, scope, &CONFIGURATIONS).await?,
        dialect,
        default_git_repo: scope.default_git_repo.map(str::to_owned),
        completeness: Completeness::Whole,
        observed_at: Some(now()),
    })
}

/// The present moment. Pure code gets it as an argument.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_second(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A kind that is read.
struct Kind {
    what: &'static str,
    kind: &'static str,
    crd: &'static str,
    remedy: &'static str,
}

const CLUSTERS: Kind = Kind {
    what: "the KubernetesClusters",
    kind: "KubernetesCluster",
    crd: "kubernetesclusters.nico.homystack.com",
    remedy: "install NICO's CRD (`nico crds | kubectl apply --server-side -f -`)",
};
const MACHINES: Kind =
    Kind { what: "the Machines", kind: "Machine", crd: "machines.nio.homystack.com", remedy: "install NIO" };
const CONFIGURATIONS: Kind = Kind {
    what: "the NixosConfigurations",
    kind: "NixosConfiguration",
    crd: "nixosconfigurations.nio.homystack.com",
    remedy: "install NIO",
};

trait Listed: Resource<DynamicType = ()> + serde::de::DeserializeOwned {}
impl Listed for KubernetesCluster {}
impl Listed for Machine {}
impl Listed for NixosConfiguration {}

/// All pages, or an error. Untyped first, so that one odd object is named instead of "the list failed".
async fn list<K: Listed>(client: &Client, scope: &Scope<'_>, kind: &Kind) -> Result<Vec<Arc<K>>, ApplyError> {
    let resource = kube::core::ApiResource::from_gvk_with_plural(
        &GroupVersionKind::gvk(&K::group(&()), &K::version(&()), &K::kind(&())),
        &K::plural(&()),
    );
    let api: Api<DynamicObject> = match scope.namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await.map_err(|source| kind.unreadable(source))?;
        for object in page.items {
            objects.push(Arc::new(typed(object, kind)?));
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

impl Kind {
    fn unreadable(&self, source: kube::Error) -> ApplyError {
        if has_code(&source, 404) {
            ApplyError::MissingKind { kind: self.kind, crd: self.crd, remedy: self.remedy }
        } else {
            ApplyError::Read { what: self.what, cause: source }
        }
    }
}

fn typed<K: Listed>(object: DynamicObject, kind: &Kind) -> Result<K, ApplyError> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let malformed = |source| ApplyError::Malformed { kind: kind.kind, namespace, name, source };
    serde_json::to_value(object).and_then(serde_json::from_value).map_err(malformed)
}

/// Which NIO serves the machines: its Machine CRD says it.
async fn dialect(client: &Client) -> Result<Dialect, ApplyError> {
    let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
    let crd = crds.get(MACHINES.crd).await.map_err(|source| MACHINES.unreadable(source))?;
    let has = |field: &str| {
        crd.spec.versions.iter().filter(|version| version.served).any(|version| {
            let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
            let spec = schema.and_then(|schema| schema.properties.as_ref()?.get("spec"));
            spec.and_then(|spec| spec.properties.as_ref()).is_some_and(|fields| fields.contains_key(field))
        })
    };
    match (has("hostname"), has("host")) {
        (true, _) => Ok(Dialect::Python),
        (false, true) => Ok(Dialect::Go),
        (false, false) => Err(ApplyError::UnknownDialect),
    }
}
