//! A plan as tables, for people: what is written now, what is under way, what waits; first of all what
//! wipes a disk.

use std::fmt::Write as _;

use nico_crds::names::Role;
use nico_render::report::{Action, Change, ClusterReport, Item, Summary, UnderWay, Waits};

use crate::report::escape;

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const RED: &str = "\u{1b}[1;31m";
const YELLOW: &str = "\u{1b}[33m";
const GREEN: &str = "\u{1b}[32m";
const PLAIN: &str = "\u{1b}[0m";

/// Lines are broken here, so that what stands in a column stays in it.
const WIDTH: usize = 120;
/// The last column has room for so much at least.
const LAST_COLUMN: usize = 40;

/// A line of a table.
struct Row {
    order: String,
    machine: String,
    role: String,
    action: &'static str,
    colour: &'static str,
    message: String,
    fields: Vec<String>,
}

/// Tells all clusters.
pub fn of(reports: &[ClusterReport], coloured: bool) -> String {
    let mut page = Page { text: String::new(), coloured };
    for (place, report) in reports.iter().enumerate() {
        if place > 0 {
            page.text.push('\n');
        }
        page.cluster(report);
    }
    page.text
}

struct Page {
    text: String,
    coloured: bool,
}

impl Page {
    fn cluster(&mut self, report: &ClusterReport) {
        let phase = report.phase.map(|phase| format!(" ({})", phase.word())).unwrap_or_default();
        let title = self.paint(BOLD, &escape(&format!("{}/{}{phase}", report.namespace, report.name)));
        if report.is_at_rest() {
            self.line(&format!("{title}: nothing to do"));
            return;
        }
        let summary = self.summary(report.summary);
        let what = if summary.is_empty() { "nothing to do now" } else { &summary };
        self.line(&format!("{title}: {what}"));
        if let Some(failure) = &report.failure {
            let text = escape(&format!("{}: {}", failure.reason, failure.message)).into_owned();
            for part in wrapped(&text, WIDTH.saturating_sub(2)) {
                let part = self.paint(RED, &part);
                self.line(&format!("  {part}"));
            }
        }
        let now: Vec<_> = report.changes.iter().map(Row::of_change).collect();
        self.table("Now, in order", "WHAT", &now);
        let under_way: Vec<_> = report.under_way.iter().map(Row::of_under_way).collect();
        self.table("Under way", "WHAT IT LACKS", &under_way);
        let later: Vec<_> = report.waiting.iter().map(Row::of_waits).collect();
        self.table("Later", "WHAT IT WAITS FOR", &later);
    }

    fn summary(&self, summary: Summary) -> String {
        let Summary { install, switch, join, remove, update: _, now, under_way, wait } = summary;
        let installs = self.paint(RED, "to install (WIPES THE DISK)");
        let machines = [
            (install, installs.as_str()),
            (switch, "to switch"),
            (remove, "to remove"),
            (join, "cannot join yet"),
        ];
        let lists = [
            (now, if now == 1 { "write now" } else { "writes now" }),
            (under_way, "under way"),
            (wait, if wait == 1 { "waits" } else { "wait" }),
        ];
        let counted = |counts: &[(usize, &str)]| {
            let some = counts.iter().filter(|(count, _)| *count > 0);
            some.map(|(count, what)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
        };
        let parts = [counted(&machines), counted(&lists)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    }

    fn table(&mut self, title: &str, last: &str, rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let numbered = rows.iter().any(|row| !row.order.is_empty());
        let head = [if numbered { "#" } else { "" }, "MACHINE", "ROLE", "ACTION"];
        let widths = std::array::from_fn::<_, 4, _>(|column| {
            let cells = rows.iter().filter_map(|row| row.cells().get(column).map(|cell| width(cell)));
            cells.chain(head.get(column).map(|cell| width(cell))).max().unwrap_or_default()
        });
        let title = self.paint(BOLD, title);
        self.text.push('\n');
        self.line(&title);
        let heading = format!("{}{last}", columns(&widths, head));
        let heading = self.paint(DIM, &heading);
        self.line(&heading);
        for row in rows {
            self.row(row, &widths);
        }
    }

    fn row(&mut self, row: &Row, widths: &[usize; 4]) {
        let left = columns(widths, row.cells());
        let indent = width(&left);
        let room = WIDTH.saturating_sub(indent).max(LAST_COLUMN);
        // Coloured after it is measured: what is not shown takes no room.
        let mut left = match left.rsplit_once(row.action) {
            Some((before, after)) => format!("{before}{}{after}", self.paint(row.colour, row.action)),
            None => left,
        };
        for part in wrapped(&row.message, room) {
            self.line(&format!("{left}{part}"));
            left = " ".repeat(indent);
        }
        if !row.fields.is_empty() {
            for part in wrapped(&shown(&row.fields), room) {
                let part = self.paint(DIM, &part);
                self.line(&format!("{left}{part}"));
            }
        }
    }

    fn line(&mut self, text: &str) {
        // A string takes everything.
        let _infallible = writeln!(self.text, "{}", text.trim_end());
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.coloured && !colour.is_empty() { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }
}

impl Row {
    fn of_item(item: &Item, message: &str) -> Self {
        Self {
            order: String::new(),
            machine: item.machine.clone().unwrap_or_else(|| "(cluster)".to_owned()),
            role: item.role.as_ref().map(Role::to_string).unwrap_or_default(),
            action: word(item.action),
            colour: colour(item.action),
            message: message.to_owned(),
            fields: item.fields.clone(),
        }
        .escaped()
    }

    fn of_change(change: &Change) -> Self {
        Self { order: change.order.to_string(), ..Self::of_item(&change.item, &change.message) }
    }

    fn of_under_way(under_way: &UnderWay) -> Self {
        Self {
            order: String::new(),
            machine: under_way.machine.clone(),
            role: under_way.role.to_string(),
            action: match (under_way.overdue, under_way.action) {
                (true, Action::Install) => "INSTALL, OVERDUE",
                (true, Action::Switch | Action::Remove | Action::Join | Action::Update) => "switch, OVERDUE",
                (false, action) => word(action),
            },
            colour: if under_way.overdue { RED } else { colour(under_way.action) },
            message: under_way.message.clone(),
            fields: Vec::new(),
        }
        .escaped()
    }

    fn of_waits(waits: &Waits) -> Self {
        match &waits.item {
            Some(item) => Self::of_item(item, &waits.message),
            None => Self {
                order: String::new(),
                machine: "(cluster)".to_owned(),
                role: String::new(),
                action: "",
                colour: "",
                message: waits.message.clone(),
                fields: Vec::new(),
            }
            .escaped(),
        }
    }

    /// A terminal would take some of what people write for a command.
    fn escaped(self) -> Self {
        Self {
            machine: escape(&self.machine).into_owned(),
            message: escape(&self.message).into_owned(),
            fields: self.fields.iter().map(|field| escape(field).into_owned()).collect(),
            ..self
        }
    }

    fn cells(&self) -> [&str; 4] {
        [&self.order, &self.machine, &self.role, self.action]
    }
}

const fn word(action: Action) -> &'static str {
    match action {
        Action::Install => "INSTALL (WIPES THE DISK)",
        Action::Remove => "remove",
        Action::Switch => "switch",
        Action::Join => "join",
        Action::Update => "no apply",
    }
}

const fn colour(action: Action) -> &'static str {
    match action {
        Action::Install => RED,
        Action::Remove => YELLOW,
        Action::Switch => GREEN,
        Action::Join | Action::Update => "",
    }
}

/// NICO's own notes come with everything else: where there are several, their number is enough.
fn shown(fields: &[String]) -> String {
    const OWN: &str = "metadata.annotations[nico.homystack.com/";
    let (own, mut shown): (Vec<&str>, Vec<&str>) =
        fields.iter().map(String::as_str).partition(|field| field.starts_with(OWN));
    let notes = format!("{} of NICO's annotations", own.len());
    if own.len() > 1 {
        shown.push(&notes);
    } else {
        shown.extend(own);
    }
    shown.join(", ")
}

/// All columns but the last one, each as wide as its widest cell.
fn columns(widths: &[usize; 4], cells: [&str; 4]) -> String {
    let columns = widths.iter().zip(cells).filter(|(width, _)| **width > 0);
    let padded = columns.map(|(width, cell)| format!("{cell:<width$}  "));
    format!("  {}", padded.collect::<String>())
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Broken between words; a word that is too long stays whole.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(word);
        } else if width(line).saturating_add(width(word)) < room {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
