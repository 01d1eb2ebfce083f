//! Tells the binary which commit it is built from.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=NICO_COMMIT");
    let commit = std::env::var("NICO_COMMIT").ok().or_else(commit_of_checkout);
    println!("cargo::rustc-env=NICO_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// None outside of a checkout, as in a source archive.
fn commit_of_checkout() -> Option<String> {
    let head = git(&["rev-parse", "--git-path", "HEAD"])?;
    println!("cargo::rerun-if-changed={head}");
    if let Some(branch) = git(&["symbolic-ref", "--quiet", "HEAD"]) {
        println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", &branch])?);
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
