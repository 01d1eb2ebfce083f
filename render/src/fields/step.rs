//! One step on the way to a field: a key of `FieldsV1`, and how a person is told of it.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// One step on the way to a field.
#[derive(Clone, Debug)]
pub(super) enum Step<'a> {
    /// A field of a map, by its name.
    Field(&'a str),
    /// An item of a list, by its key in `FieldsV1`.
    Item(Cow<'a, str>),
}

const FIELD: &str = "f:";
const KEYS: &str = "k:";
const VALUE: &str = "v:";

impl<'a> Step<'a> {
    /// The step of a key of `FieldsV1`.
    pub(super) fn of_key(key: &'a str) -> Self {
        field_name(key).map_or(Step::Item(Cow::Borrowed(key)), Step::Field)
    }

    /// The key in `FieldsV1`.
    pub(super) fn key(&self) -> String {
        match self {
            Step::Field(name) => field_key(name),
            Step::Item(key) => key.clone().into_owned(),
        }
    }
}

/// The name of a field, if the key is one's.
pub(super) fn field_name(key: &str) -> Option<&str> {
    key.strip_prefix(FIELD)
}

/// The key of a field.
pub(super) fn field_key(name: &str) -> String {
    format!("{FIELD}{name}")
}

/// The same, without a new text each time.
pub(super) fn write_field_key(name: &str, text: &mut String) {
    text.clear();
    text.push_str(FIELD);
    text.push_str(name);
}

/// The key of a value in a set.
pub(super) fn value_key(value: &Value) -> String {
    format!("{VALUE}{}", json(value))
}

/// The key of an item in a map list, by the fields that tell items apart (sorted). One that it lacks is
/// null: the server refuses such an item.
pub(super) fn item_key(item: &Value, keys: &[&str]) -> String {
    let mut text = format!("{KEYS}{{");
    for (place, key) in keys.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        let value = item.get(key).map_or(Cow::Borrowed("null"), |value| Cow::Owned(json(value)));
        // Writing into a text does not fail.
        let _infallible = write!(text, "{comma}\"{key}\":{value}");
    }
    text.push('}');
    text
}

/// Whether a key is that of an item of a map list.
pub(super) fn is_item_key(key: &str) -> bool {
    key.starts_with(KEYS)
}

/// What tells the item of a key apart: some of its fields, or (of a set) itself.
pub(super) fn told_by(key: &str) -> Option<Value> {
    let text = key.strip_prefix(KEYS).or_else(|| key.strip_prefix(VALUE))?;
    serde_json::from_str(text).ok()
}

/// As Go writes it: with `<`, `>`, `&` and two separators of lines escaped.
fn json(value: &Value) -> String {
    const ESCAPED: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];
    let text = value.to_string();
    if !text.contains(ESCAPED) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if ESCAPED.contains(&character) {
            // Writing into a text does not fail.
            let _infallible = write!(escaped, "\\u{:04x}", u32::from(character));
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The way to a field as a person reads it: `spec.machineRef.name`,
/// `metadata.labels[nico.homystack.com/role]`, `status.conditions[type=Ready].reason`.
pub(super) fn path(steps: &[Step<'_>]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) if is_plain(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Field(name) => bracketed(&mut path, name),
            Step::Item(key) => bracketed(&mut path, &words(key)),
        }
    }
    path
}

fn bracketed(path: &mut String, text: &str) {
    path.push('[');
    path.push_str(text);
    path.push(']');
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn words(key: &str) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    match told_by(key) {
        Some(Value::Object(fields)) => fields
            .iter()
            .map(|(field, value)| format!("{field}={}", text(value)))
            .collect::<Vec<_>>()
            .join(","),
        Some(value) => text(&value),
        None => key.to_owned(),
    }
}
