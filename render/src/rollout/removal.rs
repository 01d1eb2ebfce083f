//! Configurations that should not be any more: each goes only while its machine can be cleaned, or when
//! there is nothing left to clean.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::names::{KOPF_FINALIZER, LOST, MEMBER_REMOVED, Role};

use super::{Planner, Removal, Step, WaitReason, has_finalizer};
use crate::desired::LeavingConfiguration;
use crate::diagnostic::Departure;
use crate::inventory::is_marked;
use crate::proof::{Finding, Timing};

impl Planner<'_> {
    pub(super) fn remove(&mut self) {
        let desired = self.desired;
        for role in [Role::Worker, Role::ControlPlane] {
            let mut going: Option<&str> = None;
            for leaving in desired.leaving.iter().filter(|leaving| leaving.role == role) {
                let Some(live) = self.space.configurations.get(leaving.configuration.as_str()).copied()
                else {
                    continue;
                };
                if live.metadata.deletion_timestamp.is_some() {
                    going = Some(leaving.machine.as_str());
                    self.let_go(leaving, live);
                } else if let Some(reason) = self.keeps(leaving, live, going) {
                    self.wait(&leaving.machine, reason);
                } else {
                    going = Some(leaving.machine.as_str());
                    let why = if is_released(leaving.why) { Removal::Lost } else { Removal::Leaves };
                    let target = self.target(&leaving.machine, role, live);
                    self.step(Step::Delete { target, why });
                }
            }
        }
    }

    /// Why a configuration cannot be deleted now.
    fn keeps(
        &self,
        leaving: &LeavingConfiguration,
        live: &NixosConfiguration,
        going: Option<&str>,
    ) -> Option<WaitReason> {
        if self.desired.head_lost {
            return Some(WaitReason::HeadLost);
        }
        if is_released(leaving.why) {
            return None;
        }
        if leaving.role == Role::ControlPlane && !is_marked(&live.metadata, MEMBER_REMOVED) {
            return Some(WaitReason::MemberNotRemoved);
        }
        if let Some(machine) = going {
            return Some(WaitReason::Removal { machine: machine.to_owned() });
        }
        let proof = self.proof(&leaving.machine, live);
        if !proof.reachable.is_yes() {
            return Some(WaitReason::Unreachable);
        }
        match (&proof.at_rest, &proof.overdue) {
            (Finding::Yes(()), _) | (_, Finding::Yes(_)) => None,
            (Finding::No(lack) | Finding::Unknown(lack), _) => {
                Some(WaitReason::InFlight { lacks: lack.to_string() })
            }
        }
    }

    /// A configuration that is being deleted waits for NIO, which never lets go of one whose Machine object
    /// is gone, nor of one whose clean-up fails for ever.
    pub(super) fn let_go(&mut self, leaving: &LeavingConfiguration, live: &NixosConfiguration) {
        let held = has_finalizer(live.metadata.finalizers.as_ref(), KOPF_FINALIZER);
        if held && self.nio_never_lets_go(&leaving.machine, live) {
            let target = self.target(&leaving.machine, leaving.role, live);
            self.step(Step::ReleaseFromNio(target));
        } else {
            self.wait(&leaving.machine, WaitReason::LettingGo);
        }
    }

    fn nio_never_lets_go(&self, machine: &str, live: &NixosConfiguration) -> bool {
        let Some(object) = self.machine(machine) else { return true };
        let is_lost = is_marked(&object.metadata, LOST) || is_marked(&live.metadata, LOST);
        is_lost && self.is_late(live.metadata.deletion_timestamp.as_ref().map(|time| time.0))
    }

    fn is_late(&self, since: Option<Timestamp>) -> bool {
        let deadline = Timing::of(self.cluster).deadline;
        since.and_then(|since| since.checked_add(deadline).ok()).is_some_and(|until| self.now > until)
    }
}

/// Nobody waits for it, and nobody cleans it.
pub(super) const fn is_released(why: Departure) -> bool {
    match why {
        Departure::Lost | Departure::MachineGone => true,
        Departure::NotSelected
        | Departure::RoleChange
        | Departure::BeingDeleted
        | Departure::Begun
        | Departure::Elsewhere => false,
    }
}
