//! What is looked at: the cluster with all that is known of it, and how each of its machines is.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{LOST, Role, configuration_name};
use nico_crds::status::{GroupStatus, MachineLine};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};

use super::seen::{Loss, Seen};
use super::state::{self, State};
use super::{control_plane_was_ready, numbers};
use crate::desired::{Desired, DesiredConfiguration};
use crate::diagnostic::{Departure, Diagnostic};
use crate::error::RenderError;
use crate::inventory::{Space, is_marked, name, namespace};
use crate::observed::Observed;
use crate::owner;
use crate::proof::{self, Timing};
use crate::rollout::{Plan, Step, WaitReason, Waiting};
use crate::wiped;
use crate::workload::{self, Probe, Workload};

/// A cluster, with all that is known of it.
pub(super) struct Look<'a> {
    pub cluster: &'a KubernetesCluster,
    pub previous: &'a KubernetesClusterStatus,
    pub desired: Result<&'a Desired, &'a RenderError>,
    pub observed: &'a Observed<'a>,
    pub plan: Option<&'a Plan>,
    pub now: Timestamp,
    pub timing: Timing,
    /// Members, control planes first; then those that leave. Each once.
    pub machines: Vec<Seen<'a>>,
    pub control_plane: GroupStatus,
    pub data_plane: GroupStatus,
    /// All control planes were ready once.
    pub was_ready: bool,
    /// What each machine waits for.
    waits: BTreeMap<&'a str, &'a WaitReason>,
    /// Machines whose configuration the plan creates.
    created: BTreeSet<&'a str>,
}

impl<'a> Look<'a> {
    pub fn at(
        cluster: &'a KubernetesCluster,
        previous: &'a KubernetesClusterStatus,
        desired: Result<&'a Desired, &'a RenderError>,
        observed: &'a Observed<'a>,
        plan: Option<&'a Plan>,
        now: Timestamp,
    ) -> Self {
        let mut look = Self {
            cluster,
            previous,
            desired,
            observed,
            plan,
            now,
            timing: Timing::of(cluster),
            machines: Vec::new(),
            control_plane: GroupStatus::default(),
            data_plane: GroupStatus::default(),
            was_ready: control_plane_was_ready(previous),
            waits: plan.into_iter().flat_map(waits).collect(),
            created: plan.into_iter().flat_map(|plan| &plan.steps).filter_map(created).collect(),
        };
        look.machines = look.see_all();
        look.control_plane = numbers::group(&look, Role::ControlPlane);
        look.data_plane = numbers::group(&look, Role::Worker);
        look
    }

    pub fn is_deleting(&self) -> bool {
        self.cluster.metadata.deletion_timestamp.is_some()
    }

    /// It has been so for longer than an apply may take.
    pub fn is_long_ago(&self, since: Timestamp) -> bool {
        since.checked_add(self.timing.deadline).is_ok_and(|until| wiped::whole(self.now) > until)
    }

    pub fn is_bootstrapped(&self) -> bool {
        let told = self.previous.bootstrapped == Some(true);
        self.desired.map_or(told, |desired| desired.bootstrapped)
    }

    /// What is known of the cluster that runs.
    pub fn workload(&self) -> Option<&'a Workload> {
        self.observed.workload(self.cluster)
    }

    /// What it said when it was last asked.
    pub fn probe(&self) -> Option<&'a Probe> {
        self.workload()?.probe.as_deref()
    }

    pub fn members(&self) -> impl Iterator<Item = &Seen<'a>> {
        self.machines.iter().filter(|seen| seen.is_member)
    }

    pub fn of_role(&self, role: Role) -> impl Iterator<Item = &Seen<'a>> {
        self.members().filter(move |seen| seen.role == role)
    }

    pub fn group(&self, role: Role) -> &GroupStatus {
        match role {
            Role::ControlPlane => &self.control_plane,
            Role::Worker => &self.data_plane,
        }
    }

    pub fn diagnostics(&self) -> &'a [Diagnostic] {
        self.desired.map_or(&[], |desired| &desired.diagnostics)
    }

    pub fn waiting(&self) -> &'a [Waiting] {
        self.plan.map_or(&[], |plan| &plan.waiting)
    }

    /// What a machine waits for, in words.
    pub fn waits(&self, machine: &str) -> Option<String> {
        self.waits.get(machine).map(ToString::to_string)
    }

    /// The plan creates its configuration.
    pub fn creates(&self, machine: &str) -> bool {
        self.created.contains(machine)
    }

    fn see_all(&self) -> Vec<Seen<'a>> {
        let empty = Space::default();
        let space = self.observed.space(namespace(&self.cluster.metadata)).unwrap_or(&empty);
        let desired = self.desired.ok();
        let leaving = || desired.into_iter().flat_map(|desired| &desired.leaving);
        let wanted = desired.into_iter().flat_map(|desired| &desired.configurations);
        let eyes = Eyes {
            look: self,
            space,
            departures: leaving().map(|leaving| (leaving.machine.as_str(), leaving.why)).collect(),
            wanted: wanted.map(|wanted| (wanted.machine.as_str(), wanted)).collect(),
            before: self.previous.machines.iter().flatten().map(|line| (line.name.as_str(), line)).collect(),
        };
        let mut seen = BTreeSet::new();
        let members = self.member_names().into_iter().map(|(machine, role)| (machine, role, true));
        let leaving = leaving().map(|leaving| (leaving.machine.as_str(), leaving.role, false));
        let all = members.chain(leaving).filter(|(machine, _, _)| seen.insert(*machine));
        all.map(|(machine, role, is_member)| eyes.see(machine, role, is_member)).collect()
    }

    /// Where nothing can be rendered, the members are those that are remembered.
    fn member_names(&self) -> Vec<(&'a str, Role)> {
        if let Ok(desired) = self.desired {
            return desired.members.iter().map(|member| (member.machine.as_str(), member.role)).collect();
        }
        let list = |list: &'a Option<Vec<String>>, role: Role| {
            list.iter().flatten().map(move |machine| (machine.as_str(), role))
        };
        list(&self.previous.selected_control_plane_machines, Role::ControlPlane)
            .chain(list(&self.previous.selected_data_plane_machines, Role::Worker))
            .collect()
    }
}

fn waits(plan: &Plan) -> impl Iterator<Item = (&str, &WaitReason)> {
    // The first reason of a machine is the one that is told.
    let reasons = plan.waiting.iter().rev();
    reasons.filter_map(|waiting| Some((waiting.machine.as_deref()?, &waiting.reason)))
}

fn created(step: &Step) -> Option<&str> {
    match step {
        Step::Create(configuration) => Some(&configuration.machine),
        Step::Finalizers { .. }
        | Step::AdoptStatus
        | Step::Remember(_)
        | Step::LookAtToken
        | Step::CreateToken
        | Step::OwnToken { .. }
        | Step::Adopt(_)
        | Step::Write(_)
        | Step::Delete { .. }
        | Step::ReleaseFromNio(_)
        | Step::Node(_) => None,
    }
}

/// What machines are looked at with.
struct Eyes<'l, 'a> {
    look: &'l Look<'a>,
    space: &'l Space<'a>,
    departures: BTreeMap<&'a str, Departure>,
    wanted: BTreeMap<&'a str, &'a DesiredConfiguration>,
    before: BTreeMap<&'a str, &'a MachineLine>,
}

impl<'a> Eyes<'_, 'a> {
    fn see(&self, machine: &'a str, role: Role, is_member: bool) -> Seen<'a> {
        let Look { cluster, observed, timing, now, .. } = self.look;
        let configuration = configuration_name(name(&cluster.metadata), machine);
        let live = self.space.configurations.get(configuration.as_str()).copied();
        let live = live.filter(|live| owner::is_own(live, cluster));
        let object = self.space.machine(machine);
        let is_marked = |metadata| is_marked(metadata, LOST);
        let before = self.before.get(machine).copied();
        let probe = self.look.probe().filter(|_| live.is_some());
        let mut seen = Seen {
            machine,
            role,
            is_member,
            departure: self.departures.get(machine).copied(),
            live,
            wanted: self.wanted.get(machine).copied(),
            proof: live.map(|live| proof::prove(live, object, observed.inventory.dialect, timing, *now)),
            health: object.map(|object| observed.health(object)).unwrap_or_default(),
            reported: probe.map(|probe| workload::report(cluster, Some(probe), machine, role, *now)),
            node: probe.and_then(|probe| probe.nodes.as_ref().ok()?.get(machine)),
            before,
            loss: match object {
                None => Some(Loss::Gone),
                Some(object) => is_marked(&object.metadata).then_some(Loss::Marked),
            }
            .or_else(|| live.filter(|live| is_marked(&live.metadata)).map(|_| Loss::Marked)),
            is_wiped_again: live.is_some_and(|live| wiped::is_wiped_again(before, live)),
            state: State::Waiting,
        };
        seen.state = state::of(&seen);
        seen
    }
}
