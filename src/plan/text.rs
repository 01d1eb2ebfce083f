//! A plan as tables, for people: what is written now, what is under way, what waits; first of all what
//! wipes a disk.

use nico_crds::names::Role;
use nico_render::report::{Action, Change, ClusterReport, Item, Summary, UnderWay, Waits};

use crate::page::{BOLD, DIM, GREEN, Heading, Page, Piece, RED, Row, UNCOLOURED, WIDTH, YELLOW};

/// Order, machine, role and action.
type Line = Row<4>;

/// Tells all clusters.
pub fn of(reports: &[ClusterReport], coloured: bool) -> String {
    let mut page = Page::new(coloured, WIDTH);
    for (place, report) in reports.iter().enumerate() {
        if place > 0 {
            page.blank();
        }
        cluster(&mut page, report);
    }
    page.into_text()
}

fn cluster(page: &mut Page, report: &ClusterReport) {
    let phase = report.phase.map(|phase| format!(" ({})", phase.word())).unwrap_or_default();
    let title = Piece::new(&format!("{}/{}{phase}", report.namespace, report.name), BOLD);
    if report.is_at_rest() {
        page.line(&[title, Piece::plain(": nothing to do")]);
        return;
    }
    let mut line = vec![title, Piece::plain(": ")];
    line.extend(summary(report.summary));
    page.line(&line);
    if let Some(failure) = &report.failure {
        page.paragraph(&Piece::new(&format!("{}: {}", failure.reason, failure.message), RED));
    }
    let now: Vec<_> = report.changes.iter().map(of_change).collect();
    table(page, "Now, in order", "#", "WHAT", &now);
    let under_way: Vec<_> = report.under_way.iter().map(of_under_way).collect();
    table(page, "Under way", "", "WHAT IT LACKS", &under_way);
    let later: Vec<_> = report.waiting.iter().map(of_waits).collect();
    table(page, "Later", "", "WHAT IT WAITS FOR", &later);
}

fn table(page: &mut Page, title: &str, order: &'static str, last: &'static str, lines: &[Line]) {
    let heading = Heading { cells: [order, "MACHINE", "ROLE", "ACTION"], last };
    page.table(&Piece::new(title, BOLD), &heading, lines);
}

fn summary(summary: Summary) -> Vec<Piece> {
    let Summary { install, switch, join, remove, update: _, now, under_way, wait } = summary;
    let machines = [
        (install, Piece::new("to install (WIPES THE DISK)", RED)),
        (switch, Piece::plain("to switch")),
        (remove, Piece::plain("to remove")),
        (join, Piece::plain("cannot join yet")),
    ];
    let lists = [
        (now, Piece::plain(if now == 1 { "write now" } else { "writes now" })),
        (under_way, Piece::plain("under way")),
        (wait, Piece::plain(if wait == 1 { "waits" } else { "wait" })),
    ];
    let mut pieces = Vec::new();
    for counts in [&machines[..], &lists] {
        let mut separator = "; ";
        for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
            let before = if pieces.is_empty() { "" } else { separator };
            pieces.push(Piece::plain(&format!("{before}{count} ")));
            pieces.push(what.clone());
            separator = ", ";
        }
    }
    if pieces.is_empty() {
        pieces.push(Piece::plain("nothing to do now"));
    }
    pieces
}

fn of_item(order: &str, item: &Item, message: &str) -> Line {
    let mut last = vec![Piece::plain(message)];
    last.extend((!item.fields.is_empty()).then(|| Piece::new(&shown(&item.fields), DIM)));
    Row {
        cells: [
            Piece::plain(order),
            Piece::plain(item.machine.as_deref().unwrap_or("(cluster)")),
            Piece::plain(&item.role.as_ref().map(Role::to_string).unwrap_or_default()),
            Piece::new(word(item.action), colour(item.action)),
        ],
        last,
    }
}

fn of_change(change: &Change) -> Line {
    of_item(&change.order.to_string(), &change.item, &change.message)
}

fn of_under_way(under_way: &UnderWay) -> Line {
    let action = match (under_way.overdue, under_way.action) {
        (true, Action::Install) => "INSTALL, OVERDUE",
        (true, Action::Switch | Action::Remove | Action::Join | Action::Update) => "switch, OVERDUE",
        (false, action) => word(action),
    };
    let colour = if under_way.overdue { RED } else { colour(under_way.action) };
    Row {
        cells: [
            Piece::default(),
            Piece::plain(&under_way.machine),
            Piece::plain(&under_way.role.to_string()),
            Piece::new(action, colour),
        ],
        last: vec![Piece::plain(&under_way.message)],
    }
}

fn of_waits(waits: &Waits) -> Line {
    match &waits.item {
        Some(item) => of_item("", item, &waits.message),
        None => Row {
            cells: [Piece::default(), Piece::plain("(cluster)"), Piece::default(), Piece::default()],
            last: vec![Piece::plain(&waits.message)],
        },
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
        Action::Join | Action::Update => UNCOLOURED,
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
