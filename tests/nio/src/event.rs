//! What happens to machines, as it is logged: the truth that tests compare with what the API says.

use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The beginning or the end of something that is done to a machine; or that the handler ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The order of events, without gaps, from 1 on.
    pub seq: u64,
    /// The wall clock.
    pub at: Timestamp,
    /// The same for the beginning and the end: the `seq` of the beginning.
    pub run: u64,
    /// Where the two objects are.
    pub namespace: String,
    /// The Machine.
    pub machine: String,
    /// The `NixosConfiguration`.
    pub configuration: String,
    /// Its UID.
    pub uid: String,
    /// Who acts.
    pub actor: Actor,
    /// What is done.
    pub kind: Kind,
    /// Whether it begins or ends.
    #[serde(flatten)]
    pub phase: Phase,
    /// The `additionalFilesHash` that it began with.
    pub files_hash: String,
    /// The commit that it began with.
    pub commit: String,
    /// The generation that it began with.
    pub generation: i64,
    /// `nico.revision` in the `cluster.nix` that it began with, if there is one.
    pub revision: Option<u64>,
    /// `spec.fullInstall` that it began with.
    pub full_install: bool,
    /// The `seq` of the last event before that copy of the configuration was taken which it began with.
    pub copied_after: u64,
}

/// NIO's two actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// Acts when an object is created, changed or deleted, and when NIO starts.
    Handler,
    /// Acts from time to time.
    Timer,
}

/// What is done to a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The disk is wiped, and the configuration installed.
    Wipe,
    /// The configuration is put on what is there.
    Switch,
    /// `onRemoveFlake` is put on what is there.
    Cleanup,
    /// Nothing is done: the handler has ended with success (which says that it is at rest with what it began
    /// with, not that it applied anything). Always an end, and a success.
    Rest,
}

impl Kind {
    /// Whether it puts a configuration on a machine.
    pub const fn is_apply(self) -> bool {
        match self {
            Self::Wipe | Self::Switch => true,
            Self::Cleanup | Self::Rest => false,
        }
    }
}

/// Whether something begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "phase")]
pub enum Phase {
    /// It begins.
    Started,
    /// It ends.
    Ended {
        /// False also where NIO itself ended in the middle of it.
        success: bool,
    },
}
