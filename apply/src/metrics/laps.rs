//! How long the selection of a cluster's machines takes, role by role. The selection itself is pure: it says
//! when it has chosen the machines of a role, and the clock is here.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use nico_crds::names::Role;

use super::ClusterMetrics;

/// A clock that runs during a selection. What comes before the choice, such as to find who is in already, counts
/// for the role that chooses first.
pub(crate) struct Laps {
    since: Instant,
    roles: BTreeMap<Role, Lap>,
}

#[derive(Default)]
struct Lap {
    count: usize,
    took: Duration,
}

impl Laps {
    /// The selection begins now.
    pub fn begin() -> Self {
        Self { since: Instant::now(), roles: BTreeMap::new() }
    }

    /// So many machines were chosen for a role.
    pub fn chosen(&mut self, role: Role, count: usize) {
        let now = Instant::now();
        let took = now.saturating_duration_since(self.since);
        let lap = self.roles.entry(role).or_default();
        *lap = Lap { count, took: lap.took.saturating_add(took) };
        self.since = now;
    }

    /// Tells how long it took.
    pub fn tell(&self, metrics: &ClusterMetrics) {
        for (role, Lap { count, took }) in &self.roles {
            metrics.selected(*role, *count, *took);
        }
    }
}
