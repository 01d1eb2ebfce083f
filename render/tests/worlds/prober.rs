//! The prober: what the clusters themselves say of their Nodes and members, where they are asked.

use nico_crds::KubernetesCluster;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::Role;
use nico_render::{Health, Membership};

use crate::model::snapshot::{Probed, Snapshot, machine_of, role};
use crate::run::World;

impl World {
    pub fn probes(&self, seen: &Snapshot) -> Probed {
        let mut probed = Probed::default();
        if !self.genes.asks_health {
            return probed;
        }
        for (name, cluster) in seen.clusters.iter().filter(|(_, cluster)| is_asked(cluster)) {
            let answers = self.truth.answers(name, self.now);
            for live in seen.of_cluster(cluster) {
                let machine = machine_of(live);
                let found = match (answers, self.truth.is_node_ready(machine, self.now)) {
                    (false, _) => Health::Unknown,
                    (true, true) => Health::Ready,
                    (true, false) => Health::NotReady { why: "KubeletStopped".to_owned() },
                };
                probed.health.insert(machine.to_owned(), found);
                if role(live) == Role::ControlPlane {
                    let is_member = self
                        .truth
                        .members
                        .get(name)
                        .is_some_and(|members| members.iter().any(|member| member == machine));
                    let found = match (answers, is_member) {
                        (false, _) => Membership::Unknown,
                        (true, true) => Membership::Member,
                        (true, false) => Membership::NoMember,
                    };
                    probed.membership.insert(machine.to_owned(), found);
                }
            }
        }
        probed
    }

    /// What the aggregator writes that the planner reads.
    pub fn aggregates(&mut self) {
        // Where the status is told, this is told with it.
        if !self.genes.asks_health || self.genes.tells_status {
            return;
        }
        let names: Vec<_> = self.server.objects.clusters.keys().cloned().collect();
        for name in names {
            let cluster = self.server.objects.clusters[&name].clone();
            let seen = cluster.status.as_ref().is_some_and(|status| status.health_seen == Some(true));
            let mut lives = self.server.objects.of_cluster(&cluster).peekable();
            let healthy = lives.peek().is_some()
                && lives.all(|live| self.truth.is_node_ready(machine_of(live), self.now));
            drop(lives);
            if !seen && healthy && self.truth.answers(&name, self.now) {
                self.server.change_cluster(&name, |cluster| {
                    cluster.status.get_or_insert_default().health_seen = Some(true);
                });
            }
        }
    }
}

pub fn is_asked(cluster: &KubernetesCluster) -> bool {
    let rollout = cluster.spec.rollout.as_ref();
    match rollout.and_then(|rollout| rollout.require_node_health).unwrap_or_default() {
        RequireNodeHealth::Never => false,
        RequireNodeHealth::Always => true,
        RequireNodeHealth::Auto => {
            cluster.status.as_ref().is_some_and(|status| status.health_seen == Some(true))
        }
    }
}
