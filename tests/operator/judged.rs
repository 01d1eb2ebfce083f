//! How a rollout is judged: by the stand-in's log of what was done to machines, which knows nothing of NICO.

use std::collections::BTreeSet;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nio_stand_in::{Kind, Log, Run};

use crate::fleet::MIN_READY;

/// A machine is disturbed by an apply from its beginning until it has stood still for long enough.
#[derive(Clone, Debug)]
pub struct Span {
    pub machine: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

/// The machines that something was put on.
pub fn applied(log: &Log) -> BTreeSet<String> {
    log.order().into_iter().collect()
}

/// Whether NIO has cleaned a machine.
pub fn is_cleaned(log: &Log, machine: &str) -> bool {
    !log.runs_of(machine, Kind::Cleanup).is_empty()
}

/// What was put on a machine, where NIO's doubling counts as one: what its timer begins with a copy from before
/// the end of the same apply, be it beside it or after it.
fn doubled(log: &Log, machine: &str) -> Vec<Vec<Run>> {
    let mut all: Vec<Vec<Run>> = Vec::new();
    for run in log.of(machine).runs().into_iter().filter(|run| run.start.kind.is_apply()) {
        let what =
            |run: &Run| (run.start.uid.clone(), run.start.files_hash.clone(), run.start.commit.clone());
        let doubles = |runs: &&mut Vec<Run>| {
            let ended = runs[0].end.as_ref().map_or(u64::MAX, |end| end.seq);
            what(&runs[0]) == what(&run) && run.start.copied_after < ended
        };
        match all.iter_mut().find(doubles) {
            Some(runs) => runs.push(run),
            None => all.push(vec![run]),
        }
    }
    all
}

/// How often something was put on a machine, where NIO's doubling counts once.
pub fn applies(log: &Log, machine: &str) -> usize {
    doubled(log, machine).len()
}

/// When machines were disturbed, in this order. Everything must have ended.
pub fn spans(log: &Log) -> Vec<Span> {
    let each = log.order().into_iter();
    let mut spans: Vec<_> = each.flat_map(|machine| doubled(log, &machine)).map(|runs| span(&runs)).collect();
    spans.sort_by_key(|span| span.from);
    spans
}

fn span(runs: &[Run]) -> Span {
    let from = runs[0].start.at;
    let mut until = from;
    for (place, run) in runs.iter().enumerate() {
        let ended = run.end.as_ref().expect("it has ended").at;
        let took = ended.duration_since(from);
        let still = (took + took / 2).max(SignedDuration::from_secs(MIN_READY));
        // Of a timer that begins its double later than that nobody can know.
        if place == 0 || run.start.at < until {
            until = until.max(ended + still);
        }
    }
    Span { machine: runs[0].start.machine.clone(), from, until }
}

/// So many machines were disturbed at once, at the most, and so many there were.
pub fn assert_at_once(log: &Log, most: usize) {
    let spans = spans(log);
    let at = |time: Timestamp| {
        let there = spans.iter().filter(|span| span.from <= time && time < span.until);
        there.map(|span| span.machine.as_str()).collect::<BTreeSet<_>>().len()
    };
    let at_once = spans.iter().map(|span| at(span.from)).max().unwrap_or_default();
    assert_eq!(at_once, most, "{spans:#?} {:#?}", log.runs());
}

/// Each of these machines was applied once, but for what NIO doubles; no other was, and no disk was wiped.
pub fn assert_each_once(log: &Log, machines: &[String]) {
    assert_eq!(applied(log), machines.iter().cloned().collect(), "who was applied");
    for machine in machines {
        assert_eq!(applies(log, machine), 1, "{machine}: {:#?}", log.of(machine).runs());
    }
    assert_no_wipe(log);
}

pub fn assert_no_wipe(log: &Log) {
    let wipes: Vec<_> = log.runs().into_iter().filter(|run| run.start.kind == Kind::Wipe).collect();
    assert!(wipes.is_empty(), "{wipes:#?}");
}
