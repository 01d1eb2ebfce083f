//! Why something waits: one enum for the conditions' reasons, the command line's words and the metrics'
//! labels.

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::Role;

use super::parting::Parting;
use super::shortcoming::Shortcoming;
use crate::diagnostic::Obstacle;
use crate::proof::Overdue;

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Waiting {
    /// The machine whose configuration waits; absent: the cluster.
    pub machine: Option<String>,
    /// For what.
    pub reason: WaitReason,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// The cluster is paused.
    Paused,
    /// The Python operator of the same name still runs.
    OldOperatorRunning,
    /// The head is lost and nobody can take its place.
    HeadLost,
    /// The head comes alone, until it is settled.
    Bootstrap {
        /// The head.
        head: String,
        /// What it still lacks.
        lacks: String,
    },
    /// The configuration of the head before this one still exists.
    FormerHead {
        /// Its name.
        configuration: String,
    },
    /// Control planes join one at a time, when all others are settled.
    ControlPlane {
        /// The one that is not.
        machine: String,
        /// What it still lacks.
        lacks: String,
    },
    /// The machine is wanted, and cannot join.
    CannotJoin {
        /// The role it is wanted in.
        role: Role,
        /// Why.
        obstacle: Obstacle,
    },
    /// The machine that is to be the head is not there yet.
    HeadAwaited {
        /// Which.
        machine: String,
        /// Why.
        obstacle: Obstacle,
    },
    /// NIO may still work with `fullInstall` on: it would wipe the disk for what is written now.
    Clearing {
        /// What it lacks.
        lacks: String,
    },
    /// A machine of the same role comes first, or counts against it.
    Machine {
        /// Which.
        machine: String,
        /// What it lacks.
        lacks: Shortcoming,
    },
    /// A machine of the role that comes first is not current and settled.
    EarlierRole {
        /// The role.
        role: Role,
        /// The machine.
        machine: String,
        /// What it lacks.
        lacks: Shortcoming,
    },
    /// A machine is overdue with this content: it is not brought to others.
    Frozen {
        /// Which.
        machine: String,
        /// Since when, and why.
        overdue: Overdue,
        /// What NIO said.
        said: Option<String>,
    },
    /// The content is written once more later, for what it replaced may be applied after it.
    Confirmation {
        /// When, at the earliest.
        at: Timestamp,
    },
    /// An installation may be running: a change would wipe the disk once more.
    Installing,
    /// NIO has not taken the last change in yet.
    InFlight {
        /// What it lacks.
        lacks: String,
    },
    /// Fields that another hand holds. They are left as they are.
    Conflict {
        /// The field managers.
        managers: Vec<String>,
        /// The fields.
        fields: Vec<String>,
    },
    /// The machine leaves, and cannot be reached: NIO would let it go without cleaning it.
    Unreachable,
    /// The cluster is being deleted, and the machine cannot be reached: NIO would let it go without
    /// cleaning it.
    DeletionWaiting,
    /// The machine leaves, and takes leave of its cluster first.
    Parting(Parting),
    /// A control plane leaves only while all others are settled and healthy.
    Quorum {
        /// One that is not.
        machine: String,
        /// What it lacks.
        lacks: Shortcoming,
    },
    /// Another machine of its role leaves first.
    Removal {
        /// Which.
        machine: String,
    },
    /// NIO cleans the machine, and lets its configuration go then.
    LettingGo,
    /// Of a cluster in deletion the workers go first.
    WorkersFirst {
        /// One that is still there.
        machine: String,
    },
    /// The Secret with the join token is somebody else's.
    ForeignToken {
        /// Its name.
        secret: String,
    },
    /// The Secret with the join token is gone, and machines run with that token.
    TokenLost {
        /// Its name.
        secret: String,
    },
    /// Nobody has looked at the join token yet.
    TokenUnknown,
}

impl WaitReason {
    /// In one CamelCase word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Paused => "Paused",
            Self::OldOperatorRunning => "OldOperatorRunning",
            Self::HeadLost => "HeadLost",
            Self::Bootstrap { .. } => "WaitingForBootstrap",
            Self::FormerHead { .. } => "WaitingForFormerHead",
            Self::ControlPlane { .. } => "WaitingForControlPlane",
            Self::CannotJoin { obstacle, .. } => obstacle.reason(),
            Self::HeadAwaited { .. } => "HeadAwaited",
            Self::Clearing { .. } => "WaitingForClearing",
            Self::Machine { lacks, .. } => lacks.reason(),
            Self::EarlierRole { .. } => "WaitingForEarlierRole",
            Self::Frozen { .. } => "Frozen",
            Self::Confirmation { .. } => "ConfirmationPending",
            Self::Installing => "Installing",
            Self::InFlight { .. } => "InFlight",
            Self::Conflict { .. } => "Conflict",
            Self::Unreachable => "Unreachable",
            Self::DeletionWaiting => "DeletionWaiting",
            Self::Parting(parting) => parting.reason(),
            Self::Quorum { .. } => "WaitingForQuorum",
            Self::Removal { .. } => "WaitingForRemoval",
            Self::LettingGo => "LettingGo",
            Self::WorkersFirst { .. } => "WaitingForWorkers",
            Self::ForeignToken { .. } => "ForeignToken",
            Self::TokenLost { .. } => "TokenLost",
            Self::TokenUnknown => "TokenUnknown",
        }
    }
}
