//! What an apply did, read off the object before and after it: which fields' owners or values changed.

use std::collections::BTreeSet;

use nico_render::fields::{Change, Kind, set};
use serde_json::{Value, json};

use super::desk::our_entry;

type Field = Vec<String>;

/// An object and what it says is ours.
pub struct State<'a> {
    pub object: &'a Value,
    entry: Value,
}

impl<'a> State<'a> {
    pub fn of(object: &'a Value, subresource: Option<&str>) -> Self {
        Self { object, entry: our_entry(object, subresource).cloned().unwrap_or_else(|| json!({})) }
    }

    /// All but what every write may change.
    pub fn content(&self) -> (Value, &Value) {
        let mut content = self.object.clone();
        for field in ["managedFields", "resourceVersion", "generation"] {
            content["metadata"].as_object_mut().unwrap().remove(field);
        }
        (content, &self.entry)
    }
}

/// The fields whose owner or value changed, and the lists whose order did.
fn changed(before: &State<'_>, after: &State<'_>, desired: &Value) -> (BTreeSet<Field>, BTreeSet<Field>) {
    let (mut changed, mut reordered) = (BTreeSet::new(), BTreeSet::new());
    let both = set::union(&before.entry, &after.entry);
    walk(&both, &mut Vec::new(), &mut |field, node| {
        let (was, is) = (set::contains(&before.entry, field), set::contains(&after.entry, field));
        let is_leaf = node.as_object().unwrap().is_empty();
        let other_value = is && is_leaf && value(before.object, field) != value(after.object, field);
        if was != is || other_value {
            changed.insert(field.clone());
        }
        let (mut old, mut new) = (order(before, field, node), order(after, field, node));
        let both: BTreeSet<_> = old.iter().filter(|key| new.contains(key)).copied().collect();
        old.retain(|key| both.contains(key));
        new.retain(|key| both.contains(key));
        if old != new {
            reordered.insert(field.clone());
        }
    });
    empty_lists(desired, &mut Vec::new(), &mut |field| {
        if value(before.object, field).is_none_or(Value::is_null)
            && value(after.object, field) == Some(&json!([]))
        {
            changed.insert(field.clone());
        }
    });
    (changed, reordered)
}

/// What was told of an apply is what it did, and all that it did.
pub fn hold(changes: &[Change], before: &State<'_>, after: &State<'_>, desired: &Value, what: &str) {
    let (changed, reordered) = changed(before, after, desired);
    for field in &changed {
        // A map or item itself is not told of where something in it is.
        let told = |change: &Change| field.starts_with(change.field()) || change.field().starts_with(field);
        assert!(changes.iter().any(told), "{field:?} is not told in {changes:#?}\n{what}");
    }
    for field in &reordered {
        let told = |change: &Change| change.kind == Kind::Changed && change.field() == field;
        assert!(changes.iter().any(told), "{field:?} is not told in {changes:#?}\n{what}");
    }
    for change in changes {
        let field = change.field();
        let is_so = changed.iter().chain(&reordered).any(|changed| changed.starts_with(field));
        assert!(is_so, "{change:?}: {changed:#?}\n{what}");
        let (was, is) = (set::contains(&before.entry, field), set::contains(&after.entry, field));
        let (old, new) = (value(before.object, field), value(after.object, field));
        let right = match change.kind {
            Kind::Added => !was || old.is_none_or(Value::is_null) && new.is_some(),
            Kind::Removed => was && !is,
            Kind::Changed => old.is_some() && old != new,
        };
        assert!(right, "{change:?}: {was} {is} {old:?} {new:?}\n{what}");
    }
}

fn walk(node: &Value, field: &mut Field, look: &mut impl FnMut(&Field, &Value)) {
    for (key, below) in node.as_object().unwrap() {
        if key != "." {
            field.push(key.clone());
            look(field, below);
            walk(below, field, look);
            field.pop();
        }
    }
}

fn empty_lists(desired: &Value, field: &mut Field, look: &mut impl FnMut(&Field)) {
    if desired == &json!([]) && field.first().is_some_and(|first| first != "f:metadata") {
        look(field);
    }
    for (key, below) in desired.as_object().into_iter().flatten() {
        field.push(format!("f:{key}"));
        empty_lists(below, field, look);
        field.pop();
    }
}

/// The value of a field.
fn value<'a>(object: &'a Value, field: &[String]) -> Option<&'a Value> {
    field.iter().try_fold(object, |value, key| match key.split_once(':').unwrap() {
        ("f", name) => value.get(name),
        (_, _) => value.as_array()?.iter().find(|item| is_at(item, key)),
    })
}

fn is_at(item: &Value, key: &str) -> bool {
    let (kind, text) = key.split_once(':').unwrap();
    let told: Value = serde_json::from_str(text).unwrap();
    match kind {
        "k" => told.as_object().unwrap().iter().all(|(key, value)| item[key] == *value),
        _ => *item == told,
    }
}

/// A way to a field, as the server names it in a conflict.
pub fn as_the_server_says(field: &[String]) -> String {
    let step = |key: &String| match key.split_once(':').unwrap() {
        ("f", name) => format!(".{name}"),
        ("v", value) => format!("[={value}]"),
        (_, keys) => {
            let keys: Value = serde_json::from_str(keys).unwrap();
            let keys = keys.as_object().unwrap().iter().map(|(key, value)| format!("{key}={value}"));
            format!("[{}]", keys.collect::<Vec<_>>().join(","))
        }
    };
    field.iter().map(step).collect()
}

/// A list whose items are told apart, so that it can be out of order.
pub fn is_keyed(object: &Value, field: &[String]) -> bool {
    let keyed = ["f:finalizers", "f:ownerReferences", "f:conditions", "f:machines"];
    keyed.contains(&field.last().unwrap().as_str()) && value(object, field).is_some_and(Value::is_array)
}

/// The keys of a list's items, as they follow each other: of those that are ours before or after.
fn order<'a>(state: &State<'_>, field: &[String], node: &'a Value) -> Vec<&'a String> {
    let items = value(state.object, field).and_then(Value::as_array);
    let keys = |item: &Value| node.as_object().unwrap().keys().find(|key| *key != "." && is_at(item, key));
    items.into_iter().flatten().filter_map(keys).collect()
}
