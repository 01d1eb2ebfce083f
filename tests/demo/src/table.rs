//! How the machines are, a line each: what the status says of them, and what has truly been done to them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use nio_stand_in::{Content, Kind, Log};
use serde_json::Value;

use crate::view::{HOME, View, text};

const COLUMNS: usize = 6;
const HEADING: [&str; COLUMNS] = ["MACHINE", "ROLE", "STATE", "RUNS", "NIO", "WHY"];
/// Where nobody says how wide a line may be.
const WIDTH: usize = 120;
const WIDTHS: [usize; COLUMNS - 1] = [7, 13, 12, 11, 8];

/// What each text was written for, by its hash: so it is known what a machine runs.
#[derive(Debug, Default)]
pub struct Refs(BTreeMap<String, String>);

/// The cluster in a line, and its machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub summary: String,
    pub rows: Vec<Row>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row([String; COLUMNS]);

impl Table {
    pub fn of(view: &View, refs: &mut Refs) -> Self {
        refs.learn(view);
        Self {
            summary: summary(&view.cluster),
            rows: view.machines.keys().map(|machine| Row::of(machine, view, refs)).collect(),
        }
    }

    /// As it is shown in place.
    pub fn lines(&self) -> Vec<String> {
        let heading = Row(HEADING.map(str::to_owned));
        let rows = std::iter::once(&heading).chain(&self.rows).map(Row::line);
        std::iter::once(self.summary.clone()).chain(rows).collect()
    }

    /// What is news to somebody who knows the other: not what NIO does in a moment, but what has become of it.
    pub fn news(&self, before: &Self) -> Vec<String> {
        let is_news = |row: &&Row| !before.rows.iter().any(|known| known.lasting() == row.lasting());
        let rows = self.rows.iter().filter(is_news).map(|row| row.line().chars().take(WIDTH).collect());
        let summary = (self.summary != before.summary).then(|| self.summary.clone());
        summary.into_iter().chain(rows).collect()
    }
}

impl Row {
    fn of(machine: &str, view: &View, refs: &Refs) -> Self {
        let line = view.line(machine);
        let state = line["state"].as_str();
        let role = text(line.get("role")).replace('-', " ");
        let why = text(line.get("reason").filter(|_| state != Some("Settled")));
        let runs = refs.runs(&view.log, machine);
        let state = state.unwrap_or("free").to_owned();
        Self([machine.to_owned(), role, state, runs, doing(&view.log, machine), why])
    }

    fn line(&self) -> String {
        let mut line = String::from("  ");
        for (place, cell) in self.0.iter().enumerate() {
            let width = WIDTHS.get(place).copied().unwrap_or_default();
            // A string takes everything.
            let _infallible = write!(line, "{cell:width$}  ");
        }
        line.trim_end().to_owned()
    }

    fn lasting(&self) -> [&String; 4] {
        let [machine, role, state, runs, _, _] = &self.0;
        [machine, role, state, runs]
    }
}

impl Refs {
    fn learn(&mut self, view: &View) {
        for live in view.configurations.values() {
            let hash = text(live["metadata"]["annotations"].get("nico.homystack.com/text"));
            self.0.entry(hash).or_insert_with(|| text(live["spec"].get("ref")));
        }
    }

    fn runs(&self, log: &Log, machine: &str) -> String {
        let of = |hash: &String| self.0.get(hash).map_or("?", String::as_str);
        match log.machine(machine).content {
            Content::Untouched => String::new(),
            Content::Runs(applied) => of(&applied.files_hash).to_owned(),
            Content::Half(applied) => format!("half {}", of(&applied.files_hash)),
            Content::Clean => "clean".to_owned(),
        }
    }
}

/// What NIO does to a machine now.
fn doing(log: &Log, machine: &str) -> String {
    let runs = log.of(machine).runs();
    let under_way = runs.iter().find(|run| run.end.is_none()).map(|run| match run.start.kind {
        Kind::Wipe => "installs",
        Kind::Switch => "switches",
        Kind::Cleanup => "cleans",
        Kind::Rest => "",
    });
    let failed = runs.last().filter(|run| run.failed()).map(|_| "failed");
    under_way.or(failed).unwrap_or_default().to_owned()
}

fn summary(cluster: &Value) -> String {
    if cluster.is_null() {
        return "  there is no cluster".to_owned();
    }
    let status = &cluster["status"];
    let told = |what: &str, value: &Value| value.as_str().map(|value| format!("   {what} {value}"));
    let parts = [
        told("control planes", &status["controlPlaneReady"]),
        told("workers", &status["dataPlaneReady"]),
        told("newest content", &status["rollout"]["progress"]),
    ];
    let phase = status["phase"].as_str().unwrap_or("not looked at yet");
    format!("  {HOME}: {phase}{}", parts.into_iter().flatten().collect::<String>())
}
