//! What a configuration lacks, as types and in words.

use std::fmt;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// Whether something holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It does.
    Yes,
    /// It does not.
    No(Lack),
    /// It cannot be told. Unsafe: never counts as yes.
    Unknown(Lack),
}

impl Finding {
    /// Beyond doubt.
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Yes)
    }

    /// Why not, or why it cannot be told.
    pub const fn lack(&self) -> Option<&Lack> {
        match self {
            Self::Yes => None,
            Self::No(lack) | Self::Unknown(lack) => Some(lack),
        }
    }

    /// This, and then the other: the first that is not yes.
    #[must_use]
    pub fn and(self, then: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Yes => then(),
            Self::No(_) | Self::Unknown(_) => self,
        }
    }
}

/// What a configuration lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lack {
    /// There is no Machine object.
    NoMachine,
    /// NIO cannot log in.
    Unreachable,
    /// NIO has not looked at it to the end yet.
    HandlerNotEnded,
    /// NIO has not looked at the live spec to the end yet.
    HandlerBehind,
    /// NIO's note about what it handled cannot be read.
    HandlerUnreadable,
    /// Nothing was ever applied.
    NeverApplied,
    /// Other files were applied last.
    OtherFiles,
    /// What NIO hashes of these files is not ours to know.
    HashUnknown,
    /// NIO does not say that the last apply was a success.
    NoSuccess {
        /// What it says instead, in one word.
        reason: String,
    },
    /// NIO has forgotten the commit, as it does when it cannot reach the machine.
    CommitForgotten,
    /// A time is missing or cannot be read.
    NoTime {
        /// Which.
        field: &'static str,
    },
    /// It has not stood still for long enough.
    NotStill {
        /// How long it has to.
        needed: SignedDuration,
        /// Since when it does.
        since: Timestamp,
    },
    /// The last apply lies in the future.
    AheadOfClock {
        /// When it was.
        applied: Timestamp,
    },
    /// It was delivered, so it cannot be overdue.
    Delivered,
    /// There is time left.
    InTime {
        /// Until then.
        until: Timestamp,
    },
    /// Go NIO tells too little: its Ready may be left over from before.
    GoTellsTooLittle,
    /// Go NIO speaks of an older generation.
    GoBehind,
    /// Go NIO is in this phase.
    GoPhase {
        /// The phase.
        phase: String,
    },
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMachine => f.write_str("there is no Machine"),
            Self::Unreachable => f.write_str("it is not discoverable: NIO cannot log in"),
            Self::HandlerNotEnded => f.write_str("NIO has not handled it yet"),
            Self::HandlerBehind => f.write_str("NIO is still handling its latest change"),
            Self::HandlerUnreadable => f.write_str("NIO's note about what it handled cannot be read"),
            Self::NeverApplied => f.write_str("it was never applied"),
            Self::OtherFiles => f.write_str("other files than these were applied last"),
            Self::HashUnknown => f.write_str("it has files whose hash only NIO knows"),
            Self::NoSuccess { reason } => write!(f, "its last apply was no success ({reason})"),
            Self::CommitForgotten => {
                f.write_str("NIO has forgotten its commit, as it does when it cannot reach the machine")
            }
            Self::NoTime { field } => write!(f, "{field} is missing or cannot be read"),
            Self::NotStill { needed, since } => {
                write!(f, "it was applied at {since} and has to stand still for {} s", needed.as_secs())
            }
            Self::AheadOfClock { applied } => {
                write!(f, "it was applied at {applied}, which is in the future")
            }
            Self::Delivered => f.write_str("it was delivered"),
            Self::InTime { until } => write!(f, "it has time until {until}"),
            Self::GoTellsTooLittle => f.write_str("this NIO does not tell which content it applied"),
            Self::GoBehind => f.write_str("NIO has not seen its latest change yet"),
            Self::GoPhase { phase } => write!(f, "NIO says that it is {phase}"),
        }
    }
}
