//! S11, S12 and the end of S3: who may leave, and when.

use nico_crds::names::{FORCE_DELETE, KOPF_FINALIZER, LEAVING, Role};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Desired;

use super::history::may_rebootstrap;
use super::members::is_head_lost;
use super::view::{Done, View};
use super::words::{Case, Times, budget};
use super::{Checker, Invariant, name};
use crate::model::snapshot::{is_controlled_by, uid};

impl Checker {
    pub fn deleted(&mut self, view: &View, cluster: &KubernetesCluster, desired: &Desired, done: &Done<'_>) {
        let Some(live) = &done.before else { return };
        self.belongs(cluster, live);
        self.deletion_respects_install(view, cluster, desired, live);
        let cases = self.cases(view, cluster, desired);
        let Some(x) = cases.iter().find(|case| case.name == name(live)) else { return };
        let lost = view.is_lost(live);
        let annotations = cluster.metadata.annotations.as_ref();
        let forced = annotations
            .is_some_and(|annotations| annotations.get(FORCE_DELETE).map(String::as_str) == Some("true"));
        let goes = cluster.metadata.deletion_timestamp.is_some();
        self.antecedent(Invariant::S11);
        let wiped = self.is_wiped_again(live);
        self.check(Invariant::S11, x.reachable || lost || wiped || (goes && forced), || {
            format!("{} is deleted while its machine cannot be reached", x.name)
        });
        if goes {
            let worker = cases.iter().find(|case| case.role == Role::Worker);
            self.check(Invariant::S11, x.role == Role::Worker || worker.is_none(), || {
                format!("{} is deleted before the workers", x.name)
            });
            return;
        }
        if lost || wiped {
            let head = self.chronicle(cluster).head.clone();
            let bootstrapped = self.chronicle(cluster).bootstrapped;
            let may = desired.members.first().is_some_and(|member| may_rebootstrap(cluster, &member.machine));
            self.check(
                Invariant::S11,
                !bootstrapped || may || !is_head_lost(&cases, head.as_deref()),
                || format!("{} is deleted while the head is lost", x.name),
            );
            return;
        }
        if live.annotation(LEAVING).is_none() {
            self.removal_begins(cluster, &cases, x, live);
        }
        self.check(Invariant::S11, !x.in_flight || x.overdue, || {
            format!("{} is deleted while its apply may run", x.name)
        });
        self.has_left(view, cluster, x);
        match x.role {
            Role::Worker => {
                let going = cases.iter().filter(|case| {
                    case.role == Role::Worker && case.name != x.name && self.is_going(view, case)
                });
                let going = going.count();
                self.check(Invariant::S11, going < budget(cluster, desired, Role::Worker), || {
                    format!("{} is deleted while {going} others go", x.name)
                });
            }
            Role::ControlPlane => self.control_plane_leaves(cluster, x),
        }
    }

    fn is_going(&self, view: &View, case: &Case) -> bool {
        let live = view.objects.configurations.get(&case.name);
        live.is_some_and(|live| {
            live.metadata.deletion_timestamp.is_some()
                && !view.is_lost(live)
                && !self.histories.get(uid(live)).is_some_and(|history| history.deleted_by_hand)
        })
    }

    fn control_plane_leaves(&mut self, cluster: &KubernetesCluster, x: &Case) {
        let chronicle = self.chronicle(cluster).clone();
        if !chronicle.bootstrapped {
            return;
        }
        self.check(Invariant::S11, chronicle.head.as_deref() != Some(x.machine.as_str()), || {
            format!("{} is the head, and is deleted", x.name)
        });
        self.check(Invariant::S11, x.no_member, || {
            format!("{} is deleted, and nobody saw that it is no member any more", x.name)
        });
    }

    /// The first write of a removal.
    pub fn leaves(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        live: &NixosConfiguration,
    ) {
        let cases = self.cases(view, cluster, desired);
        let Some(x) = cases.iter().find(|case| case.name == name(live)) else { return };
        self.antecedent(Invariant::S11);
        self.removal_begins(cluster, &cases, x, live);
        self.check(Invariant::S11, !x.in_flight || x.overdue, || {
            format!("{} begins to leave while its apply may run", x.name)
        });
    }

    fn removal_begins(
        &mut self,
        cluster: &KubernetesCluster,
        cases: &[Case],
        x: &Case,
        live: &NixosConfiguration,
    ) {
        self.may_leave(cluster, cases, x, live);
        let bootstrapped = self.chronicle(cluster).bootstrapped;
        if x.role == Role::Worker || !bootstrapped {
            return;
        }
        let head = self.chronicle(cluster).head.clone();
        self.check(Invariant::S11, head.as_deref() != Some(x.machine.as_str()), || {
            format!("{} is the head, and begins to leave", x.name)
        });
        let unready = cases.iter().find(|other| {
            let there = other.role == Role::ControlPlane && other.name != x.name;
            there && !other.outside && (other.haunts || other.released || !other.settled || other.unhealthy)
        });
        self.check(Invariant::S11, unready.is_none(), || {
            format!(
                "{} begins to leave while {} is not settled and healthy, or goes too",
                x.name,
                unready.map_or("", |case| &case.name)
            )
        });
    }

    /// S3: the spec has no room for it, or its removal has begun.
    fn may_leave(
        &mut self,
        cluster: &KubernetesCluster,
        cases: &[Case],
        x: &Case,
        live: &NixosConfiguration,
    ) {
        let group = |role: Role| match role {
            Role::ControlPlane => Some(&cluster.spec.control_plane),
            Role::Worker => cluster.spec.data_plane.as_ref(),
        };
        let lists = |role: Role| {
            group(role).and_then(|group| group.machines.as_ref()).filter(|listed| !listed.is_empty())
        };
        let begun = live.annotation(LEAVING).is_some();
        let there = cases.iter().filter(|case| case.role == x.role && !case.released).count();
        let other = if x.role == Role::Worker { Role::ControlPlane } else { Role::Worker };
        let elsewhere = lists(other).is_some_and(|listed| listed.contains(&x.machine));
        let unwanted = if let Some(listed) = lists(x.role) {
            !listed.contains(&x.machine)
        } else {
            let count = group(x.role).and_then(|group| group.count).unwrap_or(0);
            there + usize::from(x.released) > usize::try_from(count).unwrap_or(0)
        };
        self.antecedent(Invariant::S3);
        self.check(Invariant::S3, begun || elsewhere || unwanted, || {
            format!("{} is a member, and is deleted", x.name)
        });
    }

    /// S12: NIO's finalizer is taken only from what NIO never lets go.
    pub fn let_go(&mut self, view: &View, cluster: &KubernetesCluster, done: &Done<'_>) {
        let Some(live) = &done.before else { return };
        self.belongs(cluster, live);
        self.antecedent(Invariant::S12);
        let gone = view.machine(live.machine().unwrap_or_default()).is_none();
        let since = live.metadata.deletion_timestamp.as_ref().map(|time| time.0.as_second());
        let late = since.is_some_and(|since| view.now > since + Times::of(cluster).deadline);
        let held = live.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == KOPF_FINALIZER);
        let allowed = since.is_some() && held && (gone || (view.is_lost(live) && late));
        self.check(Invariant::S12, allowed, || format!("NIO's finalizer is taken from {}", name(live)));
    }

    pub fn belongs(&mut self, cluster: &KubernetesCluster, live: &NixosConfiguration) {
        self.check(Invariant::S12, is_controlled_by(live, cluster), || {
            format!("{} is not the cluster's", name(live))
        });
    }
}
