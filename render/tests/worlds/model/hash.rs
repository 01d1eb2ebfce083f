//! NIO's hash of a configuration's files, formed here a second time: nothing of the product's is used.

use std::fmt::Write;

use nico_crds::configuration::{AdditionalFile, ValueType};
use sha2::{Digest, Sha256};

/// SHA-256 of what Python's `json.dumps(files, sort_keys=True)` writes.
pub fn files_hash(files: &[AdditionalFile]) -> String {
    let mut text = String::with_capacity(2048);
    text.push('[');
    for (place, file) in files.iter().enumerate() {
        if place > 0 {
            text.push_str(", ");
        }
        text.push('{');
        if let Some(inline) = &file.inline {
            text.push_str("\"inline\": ");
            quote(inline, &mut text);
            text.push_str(", ");
        }
        text.push_str("\"path\": ");
        quote(&file.path, &mut text);
        if let Some(secret) = &file.secret_ref {
            text.push_str(", \"secretRef\": {\"name\": ");
            quote(&secret.name, &mut text);
            text.push('}');
        }
        text.push_str(", \"valueType\": ");
        text.push_str(match file.value_type {
            ValueType::Inline => "\"Inline\"}",
            ValueType::SecretRef => "\"SecretRef\"}",
            ValueType::NixosFacter => "\"NixosFacter\"}",
        });
    }
    text.push(']');
    let digest = Sha256::digest(text.as_bytes());
    let mut hex = String::with_capacity(64);
    for byte in digest {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    hex
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}").unwrap();
                }
            }
        }
    }
    out.push('"');
}
