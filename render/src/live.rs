//! What a live configuration shows of its files.

use nico_crds::NixosConfiguration;
use nico_crds::names::{CLUSTER_NIX, MACHINE_SSH_KEY, MEANING, TEXT};

use crate::cluster_nix;

/// The text of `cluster.nix` that a configuration has on the server.
pub(crate) fn live_text(configuration: &NixosConfiguration) -> Option<&str> {
    let is_cluster_nix = |path: &str| path.rsplit('/').next() == Some(CLUSTER_NIX);
    configuration.spec.additional_files.iter().find(|file| is_cluster_nix(&file.path))?.inline.as_deref()
}

/// Written by the Python operator and not adopted yet.
pub(crate) fn is_unstamped_legacy(configuration: &NixosConfiguration) -> bool {
    configuration.annotation(MEANING).is_none()
        && configuration.annotation(TEXT).is_none()
        && live_text(configuration).is_some_and(|text| !cluster_nix::is_ours(text))
}

/// A configuration has its machine's key among its files.
pub(crate) fn has_key_file(configuration: &NixosConfiguration) -> bool {
    let is_key = |path: &str| path.rsplit('/').next() == Some(MACHINE_SSH_KEY);
    configuration.spec.additional_files.iter().any(|file| is_key(&file.path))
}
