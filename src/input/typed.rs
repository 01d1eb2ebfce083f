//! From a document's tree to an object of a known type; what does not fit is told with its field and line.

use nico_crds::KubernetesCluster;
use nico_crds::validate;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::error::{InputError, Place, Problem};
use super::node::Node;

/// A cluster, judged as the API server judges it. Its status is not: what the Python operator wrote there
/// is read leniently.
pub(super) fn cluster(place: &Place, node: &Node, json: Value) -> Result<KubernetesCluster, Vec<InputError>> {
    let mut judged = json.clone();
    if let Value::Object(fields) = &mut judged {
        fields.remove("status");
    }
    refuse(place, node, validate::cluster(&judged))?;
    typed(place, node, json)
}

/// Somebody else's object: its type's owner judges it, so only what NICO reads must have the right type.
pub(super) fn foreign<T: DeserializeOwned>(
    place: &Place,
    node: &Node,
    json: Value,
) -> Result<T, Vec<InputError>> {
    refuse(place, node, validate::metadata(&json))?;
    typed(place, node, json)
}

fn refuse(place: &Place, node: &Node, violations: Vec<validate::Violation>) -> Result<(), Vec<InputError>> {
    if violations.is_empty() {
        return Ok(());
    }
    let error = |violation: validate::Violation| {
        let place = place.at(node.line_of(&violation.field));
        InputError::in_field(place, violation.field, Problem::Invalid(violation.message))
    };
    Err(violations.into_iter().map(error).collect())
}

fn typed<T: DeserializeOwned>(place: &Place, node: &Node, json: Value) -> Result<T, Vec<InputError>> {
    serde_path_to_error::deserialize(json).map_err(|error| {
        let field = path(error.path());
        let place = place.at(node.line_of(&field));
        let message = in_words(&error.inner().to_string());
        vec![InputError::in_field(place, field, Problem::Invalid(message))]
    })
}

/// As Kubernetes writes paths.
fn path(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                text.push('[');
                text.push_str(&index.to_string());
                text.push(']');
            }
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Segment::Unknown => {}
        }
    }
    text
}

/// serde's words without the names of Rust's types, and without the value: it might be a secret.
fn in_words(message: &str) -> String {
    let Some((found, expected)) = split(message) else {
        return message.to_owned();
    };
    let (kind, _) = found.split_once(' ').unwrap_or((found, ""));
    let found = match kind {
        "string" => "a string",
        "integer" => "a number",
        "floating" => "a fraction",
        "boolean" => "a boolean",
        "sequence" => "a list",
        "map" => "an object",
        "null" => "nothing",
        _ => found,
    };
    let expected = match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "an integer",
        "a sequence" => "a list",
        "a map" => "an object",
        other if other.starts_with("struct ") => "an object",
        other => other,
    };
    let hint = if expected == "a string" && matches!(kind, "integer" | "floating" | "boolean") {
        "; put it in quotes"
    } else {
        ""
    };
    format!("must be {expected}, not {found}{hint}")
}

fn split(message: &str) -> Option<(&str, &str)> {
    message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?
        .rsplit_once(", expected ")
}
