//! Why something waits: one enum for the conditions' reasons, the command line's words and the metrics'
//! labels.

use std::fmt;

use nico_crds::names::{FORCE_DELETE, LOST, MEMBER_REMOVED};

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
    /// A control plane leaves only once it is no member of the cluster any more.
    MemberNotRemoved,
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
            Self::Installing => "Installing",
            Self::InFlight { .. } => "InFlight",
            Self::Conflict { .. } => "Conflict",
            Self::Unreachable => "Unreachable",
            Self::DeletionWaiting => "DeletionWaiting",
            Self::MemberNotRemoved => "MemberNotRemoved",
            Self::Removal { .. } => "WaitingForRemoval",
            Self::LettingGo => "LettingGo",
            Self::WorkersFirst { .. } => "WaitingForWorkers",
            Self::ForeignToken { .. } => "ForeignToken",
            Self::TokenLost { .. } => "TokenLost",
            Self::TokenUnknown => "TokenUnknown",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("the cluster is paused (spec.paused)"),
            Self::OldOperatorRunning => f.write_str(
                "the Python operator of the same name still runs: it has put its finalizer back; stop it",
            ),
            Self::HeadLost => f.write_str("the first control plane is lost and no other can take its place"),
            Self::Bootstrap { head, lacks } => {
                write!(f, "waits for the first control plane, {head}: {lacks}")
            }
            Self::FormerHead { configuration } => {
                write!(f, "waits until \"{configuration}\", of the first control plane before it, is gone")
            }
            Self::ControlPlane { machine, lacks } => {
                write!(f, "waits for the control plane {machine}: {lacks}")
            }
            Self::Installing => f.write_str(
                "may be being installed: nothing of it is changed, or NIO would wipe the disk once more",
            ),
            Self::InFlight { lacks } => write!(f, "waits for NIO: {lacks}"),
            Self::Conflict { managers, fields } => {
                write!(f, "is left as it is: {} holds {}", managers.join(", "), fields.join(", "))
            }
            Self::Unreachable => write!(
                f,
                "leaves once NIO can reach it, and clean it; if it never comes back, annotate its Machine {LOST}: \"true\""
            ),
            Self::DeletionWaiting => write!(
                f,
                "is to be cleaned before the cluster goes, and cannot be reached; annotate its Machine {LOST}: \"true\" \
                 if it never comes back, or the cluster {FORCE_DELETE}: \"true\" to let it go as it is"
            ),
            Self::MemberNotRemoved => write!(
                f,
                "leaves once it is no member of the control plane any more; when that is so, annotate its \
                 NixosConfiguration {MEMBER_REMOVED}: \"true\""
            ),
            Self::Removal { machine } => write!(f, "leaves after {machine}"),
            Self::LettingGo => f.write_str("is being cleaned by NIO"),
            Self::WorkersFirst { machine } => {
                write!(f, "goes when the workers are gone; {machine} is still there")
            }
            Self::ForeignToken { secret } => write!(
                f,
                "the Secret \"{secret}\" is not NICO's, and is neither used nor touched: remove it, or give it the \
                 cluster's label"
            ),
            Self::TokenLost { secret } => write!(
                f,
                "the Secret \"{secret}\" is gone, and machines run with the token that was in it: restore it; NICO \
                 invents no other"
            ),
            Self::TokenUnknown => f.write_str("the Secret with the join token was not looked at yet"),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.machine {
            Some(machine) => write!(f, "machine {machine} {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}
