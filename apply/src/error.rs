//! What can go wrong between NICO and an API server.

use nico_render::{ClusterKey, RenderError};

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The kubeconfig cannot be read, or does not say what was asked for.
    #[error("cannot use the kubeconfig: {0}")]
    Kubeconfig(String),
    /// No client can be made from the configuration.
    #[error("cannot make a client for the API server: {}", words(.0))]
    Client(kube::Error),
    /// A kind is not served.
    #[error("the API server does not serve {kind} ({crd}): {remedy}")]
    MissingKind {
        /// The kind.
        kind: &'static str,
        /// Its `CustomResourceDefinition`.
        crd: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The Machine CRD is neither of the two that are known.
    #[error("the Machine CRD has neither spec.hostname (Python NIO) nor spec.host (Go NIO)")]
    UnknownDialect,
    /// Something could not be read. Nothing is decided from half a picture.
    #[error("cannot read {what}: {}", words(cause))]
    Read {
        /// What.
        what: &'static str,
        /// Why.
        cause: kube::Error,
    },
    /// An object on the server does not fit its type.
    #[error("{kind} {namespace}/{name} cannot be understood")]
    Malformed {
        /// The kind.
        kind: &'static str,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A write was refused.
    #[error("cannot write {what}: {}", words(cause))]
    Write {
        /// What.
        what: String,
        /// Why.
        cause: kube::Error,
    },
    /// An object changed between the decision and the write, or is there already.
    #[error("{what} has changed meanwhile, or exists already; try again")]
    Conflict {
        /// What.
        what: String,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The Secret with the join token is somebody else's.
    #[error(
        "the Secret \"{secret}\" exists and is not NICO's; it is neither used nor touched. Remove it, or give it the label {label}"
    )]
    ForeignToken {
        /// Its name.
        secret: String,
        /// The label that says whose it is.
        label: String,
    },
    /// The Secret with the join token is gone, and machines run with it.
    #[error(
        "the Secret \"{secret}\" with the join token is gone, and machines run with that token: restore it; NICO invents no other"
    )]
    TokenLost {
        /// Its name.
        secret: String,
    },
    /// A cluster cannot be rendered.
    #[error("cluster {cluster}: {source}")]
    Render {
        /// Which.
        cluster: ClusterKey,
        /// Why.
        #[source]
        source: RenderError,
    },
    /// A value cannot become JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
}

/// The API server answered with this HTTP status.
pub(crate) fn has_code(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

/// What the server says, in its own words alone: kube would add the whole answer.
#[allow(clippy::wildcard_enum_match_arm, reason = "all others speak for themselves")]
pub(crate) fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        other => {
            let chain = std::iter::successors(std::error::Error::source(other), |error| error.source());
            chain.last().map_or_else(|| other.to_string(), |deepest| format!("{other}: {deepest}"))
        }
    }
}
