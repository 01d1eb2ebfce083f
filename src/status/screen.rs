//! A terminal that is drawn on again and again, in place. What stood there before comes back in the end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};

use anyhow::Result;
use rustix::termios::tcgetwinsize;
use unicode_width::UnicodeWidthStr;

use crate::page::WIDTH;
use crate::stdout;

/// The screen that programs have for themselves, without a cursor; and back.
const BEGIN: &str = "\u{1b}[?1049h\u{1b}[?25l";
const END: &str = "\u{1b}[?25h\u{1b}[?1049l";
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_REST: &str = "\u{1b}[J";

/// How wide a text may be: as the terminal, where it goes to one.
pub fn width() -> usize {
    size().map_or(WIDTH, |(columns, _)| columns)
}

/// Columns and rows of the terminal that standard output is, where it tells.
fn size() -> Option<(usize, usize)> {
    let out = io::stdout();
    let size = out.is_terminal().then(|| tcgetwinsize(&out).ok()).flatten()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col.into(), size.ws_row.into()))
}

/// It is one that can be drawn on.
pub fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !is_dumb
}

/// The screen, until it is dropped.
pub struct Screen {
    drawn: String,
}

impl Screen {
    pub fn begin() -> Result<Self> {
        stdout::print(BEGIN)?;
        Ok(Self { drawn: String::new() })
    }

    /// Draws as much of a text as there is room for; whether anybody sees it.
    pub fn draw(&mut self, text: &str) -> Result<bool> {
        let mut drawn = HOME.to_owned();
        let size = size();
        for (place, line) in fitting(text, size).iter().enumerate() {
            let begin = if place > 0 { "\r\n" } else { "" };
            // Behind a row that is full the cursor stands on the last letter still.
            let end = if fills(line, size) { "" } else { CLEAR_LINE };
            // A string takes everything.
            let _infallible = write!(drawn, "{begin}{line}{end}");
        }
        drawn.push_str(CLEAR_REST);
        if drawn == self.drawn {
            return Ok(true);
        }
        self.drawn = drawn;
        stdout::heard(|out| out.write_all(self.drawn.as_bytes()))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _gone = stdout::print(END);
    }
}

/// The lines for which there is room; if not for all, the last one says so.
pub(super) fn fitting(text: &str, size: Option<(usize, usize)>) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let Some((columns, rows)) = size else { return lines };
    let heights = lines.iter().map(|line| visible(line).width().div_ceil(columns).max(1));
    let ends: Vec<usize> = heights
        .scan(0, |sum: &mut usize, height| {
            *sum = sum.saturating_add(height);
            Some(*sum)
        })
        .collect();
    if ends.last().is_none_or(|end| *end <= rows) {
        return lines;
    }
    let fit = ends.iter().filter(|end| **end < rows).count();
    let more = lines.len().saturating_sub(fit);
    let mut fitting: Vec<_> = lines.into_iter().take(fit).collect();
    fitting.push(format!("... {more} more lines"));
    fitting
}

/// Nothing is left of its last row.
fn fills(line: &str, size: Option<(usize, usize)>) -> bool {
    let width = visible(line).width();
    width > 0 && size.is_some_and(|(columns, _)| width.checked_rem(columns) == Some(0))
}

/// Without colours.
fn visible(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}
