//! S1, S3, S4 and the rules of creation: who joins, in which order, and who is the head.

use nico_crds::cluster::{Bootstrap, InstallPolicy};
use nico_crds::names::Role;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::Step;
use nico_render::{Desired, DesiredConfiguration, Memory};

use super::history::may_rebootstrap;
use super::view::View;
use super::words::{Case, is_told_no_member};
use super::{Checker, Invariant};

impl Checker {
    pub fn created(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        new: &DesiredConfiguration,
    ) {
        let machine = new.machine.as_str();
        let taken = view.objects.configurations.values().find(|live| live.machine() == Some(machine));
        self.check(Invariant::S1, taken.is_none(), || format!("{machine} has a configuration already"));
        self.install_allowed(view, cluster, &new.object);
        let text = super::facts::Text::read(&new.object);
        let head = text.control_planes.first().cloned().unwrap_or_default();
        let bootstrapped = self.chronicle(cluster).bootstrapped;
        let cases = self.cases(view, cluster, desired);
        let may_begin_anew = may_rebootstrap(cluster, machine);
        if bootstrapped {
            self.antecedent(Invariant::S3);
            self.check(Invariant::S3, machine != head || may_begin_anew, || {
                format!("{machine} is created at the head of a cluster that runs")
            });
            let lost = is_head_lost(&cases, self.chronicle(cluster).head.clone().as_deref());
            self.check(Invariant::S3, !lost || may_begin_anew, || {
                format!("{machine} is created while the head is lost")
            });
        }
        self.list_kept(view, cluster, &text.control_planes);
        self.creation_in_turn(cluster, &cases, new, &head, bootstrapped);
    }

    /// Rule 2.
    fn creation_in_turn(
        &mut self,
        cluster: &KubernetesCluster,
        cases: &[Case],
        new: &DesiredConfiguration,
        head: &str,
        bootstrapped: bool,
    ) {
        let machine = new.machine.as_str();
        if machine == head {
            let former = cases.iter().find(|case| case.role == Role::ControlPlane && !bootstrapped);
            self.check(Invariant::R2, former.is_none(), || {
                format!(
                    "{machine} is created as head before {} is gone",
                    former.map_or("", |case| &case.name)
                )
            });
            return;
        }
        let rollout = cluster.spec.rollout.clone().unwrap_or_default();
        let all_at_once = rollout.bootstrap == Some(Bootstrap::AllAtOnce)
            && cluster.spec.install_policy == Some(InstallPolicy::SwitchOnly)
            && !bootstrapped;
        if all_at_once {
            return;
        }
        self.antecedent(Invariant::R2);
        let has_company = cases.iter().any(|case| case.machine != head && !case.released);
        let settled = cases.iter().any(|case| case.machine == head && case.settled);
        self.check(Invariant::R2, has_company || settled, || {
            format!("{machine} is created before the head, {head}, is settled")
        });
        if new.role == Role::Worker {
            return;
        }
        let unready = cases.iter().find(|case| {
            let ready = case.settled && !case.unhealthy && (case.current_but_lists || !case.selected);
            case.role == Role::ControlPlane && !case.outside && (case.haunts || (!case.released && !ready))
        });
        self.check(Invariant::R2, unready.is_none(), || {
            format!(
                "{machine} is created as control plane while {} is not settled, healthy and current",
                unready.map_or("", |case| &case.name)
            )
        });
    }

    /// The head changes only if it is lost, and then to a settled one; the order is append-only.
    pub fn list_kept(&mut self, view: &View, cluster: &KubernetesCluster, list: &[String]) {
        let chronicle = self.chronicle(cluster).clone();
        let (Some(before), Some(after)) = (chronicle.head.as_deref(), list.first()) else { return };
        if !chronicle.bootstrapped {
            return;
        }
        let may =
            may_rebootstrap(cluster, after) || chronicle.rebootstrapped.as_deref() == Some(after.as_str());
        let has_changed = before != after.as_str();
        if has_changed {
            self.antecedent(Invariant::S3);
            let live = view.objects.of_cluster(cluster).find(|live| live.machine() == Some(before));
            let stands = live.is_some();
            let goes = |live: &NixosConfiguration| live.metadata.deletion_timestamp.is_some();
            let lost = live.is_none_or(|live| view.is_lost(live) || goes(live) || self.is_wiped_again(live));
            self.check(Invariant::S3, lost || may, || {
                format!("the head changes from {before} to {after}, and was not lost")
            });
            let is_no_member = is_told_no_member(cluster, after);
            // Whose configuration is gone is never head while another one has one, whoever that is.
            self.check(Invariant::S3, !is_no_member || may || !stands, || {
                format!("the head changes from {before} to {after}, which was told to be no member")
            });
        }
        let known = &chronicle.control_planes;
        let kept: Vec<_> = known.iter().filter(|name| list.contains(name)).collect();
        let order: Vec<_> = list.iter().filter(|name| known.contains(name)).collect();
        self.check(Invariant::S3, kept == order || has_changed, || {
            format!("the order of control planes changes from {known:?} to {list:?}")
        });
        let newcomer = list.iter().position(|name| !known.contains(name));
        let appended = newcomer.is_none_or(|place| list[place..].iter().all(|name| !known.contains(name)));
        self.check(Invariant::S3, appended || has_changed, || {
            format!("control planes are not appended: {known:?} to {list:?}")
        });
        if may {
            self.chronicle(cluster).rebootstrapped = Some(after.clone());
        }
    }

    /// The lists of the status: written before anything that depends on them.
    pub fn remembered(&mut self, view: &View, cluster: &KubernetesCluster, memory: &Memory) {
        let status = cluster.status.clone().unwrap_or_default();
        self.check(Invariant::S3, memory.bootstrapped || status.bootstrapped != Some(true), || {
            "bootstrapped is forgotten".to_owned()
        });
        if !memory.control_planes.is_empty() {
            self.list_kept(view, cluster, &memory.control_planes);
            self.noted_list(cluster, &memory.control_planes);
        }
        // Whoever has a configuration is in the list of those that were taken.
        for live in view.objects.of_cluster(cluster) {
            let machine = live.machine().unwrap_or_default();
            self.antecedent(Invariant::S1);
            self.check(Invariant::S1, memory.applied_machines.contains_key(machine), || {
                format!("{machine} has a configuration and is forgotten")
            });
        }
    }

    pub fn token(&mut self, view: &View, cluster: &KubernetesCluster, step: &Step) {
        self.antecedent(Invariant::S4);
        let bootstrapped = self.chronicle(cluster).bootstrapped;
        let creates = matches!(step, Step::CreateToken);
        // Who has a configuration, or had one, may have taken the one before it.
        let applied = cluster.status.as_ref().and_then(|status| status.applied_machines.as_ref());
        let is_used = bootstrapped
            || applied.is_some_and(|applied| !applied.is_empty())
            || view.objects.of_cluster(cluster).next().is_some();
        self.check(Invariant::S4, !creates || !is_used, || "a second token is invented".to_owned());
    }

    /// It was installed, and then once more: it may have shown after it was settled.
    pub fn is_wiped_again(&self, live: &NixosConfiguration) -> bool {
        self.histories.get(super::uid(live)).is_some_and(|history| history.wipes > 1)
    }
}

/// The head is lost, and nobody settled could take its place.
pub fn is_head_lost(cases: &[Case], head: Option<&str>) -> bool {
    let of = |case: &&Case| case.role == Role::ControlPlane;
    let stands = cases.iter().filter(of).any(|case| Some(case.machine.as_str()) == head && !case.released);
    let successor = cases.iter().filter(of).any(|case| !case.released && case.succeeds());
    !stands && !successor
}
