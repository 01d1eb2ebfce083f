//! S6 to S9: who may get new content, by the design's table.

use nico_crds::cluster::RolloutOrder;
use nico_crds::names::Role;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Desired;

use super::view::View;
use super::words::{Case, budget};
use super::{Checker, Invariant, name};

/// What stands in the way of new content.
struct Blocker {
    invariant: Invariant,
    text: String,
    /// It is not the machine's own apply.
    by_others: bool,
}

impl Checker {
    pub fn content_allowed(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        live: &NixosConfiguration,
    ) {
        let cases = self.cases(view, cluster, desired);
        let Some(case) = cases.iter().find(|case| case.name == name(live)) else { return };
        let own = of_role(case.role);
        self.check(Invariant::S11, case.selected, || format!("{} leaves, and gets new content", case.name));
        for invariant in [own, Invariant::S8, Invariant::S9] {
            *self.tally.checks.entry(invariant).or_default() += 1;
        }
        let blockers = blockers(&cases, case, cluster, desired);
        if let Some(blocker) = blockers.first() {
            self.fail(blocker.invariant, format!("{} gets new content: {}", case.name, blocker.text));
            let also = blockers.iter().map(|blocker| blocker.invariant);
            if let Some(violation) = &mut self.violation {
                violation.also.extend(also);
            }
        }
    }

    /// Whether there was ever anything to wait for.
    pub fn note_antecedents(&mut self, view: &View, cluster: &KubernetesCluster, desired: &Desired) {
        let wanted = [Invariant::S6, Invariant::S7, Invariant::S8, Invariant::S9];
        let differs = desired.configurations.iter().any(|wanted| !wanted.is_new && !wanted.keeps_files);
        if !differs || wanted.iter().all(|invariant| self.had(*invariant)) {
            return;
        }
        let cases = self.cases(view, cluster, desired);
        for case in cases.iter().filter(|case| case.selected && !case.current) {
            for blocker in blockers(&cases, case, cluster, desired) {
                if blocker.by_others {
                    self.antecedent(blocker.invariant);
                }
            }
        }
    }
}

pub const fn of_role(role: Role) -> Invariant {
    match role {
        Role::ControlPlane => Invariant::S7,
        Role::Worker => Invariant::S6,
    }
}

/// The first machine by which a rollout is frozen.
pub fn frozen_by(cases: &[Case]) -> Option<&Case> {
    cases.iter().find(|case| {
        let joins = case.role == Role::Worker && case.joining;
        !case.released && case.selected && !joins && case.overdue && case.current_but_lists
    })
}

fn blockers(cases: &[Case], x: &Case, cluster: &KubernetesCluster, desired: &Desired) -> Vec<Blocker> {
    let mut found = Vec::new();
    let own = of_role(x.role);
    let mut add = |invariant, by_others, text: String| found.push(Blocker { invariant, text, by_others });
    if x.in_flight && !x.overdue {
        add(own, false, "its own apply may run".to_owned());
    }
    let budget = budget(cluster, desired, x.role);
    let others: Vec<&Case> =
        cases.iter().filter(|other| other.name != x.name && counts(other, x.role)).collect();
    let flying: Vec<&&Case> =
        others.iter().filter(|other| other.in_flight && !other.overdue && !other.haunts).collect();
    if flying.len() >= budget {
        add(own, true, format!("{} in flight", names(&flying)));
    }
    let against: Vec<&&Case> =
        if x.not_ready || (x.overdue && !(x.role == Role::ControlPlane && x.node_ready)) {
            Vec::new()
        } else if x.overdue || (x.facts.delivered && x.reachable && !x.proven) {
            others.iter().filter(|other| other.unhealthy || other.haunts).collect()
        } else {
            others.iter().filter(|other| other.unhealthy || other.haunts || !other.settled).collect()
        };
    if against.len() >= budget {
        add(own, true, format!("{} unsettled or unhealthy", names(&against)));
    }
    if !x.overdue && !x.not_ready && x.role == later(cluster) {
        let before = cases.iter().find(|other| {
            other.role != x.role
                && !other.released
                && other.selected
                && !other.outside
                && !(other.role == Role::Worker && other.joining)
                && !(other.current && other.settled)
        });
        if let Some(before) = before {
            add(Invariant::S8, true, format!("{} of the earlier role is not done", before.name));
        }
    }
    if !x.overdue
        && let Some(by) = frozen_by(cases)
    {
        add(Invariant::S9, true, format!("frozen by {}", by.name));
    }
    found
}

/// It counts in the budget of its role.
fn counts(other: &Case, wanted: Role) -> bool {
    other.role == wanted
        && match wanted {
            Role::Worker => !other.released && !other.joining,
            Role::ControlPlane => !other.outside && (!other.released || other.haunts),
        }
}

fn later(cluster: &KubernetesCluster) -> Role {
    match cluster.spec.rollout.as_ref().and_then(|rollout| rollout.order).unwrap_or_default() {
        RolloutOrder::WorkersFirst => Role::ControlPlane,
        RolloutOrder::ControlPlaneFirst => Role::Worker,
    }
}

fn names(cases: &[&&Case]) -> String {
    cases.iter().map(|case| case.name.as_str()).collect::<Vec<_>>().join(", ")
}
