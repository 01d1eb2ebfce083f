//! Whether something holds of a configuration, and what it lacks: as types, and in words.

use std::fmt;

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// Whether something holds; a yes may say more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding<T = ()> {
    /// It does.
    Yes(T),
    /// It does not.
    No(Lack),
    /// It cannot be told. Unsafe: never counts as yes.
    Unknown(Lack),
}

impl<T> Finding<T> {
    /// Beyond doubt.
    pub const fn is_yes(&self) -> bool {
        match self {
            Self::Yes(_) => true,
            Self::No(_) | Self::Unknown(_) => false,
        }
    }

    /// What the yes says.
    pub const fn yes(&self) -> Option<&T> {
        match self {
            Self::Yes(yes) => Some(yes),
            Self::No(_) | Self::Unknown(_) => None,
        }
    }

    /// Why not, or why it cannot be told.
    pub const fn lack(&self) -> Option<&Lack> {
        match self {
            Self::Yes(_) => None,
            Self::No(lack) | Self::Unknown(lack) => Some(lack),
        }
    }

    /// This, and then the other: the first that is not yes.
    #[must_use]
    pub fn and<Then>(self, then: impl FnOnce(T) -> Finding<Then>) -> Finding<Then> {
        match self {
            Self::Yes(yes) => then(yes),
            Self::No(lack) => Finding::No(lack),
            Self::Unknown(lack) => Finding::Unknown(lack),
        }
    }
}

/// What a configuration lacks. The words in it are for people; nothing is decided on them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// There is no Machine object.
    NoMachine,
    /// NIO cannot log in, or has not looked yet.
    Unreachable,
    /// It is being deleted: NIO's clean-up runs, or will.
    InDeletion,
    /// NIO has not looked at it to the end yet.
    HandlerNotEnded,
    /// NIO has not looked at the live spec to the end yet.
    HandlerBehind,
    /// NIO's note about what it handled cannot be read.
    HandlerUnreadable,
    /// NIO's note about its failed attempts cannot be read.
    AttemptsUnreadable,
    /// Nothing was ever applied.
    NeverApplied,
    /// Other files were applied last.
    OtherFiles,
    /// What NIO hashes of these files is not ours to know.
    HashUnknown,
    /// NIO does not say that the last apply was a success.
    NoSuccess {
        /// What it says instead, if that is one word.
        reason: Option<String>,
    },
    /// NIO has forgotten the commit, as it does when it cannot reach the machine.
    CommitForgotten,
    /// A time is missing or cannot be read.
    NoTime(TimeField),
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
    /// No apply of it runs.
    AtRest,
    /// Something of it was applied before.
    AppliedBefore,
    /// `fullInstall` is still on.
    WipesDisk,
    /// NIO may still work with `fullInstall` on.
    ClearingNotHandled,
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
    GoPhase(GoPhase),
    /// Go NIO is in the phase Ready, but its condition Ready does not say so.
    GoNotReady,
    /// Go NIO has applied nothing since the content was written.
    GoAppliedBefore {
        /// When it last did.
        applied: Timestamp,
    },
}

/// A time that a proof needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeField {
    /// NIO's `status.lastAppliedTime`.
    LastApplied,
    /// When the content was written.
    Written,
}

/// The phases of Go NIO, except Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "Go NIO's own words")]
pub enum GoPhase {
    Pending,
    Blocked,
    Installing,
    Converging,
    Degraded,
    Removing,
    /// None, or one that we do not know.
    Other,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoMachine => f.write_str("there is no Machine"),
            Self::Unreachable => f.write_str("it is not discoverable: NIO cannot log in"),
            Self::InDeletion => f.write_str("it is being deleted"),
            Self::HandlerNotEnded => f.write_str("NIO has not handled it yet"),
            Self::HandlerBehind => f.write_str("NIO is still handling its latest change"),
            Self::HandlerUnreadable => f.write_str("NIO's note about what it handled cannot be read"),
            Self::AttemptsUnreadable => f.write_str("NIO's note about its failed attempts cannot be read"),
            Self::NeverApplied => f.write_str("it was never applied"),
            Self::OtherFiles => f.write_str("other files than these were applied last"),
            Self::HashUnknown => f.write_str("it has files whose hash only NIO knows"),
            Self::NoSuccess { reason: Some(reason) } => {
                write!(f, "its last apply was no success ({reason})")
            }
            Self::NoSuccess { reason: None } => f.write_str("its last apply was no success"),
            Self::CommitForgotten => {
                f.write_str("NIO has forgotten its commit, as it does when it cannot reach the machine")
            }
            Self::NoTime(field) => write!(f, "{field} is missing or cannot be read"),
            Self::NotStill { needed, since } => {
                write!(f, "it was applied at {since} and has to stand still for {} s", needed.as_secs())
            }
            Self::AheadOfClock { applied } => {
                write!(f, "it was applied at {applied}, which is in the future")
            }
            Self::Delivered => f.write_str("it was delivered"),
            Self::AtRest => f.write_str("no apply of it runs"),
            Self::AppliedBefore => f.write_str("something of it was applied before"),
            Self::WipesDisk => f.write_str("fullInstall is still on"),
            Self::ClearingNotHandled => f.write_str("NIO may still work with fullInstall on"),
            Self::InTime { until } => write!(f, "it has time until {until}"),
            Self::GoTellsTooLittle => f.write_str("this NIO does not tell which content it applied"),
            Self::GoBehind => f.write_str("NIO has not seen its latest change yet"),
            Self::GoPhase(phase) => write!(f, "NIO says that it is {phase}"),
            Self::GoNotReady => f.write_str("NIO's condition Ready is not True"),
            Self::GoAppliedBefore { applied } => {
                write!(f, "it was last applied at {applied}, before its content was written")
            }
        }
    }
}

impl fmt::Display for TimeField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LastApplied => "status.lastAppliedTime",
            Self::Written => "the time when its content was written",
        })
    }
}

impl fmt::Display for GoPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "Pending",
            Self::Blocked => "Blocked",
            Self::Installing => "Installing",
            Self::Converging => "Converging",
            Self::Degraded => "Degraded",
            Self::Removing => "Removing",
            Self::Other => "in no phase that is known",
        })
    }
}
