//! Changes as a unified diff.

use std::io::{self, Write};
use std::path::Path;

use similar::{ChangeTag, TextDiff};

use super::folder;
use crate::report::escape;

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const CYAN: &str = "\u{1b}[36m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";
const NOTHING: &str = "/dev/null";

/// A text, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Where differences go to.
pub struct Differences<'a> {
    out: &'a mut dyn Write,
    /// For a terminal, which then gets no other control characters.
    in_colour: bool,
}

impl<'a> Differences<'a> {
    /// In colour for a terminal.
    pub fn new(out: &'a mut dyn Write, in_colour: bool) -> Self {
        Self { out, in_colour }
    }

    /// Writes the changes to a folder.
    pub fn folder(&mut self, folder: &Path, changes: &[folder::Change]) -> io::Result<()> {
        for change in changes {
            let name = folder.join(&change.name).display().to_string();
            let side = |text: &Option<String>| {
                text.as_ref().map(|text| Side { name: name.clone(), text: text.clone() })
            };
            self.change(side(&change.old).as_ref(), side(&change.new).as_ref())?;
        }
        Ok(())
    }

    /// Writes one change. Absent is what is not there before, or after.
    pub fn change(&mut self, old: Option<&Side>, new: Option<&Side>) -> io::Result<()> {
        let name = |side: Option<&Side>| side.map_or(NOTHING, |side| side.name.as_str()).to_owned();
        self.line(BOLD, &format!("--- {}", name(old)))?;
        self.line(BOLD, &format!("+++ {}", name(new)))?;
        let text = |side: Option<&Side>| side.map(|side| side.text.clone()).unwrap_or_default();
        let (old, new) = (text(old), text(new));
        let diff = TextDiff::from_lines(old.as_str(), new.as_str());
        for hunk in diff.unified_diff().iter_hunks() {
            self.line(CYAN, &hunk.header().to_string())?;
            for change in hunk.iter_changes() {
                let (sign, colour) = match change.tag() {
                    ChangeTag::Equal => (' ', ""),
                    ChangeTag::Delete => ('-', RED),
                    ChangeTag::Insert => ('+', GREEN),
                };
                let text = change.value();
                self.line(colour, &format!("{sign}{}", text.strip_suffix('\n').unwrap_or(text)))?;
                if !text.ends_with('\n') {
                    self.line("", "\\ No newline at end of file")?;
                }
            }
        }
        Ok(())
    }

    /// Writes what no hunk can show. Whoever applies a diff passes over it.
    pub fn remark(&mut self, text: &str) -> io::Result<()> {
        self.line(CYAN, &format!("# {text}"))
    }

    fn line(&mut self, colour: &str, text: &str) -> io::Result<()> {
        if self.in_colour {
            writeln!(self.out, "{colour}{}{PLAIN}", escape(text))
        } else {
            writeln!(self.out, "{text}")
        }
    }
}
