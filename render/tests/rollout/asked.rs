//! The cluster itself, where it can be asked: its Nodes, what runs on them, and who is a member of its etcd.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_render::ClusterKey;
use nico_render::rollout::{NodeAct, NodeStep};
use nico_render::workload::{Kind, Kubeconfig, Member, Node, Pod, Probe, Refusal, Silence, Stored, Workload};

use crate::world::{NAMESPACE, World};

/// What becomes of a pod that is evicted.
#[derive(Clone, Copy)]
pub enum Fate {
    Goes,
    /// A `PodDisruptionBudget`, `steady`, forbids it.
    Stays,
    /// It is ending, and does not end.
    Ends,
}

pub fn pod(name: &str, kind: Kind, fate: Fate) -> Pod {
    Pod {
        namespace: "shop".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        kind,
        created_at: None,
        goes: matches!(fate, Fate::Ends),
        budgets: if matches!(fate, Fate::Stays) { vec!["steady".to_owned()] } else { Vec::new() },
    }
}

impl World {
    pub fn workload(&mut self) -> &mut Workload {
        let key = ClusterKey { namespace: NAMESPACE.to_owned(), name: "c".to_owned() };
        self.sight.workloads.entry(key).or_default()
    }

    /// Its API server does not do what is asked of it.
    pub fn refuses(&mut self, machine: &str, refusal: Refusal) {
        self.workload().refusals.insert(machine.to_owned(), refusal);
    }

    pub fn probe(&mut self) -> &mut Probe {
        Arc::make_mut(self.workload().probe.as_mut().unwrap())
    }

    /// It answers: it has a Node for each machine. The control planes' bear what k3s writes there, if it runs.
    pub fn answers(&mut self, is_k3s: bool) {
        let node = |name: &String| {
            let member = || Member::In { of: "k3s", name: format!("{name}-1") };
            let is_member = is_k3s && name.starts_with('a');
            Node {
                name: name.clone(),
                uid: format!("uid-{name}"),
                version: "1".to_owned(),
                kubelet: Some(if is_k3s { "v1.34.1+k3s1" } else { "v1.34.1" }.to_owned()),
                member: is_member.then(member),
                ..Node::default()
            }
        };
        let nodes: BTreeMap<_, _> = self.names().iter().map(|name| (name.clone(), node(name))).collect();
        let (at, until) = (self.now, Timestamp::MAX);
        let names = nodes.keys().cloned().collect();
        let probe = Probe { at, until, missed: Some(0), names, nodes: Ok(nodes), apis: BTreeMap::new() };
        let stored = Stored { secret: "c-kubeconfig".to_owned(), until: None, is_refused: false };
        let kubeconfig = Kubeconfig { stored: Some(stored), trouble: None };
        *self.workload() = Workload { kubeconfig, probe: Some(Arc::new(probe)), ..Workload::default() };
    }

    /// It was reached once, and does not answer any more.
    pub fn is_silent(&mut self) {
        self.probe().nodes = Err(Silence::NotAnswering);
    }

    pub fn node(&mut self, name: &str) -> &mut Node {
        self.probe().nodes.as_mut().unwrap().get_mut(name).unwrap()
    }

    /// Its kubelet registers it.
    pub fn registers(&mut self, name: &str, node: Node) {
        self.probe().nodes.as_mut().unwrap().insert(name.to_owned(), node);
    }

    pub fn nodes(&mut self) -> Vec<String> {
        self.probe().nodes.as_ref().unwrap().keys().cloned().collect()
    }

    /// What runs there is known from now on, as of who leaves.
    pub fn runs(&mut self, name: &str, pods: Vec<Pod>) {
        self.node(name).pods = Some(Ok(pods));
    }

    /// What its distribution does when it is asked to.
    pub fn removes_member(&mut self, name: &str) {
        let node = self.node(name);
        match &node.member {
            Some(Member::Asked { name }) => node.member = Some(Member::Removed { name: name.clone() }),
            other => panic!("{other:?}"),
        }
    }

    pub fn act(&mut self, step: &NodeStep) {
        let NodeStep { machine, uid, act, .. } = step;
        assert_eq!(&self.node(machine).uid, uid);
        let now = self.now;
        // Then it is asked again.
        self.probe().at = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let node = self.node(machine);
        match act {
            NodeAct::Cordon { since } => {
                node.cordoned = true;
                node.drained_since = Some(*since);
                node.pods.get_or_insert(Ok(Vec::new()));
            }
            NodeAct::Evict(evicted) => {
                let Some(Ok(pods)) = &mut node.pods else { panic!("nobody knows what runs on {machine}") };
                pods.retain(|pod| !evicted.contains(pod) || !pod.budgets.is_empty());
            }
            NodeAct::RemoveMember { at, .. } => match &node.member {
                Some(Member::In { name, .. }) => {
                    node.member_asked_at = Some(*at);
                    node.member = Some(Member::Asked { name: name.clone() });
                }
                other => panic!("{other:?}"),
            },
            NodeAct::Delete if node.name.starts_with("held") => node.deleted_at = Some(now),
            NodeAct::Delete => {
                self.probe().nodes.as_mut().unwrap().remove(machine);
            }
        }
    }
}
