//! What there is to say about a rendering: one enum for the conditions' reasons, the CLI's words and the
//! metrics' labels.

mod obstacle;
mod words;

use std::fmt;

use nico_crds::names::Role;

pub use obstacle::Obstacle;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It will hurt, or it keeps the cluster from being whole.
    Warning,
}

/// Something to say about a rendering, about one machine perhaps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diagnostic {
    /// The machine it is about.
    pub machine: Option<String>,
    /// What it is.
    pub notice: Notice,
}

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notice {
    /// THE DISK of the machine will be wiped.
    WipesDisk {
        /// Because a person asked for it, on a machine that was installed before.
        reinstall: bool,
    },
    /// The machine is wanted, and cannot join.
    CannotJoin {
        /// The role it is wanted in.
        role: Role,
        /// Why.
        obstacle: Obstacle,
    },
    /// There are fewer machines than were asked for.
    TooFew {
        /// The role.
        role: Role,
        /// How many were asked for.
        wanted: usize,
        /// How many there are.
        found: usize,
    },
    /// A selector without a count takes no machine.
    NoCount {
        /// The role.
        role: Role,
    },
    /// Machines are listed, so selector and count are not looked at.
    SelectorIgnored {
        /// The role.
        role: Role,
    },
    /// Both roles want the machine; the control plane chooses first.
    WantedByBothRoles,
    /// A member whose labels no longer match stays.
    LabelMismatch {
        /// Its role.
        role: Role,
    },
    /// A member cannot be reached.
    MemberUnreachable {
        /// Its role.
        role: Role,
    },
    /// A member leaves.
    Leaves {
        /// Its role.
        role: Role,
        /// Why.
        why: Departure,
    },
    /// The head stays although the spec no longer lists it.
    HeadKept,
    /// The head is lost and another control plane takes its place.
    HeadSucceeded {
        /// The lost one.
        lost: String,
    },
    /// The head is lost and no other control plane can take its place: a person must decide.
    HeadLost {
        /// Those that cannot as the cluster said that they are no members.
        outside: Vec<String>,
    },
    /// The machine that is to be the head is waited for; nothing is created without it.
    HeadAwaited {
        /// Why it is not there.
        obstacle: Obstacle,
    },
    /// No control plane can be had, so nothing is created.
    NoHead,
    /// The cluster cannot be started anew on that machine.
    RebootstrapRefused {
        /// Why.
        obstacle: Obstacle,
    },
    /// The cluster is started anew on the machine.
    Rebootstraps,
    /// A machine that left was never cleaned by NIO.
    NotCleaned,
    /// The annotation `reinstall-for` was used and still stands.
    ReinstallUsed,
    /// The annotation `reinstall-for` wipes nothing under `installPolicy: SwitchOnly`.
    ReinstallWithoutInstall,
    /// Joins and leaves that were pending when the cluster was adopted wait.
    PendingAtAdoption {
        /// Machines that would join.
        joins: Vec<String>,
        /// Machines that would leave.
        leaves: Vec<String>,
    },
    /// The files that the Python operator wrote are out of date.
    StaleSinceAdoption,
    /// Live configurations are missing from the input.
    LiveConfigurationMissing {
        /// The configuration that the machine says it runs.
        configuration: String,
    },
    /// A configuration that is the cluster's by its owner, and not by its name.
    StrayConfiguration {
        /// Its name.
        configuration: String,
    },
    /// The repository is reached without encryption.
    UnencryptedRepository,
    /// A commit hash as `ref`: NIO never finds it.
    RefIsCommit {
        /// The hash.
        git_ref: String,
    },
    /// NIO looks `ref` up, and clones the default branch all the same.
    RefNotHonoured {
        /// The name.
        git_ref: String,
    },
    /// NIO applies twice, and the second one may come later than this.
    MinReadyTooShort {
        /// In seconds.
        seconds: i32,
    },
    /// The machine's private key ends up in the world-readable Nix store.
    KeyInStore,
    /// The machine has no key Secret that could be injected.
    NoKey,
    /// The machine's key Secret is in another namespace, where NIO does not look for it.
    KeyElsewhere {
        /// That namespace.
        namespace: String,
    },
    /// The owner's UID is not known, so no owner is written.
    NoUid,
    /// Nothing of the cluster is written while it is paused.
    Paused,
    /// The cluster is being deleted; nothing is created for it.
    Deleting,
}

/// Why a member leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Departure {
    /// The spec has no room for it any more.
    NotSelected,
    /// It is to have the other role.
    RoleChange,
    /// A person marked it as lost.
    Lost,
    /// Its Machine object is gone.
    MachineGone,
    /// Its configuration is being deleted.
    BeingDeleted,
    /// Its removal has begun before, and is finished.
    Begun,
    /// A person wants it reinstalled for another cluster, and nothing runs on it yet.
    Elsewhere,
    /// NIO installed it anew after it was settled, and another control plane is whole.
    WipedAgain,
}

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSelected => "the spec has no room for it",
            Self::RoleChange => "it is to have the other role, and joins anew",
            Self::Lost => "it is marked as lost",
            Self::MachineGone => "its Machine is gone",
            Self::BeingDeleted => "its NixosConfiguration is being deleted",
            Self::Begun => "its removal has begun",
            Self::Elsewhere => "it is to be reinstalled for another cluster",
            Self::WipedAgain => "its disk was wiped after it was settled",
        })
    }
}

impl Diagnostic {
    pub(crate) fn of(machine: &str, notice: Notice) -> Self {
        Self { machine: Some(machine.to_owned()), notice }
    }

    pub(crate) fn general(notice: Notice) -> Self {
        Self { machine: None, notice }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match &self.notice {
            Notice::WipesDisk { .. }
            | Notice::CannotJoin { .. }
            | Notice::TooFew { .. }
            | Notice::NoCount { .. }
            | Notice::MemberUnreachable { .. }
            | Notice::HeadKept
            | Notice::HeadSucceeded { .. }
            | Notice::HeadLost { .. }
            | Notice::HeadAwaited { .. }
            | Notice::NoHead
            | Notice::RebootstrapRefused { .. }
            | Notice::Rebootstraps
            | Notice::NotCleaned
            | Notice::ReinstallUsed
            | Notice::ReinstallWithoutInstall
            | Notice::PendingAtAdoption { .. }
            | Notice::StaleSinceAdoption
            | Notice::LiveConfigurationMissing { .. }
            | Notice::StrayConfiguration { .. }
            | Notice::UnencryptedRepository
            | Notice::RefIsCommit { .. }
            | Notice::MinReadyTooShort { .. }
            | Notice::KeyInStore
            | Notice::NoKey
            | Notice::KeyElsewhere { .. } => Severity::Warning,
            Notice::SelectorIgnored { .. }
            | Notice::WantedByBothRoles
            | Notice::LabelMismatch { .. }
            | Notice::Leaves { .. }
            | Notice::RefNotHonoured { .. }
            | Notice::NoUid
            | Notice::Paused
            | Notice::Deleting => Severity::Note,
        }
    }

    /// In one CamelCase word: the reason of a condition, the label of a metric.
    pub const fn reason(&self) -> &'static str {
        match &self.notice {
            Notice::WipesDisk { .. } => "WipesDisk",
            Notice::CannotJoin { obstacle, .. } => obstacle.reason(),
            Notice::TooFew { .. } => "TooFewMachines",
            Notice::NoCount { .. } => "NoCount",
            Notice::SelectorIgnored { .. } => "SelectorIgnored",
            Notice::WantedByBothRoles => "WantedByBothRoles",
            Notice::LabelMismatch { .. } => "LabelMismatch",
            Notice::MemberUnreachable { .. } => "MemberUnreachable",
            Notice::Leaves { .. } => "Leaving",
            Notice::HeadKept => "HeadKept",
            Notice::HeadSucceeded { .. } => "HeadSucceeded",
            Notice::HeadLost { .. } => "HeadLost",
            Notice::HeadAwaited { .. } => "HeadAwaited",
            Notice::NoHead => "NoHead",
            Notice::RebootstrapRefused { .. } => "RebootstrapRefused",
            Notice::Rebootstraps => "Rebootstraps",
            Notice::NotCleaned => "NotCleaned",
            Notice::ReinstallUsed => "ReinstallUsed",
            Notice::ReinstallWithoutInstall => "ReinstallWithoutInstall",
            Notice::PendingAtAdoption { .. } => "PendingAtAdoption",
            Notice::StaleSinceAdoption => "StaleSinceAdoption",
            Notice::LiveConfigurationMissing { .. } => "LiveConfigurationMissing",
            Notice::StrayConfiguration { .. } => "StrayConfiguration",
            Notice::UnencryptedRepository => "UnencryptedRepository",
            Notice::RefIsCommit { .. } => "RefIsCommit",
            Notice::RefNotHonoured { .. } => "RefNotHonoured",
            Notice::MinReadyTooShort { .. } => "MinReadyTooShort",
            Notice::KeyInStore => "KeyInStore",
            Notice::NoKey => "NoKey",
            Notice::KeyElsewhere { .. } => "KeyElsewhere",
            Notice::NoUid => "NoUid",
            Notice::Paused => "Paused",
            Notice::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(machine) = &self.machine {
            write!(f, "machine {machine}: ")?;
        }
        self.notice.fmt(f)
    }
}
