//! What the API server's audit log says of requests that have been answered.
//!
//! The format is `audit.k8s.io/v1`, the policy
//! `tests/control-plane/audit-policy.yaml`: of a write the log also has what
//! was sent, unless it is a secret. A watch is in it once it has ended.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::call;

mod mark;
mod rights;
#[cfg(test)]
mod tests;

pub use mark::Mark;
pub use rights::{Right, denied, granted, used};

/// One request, and how it ended.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// As authorisation knows it: `get`, `list`, `create`, `patch`, ...
    pub verb: String,
    /// `admin` for clients of the harness.
    pub user: String,
    /// As the client calls itself.
    pub user_agent: String,
    /// Path and query.
    pub uri: String,
    /// In UTC, to the microsecond: sorts as text.
    pub received: String,
    /// Empty for the core group.
    pub api_group: String,
    /// The plural name; empty for requests about no object, such as `/readyz`.
    pub resource: String,
    /// Such as `status`.
    pub subresource: Option<String>,
    /// None for what has none.
    pub namespace: Option<String>,
    /// None for lists, and for objects that the server was to name.
    pub name: Option<String>,
    /// The HTTP status.
    pub code: u16,
    /// Whether RBAC let it pass; what comes after may refuse it still.
    pub allowed: bool,
    /// As the request named it.
    pub field_manager: Option<String>,
    /// Nothing was to be stored.
    pub dry_run: bool,
    /// What was sent; for deletes the options. None for reads and secrets.
    pub request_object: Option<Value>,
}

impl Event {
    /// Whether it was to change what is stored, with or without success.
    pub fn is_write(&self) -> bool {
        call::is_write(&self.verb, self.dry_run)
    }

    /// A write, but of no Lease, Event, token or review.
    pub fn is_change(&self) -> bool {
        self.is_write() && call::is_lasting(&self.api_group, &self.resource, self.subresource.as_deref())
    }

    /// Whether it was only to see.
    pub fn is_read(&self) -> bool {
        ["get", "list", "watch"].contains(&self.verb.as_str())
    }
}

/// What this user did not want changed, oldest first.
pub fn reads<'a>(events: &'a [Event], user: &str) -> Vec<&'a Event> {
    by(events, user).filter(|event| event.is_read()).collect()
}

/// What this user wanted changed, with or without success, oldest first.
pub fn writes<'a>(events: &'a [Event], user: &str) -> Vec<&'a Event> {
    by(events, user).filter(|event| event.is_write()).collect()
}

fn by<'a>(events: &'a [Event], user: &str) -> impl Iterator<Item = &'a Event> {
    events.iter().filter(move |event| event.user == user)
}

/// The events of a log, oldest first. Its last line may still be being written.
pub(crate) fn parse(log: &str, namespace: Option<&str>) -> Vec<Event> {
    // Most lines are other tests': do not parse them only to drop them.
    let mark = namespace.map(|name| format!(r#""namespace":"{name}""#)).unwrap_or_default();
    log.split_inclusive('\n')
        .filter(|line| line.ends_with('\n') && line.contains(&mark))
        .map(|line| {
            serde_json::from_str::<Line>(line)
                .unwrap_or_else(|error| panic!("the audit log has a line that is no event: {error}: {line}"))
        })
        .filter(|line| line.stage == "ResponseComplete")
        .map(Event::from)
        .filter(|event| namespace.is_none() || event.namespace.as_deref() == namespace)
        .collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    user: User,
    #[serde(default)]
    user_agent: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    request_received_timestamp: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
    request_object: Option<Value>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ObjectRef {
    api_group: String,
    resource: String,
    subresource: Option<String>,
    namespace: Option<String>,
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}

impl From<Line> for Event {
    fn from(line: Line) -> Self {
        let query = line.request_uri.split_once('?').map_or("", |(_path, query)| query);
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(key, _value)| key == name)
                .map(|(_key, value)| value.into_owned())
        };
        Self {
            field_manager: parameter("fieldManager"),
            dry_run: parameter("dryRun").is_some(),
            allowed: line
                .annotations
                .get("authorization.k8s.io/decision")
                .is_some_and(|said| said == "allow"),
            verb: line.verb,
            user: line.user.username,
            user_agent: line.user_agent,
            uri: line.request_uri,
            received: line.request_received_timestamp,
            api_group: line.object_ref.api_group,
            resource: line.object_ref.resource,
            subresource: line.object_ref.subresource,
            namespace: line.object_ref.namespace,
            name: line.object_ref.name,
            code: line.response_status.code,
            request_object: line.request_object,
        }
    }
}
