//! Why a visit came to nothing.

use std::io;
use std::time::Duration;

/// Why a visit came to nothing. Nothing that a machine said is quoted but what ssh itself says.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// ssh would take it for something else.
    #[error("its {0} is not a plain word, and is not given to ssh")]
    NoWord(&'static str),
    /// What ssh needs could not be laid out.
    #[error("what ssh needs cannot be written")]
    Room(#[source] io::Error),
    /// There is no ssh, or it does not run.
    #[error("ssh cannot be started: is the openssh client installed?")]
    NoClient(#[source] io::Error),
    /// It shows another host key than the one that it is known by.
    #[error("its host key is not the one that it is known by")]
    HostKeyChanged,
    /// Its host key is not known, and unknown ones are not accepted.
    #[error("its host key is not known")]
    HostKeyUnknown,
    /// It does not know the key that we came with, or the user.
    #[error("it does not let us in with the key of its sshKeySecretRef")]
    Denied,
    /// It did not answer.
    #[error("it cannot be reached by SSH")]
    Unreachable(#[source] openssh::Error),
    /// It took too long.
    #[error("{step} took longer than {} s", limit.as_secs())]
    TooLate {
        /// What.
        step: &'static str,
        /// So long was waited.
        limit: Duration,
    },
    /// More came than anybody asked for.
    #[error("it sent more than {0} bytes")]
    TooMuch(usize),
    /// The connection ended.
    #[error("the connection broke off")]
    BrokeOff(#[source] openssh::Error),
}

impl VisitError {
    /// What ssh says at its beginning. The crate gives its words, and no more than a kind for a few of them.
    pub(super) fn connecting(error: openssh::Error) -> Self {
        if let openssh::Error::Master(io) = error {
            return Self::NoClient(io);
        }
        let said = if let openssh::Error::Connect(io) = &error { io.to_string() } else { String::new() };
        if said.contains("HOST IDENTIFICATION HAS CHANGED") {
            return Self::HostKeyChanged;
        }
        if said.contains("Host key verification failed") || said.contains("host key is known") {
            return Self::HostKeyUnknown;
        }
        if said.contains("Permission denied") || said.contains("Too many authentication failures") {
            return Self::Denied;
        }
        Self::Unreachable(error)
    }
}
