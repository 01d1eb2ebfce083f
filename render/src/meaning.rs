//! What the files of a configuration mean, as hashes. The text is not the meaning: another version of
//! this program may lay the same meaning out differently, and must disturb no machine by it (S20).
//!
//! A meaning is the JSON of the typed inputs, with defaults and absent fields left out, so that a field
//! added later changes nothing until it is used. The revision is not part of it.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cluster_nix::{ClusterNix, Source};
use crate::files::hex;

/// The hashes of one cluster's meaning, to be finished for each machine.
pub(crate) struct ClusterMeaning {
    whole: Sha256,
    but_lists: Sha256,
}

/// The hashes of one configuration's meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub whole: String,
    pub but_lists: String,
}

/// A file that comes from a Secret. Its content is not ours to know.
#[derive(Serialize)]
pub(crate) struct SecretFile<'a> {
    pub path: &'a str,
    pub secret: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<&'a str>,
}

#[derive(Serialize)]
struct Shared<'a, C> {
    cluster: C,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'a str>,
}

#[derive(Serialize)]
struct ButLists<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vip: Option<&'a str>,
    source: &'a Source,
}

impl ClusterMeaning {
    /// The part that all configurations of a cluster share.
    pub fn of(cluster: &ClusterNix, trigger: Option<&str>) -> Result<Self, serde_json::Error> {
        let but_lists =
            ButLists { name: &cluster.name, vip: cluster.vip.as_deref(), source: &cluster.source };
        Ok(Self {
            whole: hashed(&Shared { cluster, trigger })?,
            but_lists: hashed(&Shared { cluster: but_lists, trigger })?,
        })
    }

    /// The hashes of the configuration that also has these files.
    pub fn with_files(
        &self,
        cluster_nix: &str,
        files: &[SecretFile<'_>],
    ) -> Result<Meaning, serde_json::Error> {
        let files = serde_json::to_vec(&(cluster_nix, files))?;
        let finish = |hash: &Sha256| hex(&hash.clone().chain_update(&files).finalize());
        Ok(Meaning { whole: finish(&self.whole), but_lists: finish(&self.but_lists) })
    }
}

fn hashed(value: &impl Serialize) -> Result<Sha256, serde_json::Error> {
    Ok(Sha256::new().chain_update(serde_json::to_vec(value)?))
}
