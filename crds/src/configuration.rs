//! NIO's `NixosConfiguration`: what a machine shall run. NICO writes its metadata and spec, and reads
//! its status.

use kube::CustomResource;
use serde::{Deserialize, Serialize};

/// What a machine shall run.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nio.homystack.com",
    version = "v1alpha1",
    kind = "NixosConfiguration",
    namespaced,
    status = "NixosConfigurationStatus",
    schema = "disabled",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct NixosConfigurationSpec {
    /// The repository with the flake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_repo: Option<String>,
    /// The name of a branch or tag.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub git_ref: Option<String>,
    /// The folder of the flake in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_subdir: Option<String>,
    /// The Secret with the credentials of the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ref: Option<LocalReference>,
    /// The output of the flake that the machine shall run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flake: Option<String>,
    /// The output of the flake that cleans the machine up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_remove_flake: Option<String>,
    /// WIPES THE DISK: installs the machine anew instead of switching it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_install: Option<bool>,
    /// The machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_ref: Option<LocalReference>,
    /// Files put beside the flake.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub additional_files: Vec<AdditionalFile>,
}

/// An object in the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalReference {
    /// Its name.
    #[serde(default)]
    pub name: String,
}

/// A file that NIO puts beside the flake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalFile {
    /// Where: relative to the folder of the flake (Python NIO) or to the repository (Go NIO).
    pub path: String,
    /// Where its content comes from.
    pub value_type: ValueType,
    /// The content itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline: Option<String>,
    /// The Secret that holds the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<FileSecret>,
}

/// Where the content of a file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueType {
    /// It stands in the object.
    Inline,
    /// It is in a Secret.
    SecretRef,
    /// NIO finds it out on the machine. NICO never writes this one.
    NixosFacter,
}

/// A Secret with the content of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSecret {
    /// Its name.
    pub name: String,
    /// The key in it: required by the Go NIO; the Python NIO takes the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What NIO says it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NixosConfigurationStatus {
    /// The commit of the last apply; forgotten when the machine cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_commit: Option<String>,
    /// When the last apply ended (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_applied_time: Option<String>,
    /// The machine it went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_machine: Option<String>,
    /// Python NIO's own hash of its work folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configuration_hash: Option<String>,
    /// Python NIO: the hash of the files that were applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_files_hash: Option<String>,
    /// Python NIO: the last success was an installation (`true`) or a switch (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_full_install: Option<bool>,
    /// Go NIO: the installation is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_disk_install_completed: Option<bool>,
    /// Go NIO: Pending, Blocked, Installing, Converging, Ready, Degraded or Removing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Go NIO: the generation that the status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Go NIO: the commit that `ref` was resolved to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_revision: Option<String>,
    /// `Applied` (both); Go NIO: Ready, Reconciling, Stalled, `GitSynced` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_as_empty")]
    pub conditions: Vec<NioCondition>,
}

/// A condition as NIO writes it, read leniently.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NioCondition {
    /// What it is about.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Why, in one word.
    pub reason: String,
    /// Why, in words.
    pub message: String,
    /// When the status last changed (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

impl NixosConfigurationStatus {
    /// NIO has applied something at least once: what lets `fullInstall` be cleared.
    pub fn shows_an_apply(&self) -> bool {
        self.has_full_install.is_some()
            || self.additional_files_hash.is_some()
            || self.last_applied_time.is_some()
            || self.full_disk_install_completed == Some(true)
    }

    /// NIO has cleaned the machine, and tells of that as of an apply. What it had told of applies before is
    /// overwritten then.
    pub fn shows_a_removal(&self) -> bool {
        self.condition("Applied").is_some_and(|applied| applied.reason == "Removed")
    }

    /// The condition of a type, if NIO wrote one.
    pub fn condition(&self, type_: &str) -> Option<&NioCondition> {
        self.conditions.iter().find(|condition| condition.type_ == type_)
    }
}

impl NixosConfiguration {
    /// The machine that it is for.
    pub fn machine(&self) -> Option<&str> {
        self.spec.machine_ref.as_ref().map(|machine| machine.name.as_str()).filter(|name| !name.is_empty())
    }

    /// NIO has applied something of it at least once.
    pub fn shows_an_apply(&self) -> bool {
        self.status.as_ref().is_some_and(NixosConfigurationStatus::shows_an_apply)
    }

    /// NIO has cleaned its machine.
    pub fn shows_a_removal(&self) -> bool {
        self.status.as_ref().is_some_and(NixosConfigurationStatus::shows_a_removal)
    }

    /// An annotation of it.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(name).map(String::as_str)
    }

    /// A label of it.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(name).map(String::as_str)
    }
}

/// Python writes `null` where it means nothing; an absent list and a null one are the same.
fn null_as_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}
