//! JSON as Python writes it, and the hash of a configuration's files that NIO forms of it.
//!
//! On purpose this shares nothing with NICO's own code for the same: each is the other's test.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Python's `json.dumps(value, sort_keys=True)`.
pub(crate) fn spaced(value: &Value) -> String {
    let mut text = String::new();
    write(value, ", ", ": ", &mut text);
    text
}

/// Python's `json.dumps(value, separators=(',', ':'))` of an object whose keys are sorted, as those are that
/// come from the API server.
pub(crate) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, ",", ":", &mut text);
    text
}

/// The keys of `serde_json`'s maps are sorted.
fn write(value: &Value, item: &str, key: &str, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::String(string) => quote(string, text),
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { item });
                write(value, item, key, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (place, (name, value)) in fields.iter().enumerate() {
                text.push_str(if place == 0 { "" } else { item });
                quote(name, text);
                text.push_str(key);
                write(value, item, key, text);
            }
            text.push('}');
        }
    }
}

fn quote(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _never_fails = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// Lower-case hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut digits, byte| {
        let _never_fails = write!(digits, "{byte:02x}");
        digits
    })
}

/// `additionalFilesHash` of a configuration's spec: empty where there are no files. What a `NixosFacter`
/// file gets is taken from the Machine's spec.
pub fn files_hash(spec: &Value, machine: &Value) -> String {
    let files = spec.get("additionalFiles").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if files.is_empty() {
        return String::new();
    }
    let hashed: Vec<Value> = files.iter().map(|file| hashed(file, machine)).collect();
    sha256(&spaced(&Value::Array(hashed)))
}

fn hashed(file: &Value, machine: &Value) -> Value {
    let or = |name: &str, default: Value| file.get(name).cloned().unwrap_or(default);
    let mut fields = Map::new();
    fields.insert("path".to_owned(), or("path", json!("")));
    fields.insert("valueType".to_owned(), or("valueType", json!("")));
    match file.get("valueType").and_then(Value::as_str) {
        Some("Inline") => drop(fields.insert("inline".to_owned(), or("inline", json!("")))),
        Some("SecretRef") => drop(fields.insert("secretRef".to_owned(), or("secretRef", json!({})))),
        Some("NixosFacter") => drop(fields.insert("nixosFacter".to_owned(), facts(machine))),
        _ => {}
    }
    Value::Object(fields)
}

fn facts(machine: &Value) -> Value {
    let or_unknown = |name: &str| machine.get(name).cloned().unwrap_or(json!("unknown"));
    json!({
        "machine-id": or_unknown("hostname"),
        "hostname": or_unknown("hostname"),
        "ip-address": or_unknown("ipAddress"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{compact, files_hash, spaced};

    /// What Python 3 prints of the same.
    #[test]
    fn what_python_escapes() {
        let value = json!([{ "valueType": "Inline", "path": "a\u{7f}", "inline": "é😀\t\"\\/\u{8}" }]);
        let printed =
            r#"[{"inline": "\u00e9\ud83d\ude00\t\"\\/\b", "path": "a\u007f", "valueType": "Inline"}]"#;
        assert_eq!(spaced(&value), printed);
        assert_eq!(
            files_hash(&json!({ "additionalFiles": value }), &Value::Null),
            "816f2816ff928a836e0a0a3035c7c0198a916f9d1982c65f43d05dc58584a117"
        );
        assert_eq!(compact(&json!({ "b": [1, null], "a": true })), r#"{"a":true,"b":[1,null]}"#);
    }

    #[test]
    fn no_files_have_no_hash() {
        assert_eq!(files_hash(&json!({}), &Value::Null), "");
        assert_eq!(files_hash(&json!({ "additionalFiles": [] }), &Value::Null), "");
    }
}
