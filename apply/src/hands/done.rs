//! What was done, in words.

use std::fmt;

use nico_render::rollout::{FinalizerChange, Purpose, Removal};

use super::Done;

impl Done {
    /// The machine that it is about.
    pub fn machine(&self) -> Option<&str> {
        match self {
            Self::Finalizers(_)
            | Self::StatusAdopted
            | Self::Remembered
            | Self::TokenCreated
            | Self::TokenOwned { .. } => None,
            Self::Created { machine, .. } | Self::Withheld { machine, .. } => Some(machine),
            Self::Adopted(target)
            | Self::Changed { target, .. }
            | Self::Deleted { target, .. }
            | Self::Released(target) => Some(&target.machine),
        }
    }
}

impl Done {
    /// The configuration that it is about.
    pub fn configuration(&self) -> Option<&str> {
        match self {
            Self::Finalizers(_)
            | Self::StatusAdopted
            | Self::Remembered
            | Self::TokenCreated
            | Self::TokenOwned { .. } => None,
            Self::Created { configuration, .. } | Self::Withheld { configuration, .. } => Some(configuration),
            Self::Adopted(target)
            | Self::Changed { target, .. }
            | Self::Deleted { target, .. }
            | Self::Released(target) => Some(&target.configuration),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finalizers(FinalizerChange::Added) => f.write_str("the finalizer is put on"),
            Self::Finalizers(FinalizerChange::TakenOver) => {
                f.write_str("taken over from the Python operator: its finalizer is replaced")
            }
            Self::Finalizers(FinalizerChange::Released) => {
                f.write_str("the finalizer is taken off: the cluster goes")
            }
            Self::StatusAdopted => f.write_str("the status is taken over; nothing in it changes"),
            Self::Remembered => f.write_str("the selection is remembered"),
            Self::TokenCreated => f.write_str("the join token is created"),
            Self::TokenOwned { guessable: false } => f.write_str("the join token is kept, and owned"),
            Self::TokenOwned { guessable: true } => {
                f.write_str("the join token is kept, and owned, although anybody can guess it")
            }
            Self::Adopted(target) => {
                write!(f, "{} is taken over; nothing in it changes", target.configuration)
            }
            Self::Created { configuration, wipes_disk: false, .. } => write!(f, "{configuration} is created"),
            Self::Created { machine, configuration, wipes_disk: true, .. } => {
                write!(f, "{configuration} is created, which WIPES THE DISK of machine {machine}")
            }
            Self::Withheld { machine, configuration } => write!(
                f,
                "{configuration} is withheld: it WIPES THE DISK of machine {machine}, and somebody must take fullInstall \
                 off again once it is installed, or NIO wipes it once more at the next change; --leave-full-install \
                 creates it, --wait stays and takes it off"
            ),
            Self::Changed { target, purpose, fields, against } => {
                let what = match purpose {
                    Purpose::ClearFullInstall => "fullInstall is taken off",
                    Purpose::Content => "gets new content",
                    Purpose::Confirmation => {
                        "gets its content once more, as an apply of the one before may have ended late"
                    }
                    Purpose::Leaving => "begins to leave",
                    Purpose::NodeNoted => "has a Node, which is noted",
                    Purpose::MemberGone => "its member of etcd is gone, which is noted",
                    Purpose::Nudge => "is to be looked at by NIO at once",
                    Purpose::Metadata => "is set right",
                };
                write!(f, "{}: {what} ({})", target.configuration, fields.join(", "))?;
                if against.is_empty() { Ok(()) } else { write!(f, ", against {}", against.join(", ")) }
            }
            Self::Deleted { target, why } => {
                let why = match why {
                    Removal::Leaves => "its machine leaves",
                    Removal::Lost => "its machine is lost",
                    Removal::ClusterDeleted => "the cluster goes",
                    Removal::Forced => "the cluster goes by force, and its machine cannot be reached",
                };
                write!(f, "{} is deleted: {why}", target.configuration)
            }
            Self::Released(target) => {
                write!(
                    f,
                    "NIO's finalizer is taken from {}, which NIO would never let go",
                    target.configuration
                )
            }
        }
    }
}
