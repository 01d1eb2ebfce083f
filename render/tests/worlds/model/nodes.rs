//! The Nodes of the clusters, as their APIs have them: what runs there, and what their distribution tells of etcd.

use std::collections::BTreeMap;

use nico_render::rollout::{NodeAct, NodeStep};
use nico_render::workload::{Kind, Member, Node, Pod};

use super::machine::Truth;
use super::timestamp;

/// A pod that was evicted ends within so long.
const ENDING: i64 = 20;
/// And a member that is asked to go is gone.
const LEAVING: i64 = 15;

/// A Node.
#[derive(Clone, Debug)]
pub struct NodeTruth {
    pub uid: u64,
    pub version: u64,
    pub cordoned: bool,
    pub drained_since: Option<i64>,
    pub pod: PodTruth,
    pub member: Option<Member>,
    /// When its member was asked to go.
    asked_at: i64,
}

/// The pod that runs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodTruth {
    Runs,
    /// A budget forbids that it goes.
    Held,
    Ends {
        at: i64,
    },
    Gone,
}

/// By cluster and machine.
pub type Nodes = BTreeMap<(String, String), NodeTruth>;

impl NodeTruth {
    pub fn runs_nothing(&self) -> bool {
        match self.pod {
            PodTruth::Gone => true,
            PodTruth::Runs | PodTruth::Held | PodTruth::Ends { .. } => false,
        }
    }

    /// Something comes of it soon.
    pub fn goes_on(&self, now: i64) -> bool {
        matches!(self.member, Some(Member::Asked { .. }))
            || matches!(self.pod, PodTruth::Ends { .. })
            || self.drained_since.is_some_and(|since| now <= since + 400)
    }

    /// As the prober reads it.
    pub fn read(&self, machine: &str) -> Node {
        let pod = |goes: bool, is_held: bool| Pod {
            namespace: "shop".to_owned(),
            name: format!("on-{machine}"),
            uid: format!("pod-{}", self.uid),
            kind: Kind::Evictable,
            created_at: None,
            goes,
            budgets: if is_held { vec!["steady".to_owned()] } else { Vec::new() },
        };
        let pods = match self.pod {
            PodTruth::Gone => Vec::new(),
            PodTruth::Runs => vec![pod(false, false)],
            PodTruth::Held => vec![pod(false, true)],
            PodTruth::Ends { .. } => vec![pod(true, false)],
        };
        Node {
            name: machine.to_owned(),
            uid: self.uid.to_string(),
            version: self.version.to_string(),
            cordoned: self.cordoned,
            drained_since: self.drained_since.map(timestamp),
            member: self.member.clone(),
            pods: Some(Ok(pods)),
            ..Node::default()
        }
    }
}

impl Truth {
    /// The kubelet of a machine that runs something registers its Node. What the API has of it stays. A control
    /// plane's says whose member it is, if its distribution tells.
    pub fn registers(&mut self, cluster: &str, machine: &str, is_held: bool, tells: bool) {
        let is_member =
            self.members.get(cluster).is_some_and(|members| members.iter().any(|one| one == machine));
        self.births += 1;
        let birth = self.births;
        let key = (cluster.to_owned(), machine.to_owned());
        let node = self.nodes.entry(key).or_insert_with(|| NodeTruth {
            uid: birth,
            version: birth,
            cordoned: false,
            drained_since: None,
            pod: PodTruth::Gone,
            member: None,
            asked_at: 0,
        });
        if !node.cordoned && node.runs_nothing() {
            node.pod = if is_held { PodTruth::Held } else { PodTruth::Runs };
        }
        let is_told = matches!(&node.member, Some(Member::In { .. } | Member::Asked { .. }));
        if tells && is_member && !is_told {
            node.member = Some(Member::In { of: "k3s", name: format!("{machine}-{birth}") });
            node.version = birth;
        }
    }

    /// What comes of itself, where the API answers: pods end, members go.
    pub fn nodes_go_on(&mut self, now: i64, tells: bool) {
        let clusters: Vec<_> =
            self.members.keys().filter(|cluster| self.answers(cluster, now)).cloned().collect();
        for ((cluster, machine), is_held) in std::mem::take(&mut self.unregistered) {
            if clusters.contains(&cluster) {
                self.registers(&cluster, &machine, is_held, tells);
            } else {
                self.unregistered.insert((cluster, machine), is_held);
            }
        }
        let mut gone = Vec::new();
        for ((cluster, machine), node) in &mut self.nodes {
            if !clusters.contains(cluster) {
                continue;
            }
            if let PodTruth::Ends { at } = node.pod
                && at <= now
            {
                node.pod = PodTruth::Gone;
            }
            if let Some(Member::Asked { name }) = &node.member
                && node.asked_at + LEAVING <= now
            {
                node.member = Some(Member::Removed { name: name.clone() });
                gone.push((cluster.clone(), machine.clone()));
            }
        }
        for (cluster, machine) in gone {
            self.leaves(&cluster, &machine);
        }
    }

    /// A person ends what runs there.
    pub fn ends_pods(&mut self, cluster: &str, machine: &str) {
        if let Some(node) = self.nodes.get_mut(&(cluster.to_owned(), machine.to_owned())) {
            node.pod = PodTruth::Gone;
        }
    }

    /// It was removed from etcd, and runs all the same.
    pub fn is_out(&self, cluster: &str, machine: &str) -> bool {
        let node = self.nodes.get(&(cluster.to_owned(), machine.to_owned()));
        let runs = self.machines.get(machine).is_some_and(|hardware| {
            hardware.runs.as_ref().is_some_and(|runs| runs.cluster == cluster && runs.is_control_plane)
        });
        runs && node.is_some_and(|node| matches!(node.member, Some(Member::Removed { .. })))
    }

    /// Does it, if it is still what it was decided on. Whether it did.
    pub fn act(&mut self, cluster: &str, step: &NodeStep, now: i64) -> bool {
        if !self.answers(cluster, now) {
            return false;
        }
        let key = (cluster.to_owned(), step.machine.clone());
        let Some(node) = self.nodes.get_mut(&key).filter(|node| node.uid.to_string() == step.uid) else {
            return false;
        };
        if node.version.to_string() != step.version && !matches!(step.act, NodeAct::Evict(_)) {
            return false;
        }
        self.births += 1;
        node.version = self.births;
        match &step.act {
            NodeAct::Cordon { since } => {
                node.cordoned = true;
                node.drained_since = Some(since.as_second());
            }
            NodeAct::Evict(_) => match node.pod {
                PodTruth::Runs => node.pod = PodTruth::Ends { at: now + ENDING },
                PodTruth::Held | PodTruth::Ends { .. } | PodTruth::Gone => return false,
            },
            NodeAct::RemoveMember { .. } => {
                if let Some(Member::In { name, .. }) = &node.member {
                    node.member = Some(Member::Asked { name: name.clone() });
                    node.asked_at = now;
                }
            }
            NodeAct::Delete => {
                self.nodes.remove(&key);
            }
        }
        true
    }
}
