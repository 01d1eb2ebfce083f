//! YAML, as people and machines of every age read it.
//!
//! Written by serde-saphyr, so that no reader of YAML 1.1 takes a string for something else (`no`, `on`,
//! `12:30:45`), and Nix text stays a readable block. One case is left to do: a block whose first line
//! begins with a tab, which libyaml refuses.

mod careful;

use serde::Serialize;
use serde_saphyr::SerializerOptions;

use self::careful::Careful;

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
    serde_saphyr::to_fmt_writer_with_options(out, &Careful(value), options())
        .map_err(|error| WriteError(error.to_string()))
}

/// Long lines stay as they are: a folded one reads the same, but not to a person.
fn options() -> SerializerOptions {
    serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX }
}
