//! That an apply of a configuration may be running, or that it is the first: since when, and what shows it.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;

use super::{Finding, Lack, Timing, times};

/// An apply may be running: the content was not delivered, or NIO's handler is not at rest, or it has not
/// stood still for long enough since.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InFlight {
    /// Since when: since the content was written, or applied. None where that cannot be told.
    pub since: Option<Timestamp>,
    /// Until when at the most: then it is overdue, or has stood still. None where NIO tells no end.
    pub until: Option<Timestamp>,
    /// What shows it.
    pub why: Lack,
}

/// Nothing was ever delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Since when: since it was created.
    pub since: Option<Timestamp>,
}

impl InFlight {
    pub(super) fn undelivered(configuration: &NixosConfiguration, timing: &Timing, why: Lack) -> Self {
        let since = times::written(configuration).yes().copied();
        Self { since, until: since.and_then(|since| since.checked_add(timing.deadline).ok()), why }
    }

    pub(super) fn handled(configuration: &NixosConfiguration, why: Lack) -> Self {
        Self { since: times::written(configuration).yes().copied(), until: None, why }
    }

    pub(super) fn moving(configuration: &NixosConfiguration, why: Lack) -> Self {
        let until =
            if let Lack::NotStill { needed, since } = &why { since.checked_add(*needed).ok() } else { None };
        Self { since: times::last_applied(configuration).yes().copied(), until, why }
    }
}

/// A blip does not take away that something was delivered once.
pub(super) fn joining(configuration: &NixosConfiguration) -> Finding<Joining> {
    if configuration.shows_an_apply() {
        return Finding::No(Lack::AppliedBefore);
    }
    let since = configuration.metadata.creation_timestamp.as_ref().map(|created| created.0);
    Finding::Yes(Joining { since })
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)?;
        match (self.since, self.until) {
            (Some(since), Some(until)) => write!(f, " (since {since}, until {until} at the most)"),
            (Some(since), None) => write!(f, " (since {since})"),
            (None, Some(until)) => write!(f, " (until {until} at the most)"),
            (None, None) => Ok(()),
        }
    }
}
