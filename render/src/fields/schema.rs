//! How the lists and maps of the kinds that NICO applies are merged: what their schemas say, as data.

use serde_json::{Map, Value};

/// How a value is merged.
#[derive(Debug)]
pub(super) enum Shape {
    /// Nothing is declared in it: maps are merged field by field, a list is exchanged as a whole.
    Plain,
    /// A map, some of whose fields are not plain.
    Fields(&'static [(&'static str, Shape)]),
    /// It is exchanged as a whole.
    Atomic,
    /// A list whose values are its keys.
    Set,
    /// A list whose items are told apart by some of their fields.
    Items {
        /// The fields, sorted.
        keys: &'static [&'static str],
        item: &'static Shape,
    },
    /// The server keeps no owner of it.
    Unowned,
}

use Shape::{Atomic, Fields, Items, Plain, Set, Unowned};

/// `ObjectMeta` of Kubernetes, the same for every kind.
const METADATA: Shape = Fields(&[
    ("clusterName", Unowned),
    ("creationTimestamp", Unowned),
    ("finalizers", Set),
    ("generation", Unowned),
    ("managedFields", Unowned),
    ("name", Unowned),
    ("namespace", Unowned),
    ("ownerReferences", Items { keys: &["uid"], item: &Atomic }),
    ("resourceVersion", Unowned),
    ("selfLink", Unowned),
    ("uid", Unowned),
]);

/// The body of an apply of an object. Its status belongs to the subresource. No spec that NICO applies
/// declares a list type, and no Secret has a list.
const OBJECT: Shape =
    Fields(&[("apiVersion", Unowned), ("kind", Unowned), ("metadata", METADATA), ("status", Unowned)]);

/// The body of an apply of a status: nothing else of it counts.
const STATUS: Shape =
    Fields(&[("apiVersion", Unowned), ("kind", Unowned), ("metadata", Unowned), ("status", Plain)]);

/// The same of a `KubernetesCluster`, as its CRD declares it.
const CLUSTER_STATUS: Shape = Fields(&[
    ("apiVersion", Unowned),
    ("kind", Unowned),
    ("metadata", Unowned),
    (
        "status",
        Fields(&[
            ("conditions", Items { keys: &["type"], item: &Plain }),
            ("machines", Items { keys: &["name"], item: &Plain }),
        ]),
    ),
]);

/// The shape of the body of an apply. It is one of a status if it has nothing else than its metadata
/// beside it, and one of the object otherwise.
pub(super) fn of(body: &Map<String, Value>) -> &'static Shape {
    let of_status = body.contains_key("status")
        && body.keys().all(|key| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
    if !of_status {
        return &OBJECT;
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
    if text("kind") == "KubernetesCluster" && text("apiVersion").starts_with("nico.homystack.com/") {
        &CLUSTER_STATUS
    } else {
        &STATUS
    }
}

/// Whether the server drops what is empty when it stores an object of this kind, as it does with the
/// metadata of every kind.
pub(super) fn drops_empty(body: &Map<String, Value>) -> bool {
    body.get("kind").and_then(Value::as_str) == Some("Secret")
        && body.get("apiVersion").and_then(Value::as_str) == Some("v1")
}

impl Shape {
    /// The shape of a field of a map of this shape.
    pub(super) fn field(&self, name: &str) -> &Shape {
        match self {
            Fields(fields) => {
                fields.iter().find_map(|(field, shape)| (*field == name).then_some(shape)).unwrap_or(&Plain)
            }
            Unowned => &Unowned,
            Plain | Atomic | Set | Items { .. } => &Plain,
        }
    }

    /// The server keeps no owner of it.
    pub(super) fn is_unowned(&self) -> bool {
        matches!(self, Unowned)
    }

    /// Whether the server notes a value of this shape as one field, without what is in it. An empty map
    /// is one, except where the server keeps no owner of some of its fields: those it does not note itself.
    pub(super) fn is_leaf(&self, value: &Value) -> bool {
        match (self, value) {
            (Atomic, _) => true,
            (Set | Items { .. }, Value::Array(_)) => false,
            (Fields(fields), Value::Object(map)) => {
                map.is_empty() && !fields.iter().any(|(_, shape)| shape.is_unowned())
            }
            (_, Value::Object(map)) => map.is_empty(),
            (_, _) => true,
        }
    }
}
