//! The aggregator: what is told of a cluster in its status, by a field manager of its own.

use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use nico_render::rollout::Plan;
use nico_render::status::status;
use nico_render::{Desired, Observed};

use crate::model::timestamp;
use crate::run::World;

impl World {
    /// Tells how a cluster is, from what was seen.
    pub fn tells_of(
        &self,
        cluster: &KubernetesCluster,
        desired: &Desired,
        observed: &Observed<'_>,
        plan: &Plan,
        now: i64,
    ) -> Option<KubernetesClusterStatus> {
        self.genes
            .tells_status
            .then(|| self.planner.tells(status(cluster, Ok(desired), observed, Some(plan), timestamp(now))))
    }

    /// Writes it, bound to what it was made of: what the applier remembers is not its own, and stays.
    pub fn write_status(&mut self, cluster: &KubernetesCluster, told: KubernetesClusterStatus) -> bool {
        if self.is_bound(cluster).is_err() {
            return false;
        }
        let cluster = cluster.metadata.name.as_deref().unwrap_or_default();
        // What it tells is no news to the applier.
        let is_new = self.server.is_new;
        let status = |world: &Self| {
            let cluster = world.server.objects.clusters.get(cluster);
            cluster.and_then(|cluster| cluster.status.clone()).unwrap_or_default()
        };
        let before = status(self);
        self.server.change_cluster(cluster, |cluster| {
            let own = cluster.status.take().unwrap_or_default();
            cluster.status = Some(KubernetesClusterStatus {
                bootstrapped: own.bootstrapped,
                applied_machines: own.applied_machines,
                selected_control_plane_machines: own.selected_control_plane_machines,
                selected_data_plane_machines: own.selected_data_plane_machines,
                rebootstrapped: own.rebootstrapped,
                reinstalled: own.reinstalled,
                adopted_generation: own.adopted_generation,
                ..told
            });
        });
        let after = status(self);
        self.server.is_new = is_new;
        if before != after {
            self.operator.told += 1;
            self.note(|| format!("nico tells of {cluster}: {:?}{}", after.phase, news(&before, &after)));
        }
        true
    }
}

/// What is new about its machines.
fn news(before: &KubernetesClusterStatus, after: &KubernetesClusterStatus) -> String {
    let lines = |status: &KubernetesClusterStatus| status.machines.clone().unwrap_or_default();
    let known = lines(before);
    let new = lines(after).into_iter().filter(|line| !known.contains(line));
    new.map(|line| {
        let settled = line.settled_at.map(|at| format!(" (settled with {at})")).unwrap_or_default();
        format!(", {} {}{settled}", line.name, line.state.unwrap_or_default())
    })
    .collect()
}
