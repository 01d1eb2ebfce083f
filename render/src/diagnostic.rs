//! What there is to say about a rendering: one enum for the conditions' reasons, the CLI's words and the
//! metrics' labels.

use std::fmt;

use nico_crds::names::{ACCEPT_PENDING, LOST, REBOOTSTRAP, REINSTALL_FOR, Role};

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Note,
    /// It will hurt, or it keeps the cluster from being whole.
    Warning,
}

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
                "it was in this cluster before, and NIO has not cleaned it since; {REINSTALL_FOR} would free it, and wipe it"
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
    /// The head is lost and no other control plane is settled: a person must decide.
    HeadLost,
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
    /// A second configuration of this cluster for the same machine.
    SecondConfiguration {
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
            | Notice::HeadLost
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
            | Notice::SecondConfiguration { .. }
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
            Notice::HeadLost => "HeadLost",
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
            Notice::SecondConfiguration { .. } => "SecondConfiguration",
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

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WipesDisk { reinstall: false } => f.write_str("its DISK WILL BE WIPED (fullInstall)"),
            Self::WipesDisk { reinstall: true } => write!(
                f,
                "its DISK WILL BE WIPED (fullInstall), although it was installed before: {REINSTALL_FOR} asks for it"
            ),
            Self::CannotJoin { role, obstacle } => write!(f, "cannot join as {role}: {obstacle}"),
            Self::TooFew { role, wanted, found } => {
                write!(f, "{}: wanted {wanted}, found {found}", role.field())
            }
            Self::NoCount { role } => {
                write!(f, "{}: machineSelector without count takes no machine", role.field())
            }
            Self::SelectorIgnored { role } => write!(
                f,
                "{}: machines are listed, so machineSelector and count are not looked at",
                role.field()
            ),
            Self::WantedByBothRoles => f.write_str("both roles want it; the control plane has it"),
            Self::LabelMismatch { role } => write!(f, "its labels no longer match {}; it stays", role.field()),
            Self::MemberUnreachable { role } => write!(f, "this {role} is not discoverable: NIO cannot log in"),
            Self::Leaves { role, why } => write!(f, "leaves as {role}: {why}"),
            Self::HeadKept => f.write_str(
                "the spec no longer has it, but it is the first control plane: it stays until it is lost",
            ),
            Self::HeadSucceeded { lost } => write!(f, "becomes the first control plane, as {lost} is lost"),
            Self::HeadLost => write!(
                f,
                "the first control plane is lost and no other is settled, so nothing is created or removed; bring it \
                 back, or annotate the cluster {REBOOTSTRAP}: <machine> to start anew"
            ),
            Self::HeadAwaited { obstacle } => write!(
                f,
                "is to be the first control plane, and nothing is created without it: {obstacle}; if it will never \
                 come, take it off the list or annotate its Machine {LOST}: \"true\""
            ),
            Self::NoHead => f.write_str("there is no machine for the first control plane, so nothing is created"),
            Self::RebootstrapRefused { obstacle } => write!(f, "cannot start the cluster anew: {obstacle}"),
            Self::Rebootstraps => f.write_str("STARTS THE CLUSTER ANEW, as a person asked"),
            Self::NotCleaned => write!(
                f,
                "left the cluster and was not cleaned by NIO: it is not free; {REINSTALL_FOR} would free it, and wipe it"
            ),
            Self::ReinstallUsed => {
                write!(f, "{REINSTALL_FOR} was used and counts no more; take it off to be able to ask again")
            }
            Self::ReinstallWithoutInstall => write!(
                f,
                "{REINSTALL_FOR} frees it, but installPolicy is SwitchOnly: it is switched, not wiped"
            ),
            Self::PendingAtAdoption { joins, leaves } => write!(
                f,
                "pending when the cluster was taken over: joining [{}], leaving [{}]; they wait for a change of the \
                 spec, or for the annotation {ACCEPT_PENDING}: \"true\"",
                joins.join(", "),
                leaves.join(", ")
            ),
            Self::StaleSinceAdoption => f.write_str(
                "its cluster.nix, written by the former operator, is out of date; it is written anew with the next \
                 change, for example of spec.rollout.trigger",
            ),
            Self::LiveConfigurationMissing { configuration } => write!(
                f,
                "runs \"{configuration}\", which is not among the objects given; give the live NixosConfigurations and \
                 the cluster with its status, or what is rendered is not what the operator will want"
            ),
            Self::SecondConfiguration { configuration } => {
                write!(f, "has a second NixosConfiguration of this cluster, \"{configuration}\"")
            }
            Self::UnencryptedRepository => {
                f.write_str("spec.gitRepo is reached without encryption: whoever is on the way decides what the machines run")
            }
            Self::RefIsCommit { git_ref } => write!(
                f,
                "spec.ref: \"{git_ref}\" looks like a commit; NIO finds branches and tags only, and applies nothing"
            ),
            Self::RefNotHonoured { git_ref } => write!(
                f,
                "spec.ref: NIO only checks that \"{git_ref}\" exists and clones the default branch; the flake finds \
                 the name in nico.source.ref"
            ),
            Self::MinReadyTooShort { seconds } => write!(
                f,
                "spec.rollout.minReadySeconds: {seconds} is short: NIO applies a new configuration twice; 30 or more is right"
            ),
            Self::KeyInStore => {
                f.write_str("its private SSH key is injected, and ends up in the world-readable Nix store")
            }
            Self::NoKey => f.write_str("spec.injectMachineSshKey: its Machine names no key Secret"),
            Self::KeyElsewhere { namespace } => write!(
                f,
                "spec.injectMachineSshKey: its key Secret is in the namespace \"{namespace}\", where NIO does not look \
                 for files; it is left out"
            ),
            Self::NoUid => f.write_str("metadata.uid is not known, so ownerReferences is left out"),
            Self::Paused => f.write_str("spec.paused: nothing is written"),
            Self::Deleting => f.write_str("it is being deleted, so nothing is created for it"),
        }
    }
}
