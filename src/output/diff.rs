//! Changes as a unified diff.

use std::io::{self, Write};
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use super::folder::Change;
use crate::report::escape;

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const CYAN: &str = "\u{1b}[36m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";
const NOTHING: &str = "/dev/null";

/// Writes the changes to a folder; in colour to a terminal, which then gets no other control characters.
pub fn write(out: &mut dyn Write, folder: &Path, changes: &[Change], in_colour: bool) -> io::Result<()> {
    let mut line = |colour: &str, text: &str| {
        if in_colour { writeln!(out, "{colour}{}{PLAIN}", escape(text)) } else { writeln!(out, "{text}") }
    };
    for change in changes {
        let path = folder.join(&change.name).display().to_string();
        let side = |text: &Option<String>| if text.is_some() { path.as_str() } else { NOTHING }.to_owned();
        line(BOLD, &format!("--- {}", side(&change.old)))?;
        line(BOLD, &format!("+++ {}", side(&change.new)))?;
        let (old, new) =
            (change.old.as_deref().unwrap_or_default(), change.new.as_deref().unwrap_or_default());
        let diff = TextDiff::from_lines(old, new);
        for hunk in diff.unified_diff().iter_hunks() {
            line(CYAN, &hunk.header().to_string())?;
            for change in hunk.iter_changes() {
                let (sign, colour) = match change.tag() {
                    ChangeTag::Equal => (' ', ""),
                    ChangeTag::Delete => ('-', RED),
                    ChangeTag::Insert => ('+', GREEN),
                };
                let text = change.value();
                line(colour, &format!("{sign}{}", text.strip_suffix('\n').unwrap_or(text)))?;
                if !text.ends_with('\n') {
                    line("", "\\ No newline at end of file")?;
                }
            }
        }
    }
    Ok(())
}
