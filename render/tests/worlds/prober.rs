//! The prober: what the clusters themselves say of their Nodes and members, where they are asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::status::MachineLine;
use nico_render::Health;
use nico_render::workload::{Kubeconfig, Node, Probe, Silence, Stored, Workload};

use crate::model::nodes::NodeTruth;
use crate::model::snapshot::{Probed, Snapshot, machine_of};
use crate::model::timestamp;
use crate::run::World;

impl World {
    pub fn probes(&self, seen: &Snapshot) -> Probed {
        let mut probed = Probed::default();
        if !self.genes.asks_health {
            return probed;
        }
        for (name, cluster) in &seen.clusters {
            probed.workloads.insert(name.clone(), self.says(name));
            if !is_asked(cluster) {
                continue;
            }
            let answers = self.truth.answers(name, self.now);
            for live in seen.of_cluster(cluster) {
                let machine = machine_of(live);
                let found = match (answers, self.truth.is_node_ready(machine, self.now)) {
                    (false, _) => Health::Unknown,
                    (true, true) => Health::Ready,
                    (true, false) => Health::NotReady { why: "KubeletStopped".to_owned() },
                };
                probed.health.insert(machine.to_owned(), found);
            }
        }
        probed
    }

    /// Who answers, and who does not any more.
    pub fn listens(&mut self, seen: &Snapshot) {
        for name in seen.clusters.keys() {
            if self.truth.answers(name, self.now) {
                self.operator.missed.insert(name.clone(), 0);
            } else {
                *self.operator.missed.entry(name.clone()).or_default() += 1;
            }
        }
    }

    /// What a cluster says of its Nodes.
    fn says(&self, name: &str) -> Workload {
        // It was reached as soon as it ran.
        let runs = self.truth.members.get(name).is_some_and(|members| !members.is_empty());
        let stored = Stored { secret: format!("{name}-kubeconfig"), until: None, is_refused: false };
        let kubeconfig = Kubeconfig { stored: runs.then_some(stored), trouble: None };
        let of_cluster = self.truth.nodes.iter().filter(|((cluster, _), _)| cluster == name);
        let nodes =
            of_cluster.map(|((_, machine), node)| (machine.clone(), self.read(machine, node))).collect();
        let nodes = if self.truth.answers(name, self.now) { Ok(nodes) } else { Err(Silence::NotAnswering) };
        let names = self.truth.machines.keys().cloned().collect();
        let at = timestamp(self.now);
        let missed = self.operator.missed.get(name).copied();
        let probe = Probe { at, until: Timestamp::MAX, missed, names, nodes, apis: BTreeMap::new() };
        Workload { kubeconfig, probe: runs.then(|| Arc::new(probe)), ..Workload::default() }
    }

    fn read(&self, machine: &str, node: &NodeTruth) -> Node {
        let is_ready = self.truth.is_node_ready(machine, self.now);
        Node { unready: (!is_ready).then(|| "KubeletStopped".to_owned()), ..node.read(machine) }
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
            if !self.truth.answers(&name, self.now) {
                continue;
            }
            if !seen && healthy {
                self.server.change_cluster(&name, |cluster| {
                    cluster.status.get_or_insert_default().health_seen = Some(true);
                });
            }
            if self.genes.tells_members {
                self.tells_members(&name, &cluster);
            }
        }
    }

    /// Who is a member, and who is not.
    fn tells_members(&mut self, name: &str, cluster: &KubernetesCluster) {
        let members = self.truth.members.get(name).cloned().unwrap_or_default();
        let status = cluster.status.as_ref();
        let listed = status.and_then(|status| status.selected_control_plane_machines.clone());
        let line = |name: String| MachineLine {
            member: Some(members.contains(&name)),
            name,
            ..MachineLine::default()
        };
        let lines: Vec<_> = listed.into_iter().flatten().map(line).collect();
        if status.and_then(|status| status.machines.as_ref()) != Some(&lines) {
            self.server.change_cluster(name, |cluster| {
                cluster.status.get_or_insert_default().machines = Some(lines);
            });
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
