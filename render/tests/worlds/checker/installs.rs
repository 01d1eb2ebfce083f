//! S5: what may wipe a disk.

use nico_crds::cluster::InstallPolicy;
use nico_crds::names::{FULL_INSTALLATION_APPLIED, REINSTALL_FOR};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Desired;

use super::view::View;
use super::words::Times;
use super::{Checker, Invariant, name};
use crate::model::server::Server;
use crate::model::snapshot::uid;

impl Checker {
    /// A new configuration that wipes.
    pub fn install_allowed(&mut self, view: &View, cluster: &KubernetesCluster, object: &NixosConfiguration) {
        if object.spec.full_install != Some(true) {
            return;
        }
        self.antecedent(Invariant::S5);
        let policy = cluster.spec.install_policy.unwrap_or_default();
        let machine = object.machine().unwrap_or_default();
        let there = view.machine(machine);
        let annotations = there.and_then(|there| there.metadata.annotations.clone()).unwrap_or_default();
        let status = there.and_then(|there| there.status.clone()).unwrap_or_default();
        let applied = cluster.status.as_ref().and_then(|status| status.applied_machines.as_ref());
        let reinstalled = cluster.status.as_ref().and_then(|status| status.reinstalled.as_ref());
        let asked = annotations.get(REINSTALL_FOR).map(String::as_str) == cluster.metadata.name.as_deref()
            && !reinstalled.is_some_and(|machines| machines.iter().any(|other| other == machine));
        let used = status.last_applied_time.is_some()
            || status.applied_configuration.is_some()
            || status.has_configuration == Some(true)
            || annotations.contains_key(FULL_INSTALLATION_APPLIED)
            || applied.is_some_and(|applied| applied.contains_key(machine));
        let allowed = policy == InstallPolicy::FullInstall && there.is_some() && (asked || !used);
        self.check(Invariant::S5, allowed, || format!("{machine} would be wiped, and shows signs of use"));
    }

    /// A write to a configuration that wipes, or did.
    pub fn install_respected(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        before: &NixosConfiguration,
        after: &NixosConfiguration,
    ) {
        let (was, is) = (before.spec.full_install == Some(true), after.spec.full_install == Some(true));
        self.check(Invariant::S5, was || !is, || format!("fullInstall of {} turns true", name(after)));
        if !was {
            return;
        }
        let facts = self.facts(before);
        if facts.evidence {
            let mut alone = before.clone();
            alone.spec.full_install = Some(false);
            let same = alone.spec == after.spec
                && alone.metadata.annotations == after.metadata.annotations
                && alone.metadata.labels == after.metadata.labels;
            self.check(Invariant::S5, same, || {
                format!("{} was applied and wipes: it is changed otherwise than by its clearing", name(after))
            });
            return;
        }
        self.check(Invariant::S5, is, || {
            format!("{} is cleared before the first evidence of an apply", name(after))
        });
        let late = facts.written.is_some_and(|written| view.now > written + Times::of(cluster).deadline);
        let failed = facts.attempts.is_some_and(|(began, failed)| {
            failed >= 3 && facts.written.is_some_and(|written| began > written)
        });
        self.check(Invariant::S5, late || failed, || {
            format!("{} may be being installed, and is changed", name(after))
        });
    }

    /// After a clearing NIO has to be at rest with it, or to have failed with it, before new content.
    pub fn clearing_settled(&mut self, before: &NixosConfiguration, _now: i64) {
        let history = self.histories.get(uid(before)).cloned().unwrap_or_default();
        let Some(cleared) = history.cleared else { return };
        let rests = self.facts(before).rests;
        let failed = history.failed.is_some_and(|began| began > cleared);
        self.check(Invariant::S5, rests || failed, || {
            format!("{} gets new content before NIO is at rest with its clearing", name(before))
        });
    }

    /// After a whole pass nothing is left that wipes without need.
    pub fn passed(&mut self, view: &View, cluster: &str, server: &Server) {
        if !view.is_fresh {
            return;
        }
        let Some(cluster) = server.objects.clusters.get(cluster) else { return };
        let left = server
            .objects
            .of_cluster(cluster)
            .find(|live| live.spec.full_install == Some(true) && live.shows_an_apply());
        self.check(Invariant::S5, left.is_none(), || {
            format!("fullInstall of {} is left in place after an apply", left.map_or("", |live| name(live)))
        });
    }

    /// What is written by a deletion counts as a change too.
    pub fn deletion_respects_install(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        live: &NixosConfiguration,
    ) {
        let case = self.case(view, cluster, desired, live);
        let wipes = live.spec.full_install == Some(true) && case.facts.evidence;
        self.check(Invariant::S5, !wipes, || format!("{} is deleted before it is cleared", case.name));
    }
}
