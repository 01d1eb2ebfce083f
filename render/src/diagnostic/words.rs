//! The notices in words: what is so, and what a person can do.

use std::fmt;

use nico_crds::names::{ACCEPT_PENDING, LOST, REBOOTSTRAP, REINSTALL_FOR};

use super::Notice;

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
            Self::HeadLost { outside } => head_lost(f, outside),
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
                "left the cluster, and NIO does not show that it cleaned it: it is not free; {REINSTALL_FOR} would free \
                 it, and wipe it"
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
            Self::StrayConfiguration { configuration } => {
                write!(f, "\"{configuration}\" belongs to this cluster by its owner and not by its name; it is left alone")
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

fn head_lost(f: &mut fmt::Formatter<'_>, outside: &[String]) -> fmt::Result {
    f.write_str("the first control plane is lost and no other is settled")?;
    if !outside.is_empty() {
        write!(f, " and a member (the cluster said of {} that it is none)", outside.join(", "))?;
    }
    write!(
        f,
        ", so nothing is created or removed; bring it back, or annotate the cluster {REBOOTSTRAP}: <machine> to start \
         anew"
    )
}
