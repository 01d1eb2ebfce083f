//! What the API server notes as ours after an apply.

use serde_json::{Map, Value};

use super::schema::{self, Shape};
use super::set;
use super::step::{field_key, item_key, value_key};

/// The fields that the API server notes for the manager of an apply with this body: the `fieldsV1` of its
/// entry in `managedFields`.
///
/// For the kinds that NICO applies: `NixosConfiguration`, `Secret`, `KubernetesCluster`. Of a body that has
/// nothing beside its metadata and a `status`, the status counts (the subresource); of every other one all
/// but the status. Send no nulls: what the server makes of them depends on the schema. Send nothing empty
/// either: a map that was not empty before becomes a null, which most schemas refuse, and an empty one in
/// the metadata is dropped, but written anew with each apply.
pub fn owned(desired: &Value) -> Value {
    let Value::Object(body) = desired else { return Value::Object(Map::new()) };
    set::node(false, fields(schema::of(body), body)).unwrap_or_else(|| Value::Object(Map::new()))
}

fn fields(shape: &Shape, map: &Map<String, Value>) -> Map<String, Value> {
    let owned = map.iter().filter_map(|(name, value)| {
        let shape = shape.field(name);
        let node = if shape.is_unowned() { None } else { node(shape, value, false) };
        Some((field_key(name), node?))
    });
    owned.collect()
}

/// An item of a list is noted itself, beside what is in it.
fn node(shape: &Shape, value: &Value, is_item: bool) -> Option<Value> {
    if shape.is_leaf(value) {
        return set::node(true, Map::new());
    }
    match (shape, value) {
        (Shape::Set, Value::Array(values)) => {
            let leaves =
                values.iter().filter_map(|value| Some((value_key(value), set::node(true, Map::new())?)));
            set::node(is_item, leaves.collect())
        }
        (Shape::Items { keys, item }, Value::Array(items)) => {
            let nodes =
                items.iter().filter_map(|value| Some((item_key(value, keys), node(item, value, true)?)));
            set::node(is_item, nodes.collect())
        }
        (_, Value::Object(map)) => set::node(is_item, fields(shape, map)),
        (_, _) => None,
    }
}
