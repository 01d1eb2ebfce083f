//! From what was named on the command line to the bytes in it: files, folders as kubectl reads them, and
//! standard input.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::{InputError, Place, Problem};

/// The most that is read as one file: some 10,000 configurations of clusters of a hundred machines.
const MAX_BYTES: u64 = 64 << 20;
/// What kubectl reads in a folder.
const EXTENSIONS: [&str; 3] = ["json", "yaml", "yml"];
/// How `-` is called in messages.
const STDIN: &str = "standard input";

/// Something to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// Its name in messages.
    pub place: Place,
    /// The file; none is standard input.
    path: Option<PathBuf>,
    /// It was named itself, not found in a folder.
    pub named: bool,
}

/// Everything to read, each file once, and what cannot be found.
pub(super) fn find(paths: &[PathBuf], recursive: bool) -> (Vec<Source>, Vec<InputError>) {
    let mut search = Search { recursive, ..Search::default() };
    for path in paths {
        search.named(path);
    }
    (search.found, search.errors)
}

#[derive(Default)]
struct Search {
    recursive: bool,
    found: Vec<Source>,
    errors: Vec<InputError>,
    /// The same file by two ways (`. ./cluster.yaml`, links) is one file.
    seen: BTreeSet<PathBuf>,
}

impl Search {
    fn named(&mut self, path: &Path) {
        if path == Path::new("-") {
            if self.found.iter().all(|source| source.path.is_some()) {
                self.found.push(Source { place: Place::file(STDIN), path: None, named: true });
            }
            return;
        }
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let before = self.found.len();
                let errors = self.errors.len();
                self.folder(path);
                if self.found.len() == before && self.errors.len() == errors && !self.knows_some_of(path) {
                    let hint = if self.recursive { "" } else { " (-R looks into its folders too)" };
                    self.errors.push(InputError::at(place(path), Problem::EmptyFolder(hint)));
                }
            }
            Ok(_) => self.file(path, true),
            Err(error) => self.errors.push(InputError::at(place(path), Problem::Unreadable(error))),
        }
    }

    fn knows_some_of(&self, folder: &Path) -> bool {
        fs::canonicalize(folder).is_ok_and(|folder| self.seen.iter().any(|path| path.starts_with(&folder)))
    }

    /// The files of a folder by name. Links to folders are not followed below it, so it ends.
    fn folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                return self.errors.push(InputError::at(place(folder), Problem::Unreadable(error)));
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                if self.recursive {
                    self.folder(&path);
                }
            } else if has_extension(&path) {
                match fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => self.file(&path, false),
                    // A link to a folder; a pipe, which would wait for ever.
                    Ok(_) => {}
                    Err(error) => self.errors.push(InputError::at(place(&path), Problem::Unreadable(error))),
                }
            }
        }
    }

    fn file(&mut self, path: &Path, named: bool) {
        // A pipe (`<(kubectl get ...)`) has no path of its own.
        let whole = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if self.seen.insert(whole) {
            self.found.push(Source { place: place(path), path: Some(path.to_owned()), named });
        }
    }
}

fn place(path: &Path) -> Place {
    Place::file(&path.to_string_lossy())
}

fn has_extension(path: &Path) -> bool {
    path.extension().and_then(|extension| extension.to_str()).is_some_and(|one| EXTENSIONS.contains(&one))
}

impl Source {
    /// Its name says that it is JSON.
    pub fn is_json(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.extension().is_some_and(|extension| extension == "json"))
    }

    /// All of it, within bounds.
    pub fn read(&self, stdin: &mut dyn Read) -> Result<Vec<u8>, InputError> {
        let failed = |error| InputError::at(self.place.clone(), Problem::Unreadable(error));
        let Some(path) = &self.path else { return self.bounded(stdin) };
        let mut file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > MAX_BYTES {
            return Err(self.too_large());
        }
        self.bounded(&mut file)
    }

    /// What does not tell its size is bounded too.
    fn bounded(&self, reader: &mut dyn Read) -> Result<Vec<u8>, InputError> {
        let mut bytes = Vec::new();
        let read = reader.take(MAX_BYTES.saturating_add(1)).read_to_end(&mut bytes);
        let read = read.map_err(|error| InputError::at(self.place.clone(), Problem::Unreadable(error)))?;
        if u64::try_from(read).is_ok_and(|read| read <= MAX_BYTES) {
            Ok(bytes)
        } else {
            Err(self.too_large())
        }
    }

    fn too_large(&self) -> InputError {
        InputError::at(self.place.clone(), Problem::TooLarge { limit_mib: MAX_BYTES >> 20 })
    }
}
