//! Whether a machine may join a cluster now, and if not, why.

use nico_crds::machine::MachineStatus;
use nico_crds::names::{LOST, REINSTALL_FOR, configuration_name};
use nico_crds::{KubernetesCluster, Machine};

use crate::diagnostic::Obstacle;
use crate::inventory::{Space, annotation, is_marked, name};
use crate::owner;
use crate::select::claims::Claims;
use crate::select::known::Roster;

/// The longest name that an object may have (RFC 1123 subdomain, as Kubernetes has it).
const MAX_NAME: usize = 253;

/// What is looked at to decide whether a machine may join.
pub(crate) struct Gate<'g, 'a> {
    pub cluster: &'a KubernetesCluster,
    pub space: &'g Space<'a>,
    pub claims: &'g Claims<'a>,
    pub roster: &'g Roster<'a>,
}

impl Gate<'_, '_> {
    /// What stands in the machine's way, if anything does.
    pub fn obstacle(&self, machine: &str) -> Option<Obstacle> {
        let Some(object) = self.space.machine(machine) else {
            return Some(Obstacle::NoSuchMachine);
        };
        self.unusable(object)
            .or_else(|| self.claimed(machine, object))
            .or_else(|| unreachable(object))
            .or_else(|| self.nameless(machine))
    }

    fn unusable(&self, object: &Machine) -> Option<Obstacle> {
        if object.metadata.deletion_timestamp.is_some() {
            return Some(Obstacle::MachineDeleting);
        }
        if is_marked(&object.metadata, LOST) {
            return Some(Obstacle::MarkedLost);
        }
        let known = self
            .roster
            .find(name(&object.metadata))
            .filter(|known| known.stands && known.departure.is_none());
        known.map(|known| Obstacle::StillInRole { role: known.role })
    }

    /// A configuration always stands in the way; everything else gives way to `reinstall-for`.
    fn claimed(&self, machine: &str, object: &Machine) -> Option<Obstacle> {
        let cluster = name(&self.cluster.metadata);
        if let Some(configuration) = self.space.configurations_of(machine).first() {
            return Some(Obstacle::ClaimedByConfiguration {
                configuration: name(&configuration.metadata).to_owned(),
                owner: owner::describe(configuration),
            });
        }
        if let Some(other) = self.claims.taken_by_other(cluster, machine) {
            return Some(Obstacle::ClaimedByCluster { cluster: other.to_owned() });
        }
        if is_reinstall(self.cluster, object) {
            return None;
        }
        if let Some(other) =
            self.wanted_elsewhere(object).or_else(|| self.claims.other_cluster(cluster, machine))
        {
            return Some(Obstacle::ClaimedByCluster { cluster: other.to_owned() });
        }
        let listed = self.roster.find(machine).is_some_and(|known| known.listed);
        if self.claims.has(cluster, machine) && !listed {
            return Some(Obstacle::NotCleaned);
        }
        let status = object.status.as_ref()?;
        (status.has_configuration == Some(true) && !listed)
            .then(|| Obstacle::AlreadyConfigured { configuration: status.applied_configuration.clone() })
    }

    /// A person wants the machine reinstalled for another cluster that exists.
    fn wanted_elsewhere<'m>(&self, object: &'m Machine) -> Option<&'m str> {
        let other = annotation(&object.metadata, REINSTALL_FOR)?;
        let is_other = other != name(&self.cluster.metadata);
        let exists = self.space.clusters.iter().any(|cluster| name(&cluster.metadata) == other);
        (is_other && exists).then_some(other)
    }

    fn nameless(&self, machine: &str) -> Option<Obstacle> {
        let configuration = configuration_name(name(&self.cluster.metadata), machine);
        if configuration.len() > MAX_NAME {
            return Some(Obstacle::NameTooLong { length: configuration.len() });
        }
        let owner = self.claims.name_taken(self.cluster, self.space, &configuration)?;
        Some(Obstacle::NameTaken { configuration, owner })
    }
}

fn unreachable(object: &Machine) -> Option<Obstacle> {
    let discoverable = object.status.as_ref().and_then(|status: &MachineStatus| status.discoverable);
    if discoverable != Some(true) {
        return Some(Obstacle::NotDiscoverable);
    }
    object.address().is_none().then_some(Obstacle::NoAddress)
}

/// A person asks for this machine to be wiped when it joins this cluster, and it has not been used yet:
/// an annotation that is left on does not count a second time.
pub(crate) fn is_reinstall(cluster: &KubernetesCluster, machine: &Machine) -> bool {
    asks_for_reinstall(cluster, machine) && !was_reinstalled(cluster, name(&machine.metadata))
}

/// The annotation `reinstall-for` names this cluster.
pub(crate) fn asks_for_reinstall(cluster: &KubernetesCluster, machine: &Machine) -> bool {
    annotation(&machine.metadata, REINSTALL_FOR) == Some(name(&cluster.metadata))
}

fn was_reinstalled(cluster: &KubernetesCluster, machine: &str) -> bool {
    let used = cluster.status.as_ref().and_then(|status| status.reinstalled.as_ref());
    used.is_some_and(|used| used.iter().any(|other| other == machine))
}
