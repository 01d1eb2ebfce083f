//! Why a cluster cannot be rendered at all.

use crate::cluster_nix::NulInString;

/// NIO keeps a copy of the spec in an annotation, and all annotations of an object together end at
/// 256 KiB; this leaves room for the others.
pub const MAX_BYTES: usize = 200 * 1024;

/// Why a cluster cannot be rendered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum RenderError {
    /// Neither the cluster nor the operator names a repository.
    #[error("spec.gitRepo is missing, and there is no default repository (--default-git-repo)")]
    NoGitRepo,
    /// Nix cannot hold a NUL in a string.
    #[error("{0}")]
    Nul(String),
    /// An object is too large for NIO, which keeps a copy of it in an annotation.
    #[error(
        "the NixosConfiguration \"{configuration}\" would have {bytes} bytes; NIO keeps a copy in an annotation, and \
         {MAX_BYTES} bytes are the most that fits: make the cluster smaller"
    )]
    TooLarge {
        /// Its name.
        configuration: String,
        /// Its size, as NIO writes it.
        bytes: usize,
    },
    /// Two objects of one name.
    #[error("there are two objects {kind} \"{name}\" in one namespace: nothing can be decided from that")]
    Twice {
        /// The kind.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The cluster has no name.
    #[error("metadata.name is missing")]
    Nameless,
    /// A hash cannot be formed.
    #[error("cannot write the meaning as JSON: {0}")]
    Json(String),
}

impl From<NulInString> for RenderError {
    fn from(error: NulInString) -> Self {
        Self::Nul(error.to_string())
    }
}

impl From<serde_json::Error> for RenderError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.to_string())
    }
}
