//! Fields that another manager wrote become ours, as if we had applied them, without a change of value.
//!
//! A forced apply only shares them: what is dropped later would stay with the other manager. This is
//! client-go's `csaupgrade` as a pure function. It differs in three things: it can be kept to some fields;
//! the maps and lists themselves, which only an update owns, are left behind, so that the next apply of the
//! same values writes nothing; and an entry of another API version is left alone, not lost.
//!
//! It is also the way out where another manager owns a map itself (`f:credentialsRef: {}`) and we all that is
//! in it: when we drop that, the server makes a null of the map, and refuses it. It cannot help where a list
//! was one field under an older schema: its items are nobody's then, and those that we do not write stay.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};

use super::managers::{APPLY, UPDATE, applied_by, fields_of, is_of};
use super::set::{self, SELF, children, is_member};
use super::step::is_item_key;

/// Whose fields become whose.
#[derive(Clone, Copy, Debug)]
pub struct Adoption<'a> {
    /// The manager that shall own them, as an applier.
    pub manager: &'a str,
    /// The managers that own them by updates.
    pub from: &'a [&'a str],
    /// The subresource that they were written to; None for the object itself.
    pub subresource: Option<&'a str>,
    /// Only these fields, and all that is in them: a set in the format `FieldsV1`. None for everything, so
    /// that what we do not want of it goes with our next apply.
    pub only: Option<&'a Value>,
}

/// The `managedFields` of an object once the fields are moved; None if there are none to move. Times are
/// kept (of an entry that is new: that of the first it is made of).
pub fn adopt(managed: &[ManagedFieldsEntry], adoption: &Adoption<'_>) -> Option<Vec<ManagedFieldsEntry>> {
    let ours = applied_by(managed, adoption.manager, adoption.subresource);
    let is_theirs = |entry: &ManagedFieldsEntry| {
        adoption.from.iter().any(|manager| is_of(entry, manager, UPDATE, adoption.subresource))
    };
    let version = ours.or_else(|| managed.iter().find(|entry| is_theirs(entry)))?.api_version.as_ref();
    let mut adopted: Option<ManagedFieldsEntry> = None;
    let mut left = Vec::new();
    for entry in managed {
        let moved = fields_of(entry)
            .filter(|_| is_theirs(entry) && entry.api_version.as_ref() == version)
            .map(|fields| adoption.only.map_or_else(|| fields.clone(), |only| set::within(fields, only)))
            .filter(|moved| !set::is_empty(moved));
        let Some(moved) = moved else {
            left.push(entry.clone());
            continue;
        };
        let rest = set::difference(fields_of(entry)?, &moved);
        if !set::is_empty(&rest) {
            left.push(ManagedFieldsEntry { fields_v1: Some(FieldsV1(rest)), ..entry.clone() });
        }
        let into = adopted.take().or_else(|| ours.cloned()).unwrap_or_else(|| ManagedFieldsEntry {
            manager: Some(adoption.manager.to_owned()),
            operation: Some(APPLY.to_owned()),
            fields_v1: None,
            ..entry.clone()
        });
        let moved = as_applied(&moved);
        let union = fields_of(&into).map_or_else(|| moved.clone(), |fields| set::union(fields, &moved));
        adopted = Some(ManagedFieldsEntry { fields_v1: Some(FieldsV1(union)), ..into });
    }
    let adopted = adopted?;
    left.retain(|entry| !is_of(entry, adoption.manager, APPLY, adoption.subresource));
    left.insert(0, adopted);
    Some(left)
}

/// The JSON patch that writes `managedFields`, for the object itself also where the fields are those of a
/// subresource (which silently ignores it). It is bound to the version that it was made from: with an old
/// one the server answers 409.
pub fn patch(managed: &[ManagedFieldsEntry], resource_version: &str) -> Result<Value, serde_json::Error> {
    let managed = serde_json::to_value(managed)?;
    Ok(json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": managed },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": resource_version },
    ]))
}

/// Without the maps and lists themselves: an applier owns those only as items of a list, or empty.
fn as_applied(set: &Value) -> Value {
    let below = children(set).map(|(key, node)| {
        let mut applied = as_applied(node);
        if let (Value::Object(map), true) = (&mut applied, is_item_key(key) && is_member(node))
            && !map.is_empty()
        {
            map.insert(SELF.to_owned(), Value::Object(Map::new()));
        }
        (key.clone(), applied)
    });
    Value::Object(below.collect())
}
