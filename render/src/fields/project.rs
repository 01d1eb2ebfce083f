//! The part of an object that a set of fields covers.

use serde_json::{Map, Value};

use super::set::{children, is_member};
use super::step::{field_name, is_item_key, told_by};

/// The part of a live object that a set of fields covers, and what names the object (apiVersion, kind,
/// name and namespace). Of an item of a list also what tells it from the others.
///
/// With the union of our entry and of what [`owned`](super::owned) says of the desired object, this is what
/// is to be compared with the desired one.
pub fn project(live: &Value, fields: &Value) -> Value {
    let mut covered = match covered(live, fields, false) {
        Some(Value::Object(covered)) => covered,
        Some(_) | None => Map::new(),
    };
    copy(live, &mut covered, &["apiVersion", "kind"]);
    if let Some(metadata) = live.get("metadata") {
        let part = covered.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(part) = part {
            copy(metadata, part, &["name", "namespace"]);
        }
        if part.as_object().is_some_and(Map::is_empty) {
            covered.remove("metadata");
        }
    }
    Value::Object(covered)
}

fn copy(from: &Value, to: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}

/// None where nothing of it is covered. The root of a set is no field: `may_be_leaf` is false there.
fn covered(live: &Value, node: &Value, may_be_leaf: bool) -> Option<Value> {
    if children(node).next().is_none() {
        return may_be_leaf.then(|| live.clone());
    }
    match live {
        Value::Object(map) => {
            let part: Map<_, _> = children(node)
                .filter_map(|(key, node)| {
                    let name = field_name(key)?;
                    Some((name.to_owned(), covered(map.get(name)?, node, true)?))
                })
                .collect();
            (!part.is_empty() || is_member(node)).then_some(Value::Object(part))
        }
        Value::Array(items) => {
            let told: Vec<_> =
                children(node).filter_map(|(key, node)| Some((told_by(key)?, key, node))).collect();
            let part: Vec<_> = items.iter().filter_map(|item| covered_item(item, &told)).collect();
            (!part.is_empty() || is_member(node)).then_some(Value::Array(part))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn covered_item(item: &Value, told: &[(Value, &String, &Value)]) -> Option<Value> {
    let (told_by, _, node) = told.iter().find(|(told_by, key, _)| match told_by.as_object() {
        Some(keys) if is_item_key(key) => keys.iter().all(|(key, value)| item.get(key) == Some(value)),
        Some(_) | None => told_by == item,
    })?;
    let mut part = covered(item, node, true).unwrap_or_else(|| Value::Object(Map::new()));
    if let (Value::Object(part), Value::Object(keys)) = (&mut part, told_by) {
        part.extend(keys.clone());
    }
    Some(part)
}
