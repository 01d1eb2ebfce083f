//! What would change, as a unified diff.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use similar::TextDiff;

const CONTEXT: usize = 3;

/// The unified diff of two sets of files. Empty: nothing would change.
pub fn unified(
    before: &BTreeMap<PathBuf, String>,
    after: &BTreeMap<PathBuf, String>,
    coloured: bool,
) -> String {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let mut text = String::new();
    for path in paths {
        let (old, new) = (before.get(path), after.get(path));
        if old != new {
            let empty = String::new();
            let name = |side: &str, file: Option<&String>| match file {
                Some(_) => format!("{side}/{}", path.display()),
                None => "/dev/null".to_owned(),
            };
            let difference = TextDiff::from_lines(old.unwrap_or(&empty), new.unwrap_or(&empty));
            let mut unified = difference.unified_diff();
            let unified =
                unified.context_radius(CONTEXT).header(&name("a", old), &name("b", new)).to_string();
            text.push_str(&if coloured { colour(&unified) } else { unified });
        }
    }
    text
}

/// As git colours it.
fn colour(unified: &str) -> String {
    let mut text = String::new();
    for line in unified.lines() {
        let code = match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => "1",
            [b'@', ..] => "36",
            [b'-', ..] => "31",
            [b'+', ..] => "32",
            _ => "0",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\u{1b}[{code}m{line}\u{1b}[0m");
    }
    text
}
