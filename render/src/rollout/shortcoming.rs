//! What a machine lacks that another one waits for: as types, and in words that say what a person can do.

use std::fmt;

use nico_crds::names::{LOST, MEMBER_REMOVED};

use crate::proof::{InFlight, Lack, Overdue};

/// What a machine lacks that another one waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortcoming {
    /// It has no configuration yet.
    NoConfiguration,
    /// Its configuration is written just now.
    Begun,
    /// It does not run the current content.
    Outdated,
    /// An apply of it may be running.
    InFlight(InFlight),
    /// It is overdue.
    Overdue {
        /// Since when, and why.
        overdue: Overdue,
        /// What NIO said.
        said: Option<String>,
    },
    /// It is not settled, or that cannot be told.
    Unsettled(Lack),
    /// NIO cannot log in.
    Unreachable,
    /// Its Node is not Ready.
    NotReady {
        /// Why.
        why: String,
    },
    /// The cluster is asked for its Node, and does not answer.
    HealthUnknown,
    /// It is released, and may still be a member of the control plane.
    StillMember,
    /// It stays, and was removed from etcd.
    NoMember,
}

impl Shortcoming {
    /// The reason of what waits for it, in one CamelCase word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::InFlight(InFlight { why: Lack::NotStill { .. }, .. }) => "MinReadyNotOver",
            Self::HealthUnknown => "HealthUnknown",
            Self::StillMember => "WaitingForMember",
            Self::NoConfiguration
            | Self::Begun
            | Self::Outdated
            | Self::InFlight(_)
            | Self::Overdue { .. }
            | Self::Unsettled(_)
            | Self::Unreachable
            | Self::NotReady { .. }
            | Self::NoMember => "WaitingForMachine",
        }
    }
}

impl fmt::Display for Shortcoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfiguration => f.write_str("it has no configuration yet"),
            Self::Begun => f.write_str("its configuration was written just now"),
            Self::Outdated => f.write_str("it does not run the current content"),
            Self::InFlight(flight) => flight.fmt(f),
            Self::Overdue { overdue, said } => {
                overdue.fmt(f)?;
                if let Some(said) = said {
                    write!(f, ": {said}")?;
                }
                write!(
                    f,
                    "; correct the spec, or, if it never comes back, annotate its Machine {LOST}: \"true\""
                )
            }
            Self::Unsettled(lack) => lack.fmt(f),
            Self::Unreachable => write!(
                f,
                "it is not discoverable: NIO cannot log in; if it never comes back, annotate its Machine {LOST}: \"true\""
            ),
            Self::NotReady { why } => write!(
                f,
                "its Node is not Ready ({why}); if it never comes back, annotate its Machine {LOST}: \"true\""
            ),
            Self::HealthUnknown => f.write_str(
                "the cluster does not answer for its Node; rollout.requireNodeHealth: Never goes on without",
            ),
            Self::StillMember => write!(
                f,
                "it may still be a member of the control plane; once it is none, annotate its NixosConfiguration \
                 {MEMBER_REMOVED}: \"true\""
            ),
            Self::NoMember => f.write_str(
                "its member of etcd was removed, although it stays; let it join again (k3s and RKE2 do when they are \
                 started anew)",
            ),
        }
    }
}
