//! The planner that runs in a world: the real one, or one that was broken on purpose.

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_render::rollout::{Plan, rollout};
use nico_render::{Desired, Observed};

/// Who plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planner {
    Real,
}

impl Planner {
    pub fn plan(
        &mut self,
        cluster: &KubernetesCluster,
        desired: &Desired,
        observed: &Observed<'_>,
        now: Timestamp,
    ) -> Plan {
        match self {
            Self::Real => rollout(cluster, desired, observed, now),
        }
    }
}
