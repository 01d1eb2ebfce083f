//! How one machine is, and what follows from that.

use nico_crds::NixosConfiguration;
use nico_crds::names::Role;
use nico_crds::status::MachineLine;

use super::state::State;
use crate::desired::DesiredConfiguration;
use crate::diagnostic::Departure;
use crate::observed::Health;
use crate::proof::{Finding, Proof};
use crate::workload::Node;

/// How one machine is.
pub(super) struct Seen<'a> {
    pub machine: &'a str,
    pub role: Role,
    /// It is to be in the cluster, unless that is being deleted.
    pub is_member: bool,
    pub departure: Option<Departure>,
    pub live: Option<&'a NixosConfiguration>,
    pub wanted: Option<&'a DesiredConfiguration>,
    /// Of the live configuration.
    pub proof: Option<Proof>,
    /// What the rollout goes by.
    pub health: Health,
    /// What the cluster said of it, whether anything depends on it or not; absent: nobody asked.
    pub reported: Option<Health>,
    /// Its Node.
    pub node: Option<&'a Node>,
    /// Its line in the previous status.
    pub before: Option<&'a MachineLine>,
    /// It will not come back.
    pub loss: Option<Loss>,
    /// NIO installed it anew after it was settled.
    pub is_wiped_again: bool,
    pub state: State,
}

/// Why a machine will not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// A person marked it.
    Marked,
    /// There is no Machine object.
    Gone,
}

impl Seen<'_> {
    pub fn proof(&self, holds: impl FnOnce(&Proof) -> bool) -> bool {
        self.proof.as_ref().is_some_and(holds)
    }

    pub fn is_going(&self) -> bool {
        self.live.is_some_and(|live| live.metadata.deletion_timestamp.is_some())
    }

    /// It has a configuration that never delivered anything.
    pub fn joins(&self) -> bool {
        self.proof(|proof| proof.joining.is_yes())
    }

    /// Settled, reachable and healthy, with the content that it has. What cannot be told is not.
    pub fn is_ready(&self) -> bool {
        let lost_its_disk = self.is_wiped_again && self.role == Role::ControlPlane;
        let proven = self.proof(|proof| proof.is_settled() && proof.reachable.is_yes());
        proven && self.is_healthy() && self.loss.is_none() && !self.is_going() && !lost_its_disk
    }

    const fn is_healthy(&self) -> bool {
        match self.health {
            Health::NotAsked | Health::Ready => true,
            Health::NotReady { .. } | Health::Unknown => false,
        }
    }

    pub const fn is_node_ready(&self) -> bool {
        match self.health {
            Health::Ready => true,
            Health::NotAsked | Health::NotReady { .. } | Health::Unknown => false,
        }
    }

    /// The live content is the one that is wanted.
    pub fn is_current(&self) -> bool {
        let (Some(wanted), Some(live)) = (self.wanted, self.live) else { return false };
        let (spec, live) = (&wanted.object.spec, &live.spec);
        !wanted.is_new
            && wanted.keeps_files
            && spec.flake == live.flake
            && spec.git_repo == live.git_repo
            && spec.configuration_subdir == live.configuration_subdir
            && spec.machine_ref == live.machine_ref
            // NIO's CRD puts a default there.
            && (spec.git_ref.is_none() || spec.git_ref == live.git_ref)
    }

    /// An apply may be running, and nobody has given it up.
    pub fn is_under_way(&self) -> bool {
        let runs = self.proof(|proof| match proof.in_flight {
            // What cannot be told may be.
            Finding::Yes(_) | Finding::Unknown(_) => true,
            Finding::No(_) => false,
        });
        runs && !self.proof(|proof| proof.overdue.is_yes()) && self.loss.is_none() && !self.is_going()
    }
}
