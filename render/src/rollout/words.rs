//! The reasons for waiting in words: what is so, and what a person can do.

use std::fmt;

use nico_crds::names::{FORCE_DELETE, LOST, REBOOTSTRAP};

use super::{WaitReason, Waiting};

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused => f.write_str("the cluster is paused (spec.paused)"),
            Self::OldOperatorRunning => f.write_str(
                "the Python operator of the same name still runs: it has put its finalizer back; stop it",
            ),
            Self::HeadLost => write!(
                f,
                "waits: the first control plane is lost and no other can take its place; bring it back, or annotate the \
                 cluster {REBOOTSTRAP}: <machine> to start anew"
            ),
            Self::Bootstrap { head, lacks } => {
                write!(f, "waits for the first control plane, {head}: {lacks}")
            }
            Self::FormerHead { configuration } => {
                write!(f, "waits until \"{configuration}\", of the first control plane before it, is gone")
            }
            Self::ControlPlane { machine, lacks } => {
                write!(f, "waits for the control plane {machine}: {lacks}")
            }
            Self::CannotJoin { role, obstacle } => write!(f, "cannot join as {role}: {obstacle}"),
            Self::HeadAwaited { machine, obstacle } => {
                write!(f, "waits for {machine}, which is to be the first control plane: {obstacle}")
            }
            Self::Clearing { lacks } => write!(f, "waits until no apply can wipe the disk any more: {lacks}"),
            Self::Machine { machine, lacks } => write!(f, "waits for {machine}: {lacks}"),
            Self::EarlierRole { role, machine, lacks } => {
                write!(f, "waits for the {role} {machine}, which comes first (rollout.order): {lacks}")
            }
            Self::Frozen { machine, overdue, said } => {
                write!(f, "is frozen by {machine}: {overdue}")?;
                if let Some(said) = said {
                    write!(f, ": {said}")?;
                }
                write!(
                    f,
                    "; correct the spec, or mend the machine, or annotate its Machine {LOST}: \"true\" if it never \
                     comes back"
                )
            }
            Self::Confirmation { at } => write!(
                f,
                "is written once more after {at}: until then an apply of what it replaced may end after its own"
            ),
            Self::Installing => f.write_str(
                "may be being installed: nothing of it is changed, or NIO would wipe the disk once more",
            ),
            Self::InFlight { lacks } => write!(f, "waits for NIO: {lacks}"),
            Self::Conflict { managers, fields } => {
                write!(f, "is left as it is: {} holds {}", managers.join(", "), fields.join(", "))
            }
            Self::Unreachable => write!(
                f,
                "leaves once NIO can reach it, and clean it; if it never comes back, annotate its Machine {LOST}: \"true\""
            ),
            Self::DeletionWaiting => write!(
                f,
                "is to be cleaned before the cluster goes, and cannot be reached; annotate its Machine {LOST}: \"true\" \
                 if it never comes back, or the cluster {FORCE_DELETE}: \"true\" to let it go as it is"
            ),
            Self::Parting(parting) => parting.fmt(f),
            Self::Quorum { machine, lacks } => {
                write!(f, "leaves once all other control planes are well; {machine} is not: {lacks}")
            }
            Self::Removal { machine } => write!(f, "leaves after {machine}"),
            Self::LettingGo => f.write_str("is being cleaned by NIO"),
            Self::WorkersFirst { machine } => {
                write!(f, "goes when the workers are gone; {machine} is still there")
            }
            Self::ForeignToken { secret } => write!(
                f,
                "the Secret \"{secret}\" is neither used nor touched: the cluster's join token is in a Secret of that \
                 name that holds the key `token`, not empty, and no other, and that the cluster owns, or that has \
                 its label and no owner; mend it, and remove it only where no machine runs with what is in it"
            ),
            Self::TokenLost { secret } => write!(
                f,
                "the Secret \"{secret}\" is gone, and machines run with the token that was in it: restore it; NICO \
                 invents no other"
            ),
            Self::TokenUnknown => f.write_str("the Secret with the join token was not looked at yet"),
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.machine {
            Some(machine) => write!(f, "machine {machine} {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}
