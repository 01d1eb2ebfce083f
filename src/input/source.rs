//! Where objects are read from: files, directories, standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::InputError;

/// The largest file that is read. The objects of ten thousand machines take less.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The endings that kubectl reads from a directory.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A text, and what it is called in errors.
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Reads what the paths name; `-` is standard input.
pub fn read_all(paths: &[PathBuf], recursive: bool) -> Result<Vec<Source>, InputError> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(text("standard input".to_owned(), io::stdin().lock())?);
        } else {
            for file in files(path, recursive)? {
                let name = file.display().to_string();
                let opened = File::open(&file).map_err(|source| unreadable(&name, source))?;
                sources.push(text(name, opened)?);
            }
        }
    }
    Ok(sources)
}

/// The files below a path, in order; a file is itself.
fn files(path: &Path, recursive: bool) -> Result<Vec<PathBuf>, InputError> {
    let name = path.display().to_string();
    let found = fs::metadata(path).map_err(|source| unreadable(&name, source))?;
    if !found.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut entries = fs::read_dir(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| unreadable(&name, source))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let inner = entry.path();
        // A link to a directory is not followed: it may lead back here.
        let kind = entry.file_type().map_err(|source| unreadable(&inner.display().to_string(), source))?;
        let is_object = inner.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if kind.is_dir() {
            if recursive {
                files.extend(self::files(&inner, recursive)?);
            }
        } else if is_object && !inner.is_dir() {
            files.push(inner);
        }
    }
    Ok(files)
}

fn unreadable(name: &str, source: io::Error) -> InputError {
    InputError::Unreadable { file: name.to_owned(), source }
}

/// A bounded piece of UTF-8 text.
fn text(name: String, reader: impl Read) -> Result<Source, InputError> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    reader.take(most).read_to_end(&mut bytes).map_err(|source| unreadable(&name, source))?;
    if bytes.len() > MAX_BYTES {
        return Err(InputError::TooLarge { file: name });
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(InputError::Utf16 { file: name });
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).map(<[u8]>::to_vec).unwrap_or(bytes);
    let line_at = |place: usize| {
        let before = bytes.get(..place).unwrap_or_default();
        before.iter().filter(|byte| **byte == b'\n').count().saturating_add(1)
    };
    if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
        return Err(InputError::Binary { line: line_at(place), file: name });
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Source { name, text: text.to_owned() }),
        Err(error) => Err(InputError::NotUtf8 { line: line_at(error.valid_up_to()), file: name }),
    }
}
