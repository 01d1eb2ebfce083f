//! The notes that kopf, NIO's framework, keeps on objects.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::hash;

/// Whatever kopf writes begins so, and is no change.
pub(crate) const PREFIX: &str = "kopf.zalando.org/";
/// Keeps an object until its handler has done with it.
pub(crate) const FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";
/// What the handler last ended with.
pub(crate) const LAST_HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
/// The handler's failed attempts.
pub(crate) const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
/// Changed when a pause is over, so that there is an event.
pub(crate) const TOUCH: &str = "kopf.zalando.org/touch-dummy";

/// Why the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Create,
    Update,
    Resume,
    Delete,
}

impl Reason {
    const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Resume => "resume",
            Self::Delete => "delete",
        }
    }
}

/// A handler that fails. The fields stand as kopf writes them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Attempts {
    pub started: String,
    #[serde(default)]
    pub delayed: Option<String>,
    #[serde(default)]
    pub purpose: String,
    #[serde(default)]
    pub retries: u64,
    #[serde(default)]
    pub success: bool,
    #[serde(default)]
    pub failure: bool,
    #[serde(default)]
    pub message: String,
}

impl Attempts {
    /// One more has failed. The count and the beginning go on, also where the content has changed.
    pub fn another(
        before: Option<Self>,
        began: Timestamp,
        reason: Reason,
        message: String,
        delay: Duration,
    ) -> Self {
        let delayed = Timestamp::now().checked_add(delay).unwrap_or(Timestamp::MAX);
        Self {
            retries: before.as_ref().map_or(0, |before| before.retries) + 1,
            started: before.map_or_else(|| time(began), |before| before.started),
            delayed: Some(time(delayed)),
            purpose: reason.word().to_owned(),
            success: false,
            failure: false,
            message,
        }
    }

    /// As kopf writes it: in the order of the fields.
    pub fn text(&self) -> String {
        let Self { started, delayed, purpose, retries, success, failure, message } = self;
        let delayed =
            delayed.iter().map(|delayed| format!("\"delayed\":{},", json!(delayed))).collect::<String>();
        let (started, purpose, message) = (json!(started), json!(purpose), hash::compact(&json!(message)));
        format!(
            "{{\"started\":{started},{delayed}\"purpose\":{purpose},\"retries\":{retries},\
             \"success\":{success},\"failure\":{failure},\"message\":{message}}}"
        )
    }
}

/// As kopf writes a time.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// As NIO writes a time.
pub(crate) fn nio_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}
