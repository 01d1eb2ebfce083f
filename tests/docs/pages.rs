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
    let mut pages = of(root(), |name| name.ends_with(".md"));
    let built = |name: &str| name.starts_with('.') || ["target", "bin", "run"].contains(&name);
    for entry in std::fs::read_dir(root()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() && !built(&name) {
            pages.extend(files(&path, "md").into_iter().map(read));
        }
    }
    assert!(pages.len() > 20, "the pages are not where they should be: {}", pages.len());
    pages
}

fn of(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<Page> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| is_wanted(path.file_name().unwrap().to_str().unwrap())).map(read).collect()
}

fn read(path: PathBuf) -> Page {
    let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    Page { name, text: std::fs::read_to_string(path).unwrap() }
}
