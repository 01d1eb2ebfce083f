//! Writing to the server under any field manager, and reading what it notes of whose fields are whose.

use kube::Client;
use kube::api::{GetParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::core::Request;
use nico_harness::{ControlPlane, Namespace};
use nico_render::fields::managers::applied_in;
use nico_render::fields::{body, difference, owned};
use serde_json::{Value, json};

/// NICO's field manager.
pub const OURS: &str = "nico";

/// A namespace, and a client for it.
pub struct Desk {
    client: Client,
    namespace: Namespace,
}

/// Whether a write is kept.
#[derive(Clone, Copy, PartialEq)]
pub enum Keep {
    Yes,
    Try,
}

impl Desk {
    pub async fn new(prefix: &str) -> Self {
        let control_plane = ControlPlane::shared().await;
        Self { client: control_plane.client().await, namespace: control_plane.namespace(prefix).await }
    }

    pub fn namespace(&self) -> &str {
        self.namespace.name()
    }

    fn request(&self, kind: &str) -> Request {
        let namespace = self.namespace();
        Request::new(match kind {
            "Secret" => format!("/api/v1/namespaces/{namespace}/secrets"),
            "NixosConfiguration" => {
                format!("/apis/nio.homystack.com/v1alpha1/namespaces/{namespace}/nixosconfigurations")
            }
            "KubernetesCluster" => {
                format!("/apis/nico.homystack.com/v1alpha1/namespaces/{namespace}/kubernetesclusters")
            }
            kind => panic!("{kind} is not for this desk"),
        })
    }

    pub async fn get(&self, kind: &str, name: &str) -> Value {
        let request = self.request(kind).get(name, &GetParams::default()).unwrap();
        self.client.request(request).await.unwrap()
    }

    /// A POST of an object, as of a program that does not apply.
    pub async fn create(&self, manager: &str, object: &Value) -> Value {
        let params = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        let body = serde_json::to_vec(object).unwrap();
        let request = self.request(text(object, "kind")).create(&params, body).unwrap();
        self.client.request(request).await.unwrap_or_else(|error| panic!("{error}: {object}"))
    }

    /// A merge patch. Its kind and name are those of `of`.
    pub async fn merge(&self, manager: &str, of: &Value, subresource: Option<&str>, patch: &Value) -> Value {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        self.patch(of, subresource, &params, &Patch::Merge(patch))
            .await
            .unwrap_or_else(|error| panic!("{error}: {patch}"))
    }

    /// A JSON patch of the object itself.
    pub async fn json_patch(&self, manager: &str, of: &Value, patch: &Value) -> Result<Value, kube::Error> {
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let request = self.request(text(of, "kind"));
        let mut request = request.patch(name(of), &params, &Patch::Merge(patch)).unwrap();
        request.headers_mut().insert("content-type", "application/json-patch+json".parse().unwrap());
        self.client.request(request).await
    }

    /// A forced apply.
    pub async fn apply(
        &self,
        manager: &str,
        subresource: Option<&str>,
        body: &Value,
        keep: Keep,
    ) -> Result<Value, kube::Error> {
        let params = PatchParams { dry_run: keep == Keep::Try, ..PatchParams::apply(manager).force() };
        self.patch(body, subresource, &params, &Patch::Apply(body)).await
    }

    /// An apply that is refused where a value is another manager's.
    pub async fn apply_unforced(
        &self,
        manager: &str,
        subresource: Option<&str>,
        body: &Value,
        keep: Keep,
    ) -> Result<Value, kube::Error> {
        let params = PatchParams { dry_run: keep == Keep::Try, ..PatchParams::apply(manager) };
        self.patch(body, subresource, &params, &Patch::Apply(body)).await
    }

    async fn patch(
        &self,
        of: &Value,
        subresource: Option<&str>,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Value, kube::Error> {
        let request = self.request(text(of, "kind"));
        let request = match subresource {
            Some(subresource) => request.patch_subresource(subresource, name(of), params, patch),
            None => request.patch(name(of), params, patch),
        };
        let mut request = request.unwrap();
        if let Patch::Apply(object) = patch {
            *request.body_mut() = body(object).unwrap().into_bytes();
        }
        self.client.request(request).await
    }
}

pub fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap()
}

pub fn name(object: &Value) -> &str {
    text(&object["metadata"], "name")
}

/// What the server notes of what NICO applied.
pub fn our_entry<'a>(object: &'a Value, subresource: Option<&str>) -> Option<&'a Value> {
    applied_in(object, OURS, subresource)
}

/// The metadata of an object, typed.
pub fn metadata_of(object: &Value) -> ObjectMeta {
    serde_json::from_value(object["metadata"].clone()).unwrap()
}

pub fn cluster(name: &str) -> Value {
    json!({
        "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster", "metadata": { "name": name },
        "spec": { "gitRepo": "https://git.example/fleet.git", "controlPlane": { "machines": ["a"] } },
    })
}

/// Two clusters that objects can be owned by, with their uids.
pub async fn owners(desk: &Desk) -> Vec<(String, String)> {
    let mut owners = Vec::new();
    for name in ["home", "work"] {
        let made = desk.create("kubectl-create", &cluster(name)).await;
        owners.push((name.to_owned(), text(&made["metadata"], "uid").to_owned()));
    }
    owners
}

/// Applies, and what the server notes is what was said; the same again would change nothing.
pub async fn apply_and_check(desk: &Desk, subresource: Option<&str>, desired: &Value) -> Value {
    let mut live = desk.apply(OURS, subresource, desired, Keep::Yes).await.unwrap();
    if has_empty(desired) {
        // What is emptied goes, or becomes a null; only when it is applied again it is there, and empty.
        live = desk.apply(OURS, subresource, desired, Keep::Yes).await.unwrap();
    }
    let nothing = json!({});
    let entry = our_entry(&live, subresource);
    assert_eq!(entry.unwrap_or(&nothing), &owned(desired), "{desired}");
    assert_eq!(difference(desired, &live, entry), [], "{desired}");
    live
}

fn has_empty(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.is_empty() || map.values().any(has_empty),
        Value::Array(list) => list.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
