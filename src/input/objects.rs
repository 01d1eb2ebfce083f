//! Sorts out the objects that matter from YAML streams, JSON and lists, and judges them as an API server
//! would.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nico_crds::machine::Dialect;
use nico_crds::validate::{self, Violation};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::InputError;
use super::source::{self, Source};
use super::tree::{self, Content, Node};

const NICO: &str = "nico.homystack.com/v1alpha1";
const NIO: &str = "nio.homystack.com/v1alpha1";

/// What was found.
#[derive(Debug, Default)]
pub struct Objects {
    pub clusters: Vec<KubernetesCluster>,
    pub machines: Vec<Machine>,
    pub configurations: Vec<NixosConfiguration>,
    pub dialect: Dialect,
    /// How many objects of other kinds were passed over.
    pub ignored: BTreeMap<String, usize>,
}

/// Reads them.
pub fn read(paths: &[PathBuf], recursive: bool, namespace: Option<&str>) -> Result<Objects, InputError> {
    let mut reader = Reader { namespace: namespace.unwrap_or("default"), ..Reader::default() };
    for source in source::read_all(paths, recursive)? {
        reader.document_stream(&source)?;
    }
    reader.finish(paths)
}

#[derive(Default)]
struct Reader<'a> {
    namespace: &'a str,
    objects: Objects,
    /// Where each object stands.
    places: BTreeMap<(String, String), String>,
    /// The first Machine of each dialect: its name, and where it stands.
    dialects: BTreeMap<Dialect, (String, String, u64)>,
}

impl Reader<'_> {
    fn document_stream(&mut self, source: &Source) -> Result<(), InputError> {
        let documents = tree::parse(&source.text).map_err(|error| syntax(source, &error))?;
        if documents.is_empty() {
            return Err(InputError::NoObject {
                file: source.name.clone(),
                line: 1,
                message: "is empty: expected Kubernetes objects".to_owned(),
            });
        }
        documents.iter().try_for_each(|document| self.object(source, document))
    }

    fn object(&mut self, source: &Source, node: &Node) -> Result<(), InputError> {
        let Content::Fields(_) = node.content else {
            return Err(no_object(
                source,
                node,
                "is no Kubernetes object: expected apiVersion, kind, metadata",
            ));
        };
        let (Some(version), Some(kind)) = (node.text("apiVersion"), node.text("kind")) else {
            return Err(no_object(
                source,
                node,
                "apiVersion and kind are missing, so this is no Kubernetes object",
            ));
        };
        if kind.ends_with("List")
            && let Some(items) = node.field("items")
        {
            return match &items.content {
                Content::List(items) => {
                    items.iter().try_for_each(|item| self.item(source, item, kind, version))
                }
                Content::Scalar(Value::Null) => Ok(()),
                Content::Scalar(_) | Content::Fields(_) => {
                    Err(no_object(source, items, "items: must be a list of objects"))
                }
            };
        }
        self.single(source, node, version, kind)
    }

    /// Items of a typed list may leave out what the list says.
    fn item(&mut self, source: &Source, node: &Node, list: &str, version: &str) -> Result<(), InputError> {
        let kind = list.trim_end_matches("List");
        if kind.is_empty() || node.text("kind").is_some() {
            self.object(source, node)
        } else {
            self.single(source, node, version, kind)
        }
    }

    fn single(&mut self, source: &Source, node: &Node, version: &str, kind: &str) -> Result<(), InputError> {
        let (group, _) = version.split_once('/').unwrap_or(("", version));
        let expected = match (group, kind) {
            ("nico.homystack.com", "KubernetesCluster") => NICO,
            ("nio.homystack.com", "Machine" | "NixosConfiguration") => NIO,
            _ => {
                let count = self.objects.ignored.entry(kind.to_owned()).or_default();
                *count = count.saturating_add(1);
                return Ok(());
            }
        };
        if version != expected {
            let message = format!("apiVersion: {kind} is known as {expected}, not as {version}");
            return Err(no_object(source, node.field("apiVersion").unwrap_or(node), &message));
        }
        let at = Place { source, node, kind };
        match kind {
            "KubernetesCluster" => {
                let cluster: KubernetesCluster = self.typed(&at, validate::cluster)?;
                self.objects.clusters.push(cluster);
            }
            "Machine" => {
                let machine: Machine = self.typed(&at, validate::metadata)?;
                self.note_dialect(&at, &machine);
                self.objects.machines.push(machine);
            }
            _ => {
                let configuration: NixosConfiguration = self.typed(&at, validate::metadata)?;
                self.objects.configurations.push(configuration);
            }
        }
        Ok(())
    }

    fn typed<T: DeserializeOwned>(
        &mut self,
        at: &Place<'_>,
        judge: fn(&Value) -> Vec<Violation>,
    ) -> Result<T, InputError> {
        let mut value = at.node.to_value();
        if let Some(violation) = judge(&value).into_iter().next() {
            return Err(at.error(&violation.field, &violation.to_string()));
        }
        if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
            metadata.entry("namespace").or_insert_with(|| self.namespace.into());
        }
        let name = |field: &str| {
            value.pointer(&format!("/metadata/{field}")).and_then(Value::as_str).unwrap_or_default()
        };
        let name = format!("{}/{}", name("namespace"), name("name"));
        let place = format!("{}:{}", at.source.name, at.node.line);
        if let Some(first) = self.places.insert((at.kind.to_owned(), name.clone()), place) {
            return Err(InputError::Twice {
                file: at.source.name.clone(),
                line: at.node.line,
                kind: at.kind.to_owned(),
                name,
                first,
            });
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            at.error(&path, &format!("{path}: {}", error.into_inner()))
        })
    }

    fn note_dialect(&mut self, at: &Place<'_>, machine: &Machine) {
        if let Some(dialect) = machine.dialect() {
            let name = machine.metadata.name.clone().unwrap_or_default();
            let place = (name, at.source.name.clone(), at.node.line);
            self.dialects.entry(dialect).or_insert(place);
        }
    }

    fn finish(mut self, paths: &[PathBuf]) -> Result<Objects, InputError> {
        match (self.dialects.get(&Dialect::Go), self.dialects.get(&Dialect::Python)) {
            (Some((name, file, line)), Some((other, _, _))) => {
                let (name, other) = (name.clone(), other.clone());
                return Err(InputError::MixedDialects { file: file.clone(), line: *line, name, other });
            }
            (Some(_), None) => self.objects.dialect = Dialect::Go,
            (None, Some(_) | None) => {}
        }
        if self.objects.clusters.is_empty() {
            let files: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(InputError::NoCluster { files: files.join(", "), found: self.found() });
        }
        Ok(self.objects)
    }

    fn found(&self) -> String {
        let objects = &self.objects;
        let ours =
            [("Machine", objects.machines.len()), ("NixosConfiguration", objects.configurations.len())];
        let ours = ours.into_iter().filter(|(_, count)| *count > 0);
        let others = objects.ignored.iter().map(|(kind, count)| (kind.as_str(), *count));
        let found: Vec<_> = ours.chain(others).map(|(kind, count)| format!("{count} {kind}")).collect();
        if found.is_empty() { "nothing".to_owned() } else { found.join(", ") }
    }
}

/// An object in its file.
struct Place<'a> {
    source: &'a Source,
    node: &'a Node,
    kind: &'a str,
}

impl Place<'_> {
    fn error(&self, field: &str, message: &str) -> InputError {
        InputError::Field {
            file: self.source.name.clone(),
            line: self.node.line_of(field),
            kind: self.kind.to_owned(),
            name: self
                .node
                .field("metadata")
                .and_then(|metadata| metadata.text("name"))
                .unwrap_or("(no name)")
                .to_owned(),
            message: message.to_owned(),
        }
    }
}

fn no_object(source: &Source, node: &Node, message: &str) -> InputError {
    InputError::NoObject { file: source.name.clone(), line: node.line, message: message.to_owned() }
}

fn syntax(source: &Source, error: &serde_saphyr::Error) -> InputError {
    let line = error.location().map_or(1, |location| location.line()).max(1);
    InputError::Syntax { file: source.name.clone(), line, message: in_words(error) }
}

/// The parser's words, but for those that speak of its own settings.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's errors are many, and most speak for themselves"
)]
fn in_words(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        serde_saphyr::Error::DuplicateMappingKey { key, .. } => {
            format!("the key {} stands twice in one object", key.as_deref().unwrap_or("(not a text)"))
        }
        serde_saphyr::Error::AliasError { error, .. } => in_words(error),
        serde_saphyr::Error::Budget { .. } => {
            "more than any file of objects holds: aliases (&, *) that multiply, or nesting too deep"
                .to_owned()
        }
        other => {
            let words = other.to_string();
            // The first line is enough; the line and column stand in front already.
            let words = words.lines().next().unwrap_or_default();
            let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
            if words.is_empty() { "cannot be read as YAML".to_owned() } else { words.to_owned() }
        }
    }
}
