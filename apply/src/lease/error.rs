//! Why an election does not go on, and what it needs.

use std::time::Duration;

use crate::error::{has_code, words};

/// Why an election does not go on.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// With these settings nobody could lead, or two could.
    #[error("leader election cannot work: {0}")]
    Settings(&'static str),
    /// Rights are missing.
    #[error(
        "NICO may not {action} the Lease {lease}, and so cannot lead: {}. Its service account needs get, create and update on leases (coordination.k8s.io) in that namespace",
        words(cause)
    )]
    Forbidden {
        /// What was tried.
        action: &'static str,
        /// `namespace/name` of the Lease.
        lease: String,
        /// Why.
        cause: kube::Error,
    },
    /// There is no such namespace.
    #[error("the namespace of the Lease {lease} does not exist: create it, or name another")]
    NoNamespace {
        /// `namespace/name` of the Lease.
        lease: String,
    },
    /// No answer came in time.
    #[error("cannot {action} the Lease {lease}: no answer within {after:?}")]
    TimedOut {
        /// What was tried.
        action: &'static str,
        /// `namespace/name` of the Lease.
        lease: String,
        /// The time that it was given.
        after: Duration,
    },
    /// The API server refuses, or cannot be reached.
    #[error("cannot {action} the Lease {lease}: {}", words(cause))]
    Request {
        /// What was tried.
        action: &'static str,
        /// `namespace/name` of the Lease.
        lease: String,
        /// Why.
        cause: kube::Error,
    },
    /// A write went well and changed nothing: others cannot see that it was made.
    #[error(
        "the Lease {lease} was written, and its resourceVersion is the old one: it counts as not renewed"
    )]
    Unchanged {
        /// `namespace/name` of the Lease.
        lease: String,
    },
    /// The Lease changes faster than it can be written.
    #[error("somebody else keeps changing the Lease {lease}")]
    Contested {
        /// `namespace/name` of the Lease.
        lease: String,
    },
}

impl LeaseError {
    /// An answer of the API server, in terms of what is needed.
    pub(super) fn of(action: &'static str, lease: String, cause: kube::Error) -> Self {
        if action == CREATE && has_code(&cause, 404) {
            Self::NoNamespace { lease }
        } else if has_code(&cause, 403) && !is_terminating(&cause) {
            Self::Forbidden { action, lease, cause }
        } else {
            Self::Request { action, lease, cause }
        }
    }
}

pub(super) const GET: &str = "get";
pub(super) const CREATE: &str = "create";
pub(super) const UPDATE: &str = "update";

/// The namespace is being deleted: no right would help.
fn is_terminating(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.details.as_ref().is_some_and(|details| {
        details.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
    }))
}
