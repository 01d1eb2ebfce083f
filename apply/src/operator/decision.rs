//! From what was seen to what is to be done, for each cluster of a namespace. One that panics or cannot be
//! rendered keeps no other from its turn.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::machine::Dialect;
use nico_crds::names::{LEAVING, LOST, Role, configuration_name};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus, Machine, NixosConfiguration};
use nico_render::rollout::{Plan, WaitReason};
use nico_render::status::status;
use nico_render::workload::{Sources, sources};
use nico_render::{ClusterKey, Desired, Inventory, Observed, Sight, render_each};

use crate::board::Ground;
use crate::metrics::{Laps, Told};

/// What may be done now: the function that decides it.
pub type Rollout = fn(&KubernetesCluster, &Desired, &Observed<'_>, Timestamp) -> Plan;

/// What was decided about a cluster.
pub(crate) enum Decision {
    /// It is known what to do, and what to tell.
    Made(Box<Made>),
    /// The deciding panicked.
    Panicked,
}

/// A cluster, and what was decided about it.
pub(crate) struct Made {
    pub cluster: Arc<KubernetesCluster>,
    /// What may be written; nothing, where it cannot be rendered.
    pub plan: Plan,
    /// What there is to tell; None: the cluster runs, and nobody has asked it yet, so that what was told of it still
    /// stands.
    pub status: Option<KubernetesClusterStatus>,
    /// Where it runs; None, where it cannot be rendered.
    pub ground: Option<Ground>,
    /// Why it cannot be rendered.
    pub error: Option<String>,
    /// What the metrics show of it.
    pub told: Told,
    /// How long its machines took to be selected.
    pub laps: Laps,
    /// Machines that it has taken, and that NIO has not cleaned since: when it goes, nobody remembers them.
    pub uncleaned: Vec<String>,
}

/// Those that still have a configuration, as after a deletion that orphans, are not forgotten.
fn uncleaned(desired: &Desired) -> Vec<String> {
    let taken = desired.memory.applied_machines.keys();
    let stands = |machine: &&String| desired.leaving.iter().any(|leaving| leaving.machine == **machine);
    taken.filter(|machine| !stands(machine)).cloned().collect()
}

/// What is in the inventory, which is that of one namespace, by name.
struct Named<'a> {
    machines: BTreeMap<&'a str, &'a Arc<Machine>>,
    configurations: BTreeMap<&'a str, &'a Arc<NixosConfiguration>>,
}

impl<'a> Named<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let machines = inventory.machines.iter();
        let configurations = inventory.configurations.iter();
        Self {
            machines: machines.filter_map(|one| Some((one.metadata.name.as_deref()?, one))).collect(),
            configurations: configurations
                .filter_map(|one| Some((one.metadata.name.as_deref()?, one)))
                .collect(),
        }
    }

    /// Where a cluster runs.
    fn ground(
        &self,
        cluster: &KubernetesCluster,
        desired: &Desired,
        sources: Sources,
        plan: &Plan,
        dialect: Dialect,
    ) -> Ground {
        let members = desired.members.iter().map(|member| &member.machine);
        let names: BTreeSet<_> =
            members.chain(desired.leaving.iter().map(|leaving| &leaving.machine)).cloned().collect();
        let drained = desired.leaving.iter().map(|leaving| &leaving.machine);
        let machine = |name: &String| Some((name.clone(), Arc::clone(self.machines.get(name.as_str())?)));
        let cluster = cluster.metadata.name.as_deref().unwrap_or_default();
        let configuration = |machine: &String| {
            let name = configuration_name(cluster, machine);
            Some((machine.clone(), Arc::clone(self.configurations.get(name.as_str())?)))
        };
        let control_planes = desired.members.iter().filter(|member| member.role == Role::ControlPlane);
        Ground {
            dialect,
            control_planes: control_planes.map(|member| member.machine.clone()).collect(),
            machines: names.iter().filter_map(machine).collect(),
            drained: drained.filter(|machine| self.drains(cluster, machine)).cloned().collect(),
            hurries: plan.waiting.iter().any(|waiting| hurries(&waiting.reason)),
            names,
            configurations: sources.settled.iter().filter_map(configuration).collect(),
            sources,
        }
    }

    /// Its removal has begun, by NICO's hand, and it is not lost.
    fn drains(&self, cluster: &str, machine: &str) -> bool {
        let name = configuration_name(cluster, machine);
        let (live, object) = (self.configurations.get(name.as_str()), self.machines.get(machine));
        let (Some(live), Some(object)) = (live, object) else { return false };
        let is_lost = |notes: &Option<BTreeMap<String, String>>| {
            notes.as_ref().and_then(|notes| notes.get(LOST)).is_some_and(|noted| noted == "true")
        };
        live.annotation(LEAVING).is_some()
            && live.metadata.deletion_timestamp.is_none()
            && !is_lost(&live.metadata.annotations)
            && !is_lost(&object.metadata.annotations)
    }
}

/// It goes on as soon as the cluster says something else.
const fn hurries(reason: &WaitReason) -> bool {
    matches!(reason, WaitReason::Parting(parting) if parting.goes_on())
}

/// Decides about the clusters of the inventory, but for those that must not be decided about now: they only
/// keep their machines from the others.
pub(crate) fn decide(
    inventory: &Inventory,
    sight: &Sight,
    waiting: &BTreeSet<ClusterKey>,
    rollout: Rollout,
    now: Timestamp,
) -> BTreeMap<ClusterKey, Decision> {
    let observed = Observed::new(inventory, sight);
    let named = Named::of(inventory);
    let decided = render_each(inventory, |rendering| {
        let cluster = rendering.cluster();
        // What a panic leaves behind is this cluster's claims at the worst, and they live for this pass only.
        let made = catch_unwind(AssertUnwindSafe(|| {
            if waiting.contains(&ClusterKey::of(cluster)) {
                rendering.claim();
                return None;
            }
            let mut laps = Laps::begin();
            let desired = rendering.render_telling(&mut |role, count| laps.chosen(role, count));
            let plan = desired.as_ref().ok().map(|desired| rollout(cluster, desired, &observed, now));
            let status = status(cluster, desired.as_ref(), &observed, plan.as_ref(), now);
            let workload = sight.workloads.get(&ClusterKey::of(cluster));
            Some(Made {
                cluster: Arc::new(cluster.clone()),
                told: Told::of(&status, plan.as_ref(), workload),
                laps,
                ground: desired.as_ref().ok().zip(plan.as_ref()).map(|(desired, plan)| {
                    let sources = sources(cluster, desired, &observed, now);
                    named.ground(cluster, desired, sources, plan, inventory.dialect)
                }),
                status: workload.is_some().then_some(status),
                plan: plan.unwrap_or_default(),
                uncleaned: desired.as_ref().map(uncleaned).unwrap_or_default(),
                error: desired.err().map(|error| error.to_string()),
            })
        }));
        made.map_or(Some(Decision::Panicked), |made| made.map(|made| Decision::Made(Box::new(made))))
    });
    decided.into_iter().filter_map(|(key, decision)| Some((key, decision?))).collect()
}
