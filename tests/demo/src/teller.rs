//! Says what happens: on a terminal with a table that changes in place below it, else with lines for what has changed.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::tcgetwinsize;

use crate::table::Table;

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Standard output.
pub struct Teller {
    is_terminal: bool,
    is_coloured: bool,
    /// So many lines of the table stand above the cursor, and may change.
    standing: usize,
    last: Table,
}

impl Teller {
    pub fn new() -> Self {
        let given = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal() && given("TERM").is_none_or(|term| term != "dumb");
        let is_coloured = is_terminal && given("NO_COLOR").is_none();
        Self { is_terminal, is_coloured, standing: 0, last: Table::default() }
    }

    /// What comes now.
    pub fn chapter(&mut self, title: &str) -> io::Result<()> {
        let title = self.painted(BOLD, title);
        self.line(&format!("\n{title}"))
    }

    /// What is typed.
    pub fn command(&mut self, command: &str) -> io::Result<()> {
        let command = self.painted(DIM, &format!("$ {command}"));
        self.line(&command)
    }

    /// Lines that stay, above the table where one is there.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        let cleared = self.cleared();
        put(&format!("{cleared}{text}\n"))
    }

    /// The table as it is now.
    pub fn table(&mut self, table: &Table) -> io::Result<()> {
        if *table == self.last && (self.standing > 0 || !self.is_terminal) {
            return Ok(());
        }
        let mut drawn = self.cleared();
        let lines = if self.is_terminal { fitting(table.lines()) } else { table.news(&self.last) };
        for line in &lines {
            // A string takes everything.
            let _infallible = writeln!(drawn, "{line}");
        }
        self.standing = if self.is_terminal { lines.len() } else { 0 };
        self.last = table.clone();
        put(&drawn)
    }

    /// The table stays as it is, to be read.
    pub fn leave(&mut self) {
        self.standing = 0;
    }

    /// Takes the table away.
    fn cleared(&mut self) -> String {
        match std::mem::take(&mut self.standing) {
            0 => String::new(),
            lines => format!("\u{1b}[{lines}A\r{CLEAR_BELOW}"),
        }
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.is_coloured { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

/// At once, so that nobody sees half of it.
fn put(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What there is room for: a line that broke, or one that left the screen, could not be taken away again.
fn fitting(mut lines: Vec<String>) -> Vec<String> {
    let Ok(size) = tcgetwinsize(io::stdout()) else { return lines };
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    if columns > 0 && rows > 0 {
        lines.truncate(rows.saturating_sub(1));
        for line in &mut lines {
            *line = line.chars().take(columns.saturating_sub(1)).collect();
        }
    }
    lines
}
