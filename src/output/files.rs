//! A file an object, under stable names. Removes what it wrote before and would not write again, and
//! nothing else: a list of its own files lies among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use nico_crds::{NixosConfiguration, yaml};

/// The list of the files that were written here.
const MANIFEST: &str = ".nico-render";

/// The files that hold the objects: path below the directory, to content.
pub fn files<'a>(
    objects: impl IntoIterator<Item = &'a NixosConfiguration>,
) -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    for object in objects {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let namespace = object.metadata.namespace.as_deref().unwrap_or("default");
        files.insert(Path::new(namespace).join(format!("{name}.yaml")), yaml::to_string(object)?);
    }
    Ok(files)
}

/// What lies in the directory: the files to be compared, and those of an earlier time.
pub fn lying_in(directory: &Path, files: &BTreeMap<PathBuf, String>) -> Result<BTreeMap<PathBuf, String>> {
    if !directory.is_dir() {
        bail!("{}: is no directory", directory.display());
    }
    let mut lying = BTreeMap::new();
    let paths: BTreeSet<_> = written_before(directory)?.into_iter().chain(files.keys().cloned()).collect();
    for path in paths {
        let whole = directory.join(&path);
        match fs::read_to_string(&whole) {
            Ok(text) => {
                lying.insert(path, text);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("{}: cannot be read", whole.display())),
        }
    }
    Ok(lying)
}

/// Writes the files, each whole or not at all, then removes those that are no longer wanted.
pub fn write(directory: &Path, files: &BTreeMap<PathBuf, String>) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot be created", directory.display()))?;
    let before = written_before(directory)?;
    // The list first, old and new: whatever happens next, it names all that is ours.
    let all: BTreeSet<_> = before.iter().chain(files.keys()).cloned().collect();
    put(directory, Path::new(MANIFEST), &listing(&all))?;
    for (path, text) in files {
        put(directory, path, text)?;
    }
    for path in before.iter().filter(|path| !files.contains_key(*path)) {
        let whole = directory.join(path);
        match fs::remove_file(&whole) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{}: cannot be removed", whole.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
    put(directory, Path::new(MANIFEST), &listing(&files.keys().cloned().collect()))
}

fn listing(paths: &BTreeSet<PathBuf>) -> String {
    paths.iter().map(|path| format!("{}\n", path.display())).collect()
}

/// What was written here before. A list that leads out of the directory is not ours.
fn written_before(directory: &Path) -> Result<BTreeSet<PathBuf>> {
    let manifest = directory.join(MANIFEST);
    let text = match fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error).with_context(|| format!("{}: cannot be read", manifest.display())),
    };
    let paths: BTreeSet<_> = text.lines().map(PathBuf::from).collect();
    let leads_out = |path: &&PathBuf| !path.components().all(|part| matches!(part, Component::Normal(_)));
    match paths.iter().find(leads_out) {
        Some(path) => bail!("{}: names {}, which is not below it", manifest.display(), path.display()),
        None => Ok(paths),
    }
}

fn put(directory: &Path, path: &Path, text: &str) -> Result<()> {
    let whole = directory.join(path);
    let folder = whole.parent().unwrap_or(directory);
    let attempt = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&whole)?;
        Ok(())
    };
    attempt().with_context(|| format!("{}: cannot be written", whole.display()))
}

/// As any other file: what is rendered is no secret.
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}
