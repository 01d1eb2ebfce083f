//! New configurations: the head alone until it is settled, then all workers at once and further control
//! planes one at a time.

use nico_crds::cluster::{Bootstrap, InstallPolicy};
use nico_crds::names::{REBOOTSTRAP, Role, WRITTEN_AT};

use super::shortcoming::Shortcoming;
use super::standing::Standing;
use super::{Begun, Planner, Step, WaitReason, budget};
use crate::desired::{DesiredConfiguration, LeavingConfiguration};
use crate::diagnostic::Notice;
use crate::inventory::annotation;

impl Planner<'_> {
    /// Creates what may come now, and remembers it afterwards.
    pub(super) fn create(&mut self, has_token: bool) {
        let desired = self.desired;
        let mut after = desired.memory.clone();
        let mut created = false;
        for configuration in desired.configurations.iter().filter(|configuration| configuration.is_new) {
            if let Some(reason) = self.holds_back(configuration) {
                self.wait(&configuration.machine, reason);
                continue;
            }
            // What waits for the token is said of the cluster.
            if !has_token {
                continue;
            }
            // A worker that joins counts for nobody.
            if configuration.role == Role::ControlPlane {
                self.begun.push(Begun { role: Role::ControlPlane, machine: &configuration.machine });
            }
            after.applied_machines.insert(configuration.machine.clone(), configuration.name().to_owned());
            created = true;
            self.step(Step::Create(self.dated(configuration)));
        }
        if created {
            self.step(Step::Remember(after));
        }
        self.name_the_missing();
    }

    /// With the time that it is written: how long its apply takes counts from here.
    fn dated(&self, configuration: &DesiredConfiguration) -> Box<DesiredConfiguration> {
        let mut dated = Box::new(configuration.clone());
        let annotations = dated.object.metadata.annotations.get_or_insert_default();
        annotations.insert(WRITTEN_AT.to_owned(), self.now.to_string());
        dated
    }

    /// Why a new configuration cannot be created now.
    fn holds_back(&self, configuration: &DesiredConfiguration) -> Option<WaitReason> {
        if self.desired.head_lost {
            return Some(WaitReason::HeadLost);
        }
        // Whatever else comes would join it, or start another cluster beside it.
        if let Some(configuration) = self.former_head() {
            return Some(WaitReason::FormerHead { configuration });
        }
        let head = self.desired.members.first()?.machine.as_str();
        if configuration.machine == head {
            return self.would_start_a_second_cluster(head).then_some(WaitReason::HeadLost);
        }
        if self.all_at_once() {
            return None;
        }
        if let Some(lacks) = self.unsettled(head).filter(|_| self.bootstraps(head)) {
            return Some(WaitReason::Bootstrap { head: head.to_owned(), lacks: lacks.to_string() });
        }
        match configuration.role {
            Role::Worker => None,
            Role::ControlPlane => self.control_plane_turn(&configuration.machine),
        }
    }

    /// An empty machine at the head of a cluster that runs (S3). Only a person may want that.
    fn would_start_a_second_cluster(&self, head: &str) -> bool {
        self.desired.bootstrapped && annotation(&self.cluster.metadata, REBOOTSTRAP) != Some(head)
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

    /// Before anything runs the head may be replaced, once its configuration is gone.
    fn former_head(&self) -> Option<String> {
        if self.desired.bootstrapped {
            return None;
        }
        let control_planes = || self.standings.iter().filter(|standing| standing.role == Role::ControlPlane);
        let has_head = control_planes().any(|standing| standing.desired.is_some());
        let former = |leaving: &&LeavingConfiguration| leaving.role == Role::ControlPlane && !has_head;
        self.desired.leaving.iter().find(former).map(|leaving| leaving.configuration.clone())
    }

    /// What keeps a machine from being settled.
    fn unsettled(&self, machine: &str) -> Option<Shortcoming> {
        let mut standings = self.standings.iter();
        match standings.find(|standing| standing.machine == machine && standing.desired.is_some()) {
            Some(standing) => standing.unsettled(),
            None => Some(Shortcoming::NoConfiguration),
        }
    }

    /// One control plane at a time, when all others are settled, healthy and run what they should.
    fn control_plane_turn(&self, machine: &str) -> Option<WaitReason> {
        let lacking = self.other_control_planes(machine, |other| {
            budget::not_well(other).or_else(|| is_outdated(other).then_some(Shortcoming::Outdated))
        });
        lacking.map(|(machine, lacks)| WaitReason::ControlPlane { machine, lacks: lacks.to_string() })
    }

    /// Machines that are wanted and not in, or in and without a configuration that could be created now.
    fn name_the_missing(&mut self) {
        let desired = self.desired;
        let mut awaited = None;
        for diagnostic in &desired.diagnostics {
            let leaves =
                |machine: &&String| desired.leaving.iter().any(|leaving| leaving.machine == **machine);
            let Some(machine) = diagnostic.machine.as_ref().filter(|machine| !leaves(machine)) else {
                continue;
            };
            if let Notice::CannotJoin { role, obstacle } = &diagnostic.notice {
                self.wait(machine, WaitReason::CannotJoin { role: *role, obstacle: obstacle.clone() });
            } else if let Notice::HeadAwaited { obstacle } = &diagnostic.notice {
                let (machine, obstacle) = (machine.clone(), obstacle.clone());
                awaited = Some(WaitReason::HeadAwaited { machine, obstacle });
            }
        }
        let reason = if desired.head_lost { Some(WaitReason::HeadLost) } else { awaited };
        let Some(reason) = reason else { return };
        for member in &desired.members {
            let is_made = desired.configurations.iter().any(|other| other.machine == member.machine);
            if !is_made && self.live(&self.name_of(&member.machine)).is_none() {
                self.wait(&member.machine, reason.clone());
            }
        }
    }
}

/// It has to run the current content first. What is released gets none.
fn is_outdated(standing: &Standing<'_>) -> bool {
    let counts = standing.release.is_none() && !standing.is_late_and_no_member();
    counts && !standing.is_current_but_for_lists()
}
