//! What is kept of an object that was seen: what decisions need, and no more.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::DynamicObject;
use nico_crds::names::FIELD_MANAGER;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::Ownership;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A kind that is kept.
pub(crate) trait Held: Sized + Send + Sync + 'static {
    /// From what the server sent; the error is told to a person.
    fn hold(object: DynamicObject, interned: &Interned) -> Result<Self, String>;
}

impl Held for KubernetesCluster {
    fn hold(object: DynamicObject, _: &Interned) -> Result<Self, String> {
        typed(object)
    }
}

impl Held for Machine {
    fn hold(mut object: DynamicObject, _: &Interned) -> Result<Self, String> {
        object.metadata.managed_fields = None;
        typed(object)
    }
}

/// A configuration, and who owns its fields. Shared apart, as those of a fleet are alike.
#[derive(Debug)]
pub(crate) struct HeldConfiguration {
    pub object: Arc<NixosConfiguration>,
    pub ownership: Arc<Ownership>,
    /// When NICO last wrote it.
    pub written_at: Option<Timestamp>,
}

impl Held for HeldConfiguration {
    fn hold(mut object: DynamicObject, interned: &Interned) -> Result<Self, String> {
        let managed = object.metadata.managed_fields.take().unwrap_or_default();
        let written_at = written_at(&managed);
        let ownership = interned.share(ownership(managed));
        Ok(Self { object: Arc::new(typed(object)?), ownership, written_at })
    }
}

/// A Secret: never what is in it.
#[derive(Debug)]
pub(crate) struct HeldSecret(pub ObjectMeta);

impl Held for HeldSecret {
    fn hold(mut object: DynamicObject, _: &Interned) -> Result<Self, String> {
        object.metadata.managed_fields = None;
        Ok(Self(object.metadata))
    }
}

fn typed<K: DeserializeOwned>(object: DynamicObject) -> Result<K, String> {
    serde_json::to_value(object).and_then(serde_json::from_value).map_err(|error| error.to_string())
}

/// When NICO last wrote it.
pub(crate) fn written_at(managed: &[ManagedFieldsEntry]) -> Option<Timestamp> {
    let entry = managed.iter().find(|entry| is_ours(entry));
    entry.and_then(|entry| entry.time.as_ref()).map(|time| time.0)
}

/// Who owns the fields of a configuration, as far as NICO may want them.
pub(crate) fn ownership(managed: Vec<ManagedFieldsEntry>) -> Ownership {
    let mut ownership = Ownership::default();
    for entry in managed.into_iter().filter(|entry| entry.subresource.is_none()) {
        if is_ours(&entry) {
            ownership.own = entry.fields_v1.map(|fields| fields.0);
        } else if entry.fields_v1.as_ref().is_some_and(|fields| may_be_wanted(&fields.0)) {
            ownership.others.push(entry);
        }
    }
    ownership
}

fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    let is_applied = entry.operation.as_deref() == Some("Apply") && entry.subresource.is_none();
    is_applied && entry.manager.as_deref() == Some(FIELD_MANAGER)
}

/// NIO's own notes are nothing that NICO would ever want: most objects have no other entry.
fn may_be_wanted(fields: &Value) -> bool {
    let metadata = fields.get("f:metadata").and_then(Value::as_object);
    let notes = |map: &Value| {
        map.as_object()
            .is_some_and(|map| map.keys().all(|key| key == "." || key.starts_with("f:kopf.zalando.org/")))
    };
    fields.get("f:spec").is_some()
        || metadata.is_some_and(|metadata| {
            metadata.iter().any(|(key, value)| match key.as_str() {
                "f:annotations" => !notes(value),
                "f:finalizers" => false,
                _ => true,
            })
        })
}

/// Equal ownerships, once.
#[derive(Debug, Default)]
pub(crate) struct Interned(Mutex<BTreeSet<ByText>>);

#[derive(Debug)]
struct ByText {
    text: String,
    ownership: Arc<Ownership>,
}

impl PartialEq for ByText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
impl Eq for ByText {}
impl PartialOrd for ByText {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ByText {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

/// Unused ones are dropped when there are twice as many as were kept last.
const SWEEP_AT: usize = 256;

impl Interned {
    /// Those with entries of others are few, and differ: they are not shared.
    fn share(&self, ownership: Ownership) -> Arc<Ownership> {
        let Some(own) = ownership.own.as_ref().filter(|_| ownership.others.is_empty()) else {
            return Arc::new(ownership);
        };
        let text = own.to_string();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let candidate = ByText { text, ownership: Arc::new(ownership) };
        if let Some(same) = known.get(&candidate) {
            return same.ownership.clone();
        }
        if known.len() >= SWEEP_AT && known.len().is_power_of_two() {
            known.retain(|one| Arc::strong_count(&one.ownership) > 1);
        }
        let shared = candidate.ownership.clone();
        known.insert(candidate);
        shared
    }
}
