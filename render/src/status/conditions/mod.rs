//! The conditions: which there are, and how what is found becomes one.

mod danger;
mod kubeconfig;
mod readiness;
mod rolled_out;
mod selection;
mod waits;
mod workload;

use nico_crds::KubernetesClusterStatus;
use nico_crds::status::{ClusterCondition, Phase};

use super::failure::Failure;
use super::look::Look;
use super::words::{self, MAX_MESSAGE};

/// The reason of `ControlPlaneReady` until all control planes were ready once, and never afterwards.
pub(super) const PROVISIONING: &str = "Provisioning";
/// The reason of what a cluster in deletion has no more.
pub(super) const DELETING: &str = "Deleting";
/// The reason of what waits for nothing but the rollout.
pub(super) const ROLLING_OUT: &str = "RollingOut";
/// The reason of `QuorumAtRisk` where there is no majority any more.
pub(super) const QUORUM_LOST: &str = "QuorumLost";
/// The reason of `QuorumAtRisk` where there never was one to lose.
pub(super) const TOO_FEW_CONTROL_PLANES: &str = "TooFewControlPlanes";
/// The reason of a kubeconfig that is there, and cannot be renewed.
pub(super) const NOT_RENEWED: &str = "NotRenewed";
/// The reason of a kubeconfig whose time has not come.
pub(super) const KUBECONFIG_AWAITED: &str = "WaitingForControlPlane";
/// The reason of what cannot be asked without the kubeconfig.
pub(super) const NO_KUBECONFIG: &str = "NoKubeconfig";
/// The reason of API servers of which none answers.
pub(super) const NOT_ANSWERING: &str = "NotAnswering";

/// The types, in their order in the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ready,
    ControlPlaneReady,
    DataPlaneReady,
    MachinesSelected,
    RolledOut,
    KubeconfigAvailable,
    NodesHealthy,
    ControlPlaneHealthy,
    QuorumAtRisk,
    HeadLost,
    TokenLost,
    TokenGuessable,
    Paused,
    Conflict,
    NotCleaned,
    DeletionWaiting,
    RemovalWaiting,
    CommitsDiffer,
    WipedAgain,
    StaleSinceAdoption,
    OldOperatorRunning,
}

impl Kind {
    pub const ALL: [Self; 21] = [
        Self::Ready,
        Self::ControlPlaneReady,
        Self::DataPlaneReady,
        Self::MachinesSelected,
        Self::RolledOut,
        Self::KubeconfigAvailable,
        Self::NodesHealthy,
        Self::ControlPlaneHealthy,
        Self::QuorumAtRisk,
        Self::HeadLost,
        Self::TokenLost,
        Self::TokenGuessable,
        Self::Paused,
        Self::Conflict,
        Self::NotCleaned,
        Self::DeletionWaiting,
        Self::RemovalWaiting,
        Self::CommitsDiffer,
        Self::WipedAgain,
        Self::StaleSinceAdoption,
        Self::OldOperatorRunning,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::ControlPlaneReady => "ControlPlaneReady",
            Self::DataPlaneReady => "DataPlaneReady",
            Self::MachinesSelected => "MachinesSelected",
            Self::RolledOut => "RolledOut",
            Self::KubeconfigAvailable => "KubeconfigAvailable",
            Self::NodesHealthy => "NodesHealthy",
            Self::ControlPlaneHealthy => "ControlPlaneHealthy",
            Self::QuorumAtRisk => "QuorumAtRisk",
            Self::HeadLost => "HeadLost",
            Self::TokenLost => "TokenLost",
            Self::TokenGuessable => "TokenGuessable",
            Self::Paused => "Paused",
            Self::Conflict => "Conflict",
            Self::NotCleaned => "NotCleaned",
            Self::DeletionWaiting => "DeletionWaiting",
            Self::RemovalWaiting => "RemovalWaiting",
            Self::CommitsDiffer => "CommitsDiffer",
            Self::WipedAgain => "WipedAgain",
            Self::StaleSinceAdoption => "StaleSinceAdoption",
            Self::OldOperatorRunning => "OldOperatorRunning",
        }
    }
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    const fn word(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// What is found of a condition.
enum Verdict {
    Is {
        truth: Truth,
        reason: String,
        message: String,
    },
    /// It does not apply.
    Absent,
    /// It cannot be told now, or not here: what was told before stays.
    Untold,
}

impl Verdict {
    fn of(truth: Truth, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Is { truth, reason: reason.into(), message: message.into() }
    }

    fn holds(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(Truth::True, reason, message)
    }

    fn fails(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::of(Truth::False, reason, message)
    }

    /// One that a failure, if there is it, makes true.
    fn of_failure(failure: Option<Failure>) -> Self {
        failure.map_or(Self::Absent, |failure| Self::holds(failure.reason, failure.message))
    }
}

/// A condition that this aggregator told before: others noted no generation.
pub(super) fn told(status: &KubernetesClusterStatus, kind: Kind) -> Option<&ClusterCondition> {
    before(status, kind).filter(|condition| condition.observed_generation.is_some())
}

fn before(status: &KubernetesClusterStatus, kind: Kind) -> Option<&ClusterCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind.name())
}

/// Tells all conditions.
pub(super) struct Teller<'t, 'a> {
    pub look: &'t Look<'a>,
    pub failure: Option<&'t Failure>,
    pub phase: Phase,
}

impl Teller<'_, '_> {
    pub fn tell(&self) -> Vec<ClusterCondition> {
        Kind::ALL.into_iter().filter_map(|kind| self.condition(kind)).collect()
    }

    fn condition(&self, kind: Kind) -> Option<ClusterCondition> {
        match self.verdict(kind) {
            Verdict::Is { truth, reason, message } => Some(self.dated(kind, truth, reason, &message)),
            Verdict::Absent => None,
            Verdict::Untold => told(self.look.previous, kind).cloned(),
        }
    }

    fn verdict(&self, kind: Kind) -> Verdict {
        let look = self.look;
        match kind {
            Kind::Ready => self.ready(),
            Kind::ControlPlaneReady => readiness::control_plane(look),
            Kind::DataPlaneReady => readiness::data_plane(look),
            Kind::MachinesSelected => selection::machines_selected(look),
            Kind::RolledOut => rolled_out::rolled_out(look),
            Kind::KubeconfigAvailable => kubeconfig::available(look),
            Kind::NodesHealthy => workload::nodes_healthy(look),
            Kind::ControlPlaneHealthy => workload::control_plane_healthy(look),
            Kind::QuorumAtRisk => danger::quorum_at_risk(look),
            Kind::HeadLost => danger::head_lost(look),
            Kind::TokenLost => danger::token_lost(look),
            Kind::TokenGuessable => danger::token_guessable(look),
            Kind::Paused => waits::paused(look),
            Kind::Conflict => waits::conflict(look),
            Kind::NotCleaned => selection::not_cleaned(look),
            Kind::DeletionWaiting => waits::deletion_waiting(look),
            Kind::RemovalWaiting => waits::removal_waiting(look),
            Kind::CommitsDiffer => rolled_out::commits_differ(look),
            Kind::WipedAgain => danger::wiped_again(look),
            Kind::StaleSinceAdoption => selection::stale_since_adoption(look),
            Kind::OldOperatorRunning => waits::old_operator_running(look),
        }
    }

    /// The time moves with the status, and with nothing else.
    fn dated(&self, kind: Kind, truth: Truth, reason: String, message: &str) -> ClusterCondition {
        let before = before(self.look.previous, kind);
        let since = before
            .filter(|before| before.status.as_deref() == Some(truth.word()))
            .and_then(|before| words::told(before.last_transition_time.as_deref()));
        ClusterCondition {
            type_: kind.name().to_owned(),
            status: Some(truth.word().to_owned()),
            reason: Some(reason),
            message: Some(words::bounded(message, MAX_MESSAGE)),
            last_transition_time: Some(words::seconds(since.unwrap_or(self.look.now))),
            observed_generation: self.look.cluster.metadata.generation,
        }
    }
}
