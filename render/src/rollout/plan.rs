//! What may be written now, as data: it leaves the hands that execute it no choices.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::names::Role;

use crate::desired::DesiredConfiguration;
use crate::inventory::name;
use crate::memory::Memory;
use crate::rollout::waiting::Waiting;
use crate::workload::Pod;

/// The writes that are allowed now, in order, and for everything else the reason why it waits.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What to write.
    pub steps: Vec<Step>,
    /// What waits.
    pub waiting: Vec<Waiting>,
}

/// One write.
#[derive(Clone, Debug)]
pub enum Step {
    /// Give the cluster these finalizers.
    Finalizers {
        /// All of them, in order.
        finalizers: Vec<String>,
        /// What for.
        why: FinalizerChange,
    },
    /// Move the ownership of the cluster's status from who wrote it before; no value changes.
    AdoptStatus,
    /// Write down in the cluster's status what could not be read off the objects again.
    Remember(Memory),
    /// Look at the Secret with the join token, which nobody has yet.
    LookAtToken,
    /// Create the Secret with the join token.
    CreateToken,
    /// Make the Secret with the join token the cluster's own; what is in it stays.
    OwnToken {
        /// Anybody can guess it.
        guessable: bool,
    },
    /// Move the ownership of a configuration's fields from who wrote them before; no value changes.
    Adopt(Target),
    /// Create a configuration; never change one.
    Create(Box<DesiredConfiguration>),
    /// Change a configuration.
    Write(Box<Write>),
    /// Delete a configuration.
    Delete {
        /// Which.
        target: Target,
        /// Why.
        why: Removal,
    },
    /// Take NIO's finalizer from a configuration that NIO will never let go.
    ReleaseFromNio(Target),
    /// Do something about the Node of a machine that leaves, in the cluster itself.
    Node(NodeStep),
}

/// A write to the cluster itself: about the Node of a machine that leaves, as it was when that was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStep {
    /// The machine.
    pub machine: String,
    /// Its role.
    pub role: Role,
    /// The name of its Node.
    pub node: String,
    /// The UID of that.
    pub uid: String,
    /// Its resourceVersion.
    pub version: String,
    /// When the cluster was asked: what was done later is not in that.
    pub seen_at: Timestamp,
    /// What is done.
    pub act: NodeAct,
}

/// What is done about a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeAct {
    /// Nothing new is scheduled to it; on it is noted since when it is drained.
    Cordon {
        /// Since when.
        since: Timestamp,
    },
    /// These pods are evicted, each unless a `PodDisruptionBudget` forbids it.
    Evict(Vec<Pod>),
    /// Its distribution is asked to remove its member of etcd.
    RemoveMember {
        /// Which: `k3s` or `rke2`.
        of: &'static str,
        /// When: noted on the Node.
        at: Timestamp,
    },
    /// It is deleted.
    Delete,
}

/// Why the finalizers of a cluster change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinalizerChange {
    /// Ours is put on, before anything is created.
    Added,
    /// Ours takes the place of the Python operator's.
    TakenOver,
    /// Nothing is left to be done: the cluster may go.
    Released,
}

/// A configuration as it was when the step was decided on: the write is bound to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The machine.
    pub machine: String,
    /// Its role.
    pub role: Role,
    /// The name of the configuration.
    pub configuration: String,
    /// Its UID.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
}

/// A change of a configuration, by server-side apply.
#[derive(Clone, Debug)]
pub struct Write {
    /// What it is decided on.
    pub target: Target,
    /// Everything that NICO wants of the object.
    pub object: NixosConfiguration,
    /// What for.
    pub purpose: Purpose,
    /// The fields that differ.
    pub fields: Vec<String>,
    /// Whose changes it overrides: only those are taken back by force.
    pub against: Vec<String>,
}

/// What a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// `fullInstall` is taken off: always forced, always alone.
    ClearFullInstall,
    /// New content for the machine.
    Content,
    /// What disturbs no machine: labels, annotations, owner, credentials.
    Metadata,
    /// The same content once more, for what it replaced may have been applied after it.
    Confirmation,
    /// A removal begins.
    Leaving,
    /// That the machine which leaves has a Node is noted, where it showed none when its removal began.
    NodeNoted,
    /// That its member of etcd is gone is noted, before its Node goes.
    MemberGone,
    /// NIO is made to look at once; what else disturbs no machine may come with it.
    Nudge,
}

/// Why a configuration is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Removal {
    /// Its machine leaves, and NIO cleans it.
    Leaves,
    /// Its machine is lost, or its Machine object is gone: nobody cleans it.
    Lost,
    /// The cluster goes.
    ClusterDeleted,
    /// The cluster goes by force, without a machine that cannot be reached.
    Forced,
}

impl Target {
    /// What a write to a live configuration is bound to.
    pub(super) fn of(machine: &str, role: Role, live: &NixosConfiguration) -> Self {
        Self {
            machine: machine.to_owned(),
            role,
            configuration: name(&live.metadata).to_owned(),
            uid: live.metadata.uid.clone().unwrap_or_default(),
            resource_version: live.metadata.resource_version.clone().unwrap_or_default(),
        }
    }
}

impl Step {
    /// What comes after it must not be done if it fails.
    pub const fn is_prerequisite(&self) -> bool {
        match self {
            Self::Finalizers { .. }
            | Self::AdoptStatus
            | Self::Remember(_)
            | Self::LookAtToken
            | Self::CreateToken
            | Self::OwnToken { .. } => true,
            Self::Adopt(_)
            | Self::Create(_)
            | Self::Write(_)
            | Self::Delete { .. }
            | Self::ReleaseFromNio(_)
            | Self::Node(_) => false,
        }
    }
}
