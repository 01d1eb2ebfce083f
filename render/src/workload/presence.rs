//! What a cluster says of one machine's Node: whether there is one, what still runs on it, and whether it is a
//! member of the control plane. A machine that leaves goes by that.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::status::MachineLine;

use super::health::Asks;
use super::need::was_there;
use super::{Member, Node, Probe, Workload};

/// One that need not answer is silent once so many answers in a row did not come.
const MISSES: u32 = 3;

/// What a cluster says of a machine's Node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence<'a> {
    /// Nobody asks: the cluster was never reached, or a person said that it need not answer.
    NotAsked,
    /// It is asked, and does not answer now. Unsafe: anything may be.
    Unknown,
    /// It answers, and has no such Node.
    Absent,
    /// It has.
    Present(&'a Node),
}

/// Whether a machine is a member of its cluster's control plane (of its etcd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// Nobody asks, or the distribution has no way to tell through the API.
    NotAsked,
    /// It is one.
    Member,
    /// It was one, and was removed.
    NoMember,
    /// It is asked for, and cannot be told now. Unsafe: it may be.
    Unknown,
}

/// What a cluster says of a machine's Node. `workload` is absent as long as nobody has looked at the cluster.
///
/// A cluster that was reached once is expected to answer, whatever is made of its Nodes' health: who leaves without
/// being drained is not asked for it twice. Only `requireNodeHealth: Never` goes on without an answer, and not for one
/// that fails just once.
pub fn presence<'a>(
    cluster: &KubernetesCluster,
    workload: Option<&'a Workload>,
    machine: &str,
    now: Timestamp,
) -> Presence<'a> {
    let probe = workload.and_then(|workload| workload.probe.as_deref());
    let nodes = probe.filter(|probe| probe.is_fresh(now)).and_then(|probe| probe.nodes.as_ref().ok());
    match nodes {
        Some(nodes) => match nodes.get(machine) {
            Some(node) => Presence::Present(node),
            None if probe.is_some_and(|probe| probe.names.contains(machine)) => Presence::Absent,
            None => Presence::Unknown,
        },
        None if must_answer(cluster, workload) => Presence::Unknown,
        None => Presence::NotAsked,
    }
}

/// What a cluster says of its Nodes, as the operator told it last in the status: which Nodes there are. That they are
/// being drained is all that is known of those that leave.
pub fn nodes_as_told(cluster: &KubernetesCluster, now: Timestamp) -> Workload {
    let lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    let names = lines.clone().map(|line| line.name.clone()).collect();
    let has_node = |line: &&MachineLine| line.kubelet.is_some();
    let node = |line: &MachineLine| Node {
        name: line.name.clone(),
        kubelet: line.kubelet.clone(),
        cordoned: true,
        drained_since: Some(now),
        ..Node::default()
    };
    let nodes: BTreeMap<_, _> = lines.filter(has_node).map(|line| (line.name.clone(), node(line))).collect();
    if nodes.is_empty() {
        return Workload::default();
    }
    let (at, until, missed) = (now, now, Some(0));
    let probe = Probe { at, until, missed, names, nodes: Ok(nodes), apis: BTreeMap::new() };
    Workload { probe: Some(Arc::new(probe)), ..Workload::default() }
}

/// A person says that a cluster need not answer.
pub(crate) fn goes_unasked(cluster: &KubernetesCluster) -> bool {
    Asks::of(cluster) == Asks::Nothing
}

/// Nothing is done without its answer.
fn must_answer(cluster: &KubernetesCluster, workload: Option<&Workload>) -> bool {
    let was_reached =
        workload.is_some_and(|workload| workload.kubeconfig.stored.is_some()) || was_there(cluster);
    match Asks::of(cluster) {
        // Somebody is about to look, or it may answer yet.
        Asks::Nothing => match workload {
            None => was_reached,
            Some(workload) => workload.probe.as_ref().is_some_and(|probe| may_answer_yet(probe)),
        },
        Asks::Once => was_reached,
        Asks::Health => true,
    }
}

/// One failure is no silence, not even for a person who does not count on its answer.
fn may_answer_yet(probe: &Probe) -> bool {
    probe.missed.is_some_and(|missed| missed < MISSES)
}

/// Why a cluster says nothing of its Nodes, in words.
pub(crate) fn silence(workload: Option<&Workload>, now: Timestamp) -> String {
    let probe = workload.and_then(|workload| workload.probe.as_deref());
    match probe.filter(|probe| probe.is_fresh(now)).map(|probe| &probe.nodes) {
        Some(Err(silence)) => silence.to_string(),
        Some(Ok(_)) => "it was not asked for this machine yet".to_owned(),
        None if workload.is_none() => "nobody has asked it yet".to_owned(),
        None => "it could not be asked of late".to_owned(),
    }
}

impl Presence<'_> {
    /// What it says about the membership.
    pub const fn membership(&self) -> Membership {
        match self {
            // A Node can be gone, or not be there yet, and its member be there.
            Self::NotAsked | Self::Absent => Membership::NotAsked,
            Self::Unknown => Membership::Unknown,
            Self::Present(node) => match &node.member {
                None => Membership::NotAsked,
                Some(Member::In { .. } | Member::Asked { .. }) => Membership::Member,
                Some(Member::Removed { .. }) => Membership::NoMember,
            },
        }
    }
}

/// Whether a cluster shows this control plane as a member: it has a Node, and a member of etcd where such are noted on
/// Nodes. None: it does not tell, as k0s, whose control planes need no Nodes.
pub(crate) fn shows_member<'a>(
    probe: &Probe,
    machine: &str,
    mut control_planes: impl Iterator<Item = &'a str> + Clone,
) -> Option<bool> {
    let nodes = probe.nodes.as_ref().ok().filter(|_| probe.names.contains(machine))?;
    let others = control_planes.clone().filter(|other| *other != machine);
    let has_members = others.filter_map(|other| nodes.get(other)).any(|other| other.member.is_some());
    match nodes.get(machine) {
        Some(Node { member: Some(Member::In { .. } | Member::Asked { .. }), .. }) => Some(true),
        Some(Node { member: Some(Member::Removed { .. }), .. }) => Some(false),
        Some(Node { member: None, .. }) => Some(!has_members),
        None if Distribution::of(probe) == Distribution::K0s => None,
        None => control_planes.any(|other| nodes.contains_key(other)).then_some(false),
    }
}

/// How a cluster is called that has a way of its own to take a control plane out, or has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distribution {
    /// k3s.
    K3s,
    /// RKE2.
    Rke2,
    /// k0s.
    K0s,
    /// kubeadm, or anything else.
    Other,
    /// Nobody has asked.
    Unknown,
}

impl Distribution {
    /// By the version of a kubelet, which bears the distribution's name behind a `+`.
    pub fn of_kubelet(version: &str) -> Self {
        let build = version.split_once('+').map_or("", |(_, build)| build);
        match build {
            build if build.starts_with("k3s") => Self::K3s,
            build if build.starts_with("rke2") => Self::Rke2,
            build if build.starts_with("k0s") => Self::K0s,
            _ => Self::Other,
        }
    }

    /// Of a cluster, by its Nodes.
    pub fn of(probe: &Probe) -> Self {
        let nodes = probe.nodes.iter().flat_map(|nodes| nodes.values());
        let told = nodes.filter_map(|node| node.kubelet.as_deref()).map(Self::of_kubelet);
        told.min().unwrap_or(Self::Unknown)
    }
}
