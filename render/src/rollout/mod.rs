//! What may be done now, in order, and why the rest waits.
//!
//! What is new comes by the rules of `creation`, what exists is set right by those of `correction`, what
//! leaves goes by those of `removal`. Before all of it, and whatever else waits, comes the clearing of
//! `fullInstall`: left in place, it wipes a disk.

mod adoption;
mod clearing;
mod contest;
mod correction;
mod creation;
mod deletion;
mod plan;
mod removal;
mod token;
mod waiting;

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{CLEANUP_FINALIZER, Role};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};

use crate::desired::Desired;
use crate::inventory::{Space, name, namespace};
use crate::memory::Memory;
use crate::observed::Observed;
use crate::proof::{self, Proof, Timing};

pub use adoption::{adopted_configuration, adopted_status};
pub use plan::{FinalizerChange, Plan, Purpose, Removal, Step, Target, Write};
pub use waiting::{WaitReason, Waiting};

/// Decides, for one cluster.
pub fn rollout(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    now: Timestamp,
) -> Plan {
    let empty = Space::default();
    let space = observed.space(namespace(&cluster.metadata)).unwrap_or(&empty);
    Planner { cluster, desired, observed, space, now, plan: Plan::default() }.decide()
}

struct Planner<'a> {
    cluster: &'a KubernetesCluster,
    desired: &'a Desired,
    observed: &'a Observed<'a>,
    space: &'a Space<'a>,
    now: Timestamp,
    plan: Plan,
}

impl Planner<'_> {
    fn decide(mut self) -> Plan {
        self.clear_full_install();
        if self.cluster.metadata.deletion_timestamp.is_some() {
            self.delete_cluster();
        } else if self.cluster.spec.paused == Some(true) {
            self.wait_cluster(WaitReason::Paused);
        } else if self.old_operator_runs() {
            self.wait_cluster(WaitReason::OldOperatorRunning);
        } else {
            self.go_on();
        }
        self.plan
    }

    fn go_on(&mut self) {
        self.claim_cluster();
        self.adopt_status();
        self.remember();
        let has_token = self.see_to_token();
        self.adopt_configurations();
        self.create(has_token);
        self.correct();
        self.remove();
    }

    /// Ours is on the cluster before anything is made for it, or nobody could end its life in order.
    fn claim_cluster(&mut self) {
        let finalizers = self.cluster.metadata.finalizers.clone().unwrap_or_default();
        if let Some((finalizers, why)) = adoption::claimed(&finalizers) {
            self.step(Step::Finalizers { finalizers, why });
        }
    }

    fn remember(&mut self) {
        let remembered = self.cluster.status.as_ref().map(Memory::remembered).unwrap_or_default();
        if remembered != self.desired.memory {
            self.step(Step::Remember(self.desired.memory.clone()));
        }
    }

    fn step(&mut self, step: Step) {
        self.plan.steps.push(step);
    }

    fn wait(&mut self, machine: &str, reason: WaitReason) {
        self.plan.waiting.push(Waiting { machine: Some(machine.to_owned()), reason });
    }

    fn wait_cluster(&mut self, reason: WaitReason) {
        self.plan.waiting.push(Waiting { machine: None, reason });
    }

    fn live(&self, configuration: &str) -> Option<&NixosConfiguration> {
        self.space.configurations.get(configuration).copied()
    }

    fn machine(&self, machine: &str) -> Option<&Machine> {
        self.space.machine(machine)
    }

    fn proof(&self, machine: &str, live: &NixosConfiguration) -> Proof {
        let timing = Timing::of(self.cluster);
        proof::prove(live, self.machine(machine), self.observed.inventory.dialect, &timing, self.now)
    }

    fn has_our_finalizer(&self) -> bool {
        has_finalizer(self.cluster.metadata.finalizers.as_ref(), CLEANUP_FINALIZER)
    }

    /// What a write to a live configuration is bound to.
    fn target(&self, machine: &str, role: Role, live: &NixosConfiguration) -> Target {
        Target {
            machine: machine.to_owned(),
            role,
            configuration: name(&live.metadata).to_owned(),
            uid: live.metadata.uid.clone().unwrap_or_default(),
            resource_version: live.metadata.resource_version.clone().unwrap_or_default(),
        }
    }
}

fn has_finalizer(finalizers: Option<&Vec<String>>, wanted: &str) -> bool {
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == wanted))
}
