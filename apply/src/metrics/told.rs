//! How a cluster is, in numbers: what its status tells, and what the metrics show of it.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesClusterStatus;
use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_render::rollout::Plan;
use nico_render::status::State;
use nico_render::workload::Workload;

/// How a cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub(super) phase: Option<Phase>,
    pub(super) control_planes: Ready,
    pub(super) workers: Ready,
    pub(super) rollout: Rollout,
    /// How many machines are in which state. What is absent is none.
    pub(super) machines: BTreeMap<(Role, State), u32>,
    /// How much waits, by the word of the reason.
    pub(super) waiting: BTreeMap<&'static str, u32>,
    pub(super) kubeconfig_until: Option<Timestamp>,
}

/// How many of a role are ready, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ready {
    pub ready: i32,
    pub total: i32,
}

/// How many machines run the newest content, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rollout {
    pub updated: i32,
    pub total: i32,
}

impl Told {
    /// From what was found in one pass: the status that is told, the plan (absent where none could be made), and
    /// what is known of the cluster that runs.
    pub fn of(status: &KubernetesClusterStatus, plan: Option<&Plan>, workload: Option<&Workload>) -> Self {
        let group = |role| {
            let group = match role {
                Role::ControlPlane => status.control_plane.as_ref(),
                Role::Worker => status.data_plane.as_ref(),
            };
            group.map(|group| Ready { ready: group.ready, total: group.total }).unwrap_or_default()
        };
        let rollout = status.rollout.as_ref();
        let stored = workload.and_then(|workload| workload.kubeconfig.stored.as_ref());
        Self {
            phase: status.phase,
            control_planes: group(Role::ControlPlane),
            workers: group(Role::Worker),
            rollout: rollout
                .map(|rollout| Rollout { updated: rollout.updated, total: rollout.total })
                .unwrap_or_default(),
            machines: numbers(machines(status)),
            waiting: numbers(
                plan.into_iter().flat_map(|plan| &plan.waiting).map(|waiting| waiting.reason.reason()),
            ),
            kubeconfig_until: stored.and_then(|stored| stored.until),
        }
    }

    pub(super) const fn group(&self, role: Role) -> Ready {
        match role {
            Role::ControlPlane => self.control_planes,
            Role::Worker => self.workers,
        }
    }
}

fn machines(status: &KubernetesClusterStatus) -> impl Iterator<Item = (Role, State)> {
    status.machines.iter().flatten().filter_map(|line| {
        Some((Role::from_label(line.role.as_deref()?)?, State::from_word(line.state.as_deref()?)?))
    })
}

/// How often each is there.
pub(super) fn numbers<K: Ord>(all: impl Iterator<Item = K>) -> BTreeMap<K, u32> {
    let mut numbers = BTreeMap::new();
    for key in all {
        let number: &mut u32 = numbers.entry(key).or_default();
        *number = number.saturating_add(1);
    }
    numbers
}
