//! What is asked of, and written to, the API server, and under which names.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Error};
use serde_json::{Map, Value, json};
use tower::service_fn;

use crate::body::Body;
use crate::kopf::FINALIZER;

/// How the stand-in calls itself: in the audit log nobody else is called so.
const USER_AGENT: &str = "nio-stand-in";
/// The field manager of NIO's own writes, to the status: the name of its client library.
const NIO: &str = "OpenAPI-Generator";
/// The field manager of its framework's writes, to annotations and finalizers.
const KOPF: &str = "kopf";

/// The two kinds that NIO serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    Machine,
    Configuration,
}

impl Resource {
    pub fn description(self) -> ApiResource {
        let (kind, plural) = match self {
            Self::Machine => ("Machine", "machines"),
            Self::Configuration => ("NixosConfiguration", "nixosconfigurations"),
        };
        ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("nio.homystack.com", "v1alpha1", kind),
            plural,
        )
    }
}

/// The server.
#[derive(Clone)]
pub(crate) struct Server {
    client: Client,
}

/// What kopf writes to an object, in one write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Note {
    /// None takes an annotation away.
    pub annotations: BTreeMap<&'static str, Option<String>>,
    pub finalizer: Option<Hold>,
}

/// What becomes of kopf's finalizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    Take,
    LetGo,
}

impl Note {
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty() && self.finalizer.is_none()
    }

    fn patch(&self, finalizers: &[String], version: &str) -> Value {
        let mut metadata = Map::new();
        if !self.annotations.is_empty() {
            metadata.insert("annotations".to_owned(), json!(self.annotations));
        }
        if let Some(hold) = self.finalizer {
            let others = finalizers.iter().map(String::as_str).filter(|finalizer| *finalizer != FINALIZER);
            let own = (hold == Hold::Take).then_some(FINALIZER);
            let finalizers: Vec<&str> = others.chain(own).collect();
            metadata.insert("finalizers".to_owned(), json!(finalizers));
            // Else those of others would come and go with the age of our copy.
            metadata.insert("resourceVersion".to_owned(), json!(version));
        }
        json!({ "metadata": metadata })
    }
}

impl Server {
    /// The same server, to which we call ourselves by our own name.
    pub fn new(client: Client) -> Self {
        let namespace = client.default_namespace().to_owned();
        let named = service_fn(move |mut request: http::Request<kube::client::Body>| {
            let client = client.clone();
            let name = http::HeaderValue::from_static(USER_AGENT);
            request.headers_mut().insert(http::header::USER_AGENT, name);
            async move { client.send(request).await }
        });
        Self { client: Client::new(named, namespace) }
    }

    /// The objects of a kind, of one or of all namespaces.
    pub fn objects(&self, resource: Resource, namespace: Option<&str>) -> Api<DynamicObject> {
        let description = resource.description();
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &description),
            None => Api::all_with(self.client.clone(), &description),
        }
    }

    pub async fn machine(&self, namespace: &str, name: &str) -> Result<Option<Body>, Error> {
        let found = self.objects(Resource::Machine, Some(namespace)).get_opt(name).await?;
        Ok(found.map(Body::new))
    }

    /// Its content is nobody's business here.
    pub async fn has_secret(&self, namespace: &str, name: &str) -> Result<bool, Error> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        Ok(secrets.get_metadata_opt(name).await?.is_some())
    }

    /// Writes what NIO writes. It is bound to nothing but the name: an object of this name that was made
    /// anew meanwhile gets the status of the old one.
    pub async fn write_status(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
        status: &Value,
    ) -> Result<(), Error> {
        let params = PatchParams { field_manager: Some(NIO.to_owned()), ..PatchParams::default() };
        let patch = Patch::Merge(json!({ "status": status }));
        self.objects(resource, Some(namespace)).patch_status(name, &params, &patch).await?;
        Ok(())
    }

    /// Writes what kopf writes, by name alone. None where the object is gone, be it by this very write; else its
    /// new version.
    pub async fn write_note(
        &self,
        resource: Resource,
        body: &Body,
        note: &Note,
    ) -> Result<Option<u64>, Error> {
        let objects = self.objects(resource, Some(&body.namespace()));
        let params = PatchParams { field_manager: Some(KOPF.to_owned()), ..PatchParams::default() };
        let (mut finalizers, mut version) = (body.finalizers(), body.resource_version());
        loop {
            let patch = Patch::Merge(note.patch(&finalizers, &version));
            let live = match objects.patch_metadata(&body.name(), &params, &patch).await {
                // The server answers with the version from before: nobody can tell by it what is seen later.
                Ok(written) if is_gone(&written.metadata) => return Ok(None),
                Ok(written) => {
                    return Ok(written.metadata.resource_version.and_then(|version| version.parse().ok()));
                }
                Err(Error::Api(status)) if status.is_not_found() => return Ok(None),
                Err(Error::Api(status)) if status.is_conflict() => {
                    objects.get_metadata_opt(&body.name()).await?
                }
                Err(error) => return Err(error),
            };
            let Some(live) = live else {
                return Ok(None);
            };
            finalizers = live.metadata.finalizers.unwrap_or_default();
            version = live.metadata.resource_version.unwrap_or_default();
        }
    }
}

/// Nothing holds an object any more that was deleted: no event of it comes but its end.
fn is_gone(metadata: &ObjectMeta) -> bool {
    metadata.deletion_timestamp.is_some() && metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
}
