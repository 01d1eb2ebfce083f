//! That a configuration is overdue: since when, and why.

use std::fmt;

use k8s_openapi::jiff::Timestamp;

/// It was not delivered in time, or NIO gave reason not to wait that long.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overdue {
    /// Since when. It does not move from one look to the next, nor with NIO's retries; of failed
    /// attempts it is therefore the beginning of the first. None where NIO does not say.
    pub since: Option<Timestamp>,
    /// Why.
    pub why: Tardiness,
}

/// Why a configuration is overdue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tardiness {
    /// The deadline has passed without a delivery.
    Deadline,
    /// Three attempts, begun after the content was written, have failed.
    Failed,
    /// Go NIO is in the phase Degraded.
    GoDegraded,
    /// Go NIO's condition Stalled is True.
    GoStalled,
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.since {
            Some(since) => write!(f, "{} (since {since})", self.why),
            None => self.why.fmt(f),
        }
    }
}

impl fmt::Display for Tardiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deadline => "it was not applied within rollout.progressDeadlineSeconds",
            Self::Failed => "NIO tried to apply it three times and failed",
            Self::GoDegraded => "NIO says that it is Degraded",
            Self::GoStalled => "NIO says that it is Stalled",
        })
    }
}
