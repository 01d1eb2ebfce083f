//! What may be done now, in order, and why the rest waits.
//!
//! So far it decides about what is new: the selection is remembered before anything depends on it, the
//! head comes alone until it is settled, workers come at once, further control planes one at a time.
//! What exists and differs is only named.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::jiff::Timestamp;
use nico_crds::cluster::{Bootstrap, InstallPolicy};
use nico_crds::names::{MEANING_BUT_LISTS, Role, WRITTEN_AT};
use nico_crds::{KubernetesCluster, NixosConfiguration};

use crate::desired::{Desired, DesiredConfiguration};
use crate::difference;
use crate::inventory::{ClusterKey, Inventory, Space, index, name};
use crate::memory::Memory;
use crate::proof::{self, Timing};

/// The writes that are allowed now, in order, and for everything else the reason why it waits.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What to write.
    pub steps: Vec<Step>,
    /// What waits.
    pub waiting: Vec<Waiting>,
}

/// One write.
#[derive(Clone, Debug)]
pub enum Step {
    /// Write down in the cluster's status what could not be read off the objects again.
    Remember(Memory),
    /// See to it that the Secret with the join token exists.
    EnsureJoinToken,
    /// Create a configuration; never change one.
    Create(Box<DesiredConfiguration>),
}

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The machine whose configuration waits.
    pub machine: String,
    /// For what.
    pub reason: WaitReason,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitReason {
    /// The cluster is paused.
    Paused,
    /// The head is lost and nobody can take its place.
    HeadLost,
    /// The head comes alone, until it is settled.
    Bootstrap {
        /// The head.
        head: String,
        /// What it still lacks.
        lacks: String,
    },
    /// The configuration of the head before this one still exists.
    FormerHead {
        /// Its name.
        configuration: String,
    },
    /// Control planes join one at a time, when all others are settled.
    ControlPlane {
        /// The one that is not.
        machine: String,
        /// What it still lacks.
        lacks: String,
    },
    /// It exists and differs.
    Differs {
        /// The fields that do.
        fields: Vec<String>,
    },
    /// It should not exist any more.
    Leaving {
        /// Why.
        why: crate::diagnostic::Departure,
    },
}

impl WaitReason {
    /// In one CamelCase word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Paused => "Paused",
            Self::HeadLost => "HeadLost",
            Self::Bootstrap { .. } => "WaitingForBootstrap",
            Self::FormerHead { .. } => "WaitingForFormerHead",
            Self::ControlPlane { .. } => "WaitingForControlPlane",
            Self::Differs { .. } => "Differs",
            Self::Leaving { .. } => "Leaving",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("the cluster is paused (spec.paused)"),
            Self::HeadLost => f.write_str("the first control plane is lost and no other can take its place"),
            Self::Bootstrap { head, lacks } => {
                write!(f, "waits for the first control plane, {head}: {lacks}")
            }
            Self::FormerHead { configuration } => {
                write!(f, "waits until \"{configuration}\", of the first control plane before it, is gone")
            }
            Self::ControlPlane { machine, lacks } => {
                write!(f, "waits for the control plane {machine}: {lacks}")
            }
            Self::Differs { fields } => write!(f, "exists and differs in {}", fields.join(", ")),
            Self::Leaving { why } => write!(f, "exists and should not: {why}"),
        }
    }
}

/// Decides.
pub fn rollout(
    cluster: &KubernetesCluster,
    desired: &Desired,
    inventory: &Inventory,
    now: Timestamp,
) -> Plan {
    let spaces = index(inventory);
    let empty = Space::default();
    let space = spaces.get(desired.cluster.namespace.as_str()).unwrap_or(&empty);
    let planner = Planner { cluster, desired, space, inventory, now };
    planner.plan()
}

struct Planner<'a> {
    cluster: &'a KubernetesCluster,
    desired: &'a Desired,
    space: &'a Space<'a>,
    inventory: &'a Inventory,
    now: Timestamp,
}

impl Planner<'_> {
    fn plan(&self) -> Plan {
        let mut plan = Plan::default();
        let remembered = self.cluster.status.as_ref().map(Memory::remembered).unwrap_or_default();
        if remembered != self.desired.memory {
            plan.steps.push(Step::Remember(self.desired.memory.clone()));
        }
        let (creations, waiting) = self.creations();
        plan.waiting = waiting;
        plan.waiting.extend(self.existing());
        if !self.desired.configurations.is_empty() {
            plan.steps.push(Step::EnsureJoinToken);
        }
        let mut after = self.desired.memory.clone();
        for configuration in &creations {
            after.applied_machines.insert(configuration.machine.clone(), configuration.name().to_owned());
        }
        let created = !creations.is_empty();
        plan.steps.extend(creations.into_iter().map(|configuration| Step::Create(self.dated(configuration))));
        if created {
            plan.steps.push(Step::Remember(after));
        }
        // What the Python operator left has to be taken over first, whole, and not by halves.
        if self.desired.adopting || self.cluster.spec.paused == Some(true) {
            plan.steps.clear();
        }
        plan
    }

    /// With the time that it is written: how long its apply takes counts from here.
    fn dated(&self, configuration: &DesiredConfiguration) -> Box<DesiredConfiguration> {
        let mut dated = Box::new(configuration.clone());
        let annotations = dated.object.metadata.annotations.get_or_insert_default();
        annotations.insert(WRITTEN_AT.to_owned(), self.now.to_string());
        dated
    }

    fn creations(&self) -> (Vec<&DesiredConfiguration>, Vec<Waiting>) {
        let mut created = Vec::new();
        let mut waiting = Vec::new();
        let mut gate = Gate::Open;
        for configuration in self.desired.configurations.iter().filter(|configuration| configuration.is_new) {
            if let Some(reason) = self.holds_back(configuration, &gate) {
                waiting.push(Waiting { machine: configuration.machine.clone(), reason });
                continue;
            }
            if configuration.role == Role::ControlPlane {
                gate = Gate::Taken(configuration.machine.clone());
            }
            created.push(configuration);
        }
        (created, waiting)
    }

    /// Why a new configuration cannot be created now.
    fn holds_back(&self, configuration: &DesiredConfiguration, gate: &Gate) -> Option<WaitReason> {
        if self.cluster.spec.paused == Some(true) {
            return Some(WaitReason::Paused);
        }
        if self.desired.head_lost {
            return Some(WaitReason::HeadLost);
        }
        let head = self.desired.members.first()?.machine.as_str();
        if configuration.machine == head {
            return self.former_head().map(|configuration| WaitReason::FormerHead { configuration });
        }
        if self.all_at_once() {
            return None;
        }
        let unsettled = self.lack(head).filter(|_| self.bootstraps(head));
        if let Some(lacks) = unsettled {
            return Some(WaitReason::Bootstrap { head: head.to_owned(), lacks });
        }
        match configuration.role {
            Role::Worker => None,
            Role::ControlPlane => self.control_plane_turn(&configuration.machine, gate),
        }
    }

    /// The head has no company yet: nobody else has a configuration.
    fn bootstraps(&self, head: &str) -> bool {
        self.desired.configurations.iter().all(|other| other.is_new || other.machine == head)
    }

    fn all_at_once(&self) -> bool {
        let bootstrap =
            self.cluster.spec.rollout.as_ref().and_then(|rollout| rollout.bootstrap).unwrap_or_default();
        // With installations NIO's second one could wipe the head after others joined it.
        let installs = self.cluster.spec.install_policy.unwrap_or_default() == InstallPolicy::FullInstall;
        bootstrap == Bootstrap::AllAtOnce && !installs && !self.desired.bootstrapped
    }

    fn former_head(&self) -> Option<String> {
        let former = |leaving: &&crate::desired::LeavingConfiguration| leaving.role == Role::ControlPlane;
        let leaving = self.desired.leaving.iter().find(former).filter(|_| !self.desired.bootstrapped);
        leaving.map(|leaving| leaving.configuration.clone())
    }

    /// One control plane at a time, when all others are settled and run what they should.
    fn control_plane_turn(&self, machine: &str, gate: &Gate) -> Option<WaitReason> {
        if let Gate::Taken(first) = gate {
            let lacks = "its configuration was created just now".to_owned();
            return Some(WaitReason::ControlPlane { machine: first.clone(), lacks });
        }
        let others =
            self.desired.configurations.iter().filter(|other| {
                other.role == Role::ControlPlane && other.machine != machine && !other.is_new
            });
        others
            .filter_map(|other| Some((other, self.lack(&other.machine).or_else(|| self.outdated(other))?)))
            .map(|(other, lacks)| WaitReason::ControlPlane { machine: other.machine.clone(), lacks })
            .next()
    }

    /// What keeps a member from being settled, in words.
    fn lack(&self, machine: &str) -> Option<String> {
        let configuration = self.desired.configurations.iter().find(|other| other.machine == machine);
        let Some(live) = configuration.and_then(|configuration| self.live(configuration.name())) else {
            return Some("it has no configuration yet".to_owned());
        };
        let object = self.space.machine(machine);
        if object.and_then(|object| object.status.as_ref()).and_then(|status| status.discoverable)
            != Some(true)
        {
            return Some("it is not discoverable".to_owned());
        }
        let timing = Timing::of(self.cluster);
        proof::prove(live, object, self.inventory.dialect, &timing, self.now).lack().map(ToString::to_string)
    }

    fn outdated(&self, configuration: &DesiredConfiguration) -> Option<String> {
        let live = self.live(configuration.name())?;
        let wanted = configuration.object.annotation(MEANING_BUT_LISTS);
        (live.annotation(MEANING_BUT_LISTS) != wanted)
            .then(|| "it does not run the current content".to_owned())
    }

    /// What exists and is not as it should be.
    fn existing(&self) -> Vec<Waiting> {
        let differing = self.desired.configurations.iter().filter(|configuration| !configuration.is_new);
        let differing = differing.filter_map(|configuration| {
            let fields = difference::fields(&configuration.object, self.live(configuration.name())?);
            let reason = WaitReason::Differs { fields };
            Some(Waiting { machine: configuration.machine.clone(), reason })
        });
        let leaving = self.desired.leaving.iter().map(|leaving| Waiting {
            machine: leaving.machine.clone(),
            reason: WaitReason::Leaving { why: leaving.why },
        });
        differing.filter(has_fields).chain(leaving).collect()
    }

    fn live(&self, configuration: &str) -> Option<&NixosConfiguration> {
        self.space.configurations.get(configuration).copied()
    }
}

/// Whether a control plane may still be created in this plan.
enum Gate {
    Open,
    /// This one is.
    Taken(String),
}

fn has_fields(waiting: &Waiting) -> bool {
    match &waiting.reason {
        WaitReason::Differs { fields } => !fields.is_empty(),
        WaitReason::Paused
        | WaitReason::HeadLost
        | WaitReason::Bootstrap { .. }
        | WaitReason::FormerHead { .. }
        | WaitReason::ControlPlane { .. }
        | WaitReason::Leaving { .. } => true,
    }
}

/// Decides for all clusters of one pass.
pub fn rollout_all(
    desired: &BTreeMap<ClusterKey, Desired>,
    inventory: &Inventory,
    now: Timestamp,
) -> BTreeMap<ClusterKey, Plan> {
    let clusters = inventory.clusters.iter().filter(|cluster| !name(&cluster.metadata).is_empty());
    clusters
        .filter_map(|cluster| {
            let key = ClusterKey::of(cluster);
            let plan = rollout(cluster, desired.get(&key)?, inventory, now);
            Some((key, plan))
        })
        .collect()
}
