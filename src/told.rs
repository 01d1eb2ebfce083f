//! What is told, in the form that was asked for: a text for people, or a document for machines.

use std::io;

use anyhow::Result;
use nico_crds::yaml;
use serde::Serialize;

use crate::cli::{Colour, Form, Telling};
use crate::report::is_coloured;

/// In the form that was asked for. The text is made if it is wanted, coloured or not.
pub fn told(
    telling: &Telling,
    document: &impl Serialize,
    text: impl FnOnce(bool) -> String,
) -> Result<String> {
    Ok(match telling.output {
        Form::Text => text(match telling.color {
            Colour::Auto => is_coloured(&io::stdout()),
            Colour::Always => true,
            Colour::Never => false,
        }),
        Form::Json => format!("{}\n", serde_json::to_string_pretty(document)?),
        Form::Yaml => yaml::to_string(document)?,
    })
}
