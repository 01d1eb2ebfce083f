//! What an apply would change, exactly: of the values, and of what the server notes as ours.
//!
//! The three trees (desired, live, our entry) are walked together, and nothing is built where nothing
//! differs.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::schema::{self, Shape};
use super::set::{children, is_member};
use super::step::{Step, field_name, is_item_key, item_key, path, value_key, write_field_key};

/// A field that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The way to it: `spec.additionalFiles`, `metadata.labels[nico.homystack.com/role]`,
    /// `metadata.finalizers[nico.homystack.com/cleanup]`, `status.conditions[type=Ready].reason`.
    pub path: String,
    /// What becomes of it.
    pub kind: Kind,
    field: Vec<String>,
}

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is wanted, and is not there, or is not ours: it becomes ours.
    Added,
    /// It is ours and not wanted any more: it goes, or stays with whoever else owns it.
    Removed,
    /// It is wanted and there, with another value (of a list of keyed items: in another order).
    Changed,
}

impl Change {
    /// The keys on the way to it in `FieldsV1`.
    pub fn field(&self) -> &[String] {
        &self.field
    }
}

/// What a forced apply of `desired` would change of `live` and of our entry, sorted; nothing if it would
/// write nothing.
///
/// `entry` is the `fieldsV1` of our manager's entry in `managedFields`, operation Apply, of the same
/// subresource; None where we own nothing. What others own, what the server fills in or drops by itself is
/// no difference. Which fields of `desired` count: see [`owned`](super::owned).
pub fn difference(desired: &Value, live: &Value, entry: Option<&Value>) -> Vec<Change> {
    let Value::Object(body) = desired else { return Vec::new() };
    let mut walk = Walk { drops_empty: schema::drops_empty(body), ..Walk::default() };
    walk.fields(schema::of(body), body, live.as_object(), entry);
    walk.changes.sort();
    walk.changes
}

/// How the items of a list are told apart.
struct Keyed<K, S> {
    /// The key in `FieldsV1`.
    key: K,
    /// Whether two have the same key.
    same: S,
}

#[derive(Default)]
struct Walk<'a> {
    steps: Vec<Step<'a>>,
    changes: Vec<Change>,
    /// The key that is looked up; here, so that not each one takes a new piece of memory.
    key: String,
    /// The server stores nothing empty of this kind.
    drops_empty: bool,
}

impl<'a> Walk<'a> {
    fn change(&mut self, kind: Kind) {
        let field = self.steps.iter().map(Step::key).collect();
        self.changes.push(Change { path: path(&self.steps), kind, field });
    }

    fn below(&mut self, step: Step<'a>, look: impl FnOnce(&mut Self)) {
        self.steps.push(step);
        look(self);
        self.steps.pop();
    }

    /// What is empty here is not stored: absent, it is as it should be.
    fn drops_empty(&self) -> bool {
        self.drops_empty || matches!(self.steps.first(), Some(Step::Field("metadata")))
    }

    fn value(
        &mut self,
        shape: &Shape,
        desired: &'a Value,
        live: Option<&'a Value>,
        entry: Option<&'a Value>,
    ) {
        if shape.is_leaf(desired) {
            return self.leaf(desired, live, entry);
        }
        match (shape, desired) {
            (Shape::Set, Value::Array(values)) => {
                let keyed = Keyed { key: value_key, same: |one: &Value, other: &Value| one == other };
                self.list(values, &keyed, &Shape::Atomic, live, entry);
            }
            (Shape::Items { keys, item }, Value::Array(items)) => {
                let same = |one: &Value, other: &Value| keys.iter().all(|key| one.get(key) == other.get(key));
                let keyed = Keyed { key: |item: &Value| item_key(item, keys), same };
                self.list(items, &keyed, item, live, entry);
            }
            (_, Value::Object(map)) => self.map(shape, map, live, entry),
            (_, _) => self.leaf(desired, live, entry),
        }
    }

    /// A value that is noted as one field.
    fn leaf(&mut self, desired: &Value, live: Option<&Value>, entry: Option<&'a Value>) {
        let same = match (desired, live) {
            (Value::Object(map), None | Some(Value::Null)) => map.is_empty() && self.drops_empty(),
            // Of two maps the fields of both stay.
            (Value::Object(map), Some(Value::Object(_))) if map.is_empty() => true,
            (desired, live) => live == Some(desired),
        };
        let is_ours = entry.is_some_and(is_member);
        match (live, same) {
            (_, true) if is_ours => {}
            (_, true) | (None, false) => self.change(Kind::Added),
            (Some(_), false) => self.change(Kind::Changed),
        }
        self.leavings(entry, |_| false);
    }

    fn map(
        &mut self,
        shape: &Shape,
        desired: &'a Map<String, Value>,
        live: Option<&'a Value>,
        entry: Option<&'a Value>,
    ) {
        let before = self.changes.len();
        match live {
            None | Some(Value::Null) => self.fields(shape, desired, None, entry),
            Some(Value::Object(live)) => self.fields(shape, desired, Some(live), entry),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                self.change(Kind::Changed);
            }
        }
        self.not_itself(before, entry);
    }

    /// We do not own a map or list itself as long as we own something in it.
    fn not_itself(&mut self, before: usize, entry: Option<&Value>) {
        if self.changes.len() == before && entry.is_some_and(is_member) {
            self.change(Kind::Removed);
        }
    }

    fn fields(
        &mut self,
        shape: &Shape,
        desired: &'a Map<String, Value>,
        live: Option<&'a Map<String, Value>>,
        entry: Option<&'a Value>,
    ) {
        for (name, value) in desired {
            let shape = shape.field(name);
            if shape.is_unowned() {
                continue;
            }
            write_field_key(name, &mut self.key);
            let entry = entry.and_then(|node| node.get(&self.key));
            let live = live.and_then(|live| live.get(name));
            self.below(Step::Field(name), |walk| walk.value(shape, value, live, entry));
        }
        let is_wanted = |key: &str| {
            field_name(key).is_some_and(|name| desired.contains_key(name) && !shape.field(name).is_unowned())
        };
        self.leavings(entry, is_wanted);
    }

    /// A list of keyed items: each stands for itself. Empty it is no field at all, but a value.
    fn list(
        &mut self,
        desired: &'a [Value],
        keyed: &Keyed<impl Fn(&Value) -> String, impl Fn(&Value, &Value) -> bool>,
        shape: &Shape,
        live: Option<&'a Value>,
        entry: Option<&'a Value>,
    ) {
        let before = self.changes.len();
        let items = match live {
            None | Some(Value::Null) if desired.is_empty() && !self.drops_empty() => {
                self.change(Kind::Added);
                &[][..]
            }
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items.as_slice(),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                return self.change(Kind::Changed);
            }
        };
        // Mostly both have the same items in the same order: the next one is looked at first.
        let (mut next, mut in_order, mut found, mut known) = (0, true, 0_usize, 0_usize);
        for value in desired {
            let place = place_of(items, next, |item| (keyed.same)(item, value));
            if let Some(place) = place {
                in_order &= place >= next;
                next = place.saturating_add(1);
                found = found.saturating_add(1);
            }
            let live = place.and_then(|place| items.get(place));
            let key = (keyed.key)(value);
            let entry = entry.and_then(|node| node.get(&key));
            known = known.saturating_add(usize::from(entry.is_some()));
            self.below(Step::Item(key.into()), |walk| walk.item(shape, value, live, entry));
        }
        if entry.is_some_and(|entry| children(entry).count() != known) {
            let wanted: BTreeSet<_> = desired.iter().map(&keyed.key).collect();
            self.leavings(entry, |key| wanted.contains(key));
        }
        // An update may have written something twice: an apply leaves one of it.
        let is_wanted = |item: &&Value| desired.iter().any(|value| (keyed.same)(item, value));
        if !in_order || (items.len() > found && items.iter().filter(is_wanted).count() > found) {
            self.change(Kind::Changed);
        }
        self.not_itself(before, entry);
    }

    /// An item of a list is noted itself, beside what is in it.
    fn item(&mut self, shape: &Shape, desired: &'a Value, live: Option<&'a Value>, entry: Option<&'a Value>) {
        let Some(live) = live else { return self.change(Kind::Added) };
        let before = self.changes.len();
        match desired {
            Value::Object(map) if !shape.is_leaf(desired) => {
                self.fields(shape, map, live.as_object(), entry);
            }
            Value::Object(_)
            | Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => self.leaf(desired, Some(live), entry),
        }
        let new = self.changes.get(before..).unwrap_or_default();
        if !entry.is_some_and(is_member) && new.iter().all(|change| change.kind == Kind::Added) {
            self.changes.truncate(before);
            self.change(Kind::Added);
        }
    }

    /// What is ours of a map or list, and is not wanted any more.
    fn leavings(&mut self, entry: Option<&'a Value>, is_wanted: impl Fn(&str) -> bool) {
        for (key, node) in entry.into_iter().flat_map(children) {
            if !is_wanted(key) {
                self.below(Step::of_key(key), |walk| walk.removed(node, is_item_key(key)));
            }
        }
    }

    fn removed(&mut self, node: &'a Value, is_item: bool) {
        if children(node).next().is_none() || (is_item && is_member(node)) {
            self.change(Kind::Removed);
        } else {
            self.leavings(Some(node), |_| false);
        }
    }
}

/// The place of the first item that is meant, from `first` on and then from the start.
fn place_of(items: &[Value], first: usize, is_meant: impl Fn(&Value) -> bool) -> Option<usize> {
    let from_there = items.iter().enumerate().skip(first);
    let before = items.iter().enumerate().take(first);
    from_there.chain(before).find_map(|(place, item)| is_meant(item).then_some(place))
}
