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
    /// A definition is older than this NICO.
    #[error("the definition {crd} on the server lacks {field}: {remedy}")]
    OldDefinition {
        /// The `CustomResourceDefinition`.
        crd: &'static str,
        /// The first field that it lacks.
        field: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The server does not answer.
    #[error("no answer to {what} within {seconds} s")]
    Timeout {
        /// What was asked for.
        what: String,
        /// How long was waited.
        seconds: u64,
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
    #[error("{kind} {namespace}/{name} cannot be understood: {why}")]
    Malformed {
        /// The kind.
        kind: &'static str,
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// Why.
        why: String,
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
    /// Another manager owns a field of what was applied.
    #[error("{what} is held by another manager: {}", words(cause))]
    Contested {
        /// What.
        what: String,
        /// Whose.
        cause: kube::Error,
    },
    /// This replica leads no longer, and writes nothing more.
    #[error("another replica leads")]
    NotLeading,
    /// A write changed nothing, although something differed: the same would be tried for ever.
    #[error("{what} was applied and did not change: {fields}")]
    WithoutEffect {
        /// What.
        what: String,
        /// The fields that differed.
        fields: String,
    },
    /// The operating system gives no randomness.
    #[error("the operating system gives no randomness: {0}")]
    Randomness(getrandom::Error),
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

impl ApplyError {
    /// In one CamelCase word, for metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Kubeconfig(_) => "Kubeconfig",
            Self::Client(_) => "Client",
            Self::MissingKind { .. } => "MissingKind",
            Self::OldDefinition { .. } => "OldDefinition",
            Self::Timeout { .. } => "Timeout",
            Self::UnknownDialect => "UnknownDialect",
            Self::Read { .. } => "Read",
            Self::Malformed { .. } => "Malformed",
            Self::Write { .. } => "Write",
            Self::Conflict { .. } => "Conflict",
            Self::Contested { .. } => "Contested",
            Self::NotLeading => "NotLeading",
            Self::WithoutEffect { .. } => "WithoutEffect",
            Self::Randomness(_) => "Randomness",
            Self::Render { .. } => "Render",
            Self::Json(_) => "Json",
        }
    }
}

/// An error with all that is behind it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        told = format!("{told}: {cause}");
        source = cause.source();
    }
    told
}

/// Another manager owns a field of what was applied.
pub(crate) fn is_contested(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.details.as_ref().is_some_and(|details| {
        details.causes.iter().any(|cause| cause.reason == "FieldManagerConflict")
    }))
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
