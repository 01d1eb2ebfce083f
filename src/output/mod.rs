//! What is rendered, as data: on standard output, in files, as a difference.

pub mod diff;
pub mod folder;

use std::io::{self, Write};

use nico_crds::{NixosConfiguration, yaml};
use nico_render::Desired;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

/// A stream of YAML documents, each written when it is ready.
pub fn yaml_stream(out: &mut dyn Write, desired: &[Desired]) -> io::Result<()> {
    let mut document = String::new();
    for (place, object) in objects(desired).enumerate() {
        document.clear();
        if place > 0 {
            document.push_str("---\n");
        }
        yaml::write(&mut document, object).map_err(io::Error::other)?;
        out.write_all(document.as_bytes())?;
    }
    Ok(())
}

/// A list, as kubectl prints one.
pub fn json_list(out: &mut dyn Write, desired: &[Desired]) -> io::Result<()> {
    let list = List { api_version: "v1", kind: "List", items: Items(desired) };
    serde_json::to_writer_pretty(&mut *out, &list)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'d> {
    api_version: &'static str,
    kind: &'static str,
    items: Items<'d>,
}

struct Items<'d>(&'d [Desired]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut items = serializer.serialize_seq(None)?;
        objects(self.0).try_for_each(|object| items.serialize_element(object))?;
        items.end()
    }
}

/// By cluster; in each, control planes first.
fn objects(desired: &[Desired]) -> impl Iterator<Item = &NixosConfiguration> {
    desired.iter().flat_map(|one| &one.configurations).map(|configuration| &configuration.object)
}
