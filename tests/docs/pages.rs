//! All pages of the repository.

use std::path::{Path, PathBuf};

use crate::literals::files;

/// A page.
pub struct Page {
    /// Relative to the repository.
    pub name: String,
    pub text: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `*.md`, what is built or fetched aside.
pub fn all() -> Vec<Page> {
    let is_built = |name: &str| name.starts_with('.') || ["target", "bin", "run"].contains(&name);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !is_built(&name) {
            paths.extend(files(&path, "md"));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    assert!(paths.len() > 20, "the pages are not where they should be: {}", paths.len());
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Page {
    let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    Page { name, text: std::fs::read_to_string(path).unwrap() }
}
