//! S16: the phase is true, and times move only with what they are the times of.

use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use nico_render::Desired;

use super::view::View;
use super::{Checker, Invariant};
use crate::model::snapshot::uid;

/// How a configuration stood when its cluster's status was told.
pub struct Settled {
    uid: Option<String>,
    applied: Option<i64>,
    is_installed: bool,
    is_settled: bool,
}

impl Checker {
    pub fn told(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        told: &KubernetesClusterStatus,
    ) {
        let before = cluster.status.clone().unwrap_or_default();
        let goes = cluster.metadata.deletion_timestamp.is_some();
        self.check(Invariant::S16, (told.phase == Some(Phase::Deleting)) == goes, || {
            format!("the phase is {:?}, deleting: {goes}", told.phase)
        });
        if told.phase == Some(Phase::Ready) {
            self.antecedent(Invariant::S16);
            self.is_ready(view, cluster, desired);
        }
        let was_whole = matches!(before.phase, Some(Phase::ControlPlaneReady | Phase::Ready));
        self.check(Invariant::S16, !was_whole || told.phase != Some(Phase::Provisioning), || {
            "Provisioning once more".to_owned()
        });
        self.check(
            Invariant::S16,
            before.health_seen != Some(true) || told.health_seen == Some(true),
            || "healthSeen is forgotten".to_owned(),
        );
        for condition in told.conditions.iter().flatten() {
            let old = before.conditions.iter().flatten().find(|old| old.type_ == condition.type_);
            let Some(old) = old else { continue };
            let moved = old.last_transition_time != condition.last_transition_time;
            let changed = old.status != condition.status;
            self.check(Invariant::S16, moved == changed || (changed && view.now == 0), || {
                format!("{}: lastTransitionTime moves from {old:?} to {condition:?}", condition.type_)
            });
        }
        for (role, group) in [(Role::ControlPlane, &told.control_plane), (Role::Worker, &told.data_plane)] {
            let members = desired.members.iter().filter(|member| member.role == role).count();
            let total = group.as_ref().map_or(0, |group| usize::try_from(group.total).unwrap_or(0));
            self.check(Invariant::S16, total >= members, || {
                format!("{total} {role}s are told of, and {members} are selected")
            });
        }
    }

    /// What is settled, and what was installed last, as it was told.
    pub fn settled(&self, view: &View, cluster: &KubernetesCluster, desired: &Desired) -> Vec<Settled> {
        let cases = self.cases(view, cluster, desired).into_iter();
        cases
            .map(|case| Settled {
                uid: view.objects.configurations.get(&case.name).map(|live| uid(live).to_owned()),
                applied: case.facts.applied_at,
                is_installed: case.facts.wiped == Some(true),
                is_settled: case.settled,
            })
            .collect()
    }

    /// What was settled and is installed after that was wiped again. It is known from the status alone, and
    /// only from one that was written.
    pub fn note_wiped(&mut self, told: Vec<Settled>) {
        for settled in told {
            let history = self.histories.entry(settled.uid.unwrap_or_default()).or_default();
            history.wiped_again |= history.was_moved(settled.applied, settled.is_installed);
            if settled.is_settled {
                history.settled_with = settled.applied;
            }
        }
    }

    fn is_ready(&mut self, view: &View, cluster: &KubernetesCluster, desired: &Desired) {
        let cases = self.cases(view, cluster, desired);
        for member in &desired.members {
            let case = cases.iter().find(|case| case.machine == member.machine && case.role == member.role);
            let well = case.is_some_and(|case| case.current && case.settled && !case.unhealthy);
            self.check(Invariant::S16, well, || {
                format!("Ready, and {} is not current, settled and healthy", member.machine)
            });
        }
        for role in Role::ALL {
            let group = match role {
                Role::ControlPlane => Some(&cluster.spec.control_plane),
                Role::Worker => cluster.spec.data_plane.as_ref(),
            };
            let listed = group.and_then(|group| group.machines.as_ref()).map_or(0, Vec::len);
            let count = group
                .and_then(|group| group.count)
                .and_then(|count| usize::try_from(count).ok())
                .unwrap_or(0);
            let wanted = if listed > 0 { listed } else { count };
            let there = desired.members.iter().filter(|member| member.role == role).count();
            self.check(Invariant::S16, there >= wanted, || {
                format!("Ready, with {there} of {wanted} {role}s")
            });
        }
    }
}
