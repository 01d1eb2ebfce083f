//! The commit that `nico --version` names: from the environment (`NICO_COMMIT`, where there is no git, as
//! in a container's build), else from git, else "unknown". Nothing else goes in, so that the same source
//! gives the same program.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;

/// As many digits as name a commit in any repository.
const DIGITS: usize = 12;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "cargo::rerun-if-changed=build.rs")?;
    writeln!(out, "cargo::rerun-if-env-changed=NICO_COMMIT")?;
    let given = env::var("NICO_COMMIT").ok().filter(|commit| !commit.is_empty());
    if given.is_none() {
        // The commit changes with these: which branch it is, and what the branch is at.
        for file in ["HEAD", "logs/HEAD", "packed-refs"] {
            let path = git(&["rev-parse", "--git-path", file]);
            if let Some(path) = path.filter(|path| Path::new(path).exists()) {
                writeln!(out, "cargo::rerun-if-changed={path}")?;
            }
        }
    }
    let commit = given.or_else(own_commit).unwrap_or_else(|| "unknown".to_owned());
    let commit: String = commit.chars().filter(char::is_ascii_alphanumeric).take(DIGITS).collect();
    writeln!(out, "cargo::rustc-env=NICO_VERSION={} ({commit})", env!("CARGO_PKG_VERSION"))
}

/// The commit of this repository, not of one that this source was unpacked in.
fn own_commit() -> Option<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().ok()?;
    let top = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if top == here { git(&["rev-parse", "HEAD"]) } else { None }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
