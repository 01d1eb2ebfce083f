//! What the operator decided on: what it saw, and what it has written since.

use std::sync::Arc;

use nico_crds::names::LOST;
use nico_crds::{Machine, NixosConfiguration};
use nico_render::rollout::Step;

use crate::model::snapshot::{Probed, Snapshot};

/// The objects as the operator knows them.
pub struct View {
    pub objects: Snapshot,
    pub probed: Probed,
    /// By the operator's clock.
    pub now: i64,
    pub is_fresh: bool,
}

/// A write that was done.
pub struct Done<'a> {
    pub step: &'a Step,
    /// The configuration before it, where it is about one.
    pub before: Option<Arc<NixosConfiguration>>,
    /// And after it.
    pub after: Option<Arc<NixosConfiguration>>,
}

impl View {
    /// Takes in what was just written.
    pub fn take(&mut self, server: &Snapshot, done: &Done<'_>) {
        let name = |live: &Arc<NixosConfiguration>| live.metadata.name.clone().unwrap_or_default();
        if let Some(before) = &done.before {
            self.objects.configurations.remove(&name(before));
        }
        if let Some(after) = &done.after {
            self.objects.configurations.insert(name(after), after.clone());
        }
        if done.before.is_none() && done.after.is_none() {
            for (name, cluster) in &mut self.objects.clusters {
                if let Some(live) = server.clusters.get(name) {
                    *cluster = live.clone();
                }
            }
        }
    }

    pub fn machine(&self, name: &str) -> Option<&Arc<Machine>> {
        self.objects.machines.get(name)
    }

    pub fn is_discoverable(&self, machine: &str) -> bool {
        let status = self.machine(machine).and_then(|machine| machine.status.as_ref());
        status.and_then(|status| status.discoverable) == Some(true)
    }

    /// A person said so, or its Machine object is gone.
    pub fn is_lost(&self, live: &NixosConfiguration) -> bool {
        let Some(machine) = self.machine(live.machine().unwrap_or_default()) else { return true };
        let marked = machine.metadata.annotations.as_ref().and_then(|annotations| annotations.get(LOST));
        marked.map(String::as_str) == Some("true") || live.annotation(LOST) == Some("true")
    }
}
