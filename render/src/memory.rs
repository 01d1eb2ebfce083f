//! What the applier must remember in the cluster's status: what cannot be read off the objects again.

use std::collections::{BTreeMap, BTreeSet};

use nico_crds::names::{REBOOTSTRAP, configuration_name};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};

use crate::inventory::{Space, annotation, name};
use crate::select::{Selection, asks_for_reinstall, is_cleaned};

/// What must be remembered. The lists are written before any configuration that depends on them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The control planes, in order.
    pub control_planes: Vec<String>,
    /// The workers, in order.
    pub workers: Vec<String>,
    /// Machine to configuration: everyone that was taken and that NIO has not cleaned since.
    pub applied_machines: BTreeMap<String, String>,
    /// Once true, true for ever.
    pub bootstrapped: bool,
    /// Machines whose `reinstall-for` was used and still stands.
    pub reinstalled: Vec<String>,
    /// The machine that the cluster was last started anew on.
    pub rebootstrapped: Option<String>,
    /// The generation at which the cluster was taken over.
    pub adopted_generation: Option<i64>,
}

impl Memory {
    /// The fields of the status that hold it.
    pub const FIELDS: [&str; 7] = [
        "adoptedGeneration",
        "appliedMachines",
        "bootstrapped",
        "rebootstrapped",
        "reinstalled",
        "selectedControlPlaneMachines",
        "selectedDataPlaneMachines",
    ];

    pub(crate) fn of(cluster: &KubernetesCluster, space: &Space<'_>, selection: &Selection<'_>) -> Self {
        let status = cluster.status.clone().unwrap_or_default();
        let names = |members: &[crate::select::Member<'_>]| {
            members.iter().map(|member| member.machine.to_owned()).collect()
        };
        Self {
            control_planes: names(&selection.control_planes),
            workers: names(&selection.workers),
            applied_machines: applied_machines(cluster, space, selection, &status),
            bootstrapped: selection.bootstrapped,
            reinstalled: reinstalled(cluster, space, selection, &status),
            rebootstrapped: rebootstrapped(cluster, selection, &status),
            adopted_generation: if selection.adopting {
                cluster.metadata.generation
            } else {
                status.adopted_generation
            },
        }
    }

    /// What the status holds of it now.
    pub fn remembered(status: &KubernetesClusterStatus) -> Self {
        Self {
            control_planes: status.selected_control_plane_machines.clone().unwrap_or_default(),
            workers: status.selected_data_plane_machines.clone().unwrap_or_default(),
            applied_machines: status.applied_machines.clone().unwrap_or_default(),
            bootstrapped: status.bootstrapped.unwrap_or(false),
            reinstalled: status.reinstalled.clone().unwrap_or_default(),
            rebootstrapped: status.rebootstrapped.clone(),
            adopted_generation: status.adopted_generation,
        }
    }

    /// The same, as a status that holds nothing else.
    pub fn as_status(&self) -> KubernetesClusterStatus {
        KubernetesClusterStatus {
            selected_control_plane_machines: Some(self.control_planes.clone()),
            selected_data_plane_machines: Some(self.workers.clone()),
            applied_machines: Some(self.applied_machines.clone()).filter(|applied| !applied.is_empty()),
            bootstrapped: self.bootstrapped.then_some(true),
            reinstalled: Some(self.reinstalled.clone()).filter(|used| !used.is_empty()),
            rebootstrapped: self.rebootstrapped.clone(),
            adopted_generation: self.adopted_generation,
            ..KubernetesClusterStatus::default()
        }
    }
}

/// A machine stays in until NIO has cleaned it; it enters once its configuration exists.
fn applied_machines(
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    selection: &Selection<'_>,
    status: &KubernetesClusterStatus,
) -> BTreeMap<String, String> {
    let mut applied = status.applied_machines.clone().unwrap_or_default();
    applied.retain(|machine, _| !is_cleaned(space, machine));
    let leaving = selection.leaving.iter().map(|leaving| leaving.machine);
    let members = selection.members().filter(|member| member.stands).map(|member| member.machine);
    for machine in members.chain(leaving) {
        let configuration = configuration_name(name(&cluster.metadata), machine);
        applied.entry(machine.to_owned()).or_insert(configuration);
    }
    applied
}

/// Used is what has a configuration here, and what was used before while the annotation still stands.
fn reinstalled(
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    selection: &Selection<'_>,
    status: &KubernetesClusterStatus,
) -> Vec<String> {
    let before = status.reinstalled.iter().flatten().map(String::as_str);
    let members = selection.members().filter(|member| member.stands).map(|member| member.machine);
    let leaving = selection.leaving.iter().map(|leaving| leaving.machine);
    let candidates: BTreeSet<&str> = before.chain(members).chain(leaving).collect();
    let asks =
        |machine: &&str| space.machine(machine).is_some_and(|object| asks_for_reinstall(cluster, object));
    candidates.into_iter().filter(asks).map(str::to_owned).collect()
}

/// The annotation is used once: when its machine stands at the head.
fn rebootstrapped(
    cluster: &KubernetesCluster,
    selection: &Selection<'_>,
    status: &KubernetesClusterStatus,
) -> Option<String> {
    let asked = annotation(&cluster.metadata, REBOOTSTRAP);
    let head = selection.control_planes.first().filter(|member| member.stands).map(|member| member.machine);
    match asked {
        // It may have been the head all along: then nothing was started anew, and nothing needs to be.
        Some(machine) if head == Some(machine) => Some(machine.to_owned()),
        Some(_) | None => status.rebootstrapped.clone(),
    }
}
