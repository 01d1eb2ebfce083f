//! Sets of fields in the format `FieldsV1`, as they stand in `managedFields`, and what can be done with
//! them.
//!
//! A node without anything in it is a field of the set; one with fields in it is one itself only if `.` is
//! among them. The root is none, and `{}` the empty set.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The field itself is in the set, whatever of it is too.
pub(super) const SELF: &str = ".";

/// What is in one of the two, or in both.
pub fn union(one: &Value, other: &Value) -> Value {
    whole(combine(Some(one), Some(other), |one, other| one || other))
}

/// What is in the first and not in the second.
pub fn difference(one: &Value, other: &Value) -> Value {
    whole(combine(Some(one), Some(other), |one, other| one && !other))
}

/// What is in both.
pub fn intersection(one: &Value, other: &Value) -> Value {
    whole(combine(Some(one), Some(other), |one, other| one && other))
}

/// What is in the first and named by the second, or part of what is.
pub fn within(one: &Value, named: &Value) -> Value {
    whole(restrict(one, named))
}

/// Whether a field is in the set, by the keys on the way to it (`f:spec`, `f:flake`).
pub fn contains<S: AsRef<str>>(set: &Value, field: &[S]) -> bool {
    !field.is_empty() && at(set, field).is_some_and(is_member)
}

/// Whether there is no field in the set.
pub fn is_empty(set: &Value) -> bool {
    children(set).next().is_none()
}

/// What the set has at a field and below.
pub(super) fn at<'a, S: AsRef<str>>(set: &'a Value, field: &[S]) -> Option<&'a Value> {
    field.iter().try_fold(set, |node, key| node.get(key.as_ref()))
}

/// Whether the field at a node (not the root) is in the set itself.
pub(super) fn is_member(node: &Value) -> bool {
    node.as_object().is_none_or(|map| map.is_empty() || map.contains_key(SELF))
}

/// The nodes in a node, by their keys.
pub(super) fn children(node: &Value) -> impl Iterator<Item = (&String, &Value)> {
    node.as_object().into_iter().flatten().filter(|(key, _)| key.as_str() != SELF)
}

/// The node of a field that is in the set itself or not, with what is below it; None for nothing at all.
pub(super) fn node(member: bool, mut children: Map<String, Value>) -> Option<Value> {
    match (member, children.is_empty()) {
        (false, true) => None,
        (true, false) => {
            children.insert(SELF.to_owned(), Value::Object(Map::new()));
            Some(Value::Object(children))
        }
        (true, true) | (false, false) => Some(Value::Object(children)),
    }
}

/// The root is in no set.
fn whole(node: Option<Value>) -> Value {
    let mut whole = node.unwrap_or_default();
    match &mut whole {
        Value::Object(map) => {
            map.remove(SELF);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            whole = Value::Object(Map::new());
        }
    }
    whole
}

fn combine(one: Option<&Value>, other: Option<&Value>, keep: fn(bool, bool) -> bool) -> Option<Value> {
    let keys: BTreeSet<&String> =
        one.into_iter().chain(other).flat_map(children).map(|(key, _)| key).collect();
    let combined = keys.into_iter().filter_map(|key| {
        let one = one.and_then(|node| node.get(key));
        let other = other.and_then(|node| node.get(key));
        Some((key.clone(), combine(one, other, keep)?))
    });
    node(keep(one.is_some_and(is_member), other.is_some_and(is_member)), combined.collect())
}

fn restrict(one: &Value, named: &Value) -> Option<Value> {
    let kept = children(one).filter_map(|(key, below)| {
        let named = named.get(key)?;
        Some((key.clone(), if is_member(named) { below.clone() } else { restrict(below, named)? }))
    });
    node(false, kept.collect())
}
