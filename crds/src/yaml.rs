//! YAML, as people and machines of every age read it.
//!
//! Written by serde-saphyr, so that no reader of YAML 1.1 takes a string for something else (`no`, `on`,
//! `12:30:45`), and Nix text stays a readable block.

use serde::Serialize;
use serde_saphyr::SerializerOptions;

/// A value that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write YAML: {0}")]
pub struct WriteError(String);

/// Writes one document.
pub fn to_string(value: &impl Serialize) -> Result<String, WriteError> {
    let mut text = String::new();
    write(&mut text, value)?;
    Ok(text)
}

/// Appends one document.
pub fn write(out: &mut String, value: &impl Serialize) -> Result<(), WriteError> {
    serde_saphyr::to_fmt_writer_with_options(out, value, options())
        .map_err(|error| WriteError(error.to_string()))
}

fn options() -> SerializerOptions {
    serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX }
}
