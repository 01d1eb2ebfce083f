//! Sorts documents into clusters, machines and configurations. Everything else is counted, never looked
//! into: there may be Secrets among it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::{ClusterKey, Completeness, Inventory};
use serde_json::Value;

use super::error::{InputError, Place, Problem};
use super::node::{Data, Flaw, FlawKind, Node};
use super::typed;

pub(super) const NICO: &str = "nico.homystack.com/v1alpha1";
const NIO: &str = "nio.homystack.com/v1alpha1";
pub(super) const CLUSTER: &str = "KubernetesCluster";
const MACHINE: &str = "Machine";
const CONFIGURATION: &str = "NixosConfiguration";

/// What was read.
#[derive(Debug, Default)]
pub struct Objects {
    /// The clusters.
    pub clusters: Vec<KubernetesCluster>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// The live configurations.
    pub configurations: Vec<NixosConfiguration>,
    /// Which NIO the machines are written for. None that shows it: the Python NIO.
    pub dialect: Dialect,
    /// Where each cluster stands.
    pub origins: BTreeMap<ClusterKey, Place>,
    /// How many objects of each other kind there were.
    pub ignored: BTreeMap<String, usize>,
}

impl Objects {
    /// What a rendering depends on. What is missing in files may be there all the same.
    pub fn inventory(self, default_git_repo: Option<&str>) -> Inventory {
        Inventory {
            clusters: shared(self.clusters),
            machines: shared(self.machines),
            configurations: shared(self.configurations),
            dialect: self.dialect,
            default_git_repo: default_git_repo.map(str::to_owned),
            completeness: Completeness::Partial,
            observed_at: None,
        }
    }
}

fn shared<T>(objects: Vec<T>) -> Vec<Arc<T>> {
    objects.into_iter().map(Arc::new).collect()
}

/// Takes documents in any order.
#[derive(Debug, Default)]
pub(super) struct Sorter {
    /// The namespace of objects that name none.
    namespace: String,
    objects: Objects,
    pub errors: Vec<InputError>,
    /// Where each object stands, by kind and by namespace and name.
    places: HashMap<(Known, String), Place>,
    /// The first Machine of each dialect: its name, and where it stands.
    dialects: BTreeMap<Dialect, (String, Place)>,
}

/// A kind that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Known {
    Cluster,
    Machine,
    Configuration,
}

impl Known {
    const ALL: [Self; 3] = [Self::Cluster, Self::Machine, Self::Configuration];

    const fn kind(self) -> &'static str {
        match self {
            Self::Cluster => CLUSTER,
            Self::Machine => MACHINE,
            Self::Configuration => CONFIGURATION,
        }
    }

    const fn api_version(self) -> &'static str {
        match self {
            Self::Cluster => NICO,
            Self::Machine | Self::Configuration => NIO,
        }
    }
}

/// What to do with a document.
enum Kind {
    Known(Known),
    /// A list; what its items are where they do not say.
    List(Option<(String, String)>),
    Other(String),
}

impl Sorter {
    /// With the namespace of objects that name none, and what is wrong already.
    pub fn new(namespace: &str, errors: Vec<InputError>) -> Self {
        Self { namespace: namespace.to_owned(), errors, ..Self::default() }
    }

    /// Takes a document.
    pub fn document(&mut self, file: &Place, node: &Node) {
        match node.flaw() {
            Some(flaw) => self.errors.push(flawed(file, flaw)),
            None => self.object(file, node, None),
        }
    }

    /// What was found, and what was wrong with it.
    pub fn finish(mut self) -> (Objects, Vec<InputError>) {
        match (self.dialects.remove(&Dialect::Go), self.dialects.remove(&Dialect::Python)) {
            (Some((go, place)), Some((python, _))) => {
                self.errors.push(InputError::at(place, Problem::Dialects { go, python }));
            }
            (Some(_), None) => self.objects.dialect = Dialect::Go,
            (None, Some(_) | None) => {}
        }
        (self.objects, self.errors)
    }

    fn object(&mut self, file: &Place, node: &Node, default: Option<&(String, String)>) {
        if !matches!(node.data, Data::Fields(_)) {
            let problem = Problem::NotAnObject { found: node.kind() };
            return self.errors.push(InputError::at(file.at(node.line), problem));
        }
        match kind_of(file, node, default) {
            Ok(Kind::Known(known)) => {
                if let Err(errors) = self.known(file, node, known) {
                    let title = title(known, node);
                    self.errors.extend(errors.into_iter().map(|error| error.of(&title)));
                }
            }
            Ok(Kind::List(default)) => self.list(file, node, default.as_ref()),
            Ok(Kind::Other(kind)) => {
                let count = self.objects.ignored.entry(kind).or_default();
                *count = count.saturating_add(1);
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn list(&mut self, file: &Place, node: &Node, default: Option<&(String, String)>) {
        let Some(items) = node.get("items") else { return };
        match &items.value.data {
            Data::List(items) => {
                for item in items {
                    self.object(file, item, default);
                }
            }
            Data::Null => {}
            Data::Bool(_) | Data::Number(_) | Data::Text(_) | Data::Fields(_) => {
                let message = format!("must be a list of objects, not {}", items.value.kind());
                let problem = Problem::Invalid(message);
                self.errors.push(InputError::in_field(file.at(items.line), "items", problem));
            }
        }
    }

    fn known(&mut self, file: &Place, node: &Node, known: Known) -> Result<(), Vec<InputError>> {
        let mut json = node.to_json();
        let place = file.at(node.line);
        let name = self.settle(&mut json);
        if let Some(name) = name
            && let Some(first) = self.places.insert((known, name), place.clone())
        {
            return Err(vec![InputError::at(place, Problem::SameObject { first })]);
        }
        match known {
            Known::Cluster => {
                let cluster = typed::cluster(file, node, json)?;
                self.objects.origins.insert(ClusterKey::of(&cluster), place);
                self.objects.clusters.push(cluster);
            }
            Known::Machine => {
                let machine: Machine = typed::foreign(file, node, json)?;
                if let Some(dialect) = machine.dialect() {
                    let name = machine.metadata.name.clone().unwrap_or_default();
                    self.dialects.entry(dialect).or_insert((name, place));
                }
                self.objects.machines.push(machine);
            }
            Known::Configuration => {
                self.objects.configurations.push(typed::foreign(file, node, json)?);
            }
        }
        Ok(())
    }

    /// Gives the object its namespace; its namespace and name, as far as it has them.
    fn settle(&self, json: &mut Value) -> Option<String> {
        let metadata = json.get_mut("metadata")?.as_object_mut()?;
        let namespace = metadata.entry("namespace").or_insert(Value::Null);
        if namespace.is_null() || namespace == "" {
            *namespace = Value::String(self.namespace.clone());
        }
        let namespace = namespace.as_str()?.to_owned();
        Some(format!("{namespace}/{}", metadata.get("name")?.as_str()?))
    }
}

/// As `KubernetesCluster home`.
fn title(known: Known, node: &Node) -> String {
    let kind = known.kind();
    match node.get("metadata").and_then(|metadata| metadata.value.text("name")) {
        Some(name) => format!("{kind} {name}"),
        None => kind.to_owned(),
    }
}

fn flawed(file: &Place, flaw: Flaw) -> InputError {
    let problem = match flaw.kind {
        FlawKind::Twice { first } => Problem::Twice { first },
        FlawKind::Unnamed(found) => Problem::Unnamed(found),
    };
    InputError::in_field(file.at(flaw.line), flaw.path, problem)
}

fn kind_of(file: &Place, node: &Node, default: Option<&(String, String)>) -> Result<Kind, InputError> {
    let said = |field: &'static str, default: Option<&str>| match node.text(field).or(default) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(InputError::in_field(file.at(node.line_of(field)), field, Problem::Untyped)),
    };
    let kind = said("kind", default.map(|(_, kind)| kind.as_str()))?;
    let version = said("apiVersion", default.map(|(version, _)| version.as_str()))?;
    if let Some(item) = kind.strip_suffix("List").filter(|_| node.get("items").is_some()) {
        // Items of a typed list may leave out what the list says.
        let default = (!item.is_empty()).then(|| (version, item.to_owned()));
        return Ok(Kind::List(default));
    }
    let group = |version: &str| version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let of_group: Vec<_> =
        Known::ALL.into_iter().filter(|known| group(known.api_version()) == group(&version)).collect();
    let unknown = |field: &'static str, found: &str, right: &str| {
        let problem = Problem::Unknown { found: found.to_owned(), right: right.to_owned() };
        Err(InputError::in_field(file.at(node.line_of(field)), field, problem))
    };
    match of_group.iter().find(|known| known.kind() == kind) {
        Some(known) if known.api_version() == version => Ok(Kind::Known(*known)),
        Some(known) => unknown("apiVersion", &version, known.api_version()),
        // NIO may have more kinds; NICO has no more.
        None if of_group.contains(&Known::Cluster) => unknown("kind", &kind, CLUSTER),
        None if group(&version).is_empty() => Ok(Kind::Other(kind)),
        None => Ok(Kind::Other(format!("{kind}.{}", group(&version)))),
    }
}
