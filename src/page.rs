//! Text for people: tables whose columns hold, colours, and nothing that a terminal would take for a command.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::report::escape;

pub const BOLD: &str = "\u{1b}[1m";
pub const DIM: &str = "\u{1b}[2m";
pub const RED: &str = "\u{1b}[1;31m";
pub const YELLOW: &str = "\u{1b}[33m";
pub const GREEN: &str = "\u{1b}[32m";
pub const UNCOLOURED: &str = "";
const PLAIN: &str = "\u{1b}[0m";

/// Lines are broken here, where nobody says otherwise, so that what stands in a column stays in it.
pub const WIDTH: usize = 120;
/// The last column has room for so much at least.
const LAST_COLUMN: usize = 40;
/// A column is at most so wide, as wide as the names of most objects may be. What is wider has a line of its own.
const WIDEST: usize = 63;
const GAP: &str = "  ";

/// A piece of text in one colour.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    text: String,
    colour: &'static str,
}

impl Piece {
    /// From anywhere: what a terminal would take for a command is shown instead.
    pub fn new(text: &str, colour: &'static str) -> Self {
        Self { text: escape(text).into_owned(), colour }
    }

    /// In no colour.
    pub fn plain(text: &str) -> Self {
        Self::new(text, UNCOLOURED)
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

/// A line of a table with so many columns before the last one.
pub struct Row<const N: usize> {
    /// All but the last column.
    pub cells: [Piece; N],
    /// What stands in the last column, one below the other, broken between words.
    pub last: Vec<Piece>,
}

/// What the columns of a table are called. Columns in which nothing stands are left out.
pub struct Heading<const N: usize> {
    pub cells: [&'static str; N],
    pub last: &'static str,
}

/// A text that grows.
pub struct Page {
    text: String,
    coloured: bool,
    width: usize,
}

impl Page {
    pub const fn new(coloured: bool, width: usize) -> Self {
        Self { text: String::new(), coloured, width }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    pub fn blank(&mut self) {
        self.text.push('\n');
    }

    /// One line.
    pub fn line(&mut self, pieces: &[Piece]) {
        let line: String = pieces.iter().map(|piece| self.paint(piece)).collect();
        self.write(&line);
    }

    /// Broken between words, and indented.
    pub fn paragraph(&mut self, piece: &Piece) {
        let room = self.width.saturating_sub(GAP.len());
        for part in wrapped(&piece.text, room) {
            let part = self.paint(&Piece { text: part, colour: piece.colour });
            self.write(&format!("{GAP}{part}"));
        }
    }

    /// Under a title; nothing where there are no rows.
    pub fn table<const N: usize>(&mut self, title: &Piece, heading: &Heading<N>, rows: &[Row<N>]) {
        if rows.is_empty() {
            return;
        }
        self.blank();
        self.line(std::slice::from_ref(title));
        let head = heading.cells.map(Piece::plain);
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = rows.iter().map(|row| &row.cells).chain([&head]);
            let widths = cells.filter_map(|cells| cells.get(column).map(Piece::width));
            widths.filter(|width| *width <= WIDEST).max().unwrap_or_default()
        });
        let head = Piece { text: self.left(&widths, &head, heading.last), colour: DIM };
        if !head.text.trim().is_empty() {
            self.line(&[head]);
        }
        for row in rows {
            self.row(row, &widths);
        }
    }

    fn row<const N: usize>(&mut self, row: &Row<N>, widths: &[usize; N]) {
        let indent = self.left(widths, &std::array::from_fn(|_| Piece::default()), "").width();
        let room = self.width.saturating_sub(indent).max(LAST_COLUMN);
        let parts = row.last.iter().flat_map(|piece| {
            wrapped(&piece.text, room).into_iter().map(|text| Piece { text, colour: piece.colour })
        });
        let mut parts = parts.map(|part| self.paint(&part)).collect::<Vec<_>>().into_iter();
        let first = self.left(widths, &row.cells, &parts.next().unwrap_or_default());
        self.write(&first);
        for part in parts {
            self.write(&format!("{}{part}", " ".repeat(indent)));
        }
    }

    /// All columns but the last one, each as wide as its widest cell, and what comes after them. Colours take no room.
    fn left<const N: usize>(&self, widths: &[usize; N], cells: &[Piece; N], last: &str) -> String {
        let mut text = GAP.to_owned();
        let mut indent = GAP.len();
        for (width, cell) in widths.iter().zip(cells) {
            text.push_str(&self.paint(cell));
            let column = if *width > 0 { width.saturating_add(GAP.len()) } else { 0 };
            indent = indent.saturating_add(column);
            if let Some(rest) = column.checked_sub(cell.width()) {
                text.push_str(&" ".repeat(rest));
            } else {
                text.push('\n');
                text.push_str(&" ".repeat(indent));
            }
        }
        text.push_str(last);
        text
    }

    fn write(&mut self, line: &str) {
        // A string takes everything.
        let _infallible = writeln!(self.text, "{}", line.trim_end());
    }

    fn paint(&self, piece: &Piece) -> String {
        let Piece { text, colour } = piece;
        let coloured = self.coloured && !colour.is_empty() && !text.is_empty();
        if coloured { format!("{colour}{text}{PLAIN}") } else { text.clone() }
    }
}

/// Broken between words; a word that is too long stays whole.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if line.width().saturating_add(word.width()) < room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn table(coloured: bool, rows: &[[&str; 3]]) -> String {
        let mut page = Page::new(coloured, 60);
        let rows: Vec<_> = rows
            .iter()
            .map(|[name, state, why]| Row {
                cells: [Piece::plain(name), Piece::new(state, RED), Piece::plain("")],
                last: vec![Piece::plain(why)],
            })
            .collect();
        let heading = Heading { cells: ["NAME", "STATE", ""], last: "WHY" };
        page.table(&Piece::new("Machines", BOLD), &heading, &rows);
        page.into_text()
    }

    /// Where each line's last column begins, in columns of a terminal.
    fn places(text: &str, words: &str) -> Vec<usize> {
        text.lines().filter_map(|line| line.split_once(words)).map(|(before, _)| before.width()).collect()
    }

    #[test]
    fn wide_letters_and_colours_move_no_column() {
        let rows = [
            ["node-1", "Settled", "because"],
            ["机器-二", "Ö", "because"],
            ["e\u{301}\u{200b}", "👩‍🚀", "because"],
        ];
        let plain = table(false, &rows);
        assert_eq!(places(&plain, "because"), [20; 3], "{plain}");
        assert_eq!(plain.lines().nth(2), Some("  NAME     STATE    WHY"), "{plain}");
        let stripped =
            table(true, &rows).split('\u{1b}').enumerate().fold(String::new(), |text, (place, part)| {
                let rest = part.split_once('m').filter(|_| place > 0).map_or(part, |(_, rest)| rest);
                text + rest
            });
        assert_eq!(stripped, plain);
    }

    #[test]
    fn what_is_too_wide_has_a_line_of_its_own() {
        let long = "n".repeat(64);
        let text = table(false, &[[&long, "Settled", "because"], ["node-1", "Settled", "because"]]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.get(3).unwrap().trim(), long, "{text}");
        assert_eq!(lines.get(4).unwrap(), &"          Settled  because", "{text}");
        assert_eq!(lines.get(5).unwrap(), &"  node-1  Settled  because", "{text}");
    }

    #[test]
    fn no_letter_commands_a_terminal() {
        let hostile = "a\u{1b}[2Jb\r\u{7}\u{9b}31mc\u{202e}d\u{200f}e\nf\tg\u{85}h";
        let text = table(false, &[[hostile, hostile, hostile]]);
        let harmless =
            |letter: char| letter == '\n' || (!letter.is_control() && escape(&letter.to_string()).len() < 5);
        assert!(text.chars().all(harmless), "{text:?}");
        assert_eq!(text.lines().count(), 4, "no line comes from outside: {text}");
    }

    #[test]
    fn words_are_broken_between_and_never_lost() {
        let words = "one two three four five six seven eight nine ten eleven twelve thirteen";
        let text = table(false, &[["n", "s", words]]);
        let told = text.lines().skip(3).flat_map(|line| line.get(12..).unwrap().split_whitespace());
        assert_eq!(told.collect::<Vec<_>>().join(" "), words, "{text}");
        assert!(text.lines().all(|line| line.width() <= 60), "{text}");
    }
}
