//! What is rendered, as data: on standard output, in files, as a difference.

pub mod difference;
pub mod files;

use nico_crds::NixosConfiguration;
use nico_crds::yaml::{self, WriteError};
use nico_render::Desired;
use serde::Serialize;

/// A stream of YAML documents.
pub fn yaml_stream<'a>(
    objects: impl IntoIterator<Item = &'a NixosConfiguration>,
) -> Result<String, WriteError> {
    let mut text = String::new();
    for object in objects {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        yaml::write(&mut text, object)?;
    }
    Ok(text)
}

/// A list, as kubectl prints one.
#[derive(Serialize)]
struct List<'a> {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    items: Vec<&'a NixosConfiguration>,
}

/// One JSON document.
pub fn json_list<'a>(
    objects: impl IntoIterator<Item = &'a NixosConfiguration>,
) -> Result<String, serde_json::Error> {
    let list = List { api_version: "v1", kind: "List", items: objects.into_iter().collect() };
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

/// The objects of a cluster.
pub fn objects(desired: &Desired) -> impl Iterator<Item = &NixosConfiguration> {
    desired.configurations.iter().map(|configuration| &configuration.object)
}
