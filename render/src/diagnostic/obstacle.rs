//! Why a machine cannot join a cluster now.

use std::fmt;

use nico_crds::names::{LOST, REINSTALL_FOR, Role};

/// Why a machine cannot join now.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Obstacle {
    /// There is no such Machine.
    NoSuchMachine,
    /// Its Machine object is being deleted.
    MachineDeleting,
    /// A person marked it as lost, and the mark still stands.
    MarkedLost,
    /// NIO cannot log in.
    NotDiscoverable,
    /// It has neither an address nor a host name.
    NoAddress,
    /// It runs a configuration, as far as NIO knows.
    AlreadyConfigured {
        /// Which, if NIO says so.
        configuration: Option<String>,
    },
    /// A configuration refers to it.
    ClaimedByConfiguration {
        /// Its name.
        configuration: String,
        /// Whose it is.
        owner: String,
    },
    /// Another cluster has taken it.
    ClaimedByCluster {
        /// That cluster's name.
        cluster: String,
    },
    /// It was in this cluster and NIO has not cleaned it since.
    NotCleaned,
    /// The name that its configuration would have is taken.
    NameTaken {
        /// That name.
        configuration: String,
        /// By whom.
        owner: String,
    },
    /// The name that its configuration would have is too long.
    NameTooLong {
        /// Its length.
        length: usize,
    },
    /// It still has the other role in this cluster.
    StillInRole {
        /// That role.
        role: Role,
    },
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchMachine => f.write_str("there is no such Machine"),
            Self::MachineDeleting => f.write_str("its Machine is being deleted"),
            Self::MarkedLost => {
                write!(f, "it is marked as lost; take the annotation {LOST} off to use it again")
            }
            Self::NotDiscoverable => f.write_str("it is not discoverable: NIO cannot log in"),
            Self::NoAddress => f.write_str("its Machine has neither an address nor a host name"),
            Self::AlreadyConfigured { configuration: Some(configuration) } => {
                write!(
                    f,
                    "it is already configured, by {configuration}; {REINSTALL_FOR} would free it, and wipe it"
                )
            }
            Self::AlreadyConfigured { configuration: None } => {
                write!(f, "it is already configured; {REINSTALL_FOR} would free it, and wipe it")
            }
            Self::ClaimedByConfiguration { configuration, owner } => {
                write!(f, "it is claimed by the NixosConfiguration \"{configuration}\" of {owner}")
            }
            Self::ClaimedByCluster { cluster } => {
                write!(f, "it is claimed by the cluster \"{cluster}\"")
            }
            Self::NotCleaned => write!(
                f,
                "it was in this cluster before, and NIO does not show that it cleaned it since; {REINSTALL_FOR} would \
                 free it, and wipe it"
            ),
            Self::NameTaken { configuration, owner } => {
                write!(f, "the name \"{configuration}\" of its NixosConfiguration is taken by {owner}")
            }
            Self::NameTooLong { length } => {
                write!(
                    f,
                    "the name of its NixosConfiguration would have {length} characters; 253 are allowed"
                )
            }
            Self::StillInRole { role } => {
                write!(f, "it is still a {role} of this cluster, and has to leave first")
            }
        }
    }
}

impl Obstacle {
    /// In one CamelCase word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoSuchMachine => "NoSuchMachine",
            Self::MachineDeleting => "MachineDeleting",
            Self::MarkedLost => "MarkedLost",
            Self::NotDiscoverable => "NotDiscoverable",
            Self::NoAddress => "NoAddress",
            Self::AlreadyConfigured { .. } => "AlreadyConfigured",
            Self::ClaimedByConfiguration { .. } => "ClaimedByConfiguration",
            Self::ClaimedByCluster { .. } => "ClaimedByCluster",
            Self::NotCleaned => "NotCleaned",
            Self::NameTaken { .. } => "NameTaken",
            Self::NameTooLong { .. } => "NameTooLong",
            Self::StillInRole { .. } => "StillInRole",
        }
    }
}
