//! Objects as a backup has them, and by hand: what a person does with kubectl
//! when a cluster was lost, or an operator does not let go.

use std::time::Duration;

use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::discovery::{self, ApiCapabilities, Scope};
use kube::{Api, Client, Error, ResourceExt};
use serde_json::{Value, json};

use crate::wait::wait_until;

const BOUND: Duration = Duration::from_mins(1);

/// Whether a restore brings the status back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Through the status subresource, right after each object was created.
    Kept,
    /// As most backup tools do by themselves.
    Lost,
}

/// All objects of these kinds in the namespace, whole: in the order of the kinds, then by name.
pub async fn dump(client: &Client, namespace: &str, kinds: &[GroupVersionKind]) -> Vec<Value> {
    let mut objects = Vec::new();
    for kind in kinds {
        let (resource, _capabilities) = discover(client, kind).await;
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
        let mut found = api
            .list(&ListParams::default())
            .await
            .unwrap_or_else(|error| panic!("cannot list {}: {error}", resource.plural))
            .items;
        found.sort_by_key(ResourceExt::name_any);
        objects.extend(found.into_iter().map(|mut object| {
            // In a list the items of built-in kinds do not tell what they are.
            let types = TypeMeta { api_version: resource.api_version.clone(), kind: resource.kind.clone() };
            object.types = Some(types);
            serde_json::to_value(object).expect("it came as JSON")
        }));
    }
    objects
}

/// Creates them anew, in this order, in the namespaces that they were in: as
/// strangers, without uid, version, managers, times, owners and finalizers.
/// Returns them as they are then.
pub async fn recreate(client: &Client, objects: &[Value], status: Status) -> Vec<Value> {
    let mut made = Vec::new();
    for object in objects {
        let at = Place::of(client, object).await;
        let created = at
            .api
            .create(&PostParams::default(), &at.stranger(object))
            .await
            .unwrap_or_else(|error| panic!("cannot create {} anew: {error}", at.what));
        let old = object.get("status").filter(|_| status == Status::Kept && at.has_status);
        let now = match old {
            Some(old) => at.put_status(created, old).await,
            None => created,
        };
        made.push(serde_json::to_value(now).expect("it came as JSON"));
    }
    made
}

/// Removes all finalizers of this very object, by uid; none if it is gone.
pub async fn take_finalizers_off(client: &Client, object: &Value) {
    Place::of(client, object).await.take_finalizers_off(object).await;
}

/// Deletes them, takes their finalizers off, and waits until they are gone:
/// these very ones, by uid.
pub async fn delete_by_hand(client: &Client, objects: &[Value]) {
    for object in objects {
        let at = Place::of(client, object).await;
        let uid = text(object, "/metadata/uid").to_owned();
        let same = Preconditions { uid: Some(uid.clone()), ..Preconditions::default() };
        let deleted = at.api.delete(&at.name, &DeleteParams::background().preconditions(same)).await;
        at.unless_gone(deleted.map(drop));
        // Only now: on an object in deletion nobody can put one back.
        at.take_finalizers_off(object).await;
        wait_until(&format!("{} to go", at.what), BOUND, async || {
            let found = at.api.get_opt(&at.name).await.map_err(|error| error.to_string())?;
            let same = found.filter(|found| found.uid().as_deref() == Some(uid.as_str()));
            same.is_none().then_some(()).ok_or("it is there".to_owned())
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    }
}

/// Where an object is, or was.
struct Place {
    api: Api<DynamicObject>,
    resource: ApiResource,
    has_status: bool,
    name: String,
    /// For messages.
    what: String,
}

impl Place {
    async fn of(client: &Client, object: &Value) -> Self {
        let types = TypeMeta {
            api_version: text(object, "/apiVersion").to_owned(),
            kind: text(object, "/kind").to_owned(),
        };
        let kind = GroupVersionKind::try_from(&types).expect("an object has an API version");
        let (resource, capabilities) = discover(client, &kind).await;
        let namespace = text(object, "/metadata/namespace");
        let api = if capabilities.scope == Scope::Namespaced {
            Api::namespaced_with(client.clone(), namespace, &resource)
        } else {
            Api::all_with(client.clone(), &resource)
        };
        let name = text(object, "/metadata/name").to_owned();
        Self {
            api,
            has_status: capabilities.subresources.iter().any(|(part, _)| part.plural == "status"),
            what: format!("{} {namespace}/{name}", resource.kind),
            resource,
            name,
        }
    }

    /// With nothing of what the server, or its owners, gave it.
    fn stranger(&self, object: &Value) -> DynamicObject {
        let mut stranger = DynamicObject::new(&self.name, &self.resource);
        stranger.metadata.namespace =
            object.pointer("/metadata/namespace").and_then(Value::as_str).map(str::to_owned);
        let kept = |field: &str| {
            let values = object.get("metadata").and_then(|metadata| metadata.get(field)).cloned();
            values.map(|values| serde_json::from_value(values).expect("it maps text to text"))
        };
        stranger.metadata.labels = kept("labels");
        stranger.metadata.annotations = kept("annotations");
        stranger.data = object.clone();
        if let Some(data) = stranger.data.as_object_mut() {
            data.retain(|field, _value| !["apiVersion", "kind", "metadata"].contains(&field.as_str()));
        }
        stranger
    }

    async fn put_status(&self, mut now: DynamicObject, status: &Value) -> DynamicObject {
        loop {
            if let Some(data) = now.data.as_object_mut() {
                data.insert("status".to_owned(), status.clone());
            }
            match self.api.replace_subresource("status", &self.name, &PostParams::default(), &now).await {
                Ok(now) => return now,
                // An operator is at work.
                Err(Error::Api(answer)) if answer.is_conflict() => {
                    now = self
                        .api
                        .get(&self.name)
                        .await
                        .unwrap_or_else(|error| panic!("{}: {error}", self.what));
                }
                Err(error) => panic!("cannot put the status of {} back: {error}", self.what),
            }
        }
    }

    async fn take_finalizers_off(&self, object: &Value) {
        let none = Patch::Merge(json!({
            "metadata": {"uid": text(object, "/metadata/uid"), "finalizers": null},
        }));
        let patched = self.api.patch(&self.name, &PatchParams::default(), &none).await;
        self.unless_gone(patched.map(drop));
    }

    fn unless_gone(&self, result: Result<(), Error>) {
        match result {
            Ok(()) => {}
            Err(Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => {}
            // How a patch says that the uid is another's.
            Err(Error::Api(answer)) if answer.is_invalid() && answer.message.contains("metadata.uid") => {}
            Err(error) => panic!("{}: {error}", self.what),
        }
    }
}

async fn discover(client: &Client, kind: &GroupVersionKind) -> (ApiResource, ApiCapabilities) {
    discovery::pinned_kind(client, kind)
        .await
        .unwrap_or_else(|error| panic!("the server has no {}: {error}", kind.kind))
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
