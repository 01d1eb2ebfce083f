//! A folder with a file for each object. It keeps a list of what it wrote there, so that it takes away
//! what is no longer wanted, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path};

use sha2::{Digest, Sha256};
use tempfile::{Builder, NamedTempFile};

use nico_crds::yaml::{self, WriteError};
use nico_render::Desired;

/// The list of what was written: a line a file, with its SHA-256, its name and its cluster.
const LIST: &str = ".nico-render";
const HEADER: &str =
    "# Written by `nico render --output-dir`: the files that it may replace and take away.\n";

/// A file to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name in the folder: `namespace/name.yaml`.
    pub name: String,
    /// The cluster that it belongs to, as `namespace/name`.
    pub cluster: String,
    /// What is in it.
    pub text: String,
}

/// A file for each object.
pub fn files(desired: &[Desired]) -> Result<Vec<OutputFile>, WriteError> {
    let mut files = Vec::new();
    for one in desired {
        for configuration in &one.configurations {
            files.push(OutputFile {
                name: format!("{}/{}.yaml", one.cluster.namespace, configuration.name()),
                cluster: one.cluster.to_string(),
                text: yaml::to_string(&configuration.object)?,
            });
        }
    }
    Ok(files)
}

/// Whose old files may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everyone's.
    All,
    /// Those of the clusters that were asked for, as `namespace/name`.
    Only(BTreeSet<String>),
}

/// How a file would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: String,
    /// What is there.
    pub old: Option<String>,
    /// What should be there.
    pub new: Option<String>,
}

/// What the folder cannot do.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{name}")]
    File {
        name: String,
        #[source]
        error: io::Error,
    },
    #[error("{name} is there and was not written by nico; move it away, or choose another folder")]
    Foreign { name: String },
    #[error(
        "{LIST}, line {line}: this is not a list that nico wrote; move it away, or choose another folder"
    )]
    List { line: usize },
}

fn failed(name: &str) -> impl FnOnce(io::Error) -> FolderError + '_ {
    move |error| FolderError::File { name: name.to_owned(), error }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    hash: String,
    cluster: String,
}

type Entries = BTreeMap<String, Entry>;

/// Writes the files; gives back the names of those that should go, but were changed by another hand.
pub fn write(folder: &Path, files: &[OutputFile], scope: &Scope) -> Result<Vec<String>, FolderError> {
    fs::create_dir_all(folder).map_err(failed("the folder"))?;
    let known = read_list(folder)?;
    let mut staged = Vec::new();
    for file in files {
        match read(folder, &file.name)? {
            Some(old) if old == file.text.as_bytes() => {}
            Some(_) if !known.contains_key(&file.name) => {
                return Err(FolderError::Foreign { name: file.name.clone() });
            }
            Some(_) | None => staged.push((&file.name, stage(folder, &file.name, &file.text)?)),
        }
    }
    let wanted: Entries = files.iter().map(|file| (file.name.clone(), entry(file))).collect();
    let mut stale: Entries = known.clone();
    stale.retain(|name, entry| !wanted.contains_key(name) && in_scope(scope, entry));
    // From here on all that can fail is a rename. The list knows the old and the new files until the
    // end, so that none is forgotten if it does.
    let mut list = known;
    list.extend(wanted);
    write_list(folder, &list)?;
    for (name, file) in staged {
        file.persist(folder.join(name)).map_err(|error| failed(name)(error.error))?;
    }
    let mut kept = Vec::new();
    for (name, entry) in stale {
        list.remove(&name);
        match read(folder, &name)? {
            Some(old) if hash(&old) == entry.hash => {
                fs::remove_file(folder.join(&name)).map_err(failed(&name))?;
            }
            Some(_) => kept.push(name),
            None => {}
        }
    }
    write_list(folder, &list)?;
    Ok(kept)
}

/// What [`write`] would change.
pub fn compare(folder: &Path, files: &[OutputFile], scope: &Scope) -> Result<Vec<Change>, FolderError> {
    fs::read_dir(folder).map_err(failed("the folder"))?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let mut changes = BTreeMap::new();
    for file in files {
        let old = read(folder, &file.name)?.map(text);
        if old.as_ref() != Some(&file.text) {
            let change = Change { name: file.name.clone(), old, new: Some(file.text.clone()) };
            changes.insert(file.name.clone(), change);
        }
    }
    let wanted: BTreeSet<_> = files.iter().map(|file| file.name.as_str()).collect();
    for (name, entry) in read_list(folder)? {
        if !wanted.contains(name.as_str())
            && in_scope(scope, &entry)
            && let Some(old) = read(folder, &name)?.filter(|old| hash(old) == entry.hash)
        {
            changes.insert(name.clone(), Change { name, old: Some(text(old)), new: None });
        }
    }
    Ok(changes.into_values().collect())
}

fn in_scope(scope: &Scope, entry: &Entry) -> bool {
    match scope {
        Scope::All => true,
        Scope::Only(clusters) => clusters.contains(&entry.cluster),
    }
}

fn entry(file: &OutputFile) -> Entry {
    Entry { hash: hash(file.text.as_bytes()), cluster: file.cluster.clone() }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn read(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, FolderError> {
    match fs::read(folder.join(name)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(name)(error)),
    }
}

/// A file under another name, until it is renamed; gone if it never is.
fn stage(folder: &Path, name: &str, text: &str) -> Result<NamedTempFile, FolderError> {
    let path = folder.join(name);
    let attempt = || -> io::Result<NamedTempFile> {
        let beside = path.parent().unwrap_or(folder);
        fs::create_dir_all(beside)?;
        // As any new file: what the umask leaves of it.
        let permissions = Permissions::from_mode(0o666);
        let mut file = Builder::new().prefix(".nico-").permissions(permissions).tempfile_in(beside)?;
        file.write_all(text.as_bytes())?;
        Ok(file)
    };
    attempt().map_err(failed(name))
}

fn write_list(folder: &Path, entries: &Entries) -> Result<(), FolderError> {
    let lines = entries.iter().map(|(name, entry)| format!("{}  {name}  {}\n", entry.hash, entry.cluster));
    let text: String = std::iter::once(HEADER.to_owned()).chain(lines).collect();
    if read(folder, LIST)?.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    let file = stage(folder, LIST, &text)?;
    file.persist(folder.join(LIST)).map_err(|error| failed(LIST)(error.error))?;
    Ok(())
}

fn read_list(folder: &Path) -> Result<Entries, FolderError> {
    let bytes = read(folder, LIST)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut entries = Entries::new();
    for (place, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let mut parts = line.split("  ");
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(hash), Some(name), Some(cluster), None) if is_below(name) => {
                let entry = Entry { hash: hash.to_owned(), cluster: cluster.to_owned() };
                entries.insert(name.to_owned(), entry);
            }
            _ => return Err(FolderError::List { line: place.saturating_add(1) }),
        }
    }
    Ok(entries)
}

/// A name below this folder: the list may have been written by anyone.
fn is_below(name: &str) -> bool {
    let path = Path::new(name);
    !name.is_empty() && path.components().all(|part| matches!(part, Component::Normal(_)))
}
