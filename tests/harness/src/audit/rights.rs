//! Rights that a user has, and those that it used.

use std::collections::BTreeSet;
use std::fmt;

use serde::Deserialize;

use super::{Event, by};

/// A verb on a resource, of whatever name and in whatever namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// Empty for the core group.
    pub api_group: String,
    /// As in a role: `machines`, or `machines/status`. A path, such as `/version`,
    /// where it is about no object.
    pub resource: String,
    /// As in a role.
    pub verb: String,
}

/// What RBAC has let this user do, whether or not it then succeeded.
pub fn used(events: &[Event], user: &str) -> BTreeSet<Right> {
    by(events, user)
        .filter(|event| event.allowed)
        .map(|event| Right {
            api_group: event.api_group.clone(),
            resource: match &event.subresource {
                _ if event.resource.is_empty() => event.uri.split('?').next().unwrap_or_default().to_owned(),
                Some(subresource) => format!("{}/{subresource}", event.resource),
                None => event.resource.clone(),
            },
            verb: event.verb.clone(),
        })
        .collect()
}

/// What this user was denied: 403, be it by RBAC or by an admission.
pub fn denied<'a>(events: &'a [Event], user: &str) -> Vec<&'a Event> {
    by(events, user).filter(|event| event.code == 403).collect()
}

/// What the Roles and `ClusterRoles` of this YAML grant, each combination; other
/// objects in it do not matter. Stars stay stars.
///
/// # Panics
/// If it grants nothing at all: it is the wrong file.
pub fn granted(yaml: &str) -> BTreeSet<Right> {
    let objects: Vec<Role> = serde_saphyr::from_multiple(yaml)
        .unwrap_or_else(|error| panic!("the roles are no YAML of Kubernetes objects: {error}"));
    let rights: BTreeSet<Right> = objects
        .iter()
        .filter(|object| object.kind == "Role" || object.kind == "ClusterRole")
        .flat_map(|role| role.rules.iter().flat_map(Rule::rights))
        .collect();
    assert!(!rights.is_empty(), "the YAML has no Role that grants something");
    rights
}

#[derive(Deserialize)]
struct Role {
    kind: String,
    #[serde(default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    verbs: Vec<String>,
    #[serde(default)]
    api_groups: Vec<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default, rename = "nonResourceURLs")]
    paths: Vec<String>,
}

impl Rule {
    fn rights(&self) -> Vec<Right> {
        let of = |api_group: &str, resource: &str, verb: &str| Right {
            api_group: api_group.to_owned(),
            resource: resource.to_owned(),
            verb: verb.to_owned(),
        };
        let mut rights = Vec::new();
        for verb in &self.verbs {
            rights.extend(self.paths.iter().map(|path| of("", path, verb)));
            for api_group in &self.api_groups {
                rights.extend(self.resources.iter().map(|resource| of(api_group, resource, verb)));
            }
        }
        rights
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.api_group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.api_group)
    }
}
