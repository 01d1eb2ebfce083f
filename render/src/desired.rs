//! The desired set: from clusters and an inventory to every configuration that should be.

use std::collections::BTreeMap;

use nico_crds::names::Role;
use nico_crds::{KubernetesCluster, NixosConfiguration};

use crate::advice;
use crate::cluster_nix::{ClusterNix, Node, Source, legacy_text};
use crate::configuration::{Made, Workshop, git_repo};
use crate::diagnostic::{Departure, Diagnostic, Notice};
use crate::error::RenderError;
use crate::inventory::{ClusterKey, Inventory, Space, index, name, namespace};
use crate::live::{has_key_file, live_text};
use crate::memory::Memory;
use crate::select::{Chosen, Claims, Member, Selection, Why, select};

/// What should be, for one cluster.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Whose it is.
    pub cluster: ClusterKey,
    /// Everyone in the cluster: control planes, the first one first, then workers.
    pub members: Vec<SelectedMachine>,
    /// The configurations that should be, in the order of the members. A member whose configuration
    /// cannot be created now has none here.
    pub configurations: Vec<DesiredConfiguration>,
    /// Configurations of the cluster that should not be, and still are.
    pub leaving: Vec<LeavingConfiguration>,
    /// `cluster.nix` as a new configuration gets it.
    pub cluster_nix: String,
    /// The first control plane is lost and nobody can take its place: nothing is created or removed.
    pub head_lost: bool,
    /// A control plane has shown an apply.
    pub bootstrapped: bool,
    /// Configurations of the Python operator's are there that have not been taken over yet.
    pub adopting: bool,
    /// What the applier has to remember in the status.
    pub memory: Memory,
    /// What there is to say, the gravest first.
    pub diagnostics: Vec<Diagnostic>,
}

/// A machine in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedMachine {
    /// Its name.
    pub machine: String,
    /// Its role.
    pub role: Role,
    /// Why it is in.
    pub why: Why,
}

/// A configuration that should be.
#[derive(Clone, Debug)]
pub struct DesiredConfiguration {
    /// Its machine.
    pub machine: String,
    /// The role of the machine.
    pub role: Role,
    /// The object, as it is applied.
    pub object: NixosConfiguration,
    /// It does not exist yet.
    pub is_new: bool,
    /// The live files are right, and stay byte for byte.
    pub keeps_files: bool,
    /// Where the live files are right and to be confirmed: the same with a new revision.
    pub confirmation: Option<Box<NixosConfiguration>>,
}

impl DesiredConfiguration {
    /// THE DISK of the machine is wiped when this is created.
    pub fn wipes_disk(&self) -> bool {
        self.is_new && self.object.spec.full_install == Some(true)
    }

    /// The name of the object.
    pub fn name(&self) -> &str {
        name(&self.object.metadata)
    }
}

/// A configuration that should not be any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingConfiguration {
    /// Its machine.
    pub machine: String,
    /// The role of the machine.
    pub role: Role,
    /// Its name.
    pub configuration: String,
    /// Why.
    pub why: Departure,
}

/// Renders one cluster. The clusters of the inventory that are served before it choose first.
pub fn render(cluster: &KubernetesCluster, inventory: &Inventory) -> Result<Desired, RenderError> {
    let mut spaces = index(inventory);
    let mut space = spaces.remove(namespace(&cluster.metadata)).unwrap_or_default();
    space.with_cluster(cluster);
    let wanted = ClusterKey::of(cluster);
    let mut claims = Claims::standing(&space);
    for other in space.clusters.clone() {
        let selection = choose(other, &space, &mut claims, inventory, &mut |_, _| {});
        if ClusterKey::of(other) == wanted {
            return finish(other, &space, inventory, selection);
        }
    }
    Err(RenderError::Nameless)
}

/// Renders all clusters of the inventory in one pass: none takes what another has just been given.
#[expect(clippy::redundant_closure_for_method_calls, reason = "the path is of one lifetime only")]
pub fn render_all(inventory: &Inventory) -> BTreeMap<ClusterKey, Result<Desired, RenderError>> {
    render_each(inventory, |rendering| rendering.render())
}

/// The same, one after the other: who calls may guard each rendering, so that one which fails in whatever
/// way keeps no other from its turn.
pub fn render_each<R>(
    inventory: &Inventory,
    mut each: impl FnMut(Rendering<'_, '_>) -> R,
) -> BTreeMap<ClusterKey, R> {
    let mut all = BTreeMap::new();
    for space in index(inventory).into_values() {
        let mut claims = Claims::standing(&space);
        for cluster in space.clusters.clone() {
            let rendering = Rendering { cluster, space: &space, claims: &mut claims, inventory };
            all.insert(ClusterKey::of(cluster), each(rendering));
        }
    }
    all
}

/// A cluster whose turn it is in a pass.
pub struct Rendering<'p, 'a> {
    cluster: &'a KubernetesCluster,
    space: &'p Space<'a>,
    claims: &'p mut Claims<'a>,
    inventory: &'a Inventory,
}

impl<'a> Rendering<'_, 'a> {
    /// Which.
    pub fn cluster(&self) -> &'a KubernetesCluster {
        self.cluster
    }

    /// Renders it.
    pub fn render(self) -> Result<Desired, RenderError> {
        self.render_telling(&mut |_, _| {})
    }

    /// The same; who has a clock can tell by `chosen` how long the selection takes, which begins with this call.
    pub fn render_telling(self, chosen: &mut Chosen<'_>) -> Result<Desired, RenderError> {
        let selection = choose(self.cluster, self.space, self.claims, self.inventory, chosen);
        finish(self.cluster, self.space, self.inventory, selection)
    }

    /// Takes the machines that it chooses, so that none after it does, and renders nothing.
    pub fn claim(self) {
        choose(self.cluster, self.space, self.claims, self.inventory, &mut |_, _| {});
    }
}

fn choose<'a>(
    cluster: &'a KubernetesCluster,
    space: &Space<'a>,
    claims: &mut Claims<'a>,
    inventory: &'a Inventory,
    chosen: &mut Chosen<'_>,
) -> Selection<'a> {
    let selection = select(cluster, space, claims, inventory, chosen);
    for member in selection.members() {
        claims.take(name(&cluster.metadata), member.machine);
    }
    selection
}

fn finish(
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    inventory: &Inventory,
    mut selection: Selection<'_>,
) -> Result<Desired, RenderError> {
    if let Some(twice) = &space.twice {
        return Err(twice.clone());
    }
    if name(&cluster.metadata).is_empty() {
        return Err(RenderError::Nameless);
    }
    let mut diagnostics = std::mem::take(&mut selection.diagnostics);
    diagnostics.extend(advice::on_spec(cluster, inventory)?);
    let cluster_nix = cluster_nix(cluster, space, inventory, &selection)?;
    let injects_keys = injects_keys(cluster, &selection);
    let mut workshop = Workshop::open(cluster, inventory, &cluster_nix, injects_keys)?;
    let configurations = if cluster.metadata.deletion_timestamp.is_some() {
        Vec::new()
    } else {
        make_all(&mut workshop, space, &selection, &cluster_nix, &mut diagnostics)?
    };
    if injects_keys {
        diagnostics.extend(advice::on_keys(cluster, space, &selection));
    }
    diagnostics.sort_by(|a, b| b.severity().cmp(&a.severity()).then_with(|| a.cmp(b)));
    diagnostics.dedup();
    Ok(Desired {
        cluster: ClusterKey::of(cluster),
        members: selection.members().map(selected).collect(),
        leaving: leaving(cluster, &selection),
        cluster_nix: workshop.text(1),
        head_lost: selection.head.is_lost(),
        bootstrapped: selection.bootstrapped,
        adopting: selection.adopting,
        memory: Memory::of(cluster, space, &selection),
        configurations,
        diagnostics,
    })
}

fn make_all(
    workshop: &mut Workshop<'_>,
    space: &Space<'_>,
    selection: &Selection<'_>,
    cluster_nix: &ClusterNix,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Vec<DesiredConfiguration>, RenderError> {
    let going = |live: &NixosConfiguration| live.metadata.deletion_timestamp.is_some();
    let mut configurations = Vec::new();
    for member in selection.members() {
        if !(member.stands || selection.creates) || member.configuration.is_some_and(going) {
            continue;
        }
        let made = workshop.make(member, space.machine(member.machine))?;
        if made.legacy && is_stale(member, cluster_nix) {
            diagnostics.push(Diagnostic::of(member.machine, Notice::StaleSinceAdoption));
        }
        let configuration = desired(member, made, diagnostics);
        configurations.push(configuration);
    }
    Ok(configurations)
}

fn desired(member: &Member<'_>, made: Made, diagnostics: &mut Vec<Diagnostic>) -> DesiredConfiguration {
    let configuration = DesiredConfiguration {
        machine: member.machine.to_owned(),
        role: member.role,
        object: made.object,
        is_new: !member.stands,
        keeps_files: made.kept,
        confirmation: made.confirmation.map(Box::new),
    };
    if configuration.wipes_disk() {
        diagnostics.push(Diagnostic::of(member.machine, Notice::WipesDisk { reinstall: made.reinstall }));
    }
    configuration
}

/// The Python operator never wrote its text anew: it may be out of date.
fn is_stale(member: &Member<'_>, cluster_nix: &ClusterNix) -> bool {
    let today = legacy_text(&cluster_nix.name, &cluster_nix.control_plane, &cluster_nix.workers);
    member.configuration.and_then(live_text).is_some_and(|text| text != today)
}

fn selected(member: &Member<'_>) -> SelectedMachine {
    SelectedMachine { machine: member.machine.to_owned(), role: member.role, why: member.why }
}

/// Of a cluster in deletion everything leaves.
fn leaving(cluster: &KubernetesCluster, selection: &Selection<'_>) -> Vec<LeavingConfiguration> {
    let mut leaving: Vec<_> = selection
        .leaving
        .iter()
        .map(|leaving| LeavingConfiguration {
            machine: leaving.machine.to_owned(),
            role: leaving.role,
            configuration: name(&leaving.configuration.metadata).to_owned(),
            why: leaving.why,
        })
        .collect();
    if cluster.metadata.deletion_timestamp.is_some() {
        let members = selection.members().filter_map(|member| Some((member, member.configuration?)));
        leaving.extend(members.map(|(member, configuration)| LeavingConfiguration {
            machine: member.machine.to_owned(),
            role: member.role,
            configuration: name(&configuration.metadata).to_owned(),
            why: Departure::BeingDeleted,
        }));
    }
    leaving
}

/// As the spec says; else as the cluster's configurations already do.
fn injects_keys(cluster: &KubernetesCluster, selection: &Selection<'_>) -> bool {
    let live = || selection.members().filter_map(|member| member.configuration).any(has_key_file);
    cluster.spec.inject_machine_ssh_key.unwrap_or_else(live)
}

fn cluster_nix(
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    inventory: &Inventory,
    selection: &Selection<'_>,
) -> Result<ClusterNix, RenderError> {
    let spec = &cluster.spec;
    let nodes =
        |members: &[Member<'_>]| members.iter().map(|member| node(member, space, selection)).collect();
    Ok(ClusterNix {
        name: name(&cluster.metadata).to_owned(),
        vip: spec.control_plane_endpoint.as_ref().map(|endpoint| endpoint.host.clone()),
        control_plane: nodes(&selection.control_planes),
        workers: nodes(&selection.workers),
        source: Source {
            url: git_repo(cluster, inventory)?.to_owned(),
            git_ref: spec.git_ref.clone(),
            subdir: spec.configuration_subdir.clone(),
        },
    })
}

fn node(member: &Member<'_>, space: &Space<'_>, selection: &Selection<'_>) -> Node {
    let address = space.machine(member.machine).and_then(|machine| machine.address()).map(str::to_owned);
    let ip = address.or_else(|| last_known_address(member.machine, selection)).unwrap_or_default();
    Node { name: member.machine.to_owned(), ip }
}

/// A lost head stays listed though its Machine is gone: with the address that the live files know, so
/// that its loss alone changes nothing.
fn last_known_address(machine: &str, selection: &Selection<'_>) -> Option<String> {
    let mut live = selection.members().filter_map(|member| member.configuration).filter_map(live_text);
    live.find_map(|text| crate::cluster_nix::address_of(text, machine))
}
