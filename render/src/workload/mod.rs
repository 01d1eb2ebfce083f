//! What a running cluster says of itself, and how it is reached: the snapshot that the rollout and the status
//! look at. Nothing of it is written anywhere.

mod health;
mod need;
mod pods;
mod presence;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

pub use health::{health, health_as_told};
pub(crate) use health::{report, why_unknown};
pub use need::{Need, is_due, is_pin_void, need};
pub use pods::{Kind, Pod};
pub use presence::{Distribution, Membership, Presence, nodes_as_told, presence};
pub(crate) use presence::{goes_unasked, shows_member, silence};
pub use sources::{Sources, sources};

/// What is known of a cluster that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// How it is reached.
    pub kubeconfig: Kubeconfig,
    /// What it said when it was last asked; absent: nobody has asked it yet.
    pub probe: Option<Arc<Probe>>,
    /// What its API server refused of late of what is done for a machine that leaves, by the machine's name.
    pub refusals: BTreeMap<String, Refusal>,
}

/// What an API server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was to be changed, in words.
    pub what: String,
    /// What it said.
    pub why: String,
    /// So often in a row.
    pub times: u32,
    /// When, the last time.
    pub at: Timestamp,
}

/// The Secret with a cluster's kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// The one that there is.
    pub stored: Option<Stored>,
    /// Why there is none, or none that is newer.
    pub trouble: Option<Trouble>,
}

/// A kubeconfig that is there for others to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The Secret's name.
    pub secret: String,
    /// When its client certificate ends; a token does not say.
    pub until: Option<Timestamp>,
    /// With it nobody is let in any more.
    pub is_refused: bool,
}

impl Stored {
    /// Somebody is let in with it, as far as is known.
    pub fn lets_in(&self, now: Timestamp) -> bool {
        !self.is_refused && self.until.is_none_or(|until| now < until)
    }
}

/// Why something about the kubeconfig does not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In one CamelCase word.
    pub reason: &'static str,
    /// In words, and what a person can do. Nothing in it is a secret.
    pub message: String,
}

/// What a cluster said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// When it began to be asked: what was done later does not show in it.
    pub at: Timestamp,
    /// From then on it says nothing.
    pub until: Timestamp,
    /// So often in a row it gave no list of its Nodes; absent: nobody counts.
    pub missed: Option<u32>,
    /// The machines whose Nodes were looked for. Of others it says nothing.
    pub names: BTreeSet<String>,
    /// The Nodes, by the machine's name; or why there is no list.
    pub nodes: Result<BTreeMap<String, Node>, Silence>,
    /// The API server of each control plane at its own address, by the machine's name.
    pub apis: BTreeMap<String, Api>,
}

/// Why a cluster gives no list of its Nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It does not answer, or not in time.
    NotAnswering,
    /// It answers, and does not let us in.
    Denied,
    /// It answers with something else.
    Garbled,
}

/// A Node of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its resourceVersion: what is written to it is bound to that.
    pub version: String,
    /// Why it is not Ready, in one CamelCase word, if it is not.
    pub unready: Option<String>,
    /// The version of its kubelet.
    pub kubelet: Option<String>,
    /// What it is short of, as Kubernetes calls it: `MemoryPressure`, `DiskPressure`, `PIDPressure`.
    pub pressure: Vec<String>,
    /// Nothing new is scheduled to it.
    pub cordoned: bool,
    /// Since when NICO drains it: noted on the Node itself.
    pub drained_since: Option<Timestamp>,
    /// Since when it is being deleted: finalizers hold it.
    pub deleted_at: Option<Timestamp>,
    /// When NICO asked its distribution to remove its member of etcd: noted on the Node itself.
    pub member_asked_at: Option<Timestamp>,
    /// What it says of its member of etcd; absent: it says nothing, as where the distribution has no way to.
    pub member: Option<Member>,
    /// What runs on it; absent: nobody asked, as it does not leave.
    pub pods: Option<Result<Vec<Pod>, Silence>>,
}

/// What the Node of a control plane says of its member of etcd, in k3s and RKE2: by the annotations
/// `etcd.<distribution>.cattle.io/{node-name,remove,removed-node-name}`. The Node bears them by its distribution alone,
/// which removes the member where `remove` is `true`, and then says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// It is one.
    In {
        /// Whose annotations these are: `k3s` or `rke2`.
        of: &'static str,
        /// Its name in etcd.
        name: String,
    },
    /// It is one, and is asked to go.
    Asked {
        /// Its name in etcd.
        name: String,
    },
    /// It was one, and is none any more.
    Removed {
        /// The name that it had in etcd.
        name: String,
    },
}

/// How an API server is, by its own word (`/readyz`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Api {
    /// It and its etcd are ready.
    Ready,
    /// It answers, and these of its checks fail.
    NotReady(Vec<String>),
    /// It does not answer.
    Silent,
}

impl Refusal {
    /// One more, after the one before it; of something else it is the first.
    pub fn next(before: Option<&Self>, what: &str, why: &str, at: Timestamp) -> Self {
        let before = before.filter(|refusal| refusal.what == what).map_or(0, |refusal| refusal.times);
        Self { what: what.to_owned(), why: why.to_owned(), times: before.saturating_add(1), at }
    }
}

impl Probe {
    /// The same, with the answers counted that did not come, after the one before it.
    #[must_use]
    pub fn after(self, before: Option<&Self>) -> Self {
        let before = before.and_then(|before| before.missed).unwrap_or_default();
        let missed = if self.nodes.is_ok() { 0 } else { before.saturating_add(1) };
        Self { missed: Some(missed), ..self }
    }

    /// What is older says nothing.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now <= self.until
    }

    /// API servers answer at the addresses of their machines, so one that does not is silent for itself.
    pub(crate) fn reaches_own_addresses(&self) -> bool {
        self.apis.values().any(|api| match api {
            Api::Ready | Api::NotReady(_) => true,
            Api::Silent => false,
        })
    }
}

impl Silence {
    /// In one CamelCase word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotAnswering => "NotAnswering",
            Self::Denied => "Denied",
            Self::Garbled => "Garbled",
        }
    }
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotAnswering => "its API does not answer",
            Self::Denied => "its API does not let NICO in with the stored kubeconfig",
            Self::Garbled => "its API answers with something that is no list of Nodes",
        })
    }
}
