//! What may be done now, in order, and why the rest waits.
//!
//! What is new comes by the rules of `creation`, what exists is set right by those of `correction`, what
//! leaves goes by those of `removal`. Before all of it, and whatever else waits, comes the clearing of
//! `fullInstall`: left in place, it wipes a disk. What must be remembered from one plan to the next stands
//! on the objects.

mod adoption;
mod as_it_is;
mod budget;
mod clearing;
mod confirm;
mod content;
mod contest;
mod correction;
mod creation;
mod deletion;
mod farewell;
mod freeze;
mod lost;
mod member;
mod nudge;
mod parting;
mod plan;
mod removal;
mod shortcoming;
mod standing;
mod token;
mod waiting;
mod words;

use std::rc::Rc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{CLEANUP_FINALIZER, Role, configuration_name};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};

use crate::desired::Desired;
use crate::inventory::{Space, name, namespace};
use crate::memory::Memory;
use crate::observed::Observed;
use crate::proof::{self, Proof, Timing};

pub use adoption::{adopted_configuration, adopted_status};
pub(crate) use correction::is_content;
pub use parting::Parting;
pub use plan::{FinalizerChange, NodeAct, NodeStep, Plan, Purpose, Removal, Step, Target, Write};
pub use shortcoming::Shortcoming;
use standing::Standing;
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
    let planner = Planner {
        cluster,
        desired,
        observed,
        space,
        now,
        timing: Timing::of(cluster),
        max_unavailable: budget::max_unavailable(cluster, desired),
        standings: Rc::default(),
        frozen_by: None,
        begun: Vec::new(),
        plan: Plan::default(),
    };
    planner.decide()
}

struct Planner<'a> {
    cluster: &'a KubernetesCluster,
    desired: &'a Desired,
    observed: &'a Observed<'a>,
    space: &'a Space<'a>,
    now: Timestamp,
    timing: Timing,
    max_unavailable: usize,
    /// The configurations as they were seen.
    standings: Rc<[Standing<'a>]>,
    /// The place of one of them.
    frozen_by: Option<usize>,
    /// What this plan disturbs.
    begun: Vec<Begun<'a>>,
    plan: Plan,
}

/// A machine that this plan writes content to: an apply of it is in flight from now on.
struct Begun<'a> {
    role: Role,
    machine: &'a str,
}

impl<'a> Planner<'a> {
    fn decide(mut self) -> Plan {
        self.clear_full_install();
        if self.cluster.metadata.deletion_timestamp.is_some() {
            self.delete_cluster();
        } else if self.cluster.spec.paused == Some(true) {
            self.remember_that_it_runs();
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
        self.standings = self.look().into();
        self.frozen_by = freeze::frozen_by(&self.standings);
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
        if self.remembered() != self.desired.memory {
            self.step(Step::Remember(self.desired.memory.clone()));
        }
    }

    /// The evidence may be gone when a pause ends; and an empty machine must never be put at the head of a
    /// cluster that runs.
    fn remember_that_it_runs(&mut self) {
        let remembered = self.remembered();
        if self.desired.bootstrapped && !remembered.bootstrapped {
            self.step(Step::Remember(Memory { bootstrapped: true, ..remembered }));
        }
    }

    fn remembered(&self) -> Memory {
        self.cluster.status.as_ref().map(Memory::remembered).unwrap_or_default()
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

    fn name_of(&self, machine: &str) -> String {
        configuration_name(name(&self.cluster.metadata), machine)
    }

    fn live(&self, configuration: &str) -> Option<&'a NixosConfiguration> {
        self.space.configurations.get(configuration).copied()
    }

    fn machine(&self, machine: &str) -> Option<&'a Machine> {
        self.space.machine(machine)
    }

    fn proof(&self, machine: &str, live: &NixosConfiguration) -> Proof {
        proof::prove(live, self.machine(machine), self.observed.inventory.dialect, &self.timing, self.now)
    }

    fn has_our_finalizer(&self) -> bool {
        has_finalizer(self.cluster.metadata.finalizers.as_ref(), CLEANUP_FINALIZER)
    }
}

fn has_finalizer(finalizers: Option<&Vec<String>>, wanted: &str) -> bool {
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == wanted))
}
