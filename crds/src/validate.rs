//! The API server's judgement of a `KubernetesCluster`, without an API server: the structure, then the
//! rules, with the same words.

use std::fmt;
use std::sync::OnceLock;

use kube::core::cel::{CompiledSchema, ValidationError, ValidationErrors, Validator, compile_schema};
use serde_json::Value;

use crate::definition::schema;
use crate::structure;

/// Something that the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, as `spec.controlPlane.machines[1]`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.field, self.message)
        }
    }
}

fn compiled() -> &'static CompiledSchema {
    static COMPILED: OnceLock<CompiledSchema> = OnceLock::new();
    COMPILED.get_or_init(|| compile_schema(schema()))
}

/// The longest name of an object (RFC 1123 subdomain).
const MAX_NAME: usize = 253;
/// The longest name of a namespace (RFC 1123 label).
const MAX_NAMESPACE: usize = 63;

/// Everything that the API server would refuse about a new object. Empty: it would take it.
pub fn cluster(object: &Value) -> Vec<Violation> {
    // `has()` is true of an explicit null here, and false on the server.
    let object = without_nulls(object);
    let mut violations = metadata(&object);
    structure::check("", &object, open_schema(), &mut violations);
    if violations.is_empty() {
        let judged = Validator::new().validate_compiled(compiled(), &object, None);
        let errors = judged.err().map(ValidationErrors::into_vec).unwrap_or_default();
        let violation =
            |error: ValidationError| Violation::new(error.field_path.trim_start_matches('.'), error.message);
        violations.extend(errors.into_iter().map(violation));
    }
    violations
}

/// What is wrong with an object's name and namespace.
pub fn metadata(object: &Value) -> Vec<Violation> {
    let mut violations = Vec::new();
    let text = |field: &str| object.pointer(&format!("/metadata/{field}"));
    match text("name") {
        Some(Value::String(name)) if !is_subdomain(name) => {
            let message =
                "must be lower-case letters, digits, '-' and '.', and start and end with a letter or digit";
            violations.push(Violation::new("metadata.name", message));
        }
        Some(Value::String(_)) => {}
        Some(_) => violations.push(Violation::new("metadata.name", "must be a string")),
        None => violations.push(Violation::new("metadata.name", "Required value")),
    }
    match text("namespace") {
        Some(Value::String(namespace))
            if namespace.len() > MAX_NAMESPACE || namespace.contains('.') || !is_subdomain(namespace) =>
        {
            let message = "must be at most 63 lower-case letters, digits and '-'";
            violations.push(Violation::new("metadata.namespace", message));
        }
        Some(Value::String(_)) | None => {}
        Some(_) => violations.push(Violation::new("metadata.namespace", "must be a string")),
    }
    violations
}

/// RFC 1123: labels of lower-case letters, digits and dashes, joined by dots.
fn is_subdomain(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = label.as_bytes().first().copied().is_some_and(inner)
            && label.as_bytes().last().copied().is_some_and(inner);
        ends && label.bytes().all(|byte| inner(byte) || byte == b'-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

/// The schema says of the metadata only that they are an object: what is in there is not judged by it.
fn open_schema() -> &'static Value {
    static OPEN: OnceLock<Value> = OnceLock::new();
    OPEN.get_or_init(|| {
        let mut schema = schema().clone();
        let object = |kind: &str| serde_json::json!({ "type": kind });
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("metadata".to_owned(), object("object"));
            properties.insert("apiVersion".to_owned(), object("string"));
            properties.insert("kind".to_owned(), object("string"));
        }
        schema
    })
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
