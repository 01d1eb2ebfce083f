//! What a request asks of the API server, told from its method and path as the
//! server's own authorisation tells it.
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

use std::fmt;

use http::{Method, Uri};

/// One request. The same words as in the audit log's [`Event`](crate::Event).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// Empty for the core group.
    pub api_group: String,
    /// The plural name; empty for requests about no object, such as `/readyz`.
    pub resource: String,
    /// Such as `status`.
    pub subresource: Option<String>,
    /// None for what has none.
    pub namespace: Option<String>,
    /// None for lists, and for objects that are created by POST.
    pub name: Option<String>,
    /// Nothing is to be stored.
    pub dry_run: bool,
    /// Path and query.
    pub uri: String,
}

impl Call {
    /// Never fails: what is not understood is about no object.
    pub fn parse(method: &Method, uri: &Uri) -> Self {
        let target = target(uri.path());
        let parameter = |name: &str| {
            form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
                .find(|(key, _value)| key == name)
                .map(|(_key, value)| value.into_owned())
        };
        let watches = parameter("watch").is_some_and(|value| value == "true" || value == "1");
        let named = target.name.is_some() || target.resource.is_empty();
        let verb = match (method.as_str(), named) {
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "delete",
            ("DELETE", false) => "deletecollection",
            (_, true) => "get",
            (_, false) if watches => "watch",
            (_, false) => "list",
        };
        Self {
            verb: verb.to_owned(),
            dry_run: parameter("dryRun").is_some(),
            uri: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            ..target
        }
    }

    /// Whether it is to change what is stored.
    pub fn is_write(&self) -> bool {
        is_write(&self.verb, self.dry_run)
    }

    /// Whether it is to change something that people and controllers look at:
    /// a write, but of no Lease, Event, token or review.
    pub fn is_change(&self) -> bool {
        self.is_write() && is_lasting(&self.api_group, &self.resource, self.subresource.as_deref())
    }

    /// Whether it is about objects of this resource, in whatever group.
    pub fn is_about(&self, resource: &str) -> bool {
        self.resource == resource
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.uri)
    }
}

pub(crate) fn is_write(verb: &str, dry_run: bool) -> bool {
    let verbs = ["create", "update", "patch", "delete", "deletecollection"];
    !dry_run && verbs.contains(&verb)
}

/// Leases, Events, tokens and reviews come and go without anybody's will.
pub(crate) fn is_lasting(api_group: &str, resource: &str, subresource: Option<&str>) -> bool {
    match api_group {
        "coordination.k8s.io" => resource != "leases",
        "" => resource != "events" && subresource != Some("token"),
        "events.k8s.io" | "authentication.k8s.io" | "authorization.k8s.io" => false,
        _ => true,
    }
}

/// All that is in the path: the verb is not.
fn target(path: &str) -> Call {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let api_group = match parts.next() {
        Some("api") => Some(""),
        Some("apis") => parts.next(),
        _ => None,
    };
    let version = parts.next();
    let rest: Vec<&str> = if version.is_some() && api_group.is_some() { parts.collect() } else { Vec::new() };
    let (namespace, object) = match rest.as_slice() {
        // A namespace is in itself.
        ["namespaces", name] | ["namespaces", name, "status" | "finalize"] => (Some(*name), rest.as_slice()),
        ["namespaces", name, object @ ..] => (Some(*name), object),
        object => (None, object),
    };
    let part = |index| object.get(index).map(|part: &&str| (*part).to_owned());
    Call {
        verb: String::new(),
        api_group: api_group.filter(|_group| !object.is_empty()).unwrap_or_default().to_owned(),
        resource: part(0).unwrap_or_default(),
        name: part(1),
        subresource: part(2),
        namespace: namespace.map(str::to_owned),
        dry_run: false,
        uri: String::new(),
    }
}
