//! The configuration of one machine: its files, its spec, its metadata.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use nico_crds::cluster::InstallPolicy;
use nico_crds::configuration::{AdditionalFile, FileSecret, LocalReference, ValueType};
use nico_crds::machine::Dialect;
use nico_crds::names::{
    CLUSTER_NIX, CONFIRM_AT, FULL_INSTALLATION_APPLIED, JOIN_TOKEN, LABEL_CLUSTER, LABEL_MANAGED_BY,
    LABEL_ROLE, LEAVING, LEAVING_NODE, MACHINE_SSH_KEY, MANAGED_BY, MEANING, MEANING_BUT_LISTS, NUDGE,
    ORDINAL, REMOVE_FLAKE, SSH_KEY_KEY, TEXT, TOKEN_KEY, WRITTEN_AT, configuration_name, join_token_secret,
};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration, NixosConfigurationSpec};

use crate::cluster_nix::{self, ClusterNix, Prepared};
use crate::error::{MAX_BYTES, RenderError};
use crate::files;
use crate::inventory::{Inventory, annotation, name, namespace};
use crate::live::{has_key_file, is_unstamped_legacy, live_text};
use crate::meaning::{ClusterMeaning, Meaning, SecretFile};
use crate::owner;
use crate::proof::times;
use crate::select::{Member, is_reinstall};

/// Annotations that only the rollout sets: what is live stays.
const CARRIED_OVER: [&str; 5] = [WRITTEN_AT, CONFIRM_AT, LEAVING, LEAVING_NODE, NUDGE];

/// What the configurations of one cluster have in common.
pub(crate) struct Workshop<'a> {
    cluster: &'a KubernetesCluster,
    dialect: Dialect,
    git_repo: &'a str,
    owner: Option<OwnerReference>,
    prepared: Prepared,
    meaning: ClusterMeaning,
    /// The folder that paths are relative to (Go NIO: the repository).
    prefix: String,
    /// Some configuration of the cluster has the machine's key already.
    injects_keys: bool,
    /// What is the same for all machines without a key of their own.
    keyless: Keyless,
}

/// What is the same for all machines of a cluster without a key of their own: made once.
#[derive(Default)]
struct Keyless {
    meaning: Option<Meaning>,
    /// The files of a new configuration, and their hash.
    new: Option<(Vec<AdditionalFile>, String)>,
    /// The size of a new configuration.
    bytes: Option<usize>,
}

/// More than the names of two machines can differ by, twice in a spec.
const NAMES: usize = 1024;

/// The configuration of a machine, and what is to be known about it.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub object: NixosConfiguration,
    /// The live files were kept, byte for byte.
    pub kept: bool,
    /// Kept, and to be confirmed: the same with a new revision.
    pub confirmation: Option<NixosConfiguration>,
    /// Kept, and written by the Python operator.
    pub legacy: bool,
    /// The annotation `reinstall-for` is what makes the disk be wiped.
    pub reinstall: bool,
}

impl<'a> Workshop<'a> {
    /// Prepares what the configurations share.
    pub fn open(
        cluster: &'a KubernetesCluster,
        inventory: &'a Inventory,
        cluster_nix: &ClusterNix,
        injects_keys: bool,
    ) -> Result<Self, RenderError> {
        let subdir = cluster.spec.configuration_subdir.as_deref().unwrap_or_default().trim_matches('/');
        let prefix = match inventory.dialect {
            Dialect::Python => String::new(),
            Dialect::Go if subdir.is_empty() => String::new(),
            Dialect::Go => format!("{subdir}/"),
        };
        let trigger = cluster.spec.rollout.as_ref().and_then(|rollout| rollout.trigger.as_deref());
        Ok(Self {
            cluster,
            dialect: inventory.dialect,
            git_repo: git_repo(cluster, inventory)?,
            owner: owner::reference(cluster),
            prepared: cluster_nix.prepare()?,
            meaning: ClusterMeaning::of(cluster_nix, trigger)?,
            prefix,
            injects_keys,
            keyless: Keyless::default(),
        })
    }

    /// The text of `cluster.nix` with a revision.
    pub fn text(&self, revision: u64) -> String {
        self.prepared.text(revision)
    }

    /// Makes the configuration of a member.
    pub fn make(&mut self, member: &Member<'_>, machine: Option<&Machine>) -> Result<Made, RenderError> {
        let live = member.configuration;
        let key = self.injects_keys.then(|| key_secret(self.cluster, machine, live)).flatten();
        let meaning = self.meaning(key)?;
        let live_hash = live.and_then(|live| files::hash(&live.spec.additional_files));
        let keeps = live.is_some_and(|live| self.keeps(live, live_hash.as_deref(), &meaning, key));
        let (additional_files, text) = match live {
            Some(live) if keeps => (live.spec.additional_files.clone(), live_hash),
            Some(live) => self.rewritten(live, key),
            None => self.first_written(key),
        };
        let reinstall = live.is_none() && machine.is_some_and(|machine| is_reinstall(self.cluster, machine));
        let full_install = match live {
            // It stays only until the first evidence of an apply, and never comes back.
            Some(live) => live.spec.full_install == Some(true) && !live.shows_an_apply(),
            None => !member.stands && self.installs(machine, reinstall),
        };
        let object = NixosConfiguration {
            metadata: self.metadata(member, &meaning, text),
            spec: self.spec(member, full_install, additional_files),
            status: None,
        };
        // New ones without a key differ in nothing but the name of their machine.
        let is_like_others = live.is_none() && key.is_none();
        let fits_surely =
            is_like_others && self.keyless.bytes.is_some_and(|bytes| bytes.saturating_add(NAMES) < MAX_BYTES);
        if !fits_surely && !is_small(&object) {
            let bytes = checked_size(&object)?;
            self.keyless.bytes = is_like_others.then_some(bytes).or(self.keyless.bytes);
        }
        let confirmation = live
            .filter(|live| keeps && live.annotation(CONFIRM_AT).is_some())
            .map(|live| self.confirmation(&object, live, key));
        let legacy =
            keeps && live.is_some_and(|live| live_text(live).is_some_and(|text| !cluster_nix::is_ours(text)));
        Ok(Made { object, kept: keeps, confirmation, legacy, reinstall: reinstall && full_install })
    }

    fn meaning(&mut self, key: Option<&str>) -> Result<Meaning, RenderError> {
        if let (None, Some(meaning)) = (key, &self.keyless.meaning) {
            return Ok(meaning.clone());
        }
        let token = join_token_secret(name(&self.cluster.metadata));
        let (token_path, key_path) = (self.path(JOIN_TOKEN), self.path(MACHINE_SSH_KEY));
        let mut secrets = vec![SecretFile { path: &token_path, secret: &token, key: self.key(TOKEN_KEY) }];
        secrets.extend(key.map(|secret| SecretFile { path: &key_path, secret, key: self.key(SSH_KEY_KEY) }));
        let meaning = self.meaning.with_files(&self.path(CLUSTER_NIX), &secrets)?;
        if key.is_none() {
            self.keyless.meaning = Some(meaning.clone());
        }
        Ok(meaning)
    }

    /// The live files are right as they are: they were written for this meaning and nobody has changed
    /// them since; or they are the Python operator's, adopted as they are; or, where the stamps were
    /// lost, they are just what would be written.
    fn keeps(
        &self,
        live: &NixosConfiguration,
        live_hash: Option<&str>,
        meaning: &Meaning,
        key: Option<&str>,
    ) -> bool {
        match (live.annotation(MEANING), live.annotation(TEXT)) {
            (Some(live_meaning), Some(text)) => live_meaning == meaning.whole && live_hash == Some(text),
            (None, None) if is_unstamped_legacy(live) => true,
            _ => live_text(live)
                .and_then(cluster_nix::revision_of)
                .is_some_and(|revision| self.files(self.text(revision), key) == live.spec.additional_files),
        }
    }

    /// The files written anew, with a text that was never written to this configuration before: without
    /// that, the old proof of an old text would hold again while another one is half applied.
    fn rewritten(
        &self,
        live: &NixosConfiguration,
        key: Option<&str>,
    ) -> (Vec<AdditionalFile>, Option<String>) {
        let generation = live.metadata.generation.and_then(|generation| u64::try_from(generation).ok());
        let written = live_text(live).and_then(cluster_nix::revision_of).unwrap_or(0);
        let revision = generation.unwrap_or(1).max(written).saturating_add(1);
        let files = self.files(self.text(revision), key);
        let hash = files::hash(&files);
        (files, hash)
    }

    fn confirmation(
        &self,
        object: &NixosConfiguration,
        live: &NixosConfiguration,
        key: Option<&str>,
    ) -> NixosConfiguration {
        let (files, text) = self.rewritten(live, key);
        let mut object = object.clone();
        object.spec.additional_files = files;
        let annotations = object.metadata.annotations.get_or_insert_default();
        annotations.extend(text.map(|text| (TEXT.to_owned(), text)));
        object
    }

    fn first_written(&mut self, key: Option<&str>) -> (Vec<AdditionalFile>, Option<String>) {
        if let (None, Some((files, hash))) = (key, &self.keyless.new) {
            return (files.clone(), Some(hash.clone()));
        }
        let files = self.files(self.text(1), key);
        let hash = files::hash(&files);
        if key.is_none() {
            self.keyless.new = hash.clone().map(|hash| (files.clone(), hash));
        }
        (files, hash)
    }

    fn files(&self, text: String, key: Option<&str>) -> Vec<AdditionalFile> {
        let mut files = vec![
            AdditionalFile {
                path: self.path(CLUSTER_NIX),
                value_type: ValueType::Inline,
                inline: Some(text),
                secret_ref: None,
            },
            self.secret_file(JOIN_TOKEN, &join_token_secret(name(&self.cluster.metadata)), TOKEN_KEY),
        ];
        files.extend(key.map(|secret| self.secret_file(MACHINE_SSH_KEY, secret, SSH_KEY_KEY)));
        files
    }

    fn secret_file(&self, path: &str, secret: &str, key: &'static str) -> AdditionalFile {
        AdditionalFile {
            path: self.path(path),
            value_type: ValueType::SecretRef,
            inline: None,
            secret_ref: Some(FileSecret { name: secret.to_owned(), key: self.key(key).map(str::to_owned) }),
        }
    }

    fn path(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// Go NIO requires the key of a Secret; Python NIO prunes it and takes the first.
    const fn key(&self, key: &'static str) -> Option<&'static str> {
        match self.dialect {
            Dialect::Python => None,
            Dialect::Go => Some(key),
        }
    }

    /// WIPES THE DISK. Only of a machine without any sign that it was ever installed, or on a person's
    /// word.
    fn installs(&self, machine: Option<&Machine>, reinstall: bool) -> bool {
        match self.cluster.spec.install_policy.unwrap_or_default() {
            InstallPolicy::SwitchOnly => false,
            InstallPolicy::FullInstall => {
                machine.is_some_and(|machine| reinstall || !was_installed(self.cluster, machine))
            }
        }
    }

    fn metadata(&self, member: &Member<'_>, meaning: &Meaning, text: Option<String>) -> ObjectMeta {
        let labels = [
            (LABEL_MANAGED_BY, MANAGED_BY),
            (LABEL_CLUSTER, name(&self.cluster.metadata)),
            (LABEL_ROLE, member.role.label()),
        ];
        let mut annotations = BTreeMap::from([
            (ORDINAL.to_owned(), member.ordinal.to_string()),
            (MEANING.to_owned(), meaning.whole.clone()),
            (MEANING_BUT_LISTS.to_owned(), meaning.but_lists.clone()),
        ]);
        annotations.extend(text.map(|text| (TEXT.to_owned(), text)));
        for key in CARRIED_OVER {
            let live = member.configuration.and_then(|live| live.annotation(key));
            // A time that nobody can read was never written by NICO: without it the creation's counts.
            let is_sound = |value: &&str| key != WRITTEN_AT || times::parse(value).is_some();
            annotations.extend(live.filter(is_sound).map(|value| (key.to_owned(), value.to_owned())));
        }
        ObjectMeta {
            name: Some(configuration_name(name(&self.cluster.metadata), member.machine)),
            namespace: Some(namespace(&self.cluster.metadata).to_owned()),
            labels: Some(labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
            annotations: Some(annotations),
            owner_references: self.owner.clone().map(|owner| vec![owner]),
            ..ObjectMeta::default()
        }
    }

    fn spec(
        &self,
        member: &Member<'_>,
        full_install: bool,
        additional_files: Vec<AdditionalFile>,
    ) -> NixosConfigurationSpec {
        let spec = &self.cluster.spec;
        NixosConfigurationSpec {
            git_repo: Some(self.git_repo.to_owned()),
            git_ref: spec.git_ref.clone(),
            configuration_subdir: spec.configuration_subdir.clone(),
            credentials_ref: spec
                .credentials_ref
                .as_ref()
                .map(|secret| LocalReference { name: secret.name.clone() }),
            flake: Some(format!("#{}", member.machine)),
            on_remove_flake: Some(REMOVE_FLAKE.to_owned()),
            full_install: Some(full_install),
            machine_ref: Some(LocalReference { name: member.machine.to_owned() }),
            additional_files,
        }
    }
}

/// The repository of a cluster, or the operator's.
pub(crate) fn git_repo<'a>(
    cluster: &'a KubernetesCluster,
    inventory: &'a Inventory,
) -> Result<&'a str, RenderError> {
    let own = cluster.spec.git_repo.as_deref().filter(|url| !url.is_empty());
    own.or(inventory.default_git_repo.as_deref()).ok_or(RenderError::NoGitRepo)
}

/// The Secret with a machine's key, if NIO finds it: it looks in the configuration's own namespace only.
/// A configuration that has the file already keeps it.
fn key_secret<'a>(
    cluster: &KubernetesCluster,
    machine: Option<&'a Machine>,
    live: Option<&NixosConfiguration>,
) -> Option<&'a str> {
    let reference = machine?.spec.ssh_key_secret_ref.as_ref()?;
    let is_here = key_namespace(machine?, cluster) == namespace(&cluster.metadata);
    (is_here || live.is_some_and(has_key_file)).then_some(reference.name.as_deref()).flatten()
}

/// The namespace that NIO reads a machine's key from.
pub(crate) fn key_namespace<'a>(machine: &'a Machine, cluster: &'a KubernetesCluster) -> &'a str {
    let named = machine.spec.ssh_key_secret_ref.as_ref().and_then(|reference| reference.namespace.as_deref());
    named.unwrap_or_else(|| match machine.dialect() {
        Some(Dialect::Go) => namespace(&cluster.metadata),
        Some(Dialect::Python) | None => "default",
    })
}

/// Any sign that the machine was ever installed.
fn was_installed(cluster: &KubernetesCluster, machine: &Machine) -> bool {
    let applied = cluster.status.as_ref().and_then(|status| status.applied_machines.as_ref());
    let by_status = machine.status.as_ref().is_some_and(|status| {
        status.last_applied_time.is_some()
            || status.applied_configuration.is_some()
            || status.has_configuration == Some(true)
    });
    by_status
        || applied.is_some_and(|applied| applied.contains_key(name(&machine.metadata)))
        || annotation(&machine.metadata, FULL_INSTALLATION_APPLIED).is_some()
}

/// A character takes at most six bytes in Python's JSON: most objects need no exact count.
fn is_small(object: &NixosConfiguration) -> bool {
    let files = object.spec.additional_files.iter();
    let inline: usize = files.filter_map(|file| file.inline.as_ref()).map(String::len).sum();
    inline.saturating_mul(6) < MAX_BYTES / 2
}

/// The bytes of a spec as NIO keeps it, which are not too many.
fn checked_size(object: &NixosConfiguration) -> Result<usize, RenderError> {
    let bytes = files::python_json_len(&object.spec);
    if bytes > MAX_BYTES {
        return Err(RenderError::TooLarge { configuration: name(&object.metadata).to_owned(), bytes });
    }
    Ok(bytes)
}
