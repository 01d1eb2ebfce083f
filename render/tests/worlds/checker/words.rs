//! The words of the rollout, formed a second time: settled, in flight, overdue, unhealthy, released.

use std::rc::Rc;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::names::{LEAVING, MEMBER_GONE, MEMBER_REMOVED, Role};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::{Desired, Health};

use super::facts::{Facts, Text};
use super::history::trigger;
use super::view::View;
use super::{Checker, name};
use crate::model::nio::CONFIRM_AFTER;
use crate::model::snapshot::{machine_of, role, uid};

/// One configuration of a cluster, judged.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    pub machine: String,
    pub role: Role,
    pub facts: Rc<Facts>,
    pub reachable: bool,
    pub selected: bool,
    pub released: bool,
    /// Released, and it may still be a member of the control plane.
    pub haunts: bool,
    /// A control plane that is seen, or said, to be no member, and leaves or does not come: it counts nowhere.
    pub outside: bool,
    pub no_member: bool,
    /// The status tells so of it, as the cluster said last.
    pub told_no_member: bool,
    pub wiped_again: bool,
    pub joining: bool,
    pub proven: bool,
    pub settled: bool,
    pub in_flight: bool,
    pub overdue: bool,
    pub current: bool,
    pub current_but_lists: bool,
    pub unhealthy: bool,
    pub not_ready: bool,
    pub node_ready: bool,
}

/// The times of a cluster's spec.
#[derive(Clone, Copy)]
pub struct Times {
    pub min_ready: i64,
    pub deadline: i64,
}

impl Times {
    pub fn of(cluster: &KubernetesCluster) -> Self {
        let rollout = cluster.spec.rollout.clone().unwrap_or_default();
        Self {
            min_ready: rollout.min_ready_seconds.map_or(60, i64::from),
            deadline: rollout.progress_deadline_seconds.map_or(4200, i64::from),
        }
    }

    /// How long an apply has to have stood still.
    pub fn stillness(self, facts: &Facts) -> Option<i64> {
        // What was written anew but for its lists keeps the time of its content.
        let replaced = facts.confirm_at.map(|confirm_at| confirm_at - CONFIRM_AFTER);
        let begun = facts.written?.max(replaced.unwrap_or(i64::MIN));
        let took = facts.applied_at? - begun;
        if facts.wiped == Some(false) && took > self.deadline {
            return Some(self.min_ready);
        }
        let half_again = if took < 0 { self.deadline } else { took + took / 2 };
        Some(half_again.min(self.deadline).max(self.min_ready))
    }
}

impl Case {
    /// It could be the head in the place of another one.
    pub const fn succeeds(&self) -> bool {
        self.settled && !self.told_no_member
    }
}

/// The status tells so, as the cluster said last.
pub fn is_told_no_member(cluster: &KubernetesCluster, machine: &str) -> bool {
    let mut lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    lines.any(|line| line.name == machine && line.member == Some(false))
}

/// How many workers may be disturbed at once.
pub fn budget(cluster: &KubernetesCluster, desired: &Desired, role: Role) -> usize {
    if role == Role::ControlPlane {
        return 1;
    }
    let workers = desired.members.iter().filter(|member| member.role == Role::Worker).count();
    match cluster.spec.rollout.as_ref().and_then(|rollout| rollout.max_unavailable.clone()) {
        None => 1,
        Some(IntOrString::Int(number)) => usize::try_from(number).unwrap_or(1).max(1),
        Some(IntOrString::String(text)) => {
            match text.strip_suffix('%').and_then(|number| number.parse::<usize>().ok()) {
                Some(percent) => (workers * percent / 100).max(1),
                None => text.parse().unwrap_or(1),
            }
        }
    }
}

impl Checker {
    /// All configurations of a cluster.
    pub fn cases(&self, view: &View, cluster: &KubernetesCluster, desired: &Desired) -> Vec<Case> {
        let lives = view.objects.of_cluster(cluster);
        let mut cases: Vec<Case> = lives.map(|live| self.case(view, cluster, desired, live)).collect();
        let of_role = |case: &&Case| case.role == Role::ControlPlane && !case.released;
        let has_whole = cases.iter().filter(of_role).any(|case| case.succeeds() && !case.wiped_again);
        // A control plane that was wiped again is treated as lost where another one is whole, and could be the head.
        for case in &mut cases {
            if has_whole && case.wiped_again && case.role == Role::ControlPlane {
                case.haunts |= !case.released && !case.no_member;
                case.released = true;
            }
        }
        cases
    }

    pub fn case(
        &self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        live: &NixosConfiguration,
    ) -> Case {
        let (facts, times, now) = (self.facts(live), Times::of(cluster), view.now);
        let (machine, role) = (machine_of(live).to_owned(), role(live));
        let reachable = view.is_discoverable(&machine);
        let proven = facts.delivered && facts.rests && facts.succeeded;
        let still = match (facts.applied_at, times.stillness(&facts)) {
            (Some(applied), Some(needed)) => now >= applied && now - applied >= needed,
            (Some(_) | None, _) => false,
        };
        // A blip takes the time away too: then there is nothing that could stand still.
        let stirs = facts.applied_at.is_some() && !still;
        let late = facts.written.is_some_and(|written| now > written + times.deadline);
        let failed = !facts.rests
            && facts.attempts.is_some_and(|(began, failed)| {
                failed >= 3 && facts.written.is_some_and(|written| began > written)
            });
        let selected = desired.members.iter().any(|member| member.machine == machine && member.role == role);
        let deleted = live.metadata.deletion_timestamp.is_some();
        let begun = deleted || live.annotation(LEAVING).is_some();
        let lost = view.is_lost(live);
        let health = view.probed.health.get(&machine).cloned().unwrap_or_default();
        let overdue = !facts.delivered && (late || failed);
        let cluster_name = cluster.metadata.name.as_deref().unwrap_or_default();
        let no_member = live.annotation(MEMBER_REMOVED) == Some("true")
            || view.probed.is_removed(cluster_name, &machine)
            || (live.annotation(MEMBER_GONE).is_some() && !view.probed.is_member(cluster_name, &machine));
        let not_ready = matches!(health, Health::NotReady { .. }) && reachable;
        let wanted = desired.configurations.iter().find(|wanted| wanted.name() == name(live));
        let current = |choose: fn(&Text) -> &str| {
            let wanted = wanted.map(|wanted| (wanted.keeps_files, &wanted.object));
            let same_trigger =
                self.histories.get(uid(live)).is_some_and(|history| history.trigger == trigger(cluster));
            wanted.is_some_and(|(keeps, object)| {
                same_trigger && (keeps || choose(&Text::read(object)) == choose(&facts.text))
            })
        };
        Case {
            name: name(live).to_owned(),
            reachable,
            selected,
            released: lost || begun || (role == Role::Worker && !selected),
            haunts: (lost || begun) && role == Role::ControlPlane && !no_member,
            no_member,
            told_no_member: is_told_no_member(cluster, &machine),
            wiped_again: self.histories.get(uid(live)).is_some_and(|history| {
                history.wiped_again || history.was_moved(facts.applied_at, facts.wiped == Some(true))
            }),
            outside: role == Role::ControlPlane && no_member && (!selected || (!facts.evidence && overdue)),
            joining: !facts.evidence,
            proven,
            settled: proven && still,
            in_flight: !facts.delivered || !facts.rests || stirs,
            overdue,
            current: current(|text| &text.whole),
            current_but_lists: current(|text| &text.but_lists),
            unhealthy: !reachable || matches!(health, Health::NotReady { .. } | Health::Unknown),
            not_ready,
            node_ready: health == Health::Ready,
            facts,
            machine,
            role,
        }
    }

    /// The next moment at which something of a cluster may be judged otherwise, by the operator's clock.
    pub fn next_time(&self, view: &View, cluster: &str) -> i64 {
        let Some(cluster) = view.objects.clusters.get(cluster) else { return i64::MAX };
        let times = Times::of(cluster);
        let mut next = i64::MAX;
        let mut at = |time: Option<i64>| {
            if let Some(time) = time.filter(|time| *time >= view.now) {
                next = next.min(time + 1);
            }
        };
        for live in view.objects.of_cluster(cluster) {
            let facts = self.facts(live);
            at(facts.applied_at.zip(times.stillness(&facts)).map(|(applied, needed)| applied + needed));
            at(facts.written.filter(|_| !facts.delivered).map(|written| written + times.deadline));
            at(facts.confirm_at);
            at(live.metadata.deletion_timestamp.as_ref().map(|time| time.0.as_second() + times.deadline));
        }
        next
    }
}
