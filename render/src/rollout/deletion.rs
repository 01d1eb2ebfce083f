//! The deletion of a cluster: the workers' configurations go, then the control planes', each only while
//! its machine can be cleaned; then the cluster may go. Its Secrets follow it by garbage collection.

use nico_crds::names::{CLEANUP_FINALIZER, FORCE_DELETE, KOPF_FINALIZER, LOST, ORPHAN_FINALIZER, Role};

use super::{FinalizerChange, Planner, Removal, Step, Target, WaitReason, clearing, has_finalizer};
use crate::desired::LeavingConfiguration;
use crate::inventory::is_marked;
use crate::owner;

impl<'p> Planner<'p> {
    pub(super) fn delete_cluster(&mut self) {
        let finalizers = self.cluster.metadata.finalizers.as_ref();
        // The Python operator's counts as ours: on an object in deletion none can be put on.
        let is_held = self.has_our_finalizer() || has_finalizer(finalizers, KOPF_FINALIZER);
        if has_finalizer(finalizers, ORPHAN_FINALIZER) {
            self.release(is_held);
            return;
        }
        let forced = is_marked(&self.cluster.metadata, FORCE_DELETE);
        if self.cluster.spec.paused == Some(true) && !forced {
            self.wait_cluster(WaitReason::Paused);
            return;
        }
        let going = self.going();
        let of_role = |role: Role| going.iter().copied().filter(move |leaving| leaving.role == role);
        let mut there: Option<&str> = None;
        for leaving in of_role(Role::Worker) {
            if self.delete_one(leaving, forced) {
                there = Some(leaving.machine.as_str());
            }
        }
        for leaving in of_role(Role::ControlPlane) {
            match there {
                Some(worker) if !self.is_going(leaving) => {
                    self.wait(&leaving.machine, WaitReason::WorkersFirst { machine: worker.to_owned() });
                }
                Some(_) | None => {
                    self.delete_one(leaving, forced);
                }
            }
        }
        if going.is_empty() {
            self.release(is_held);
        }
    }

    /// What goes with the cluster: what it controls. Of a deletion that orphans, this is all that is left to
    /// be seen once Kubernetes has done with it: its dependents have no owner any more, and stay.
    fn going(&self) -> Vec<&'p LeavingConfiguration> {
        let is_ours = |leaving: &&LeavingConfiguration| {
            self.live(&leaving.configuration).is_some_and(|live| owner::is_controlled(live, self.cluster))
        };
        self.desired.leaving.iter().filter(is_ours).collect()
    }

    fn is_going(&self, leaving: &LeavingConfiguration) -> bool {
        self.live(&leaving.configuration).is_some_and(|live| live.metadata.deletion_timestamp.is_some())
    }

    /// Whether its configuration is still there.
    fn delete_one(&mut self, leaving: &LeavingConfiguration, forced: bool) -> bool {
        let Some(live) = self.space.configurations.get(leaving.configuration.as_str()).copied() else {
            return false;
        };
        if live.metadata.deletion_timestamp.is_some() {
            self.let_go(leaving, live);
            return true;
        }
        // It goes alone: were it refused, what is deleted would still wipe.
        if clearing::is_due(live) {
            self.wait(&leaving.machine, WaitReason::Clearing { lacks: clearing::UNDER_WAY.to_owned() });
            return true;
        }
        let object = self.machine(&leaving.machine);
        let is_lost =
            is_marked(&live.metadata, LOST) || object.is_none_or(|object| is_marked(&object.metadata, LOST));
        let is_reachable = self.proof(&leaving.machine, live).reachable.is_yes();
        let why = match (is_lost, is_reachable, forced) {
            (true, _, _) => Removal::Lost,
            (false, true, _) => Removal::ClusterDeleted,
            (false, false, true) => Removal::Forced,
            (false, false, false) => {
                self.wait(&leaving.machine, WaitReason::DeletionWaiting);
                return true;
            }
        };
        let target = Target::of(&leaving.machine, leaving.role, live);
        self.step(Step::Delete { target, why });
        true
    }

    fn release(&mut self, is_held: bool) {
        if !is_held {
            return;
        }
        let ours = |finalizer: &&String| ![CLEANUP_FINALIZER, KOPF_FINALIZER].contains(&finalizer.as_str());
        let finalizers = self.cluster.metadata.finalizers.iter().flatten().filter(ours).cloned().collect();
        self.step(Step::Finalizers { finalizers, why: FinalizerChange::Released });
    }
}
