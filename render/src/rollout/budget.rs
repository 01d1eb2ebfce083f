//! How many may be disturbed at once, and what counts against the next one: of the workers
//! `maxUnavailable`, of the control planes one, for any number of them (S6, S7).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::KubernetesCluster;
use nico_crds::names::Role;

use super::Planner;
use super::shortcoming::Shortcoming;
use super::standing::{Release, Standing};
use crate::desired::Desired;
use crate::observed::Health;

/// Which others of its role count against a machine that is to get new content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    /// It can only become better.
    Nobody,
    Unhealthy,
    UnsettledAndUnhealthy,
}

impl Counts {
    fn against(standing: &Standing<'_>) -> Self {
        let (delivered, proven) = (standing.proof.delivered.is_yes(), standing.proof.proven.is_yes());
        if standing.is_not_ready() || (standing.is_overdue() && !may_serve(standing)) {
            Self::Nobody
        } else if standing.is_overdue() || (delivered && standing.proof.reachable.is_yes() && !proven) {
            Self::Unhealthy
        } else {
            Self::UnsettledAndUnhealthy
        }
    }
}

/// A control plane that the others may need, though its content is overdue. Where it cannot be told it may
/// be one.
fn may_serve(standing: &Standing<'_>) -> bool {
    let is_control_plane = match standing.role {
        Role::ControlPlane => true,
        Role::Worker => false,
    };
    is_control_plane
        && match standing.health {
            Health::Ready | Health::Unknown => true,
            Health::NotAsked | Health::NotReady { .. } => false,
        }
}

/// Whether the applies that this plan begins count.
#[derive(Clone, Copy)]
enum Applies {
    Count,
    Aside,
}

/// How a machine weighs on the others of its role.
enum Weight {
    /// It does not.
    None,
    /// As it stands.
    Own,
    /// It is released, and may still be a member.
    StillMember,
}

impl Weight {
    fn of(standing: &Standing<'_>) -> Self {
        match standing.role {
            Role::Worker if standing.release.is_some() || standing.joins() => Self::None,
            Role::Worker => Self::Own,
            Role::ControlPlane => Self::of_control_plane(standing),
        }
    }

    fn of_control_plane(standing: &Standing<'_>) -> Self {
        match standing.release {
            None if standing.is_late_and_no_member() => Self::None,
            None | Some(Release::Leaving) => Self::Own,
            Some(Release::Lost | Release::Begun) if !standing.may_be_member => Self::None,
            Some(Release::Lost | Release::Begun) => Self::StillMember,
        }
    }
}

fn in_flight(standing: &Standing<'_>) -> Option<Shortcoming> {
    match Weight::of(standing) {
        Weight::Own if standing.is_in_flight() => standing.unsettled(),
        Weight::None | Weight::Own | Weight::StillMember => None,
    }
}

fn unhealthy(standing: &Standing<'_>) -> Option<Shortcoming> {
    match Weight::of(standing) {
        Weight::None => None,
        Weight::Own => standing.unhealthy(),
        Weight::StillMember => Some(Shortcoming::StillMember),
    }
}

/// What keeps a machine from being settled and healthy, where the others of its role have to do with it.
pub(super) fn not_well(standing: &Standing<'_>) -> Option<Shortcoming> {
    match Weight::of(standing) {
        Weight::Own => standing.unsettled().or_else(|| standing.unhealthy()),
        Weight::None | Weight::StillMember => unhealthy(standing),
    }
}

/// A percentage is of the selected workers, rounded down; never less than one.
pub(super) fn max_unavailable(cluster: &KubernetesCluster, desired: &Desired) -> usize {
    let workers = desired.members.iter().filter(|member| member.role == Role::Worker).count();
    let rollout = cluster.spec.rollout.as_ref();
    let most = rollout.and_then(|rollout| match rollout.max_unavailable.as_ref()? {
        IntOrString::Int(number) => usize::try_from(*number).ok(),
        IntOrString::String(text) => match text.strip_suffix('%') {
            Some(percent) => workers.checked_mul(percent.parse().ok()?)?.checked_div(100),
            None => text.parse().ok(),
        },
    });
    most.unwrap_or(1).max(1)
}

impl<'a> Planner<'a> {
    /// So many of a role may be disturbed at once.
    pub(super) const fn budget(&self, role: Role) -> usize {
        match role {
            Role::Worker => self.max_unavailable,
            Role::ControlPlane => 1,
        }
    }

    /// Another machine of its role that is in flight, where as many are as may be.
    pub(super) fn too_many_in_flight(&self, standing: &Standing<'a>) -> Option<(&'a str, Shortcoming)> {
        self.too_many(standing, Applies::Count, in_flight)
    }

    /// Another machine of its role that counts against it, where as many do as may be.
    pub(super) fn too_many_counting(&self, standing: &Standing<'a>) -> Option<(&'a str, Shortcoming)> {
        match Counts::against(standing) {
            Counts::Nobody => None,
            Counts::Unhealthy => self.too_many(standing, Applies::Aside, unhealthy),
            Counts::UnsettledAndUnhealthy => self.too_many(standing, Applies::Count, not_well),
        }
    }

    /// The first other control plane that lacks something. What this plan writes to does.
    pub(super) fn other_control_planes(
        &self,
        machine: &str,
        lacks: impl Fn(&Standing<'a>) -> Option<Shortcoming>,
    ) -> Option<(String, Shortcoming)> {
        let begun = self.begun.iter().filter(|begun| begun.role == Role::ControlPlane);
        let begun = begun.map(|begun| (begun.machine, Shortcoming::Begun));
        let others = self.standings.iter().filter(|other| other.role == Role::ControlPlane);
        let others = others.filter_map(|other| Some((other.machine, lacks(other)?)));
        let mut lacking = begun.chain(others).filter(|(other, _)| *other != machine);
        lacking.next().map(|(machine, lacks)| (machine.to_owned(), lacks))
    }

    /// The first of those that count, where they are as many as the budget. What this plan writes to counts
    /// with its apply, and else as it was seen.
    fn too_many(
        &self,
        standing: &Standing<'a>,
        applies: Applies,
        counts: impl Fn(&Standing<'a>) -> Option<Shortcoming>,
    ) -> Option<(&'a str, Shortcoming)> {
        let begun = |machine: &str| match applies {
            Applies::Count => self.has_begun(machine),
            Applies::Aside => false,
        };
        let writes = self.begun.iter().filter(|other| other.role == standing.role && begun(other.machine));
        let writes = writes.map(|other| (other.machine, Shortcoming::Begun));
        let others = self.standings.iter().filter(|other| other.role == standing.role);
        let others = others.filter(|other| other.machine != standing.machine && !begun(other.machine));
        let others = others.filter_map(|other| Some((other.machine, counts(other)?)));
        let mut counting: Vec<_> = writes.chain(others).take(self.budget(standing.role)).collect();
        (counting.len() == self.budget(standing.role)).then(|| counting.swap_remove(0))
    }

    /// This plan writes content to it.
    pub(super) fn has_begun(&self, machine: &str) -> bool {
        self.begun.iter().any(|begun| begun.machine == machine)
    }
}
