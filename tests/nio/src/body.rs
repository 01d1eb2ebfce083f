//! An object as the API server holds it, and what is read of it.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::api::DynamicObject;
use serde_json::{Map, Value, json};

use crate::hash;
use crate::kopf::{self, Attempts};

/// A Machine or a configuration, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Body(Arc<DynamicObject>);

impl Body {
    pub fn new(object: DynamicObject) -> Self {
        Self(Arc::new(object))
    }

    pub fn name(&self) -> String {
        self.0.name_any()
    }

    pub fn namespace(&self) -> String {
        self.0.namespace().unwrap_or_default()
    }

    pub fn uid(&self) -> String {
        self.0.uid().unwrap_or_default()
    }

    pub fn generation(&self) -> i64 {
        self.0.metadata.generation.unwrap_or_default()
    }

    pub fn resource_version(&self) -> String {
        self.0.resource_version().unwrap_or_default()
    }

    /// Later versions of an object are greater.
    pub fn version(&self) -> u64 {
        self.resource_version().parse().unwrap_or(0)
    }

    pub fn is_deleted(&self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }

    pub fn finalizers(&self) -> Vec<String> {
        self.0.finalizers().to_vec()
    }

    pub fn is_held(&self) -> bool {
        self.0.finalizers().iter().any(|finalizer| finalizer == kopf::FINALIZER)
    }

    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.annotations().get(name).map(String::as_str)
    }

    pub fn spec(&self) -> &Value {
        self.0.data.get("spec").unwrap_or(&Value::Null)
    }

    pub fn status(&self) -> &Value {
        self.0.data.get("status").unwrap_or(&Value::Null)
    }

    /// A text of the spec, unless it is empty: so Python sees it.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.spec().get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub fn is_set(&self, field: &str) -> bool {
        self.spec().get(field) == Some(&Value::Bool(true))
    }

    /// The machine that a configuration is for.
    pub fn machine(&self) -> Option<&str> {
        self.spec().pointer("/machineRef/name").and_then(Value::as_str)
    }

    /// The files of a configuration.
    pub fn files(&self) -> impl Iterator<Item = &Value> {
        self.spec().get("additionalFiles").and_then(Value::as_array).into_iter().flatten()
    }

    /// `nico.revision` of `cluster.nix`.
    pub fn revision(&self) -> Option<u64> {
        let cluster = self.files().find(|file| file.get("path") == Some(&json!("cluster.nix")))?;
        let text = cluster.get("inline")?.as_str()?;
        let (_, behind) = text.split_once("revision = ")?;
        behind.split_once(';')?.0.trim().parse().ok()
    }

    /// What kopf takes as the object itself: a change of anything else is none.
    pub fn essence(&self) -> Value {
        let mut metadata = Map::new();
        if !self.0.labels().is_empty() {
            metadata.insert("labels".to_owned(), json!(self.0.labels()));
        }
        let own = |name: &str| {
            name.starts_with(kopf::PREFIX) || name == "kubectl.kubernetes.io/last-applied-configuration"
        };
        let annotations: Map<String, Value> = self
            .0
            .annotations()
            .iter()
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        if !annotations.is_empty() {
            metadata.insert("annotations".to_owned(), Value::Object(annotations));
        }
        let mut essence = Map::new();
        essence.insert("spec".to_owned(), self.spec().clone());
        if !metadata.is_empty() {
            essence.insert("metadata".to_owned(), Value::Object(metadata));
        }
        Value::Object(essence)
    }

    /// The same as kopf writes it down: first the spec, then the metadata, and a line break.
    pub fn essence_text(&self) -> String {
        let essence = self.essence();
        let part = |name: &str| essence.get(name).map(|part| format!("\"{name}\":{}", hash::compact(part)));
        let parts: Vec<String> = ["spec", "metadata"].into_iter().filter_map(part).collect();
        format!("{{{}}}\n", parts.join(","))
    }

    /// The essence that the handler last ended with.
    pub fn last_handled(&self) -> Option<Value> {
        serde_json::from_str(self.annotation(kopf::LAST_HANDLED)?).ok()
    }

    /// The handler's failed attempts.
    pub fn attempts(&self) -> Option<Attempts> {
        serde_json::from_str(self.annotation(kopf::PROGRESS)?).ok()
    }

    /// Until when the handler waits before it tries again.
    pub fn delayed_until(&self) -> Option<Timestamp> {
        self.attempts()?.delayed?.parse().ok()
    }
}
