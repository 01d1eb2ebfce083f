//! The members that a cluster has already: known from its live configurations and the status lists.

use std::collections::{BTreeMap, BTreeSet};

use nico_crds::names::{
    FIELD_MANAGER, LABEL_ROLE, LEAVING, LOST, ORDINAL, REINSTALL_FOR, Role, STATUS_MANAGER,
    configuration_name,
};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use serde_json::Value;

use crate::diagnostic::Departure;
use crate::inventory::{Completeness, Space, annotation, is_marked, name};
use crate::select::demand::Demand;

/// The status lists, as `FieldsV1` has them. NICO writes both, always together.
const LISTS: [&str; 2] = ["f:selectedControlPlaneMachines", "f:selectedDataPlaneMachines"];

/// A machine that the cluster has, or is about to have, or is letting go.
#[derive(Clone, Debug)]
pub(crate) struct Known<'a> {
    pub machine: &'a str,
    pub role: Role,
    pub configuration: Option<&'a NixosConfiguration>,
    /// It stands in a list of the status.
    pub listed: bool,
    /// It is let go, whatever the spec says.
    pub departure: Option<Departure>,
    /// It has run something of this cluster.
    pub ran: bool,
    /// It has a configuration; offline also one that was not given, but that the Machine says it runs.
    pub stands: bool,
}

/// All of them, each role in its order.
#[derive(Default)]
pub(crate) struct Roster<'a> {
    pub control_planes: Vec<Known<'a>>,
    pub workers: Vec<Known<'a>>,
    /// The cluster's by their owner, and not by their names.
    pub strays: Vec<&'a NixosConfiguration>,
    /// A status list was written before: what is released and not in it was succeeded already.
    pub lists_written: bool,
    /// A control plane has shown an apply.
    pub bootstrapped: bool,
    by_machine: BTreeMap<&'a str, (Role, usize)>,
}

impl<'a> Roster<'a> {
    pub fn of_role(&self, role: Role) -> &[Known<'a>] {
        match role {
            Role::ControlPlane => &self.control_planes,
            Role::Worker => &self.workers,
        }
    }

    pub fn find(&self, machine: &str) -> Option<&Known<'a>> {
        let (role, place) = self.by_machine.get(machine)?;
        self.of_role(*role).get(*place)
    }

    pub fn all(&self) -> impl Iterator<Item = &Known<'a>> {
        self.control_planes.iter().chain(&self.workers)
    }
}

/// Reads who is in the cluster.
pub(crate) fn gather<'a>(
    cluster: &'a KubernetesCluster,
    space: &Space<'a>,
    demand: &Demand<'a>,
    completeness: Completeness,
) -> Roster<'a> {
    let mut roster = Roster::default();
    let own = own_configurations(cluster, space, &mut roster.strays);
    let lists = lists(cluster);
    roster.lists_written = !lists.is_empty();

    let mut roles: BTreeMap<&'a str, Role> = lists.iter().map(|(machine, role)| (*machine, *role)).collect();
    for (machine, configuration) in &own {
        roles.insert(machine, role_of(configuration, machine, &roles, demand));
    }
    let is_edited = is_edited(cluster);
    let mut orders = Role::ALL.map(|role| (role, order(role, &roles, &lists, &own, is_edited)));
    if completeness == Completeness::Partial && own.is_empty() && lists.is_empty() {
        for (role, machines) in &mut orders {
            machines.extend(guess(*role, cluster, space, demand));
        }
    }
    let listed: BTreeSet<&str> = lists.iter().map(|(machine, _)| *machine).collect();
    for (role, machines) in orders {
        let known: Vec<_> = machines
            .into_iter()
            .map(|machine| {
                let mut known = read(machine, role, own.get(machine).copied(), cluster, space);
                known.listed = listed.contains(machine);
                known.stands |= completeness == Completeness::Partial && known.ran;
                known
            })
            .collect();
        roster
            .by_machine
            .extend(known.iter().enumerate().map(|(place, known)| (known.machine, (role, place))));
        match role {
            Role::ControlPlane => roster.control_planes = known,
            Role::Worker => roster.workers = known,
        }
    }
    roster.bootstrapped = cluster.status.as_ref().is_some_and(|status| status.bootstrapped == Some(true))
        || roster.control_planes.iter().any(|known| known.ran);
    roster
}

/// By the machine that the name says, which nobody can edit; where the name is none of ours, it is a stray.
fn own_configurations<'a>(
    cluster: &KubernetesCluster,
    space: &Space<'a>,
    strays: &mut Vec<&'a NixosConfiguration>,
) -> BTreeMap<&'a str, &'a NixosConfiguration> {
    let prefix = configuration_name(name(&cluster.metadata), "");
    let mut own = BTreeMap::new();
    for configuration in space.own(cluster) {
        match name(&configuration.metadata).strip_prefix(prefix.as_str()) {
            Some(machine) => {
                own.insert(machine, configuration);
            }
            None => strays.push(configuration),
        }
    }
    own
}

/// The status lists, each machine once; control planes first.
fn lists(cluster: &KubernetesCluster) -> Vec<(&str, Role)> {
    let Some(status) = &cluster.status else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let control_planes = status.selected_control_plane_machines.iter().flatten();
    let workers = status.selected_data_plane_machines.iter().flatten();
    control_planes
        .map(|machine| (machine.as_str(), Role::ControlPlane))
        .chain(workers.map(|machine| (machine.as_str(), Role::Worker)))
        .filter(|(machine, _)| seen.insert(*machine))
        .collect()
}

/// The list says it, which nobody edits by hand; then the label, then the spec.
fn role_of(
    configuration: &NixosConfiguration,
    machine: &str,
    listed: &BTreeMap<&str, Role>,
    demand: &Demand<'_>,
) -> Role {
    listed
        .get(machine)
        .copied()
        .or_else(|| configuration.label(LABEL_ROLE).and_then(Role::from_label))
        .or_else(|| Role::ALL.into_iter().find(|role| demand.of_role(*role).lists(machine)))
        .unwrap_or(Role::Worker)
}

/// The union of the status list and the ordinals on the configurations. The list is the newer word: it
/// is written before any configuration that depends on it. So who is not in it left, and comes last again.
/// Where somebody else has written it the places on the configurations count.
fn order<'a>(
    role: Role,
    roles: &BTreeMap<&'a str, Role>,
    lists: &[(&'a str, Role)],
    own: &BTreeMap<&'a str, &'a NixosConfiguration>,
    is_edited: bool,
) -> Vec<&'a str> {
    let of_role = |machine: &str| roles.get(machine) == Some(&role);
    let ordinal_of = |machine: &str| own.get(machine).and_then(|configuration| ordinal(configuration));
    let mut order: Vec<&'a str> =
        lists.iter().map(|(machine, _)| *machine).filter(|machine| of_role(machine)).collect();
    let listed: BTreeSet<&str> = order.iter().copied().collect();
    let mut others: Vec<_> = own
        .keys()
        .copied()
        .filter(|machine| of_role(machine) && !listed.contains(machine))
        .map(|machine| (ordinal_of(machine).unwrap_or(u64::MAX), machine))
        .collect();
    others.sort_unstable();
    order.extend(others.into_iter().map(|(_, machine)| machine));
    if is_edited {
        order.sort_by_key(|machine| ordinal_of(machine).unwrap_or(u64::MAX));
    }
    order
}

/// NICO has written into the status, and the lists there, which are the applier's, belong to somebody else now.
fn is_edited(cluster: &KubernetesCluster) -> bool {
    let entries = || cluster.metadata.managed_fields.iter().flatten();
    let of_status = |manager: &str| {
        let by = entries().filter(move |entry| entry.manager.as_deref() == Some(manager));
        by.filter_map(|entry| entry.fields_v1.as_ref()?.0.get("f:status")).collect::<Vec<_>>()
    };
    let (remembered, told) = (of_status(FIELD_MANAGER), of_status(STATUS_MANAGER));
    let has_written = !remembered.is_empty() || !told.is_empty();
    let has_both = |fields: &&Value| LISTS.iter().all(|list| fields.get(list).is_some());
    let has_lists = cluster.status.as_ref().is_some_and(|status| {
        status.selected_control_plane_machines.is_some() || status.selected_data_plane_machines.is_some()
    });
    has_lists && has_written && !remembered.iter().any(has_both)
}

/// The place that NICO noted on a configuration.
pub(crate) fn ordinal(configuration: &NixosConfiguration) -> Option<u64> {
    configuration.annotation(ORDINAL)?.parse().ok()
}

/// Machines that say they run a configuration of this name: members, when the live objects were not
/// given.
fn guess<'a>(
    role: Role,
    cluster: &KubernetesCluster,
    space: &Space<'a>,
    demand: &Demand<'a>,
) -> Vec<&'a str> {
    let running = space.machines.iter().filter(|(machine, object)| {
        let applied = object.status.as_ref().and_then(|status| status.applied_configuration.as_deref());
        applied == Some(configuration_name(name(&cluster.metadata), machine).as_str())
    });
    let control_plane = demand.of_role(Role::ControlPlane);
    let mut room = control_plane.count();
    let mut found: BTreeMap<Role, Vec<&'a str>> = BTreeMap::new();
    for (machine, object) in running {
        let chosen = if control_plane.lists(machine) {
            Role::ControlPlane
        } else if !control_plane.is_explicit()
            && !demand.of_role(Role::Worker).lists(machine)
            && control_plane.matches(object)
            && room > 0
        {
            room = room.saturating_sub(1);
            Role::ControlPlane
        } else {
            Role::Worker
        };
        found.entry(chosen).or_default().push(machine);
    }
    let mut machines = found.remove(&role).unwrap_or_default();
    machines.sort_by_key(|machine| demand.of_role(role).place(machine));
    machines
}

fn read<'a>(
    machine: &'a str,
    role: Role,
    configuration: Option<&'a NixosConfiguration>,
    cluster: &KubernetesCluster,
    space: &Space<'a>,
) -> Known<'a> {
    let usual = configuration_name(name(&cluster.metadata), machine);
    let status = space.machine(machine).and_then(|object| object.status.as_ref());
    let runs_it =
        status.is_some_and(|status| status.applied_configuration.as_deref() == Some(usual.as_str()));
    Known {
        machine,
        role,
        configuration,
        listed: false,
        stands: configuration.is_some(),
        departure: departure(machine, configuration, cluster, space),
        ran: runs_it || configuration.is_some_and(shows_that_it_ran),
    }
}

/// Not where all that NIO tells of is that it has cleaned the machine: nothing of the cluster need have run there.
fn shows_that_it_ran(configuration: &NixosConfiguration) -> bool {
    configuration.shows_an_apply() && !configuration.shows_a_removal()
}

fn departure(
    machine: &str,
    configuration: Option<&NixosConfiguration>,
    cluster: &KubernetesCluster,
    space: &Space<'_>,
) -> Option<Departure> {
    let object = space.machine(machine);
    let marked = |key| {
        object.is_some_and(|object| is_marked(&object.metadata, key))
            || configuration.is_some_and(|configuration| is_marked(&configuration.metadata, key))
    };
    if marked(LOST) {
        return Some(Departure::Lost);
    }
    let Some(object) = object else {
        return Some(Departure::MachineGone);
    };
    match configuration {
        Some(configuration) if configuration.metadata.deletion_timestamp.is_some() => {
            Some(Departure::BeingDeleted)
        }
        Some(configuration) if configuration.annotation(LEAVING).is_some() => Some(Departure::Begun),
        Some(_) => None,
        None => annotation(&object.metadata, REINSTALL_FOR)
            .filter(|other| *other != name(&cluster.metadata))
            .filter(|other| space.clusters.iter().any(|cluster| name(&cluster.metadata) == *other))
            .map(|_| Departure::Elsewhere),
    }
}
