//! NIO's `Machine`, as NICO reads it. NICO never writes one.
//!
//! Two NIOs exist with the same group, version and kind; [`Dialect`] tells them apart. Every field is
//! optional here: what is missing is a matter for the renderer's diagnostics, not a failed list.

use std::collections::BTreeMap;

use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// What NIO is told about a machine.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "nio.homystack.com",
    version = "v1alpha1",
    kind = "Machine",
    namespaced,
    status = "MachineStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct MachineSpec {
    /// Host name or address (Python NIO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// Host name or address (Go NIO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Address, preferred to the host name (Python NIO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The user that NIO logs in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_user: Option<String>,
    /// The Secret with the private key that NIO logs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_key_secret_ref: Option<SecretReference>,
    /// The Secret with the password that NIO logs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_password_secret_ref: Option<SecretReference>,
}

/// A Secret, in another namespace perhaps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its namespace; Python NIO takes `default` where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The key in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What NIO has seen of a machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineStatus {
    /// NIO can log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discoverable: Option<bool>,
    /// It runs a configuration of NIO's. Absent until NIO has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_configuration: Option<bool>,
    /// The name of the configuration that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_configuration: Option<String>,
    /// The commit that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_commit: Option<String>,
    /// When it was last applied (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_time: Option<String>,
    /// What else NIO wrote, which NICO neither reads nor loses.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// Which of the two NIOs serves the machines. They never run side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// The Python NIO (`spec.hostname`), which this project serves in full.
    #[default]
    Python,
    /// The Go NIO (`spec.host`).
    Go,
}

impl Machine {
    /// The dialect that this object is written in, if it shows.
    pub fn dialect(&self) -> Option<Dialect> {
        match (&self.spec.host, &self.spec.hostname) {
            (Some(_), None) => Some(Dialect::Go),
            (None, Some(_)) => Some(Dialect::Python),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Where the machine is reached: the address, else the host name, as NIO prefers them.
    pub fn address(&self) -> Option<&str> {
        [&self.spec.ip_address, &self.spec.hostname, &self.spec.host]
            .into_iter()
            .find_map(|field| field.as_deref().filter(|text| !text.is_empty()))
    }
}
