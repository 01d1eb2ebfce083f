//! Who has which machine and which name, over all clusters of a namespace (S1, S2).

use std::collections::BTreeMap;

use nico_crds::names::configuration_name;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};

use crate::inventory::{Space, name};
use crate::owner;

/// Who has which machine and which name. Grows while the clusters choose, one after the other.
#[derive(Default)]
pub(crate) struct Claims<'a> {
    /// Machine to the clusters that have it by their status, or took it in this pass.
    machines: BTreeMap<&'a str, Vec<&'a str>>,
    /// Machine to the cluster that took it in this pass.
    taken: BTreeMap<&'a str, &'a str>,
    /// Name of a configuration to the cluster that will create it.
    names: BTreeMap<String, &'a str>,
}

impl<'a> Claims<'a> {
    /// What the clusters' statuses claim.
    pub fn standing(space: &Space<'a>) -> Self {
        let mut claims = Self::default();
        for cluster in &space.clusters {
            let Some(status) = &cluster.status else {
                continue;
            };
            for machine in listed(status) {
                claims.note(name(&cluster.metadata), machine);
                claims.reserve_name(name(&cluster.metadata), machine);
            }
            for machine in status.applied_machines.iter().flatten().map(|(machine, _)| machine) {
                if !is_cleaned(space, machine) {
                    claims.note(name(&cluster.metadata), machine);
                }
            }
        }
        claims
    }

    /// A cluster takes a machine, and with it the name of its configuration.
    pub fn take(&mut self, cluster: &'a str, machine: &'a str) {
        self.taken.entry(machine).or_insert(cluster);
        self.reserve_name(cluster, machine);
    }

    fn reserve_name(&mut self, cluster: &'a str, machine: &str) {
        self.names.entry(configuration_name(cluster, machine)).or_insert(cluster);
    }

    fn note(&mut self, cluster: &'a str, machine: &'a str) {
        let clusters = self.machines.entry(machine).or_default();
        if !clusters.contains(&cluster) {
            clusters.push(cluster);
            clusters.sort_unstable();
        }
    }

    /// Another cluster that took the machine in this pass.
    pub fn taken_by_other(&self, cluster: &str, machine: &str) -> Option<&'a str> {
        self.taken.get(machine).copied().filter(|other| *other != cluster)
    }

    /// Another cluster that has a machine by its status.
    pub fn other_cluster(&self, cluster: &str, machine: &str) -> Option<&'a str> {
        self.machines.get(machine)?.iter().copied().find(|other| *other != cluster)
    }

    /// This cluster has, or had, the machine.
    pub fn has(&self, cluster: &str, machine: &str) -> bool {
        self.machines.get(machine).is_some_and(|clusters| clusters.contains(&cluster))
    }

    /// Whoever else has, or is about to have, the name of a configuration.
    pub fn name_taken(
        &self,
        cluster: &KubernetesCluster,
        space: &Space<'_>,
        configuration: &str,
    ) -> Option<String> {
        match space.configurations.get(configuration) {
            Some(live) if owner::is_own(live, cluster) => None,
            Some(live) => Some(owner::describe(live)),
            None => self
                .names
                .get(configuration)
                .filter(|other| **other != name(&cluster.metadata))
                .map(|other| format!("KubernetesCluster \"{other}\"")),
        }
    }
}

/// The machines in a cluster's selection lists, control planes first.
pub(crate) fn listed(status: &KubernetesClusterStatus) -> impl Iterator<Item = &String> {
    status
        .selected_control_plane_machines
        .iter()
        .flatten()
        .chain(status.selected_data_plane_machines.iter().flatten())
}

/// NIO has cleaned the machine: it has no configuration any more and says so. A Machine that was created
/// anew says the same, or nothing, of a disk that nobody cleaned: so a sign is asked for that the status is
/// the old one. Go NIO leaves a false boolean out.
pub(crate) fn is_cleaned(space: &Space<'_>, machine: &str) -> bool {
    let Some(status) = space.machine(machine).and_then(|machine| machine.status.as_ref()) else {
        return false;
    };
    let says_so = match status.has_configuration {
        Some(has) => !has,
        None => space.machine(machine).is_some_and(is_go),
    };
    says_so && status.last_applied_time.is_some() && space.configurations_of(machine).is_empty()
}

fn is_go(machine: &nico_crds::Machine) -> bool {
    machine.dialect() == Some(nico_crds::machine::Dialect::Go)
}
