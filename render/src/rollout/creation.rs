//! New configurations: the head alone until it is settled, then all workers at once and further control
//! planes one at a time.

use nico_crds::cluster::{Bootstrap, InstallPolicy};
use nico_crds::names::{MEANING_BUT_LISTS, Role, WRITTEN_AT};

use super::{Planner, Step, WaitReason};
use crate::desired::{DesiredConfiguration, LeavingConfiguration};

/// Whether a control plane may still be created in this plan.
enum Gate {
    Open,
    /// This one is.
    Taken(String),
}

impl Planner<'_> {
    /// Creates what may come now, and remembers it afterwards.
    pub(super) fn create(&mut self, has_token: bool) {
        let desired = self.desired;
        let mut after = desired.memory.clone();
        let mut gate = Gate::Open;
        let mut created = false;
        for configuration in desired.configurations.iter().filter(|configuration| configuration.is_new) {
            if let Some(reason) = self.holds_back(configuration, &gate) {
                self.wait(&configuration.machine, reason);
                continue;
            }
            // What waits for the token is said of the cluster.
            if !has_token {
                continue;
            }
            if configuration.role == Role::ControlPlane {
                gate = Gate::Taken(configuration.machine.clone());
            }
            after.applied_machines.insert(configuration.machine.clone(), configuration.name().to_owned());
            created = true;
            self.step(Step::Create(self.dated(configuration)));
        }
        if created {
            self.step(Step::Remember(after));
        }
    }

    /// With the time that it is written: how long its apply takes counts from here.
    fn dated(&self, configuration: &DesiredConfiguration) -> Box<DesiredConfiguration> {
        let mut dated = Box::new(configuration.clone());
        let annotations = dated.object.metadata.annotations.get_or_insert_default();
        annotations.insert(WRITTEN_AT.to_owned(), self.now.to_string());
        dated
    }

    /// Why a new configuration cannot be created now.
    fn holds_back(&self, configuration: &DesiredConfiguration, gate: &Gate) -> Option<WaitReason> {
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
        let former = |leaving: &&LeavingConfiguration| leaving.role == Role::ControlPlane;
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
        let proof = self.proof(machine, live);
        proof.reachable.lack().or_else(|| proof.lack()).map(ToString::to_string)
    }

    fn outdated(&self, configuration: &DesiredConfiguration) -> Option<String> {
        let live = self.live(configuration.name())?;
        let wanted = configuration.object.annotation(MEANING_BUT_LISTS);
        (live.annotation(MEANING_BUT_LISTS) != wanted)
            .then(|| "it does not run the current content".to_owned())
    }
}
