//! Whose fields are whose, as the server notes it in `managedFields`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
use serde_json::Value;

use super::difference::{Change, Kind};
use super::set;

/// The operation of an entry of an applier.
pub(super) const APPLY: &str = "Apply";
/// The operation of an entry of any other writer.
pub(super) const UPDATE: &str = "Update";

/// How a manager came to own a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// It applied it, and will again.
    Apply,
    /// It wrote it once: a person, or a program that does not apply.
    Update,
    /// The server says something else.
    Unknown,
}

/// Somebody who owns a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// The field manager.
    pub manager: String,
    /// How it came to own it.
    pub operation: Operation,
    /// The subresource that it wrote to.
    pub subresource: Option<String>,
    /// When it last changed what it owns.
    pub time: Option<Time>,
}

/// A field that we want and that is live with another value, and who holds it there: nobody if it is
/// nobody's.
#[derive(Clone, Debug, PartialEq)]
pub struct Contest<'a> {
    /// The field.
    pub change: &'a Change,
    /// Who holds it, in the server's order.
    pub holders: Vec<Holder>,
}

/// The entry of what a manager applied.
pub fn applied_by<'a>(
    managed: &'a [ManagedFieldsEntry],
    manager: &str,
    subresource: Option<&str>,
) -> Option<&'a ManagedFieldsEntry> {
    managed.iter().find(|entry| is_of(entry, manager, APPLY, subresource))
}

/// The same of an untyped object, and only its fields: what [`difference`](super::difference()) asks for.
pub fn applied_in<'a>(object: &'a Value, manager: &str, subresource: Option<&str>) -> Option<&'a Value> {
    let is_ours = |entry: &&Value| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
        text("manager") == manager
            && text("operation") == APPLY
            && text("subresource") == subresource.unwrap_or_default()
    };
    let managed = object.get("metadata")?.get("managedFields")?.as_array()?;
    managed.iter().find(is_ours)?.get("fieldsV1")
}

/// Who owns a field, or something of it, by the keys on the way to it ([`Change::field`]).
pub fn owners_of(managed: &[ManagedFieldsEntry], field: &[String]) -> Vec<Holder> {
    managed.iter().filter(|entry| owns(entry, field)).map(Holder::of).collect()
}

/// Of what an apply would change, the fields that are live with another value, and who holds them beside
/// what `manager` applied.
pub fn contests<'a>(
    changes: &'a [Change],
    managed: &[ManagedFieldsEntry],
    manager: &str,
) -> Vec<Contest<'a>> {
    let is_ours = |holder: &Holder| holder.manager == manager && holder.operation == Operation::Apply;
    let contest = |change: &'a Change| {
        let mut holders = owners_of(managed, change.field());
        holders.retain(|holder| !is_ours(holder));
        Contest { change, holders }
    };
    changes.iter().filter(|change| change.kind == Kind::Changed).map(contest).collect()
}

impl Holder {
    fn of(entry: &ManagedFieldsEntry) -> Self {
        Self {
            manager: entry.manager.clone().unwrap_or_default(),
            operation: match entry.operation.as_deref() {
                Some(APPLY) => Operation::Apply,
                Some(UPDATE) => Operation::Update,
                Some(_) | None => Operation::Unknown,
            },
            subresource: entry.subresource.clone().filter(|name| !name.is_empty()),
            time: entry.time.clone(),
        }
    }
}

/// The fields of an entry.
pub(super) fn fields_of(entry: &ManagedFieldsEntry) -> Option<&Value> {
    entry.fields_v1.as_ref().map(|fields| &fields.0)
}

pub(super) fn is_of(
    entry: &ManagedFieldsEntry,
    manager: &str,
    operation: &str,
    subresource: Option<&str>,
) -> bool {
    entry.manager.as_deref() == Some(manager)
        && entry.operation.as_deref() == Some(operation)
        && entry.subresource.as_deref().unwrap_or_default() == subresource.unwrap_or_default()
}

fn owns(entry: &ManagedFieldsEntry, field: &[String]) -> bool {
    fields_of(entry).is_some_and(|fields| set::at(fields, field).is_some())
}
