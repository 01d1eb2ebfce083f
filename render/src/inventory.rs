//! What is there: machines, live configurations, clusters with their status. All that a rendering may
//! depend on beside the cluster itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};

use crate::error::RenderError;
use crate::owner::{self, Mark};

/// What is there. The order of the lists never matters. The objects are shared: an inventory of a large
/// fleet is made anew at every look, and its objects are not.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// All clusters, the rendered ones included: they compete for machines.
    pub clusters: Vec<Arc<KubernetesCluster>>,
    /// All machines.
    pub machines: Vec<Arc<Machine>>,
    /// All configurations, whoever wrote them.
    pub configurations: Vec<Arc<NixosConfiguration>>,
    /// Which NIO serves the machines.
    pub dialect: Dialect,
    /// The repository of clusters that name none.
    pub default_git_repo: Option<String>,
    /// Whether the lists are whole.
    pub completeness: Completeness,
    /// When this was seen. It decides one thing only, whether a control plane is settled that would
    /// succeed a lost head; absent (files), what is proven counts as settled.
    pub observed_at: Option<Timestamp>,
}

/// Whether an absent object is known to be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// Seen on a server, all of it.
    #[default]
    Whole,
    /// Read from files: the live configurations may be missing.
    Partial,
}

/// The name of a cluster, with its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ClusterKey {
    /// The key of an object.
    pub fn of(cluster: &KubernetesCluster) -> Self {
        Self { namespace: namespace(&cluster.metadata).to_owned(), name: name(&cluster.metadata).to_owned() }
    }
}

impl fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One namespace of the inventory, indexed. Machines and configurations never cross it.
#[derive(Default)]
pub(crate) struct Space<'a> {
    /// In the order in which they choose: by creation, then by name.
    pub clusters: Vec<&'a KubernetesCluster>,
    /// By name.
    pub machines: BTreeMap<&'a str, &'a Machine>,
    /// By name.
    pub configurations: BTreeMap<&'a str, &'a NixosConfiguration>,
    /// The machines that carry a label with a value, by name: where a selector looks first.
    pub labelled: BTreeMap<(&'a str, &'a str), Vec<&'a str>>,
    /// By the machine that they refer to, each list by name.
    pub by_machine: BTreeMap<&'a str, Vec<&'a NixosConfiguration>>,
    /// By what may make them a cluster's, each list by name.
    pub by_mark: BTreeMap<Mark<'a>, Vec<&'a NixosConfiguration>>,
    /// An object that stands in the inventory twice: nothing can be decided from that.
    pub twice: Option<RenderError>,
}

/// The whole inventory, indexed by namespace.
pub(crate) fn index(inventory: &Inventory) -> BTreeMap<&str, Space<'_>> {
    let mut spaces: BTreeMap<&str, Space<'_>> = BTreeMap::new();
    for machine in &inventory.machines {
        let space = spaces.entry(namespace(&machine.metadata)).or_default();
        if space.machines.insert(name(&machine.metadata), machine).is_some() {
            space.note_twice("Machine", name(&machine.metadata));
        }
    }
    for configuration in &inventory.configurations {
        let space = spaces.entry(namespace(&configuration.metadata)).or_default();
        let name = name(&configuration.metadata);
        if space.configurations.insert(name, configuration).is_some() {
            space.note_twice("NixosConfiguration", name);
        }
    }
    for cluster in &inventory.clusters {
        spaces.entry(namespace(&cluster.metadata)).or_default().clusters.push(cluster);
    }
    for space in spaces.values_mut() {
        space.finish();
    }
    spaces
}

impl<'a> Space<'a> {
    /// Adds a cluster that the inventory may not hold, or hold in another version.
    pub fn with_cluster(&mut self, cluster: &'a KubernetesCluster) {
        self.clusters.retain(|other| name(&other.metadata) != name(&cluster.metadata));
        self.clusters.push(cluster);
        self.clusters.sort_by_key(|cluster| service_order(cluster));
    }

    /// A machine and whether it is there.
    pub fn machine(&self, name: &str) -> Option<&'a Machine> {
        self.machines.get(name).copied()
    }

    /// The configurations that refer to a machine.
    pub fn configurations_of(&self, machine: &str) -> &[&'a NixosConfiguration] {
        self.by_machine.get(machine).map_or(&[], Vec::as_slice)
    }

    /// The configurations of a cluster, by name.
    pub fn own(&self, cluster: &KubernetesCluster) -> impl Iterator<Item = &'a NixosConfiguration> {
        let mut marked: Vec<_> = owner::marks_of(cluster)
            .iter()
            .flat_map(|mark| self.by_mark.get(mark).into_iter().flatten())
            .copied()
            .filter(|configuration| owner::is_own(configuration, cluster))
            .collect();
        marked.sort_by_key(|configuration| name(&configuration.metadata));
        marked.into_iter()
    }

    fn note_twice(&mut self, kind: &'static str, name: &str) {
        let error = RenderError::Twice { kind, name: name.to_owned() };
        // The least of them, so that the order of the inventory does not show.
        let first = self.twice.take().map_or(error.clone(), |known| known.min(error));
        self.twice = Some(first);
    }

    fn finish(&mut self) {
        for (name, machine) in &self.machines {
            for (key, value) in machine.metadata.labels.iter().flatten() {
                self.labelled.entry((key, value)).or_default().push(name);
            }
        }
        for configuration in self.configurations.values() {
            if let Some(machine) = configuration.machine() {
                self.by_machine.entry(machine).or_default().push(configuration);
            }
            for mark in owner::marks(configuration) {
                self.by_mark.entry(mark).or_default().push(configuration);
            }
        }
        self.clusters.sort_by_key(|cluster| service_order(cluster));
        if let Some(name) = first_repeated(self.clusters.iter().map(|cluster| name(&cluster.metadata))) {
            self.note_twice("KubernetesCluster", name);
        }
    }
}

fn first_repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut sorted: Vec<_> = names.collect();
    sorted.sort_unstable();
    sorted.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

/// By creation, then by name; what is not created yet comes last.
fn service_order(cluster: &KubernetesCluster) -> (bool, Option<Timestamp>, &str) {
    let created = cluster.metadata.creation_timestamp.as_ref().map(|time| time.0);
    (created.is_none(), created, name(&cluster.metadata))
}

/// An object's name; empty where it has none.
pub(crate) fn name(metadata: &ObjectMeta) -> &str {
    metadata.name.as_deref().unwrap_or_default()
}

/// An object's namespace, `default` where it says none, as kubectl has it.
pub(crate) fn namespace(metadata: &ObjectMeta) -> &str {
    metadata.namespace.as_deref().unwrap_or("default")
}

/// An annotation of an object.
pub(crate) fn annotation<'a>(metadata: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    metadata.annotations.as_ref()?.get(key).map(String::as_str)
}

/// An annotation that is switched on: exactly `true`, as documented.
pub(crate) fn is_marked(metadata: &ObjectMeta, key: &str) -> bool {
    annotation(metadata, key) == Some("true")
}
