//! Questions to the log.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, Kind, Phase};
use crate::machine::Machine;

#[cfg(test)]
mod tests;

/// The log, up to the moment that it was asked for. Names of machines are without namespace: where several
/// namespaces are served, take [`Log::in_namespace`] first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    events: Vec<Event>,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

/// Something that was done to a machine, from its beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// How it began.
    pub start: Event,
    /// How it ended, if it has.
    pub end: Option<Event>,
}

impl Run {
    /// It has ended, and well.
    pub fn succeeded(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.phase == Phase::Ended { success: true })
    }

    /// It has ended, and not well.
    pub fn failed(&self) -> bool {
        self.end.as_ref().is_some_and(|end| end.phase == Phase::Ended { success: false })
    }

    /// Whether the other one began before this one ended, or the reverse.
    pub fn overlaps(&self, other: &Self) -> bool {
        let ended_before =
            |one: &Self, other: &Self| one.end.as_ref().is_some_and(|end| end.seq < other.start.seq);
        !ended_before(self, other) && !ended_before(other, self)
    }
}

impl Log {
    pub(crate) const fn new(events: Vec<Event>) -> Self {
        Self { events }
    }

    /// All of it, oldest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Where it ends now.
    pub fn mark(&self) -> Mark {
        Mark(self.events.last().map_or(0, |event| event.seq))
    }

    /// What came later. Of what had begun before only the end is left, so it is no run.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Self {
        self.only(|event| event.seq > mark.0)
    }

    /// What happened in one namespace.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        self.only(|event| event.namespace == namespace)
    }

    /// What happened to one machine.
    #[must_use]
    pub fn of(&self, machine: &str) -> Self {
        self.only(|event| event.machine == machine)
    }

    fn only(&self, which: impl Fn(&Event) -> bool) -> Self {
        Self { events: self.events.iter().filter(|event| which(event)).cloned().collect() }
    }

    /// Whatever was begun, in this order.
    pub fn runs(&self) -> Vec<Run> {
        let ends: BTreeMap<u64, &Event> = self
            .events
            .iter()
            .filter(|event| event.phase != Phase::Started)
            .map(|end| (end.run, end))
            .collect();
        self.events
            .iter()
            .filter(|event| event.phase == Phase::Started)
            .map(|start| Run { start: start.clone(), end: ends.get(&start.run).map(|end| (*end).clone()) })
            .collect()
    }

    /// The same of one kind and one machine.
    pub fn runs_of(&self, machine: &str, kind: Kind) -> Vec<Run> {
        self.of(machine).runs().into_iter().filter(|run| run.start.kind == kind).collect()
    }

    /// The truth about a machine, whatever the API says.
    pub fn machine(&self, name: &str) -> Machine {
        Machine::after(self.events.iter().filter(|event| event.machine == name))
    }

    /// All machines that anything was done to.
    pub fn machines(&self) -> BTreeSet<String> {
        self.events.iter().map(|event| event.machine.clone()).collect()
    }

    /// How often a machine was installed, where what NIO doubles by itself counts once.
    ///
    /// One installation are all wipes of the same files of the same object (by its UID) whose copy of the
    /// object was taken before the object's handler first came to rest with `fullInstall: false`: handler and
    /// timer at once, the timer on its frozen copy, and retries of what failed. NICO can prevent none of them.
    /// (Also a wipe after a blip or a push is among them, if it began before that rest: whether NICO was slow
    /// to clear is a question to the audit log.) A wipe of changed files counts as another, and so does every
    /// wipe with a copy from after that rest: then `fullInstall` was set again.
    pub fn installations(&self, machine: &str) -> usize {
        let events = || self.events.iter().filter(|event| event.machine == machine);
        let cleared = |uid: &str| {
            events().find(|rest| rest.kind == Kind::Rest && rest.uid == uid && !rest.full_install)
        };
        let wipes = events().filter(|event| event.kind == Kind::Wipe && event.phase == Phase::Started);
        let (again, first): (Vec<&Event>, Vec<&Event>) =
            wipes.partition(|wipe| cleared(&wipe.uid).is_some_and(|rest| rest.seq <= wipe.copied_after));
        let installed: BTreeSet<(&str, &str)> =
            first.iter().map(|wipe| (wipe.uid.as_str(), wipe.files_hash.as_str())).collect();
        installed.len() + again.len()
    }

    /// How often something was put on a machine, where twins count once: applies (wipes and switches) of the
    /// same files and the same commit of the same object that overlap in time, one with the next. A retry
    /// after a failure is no twin.
    pub fn applies(&self, machine: &str) -> usize {
        let mut applies = Vec::new();
        for run in self.of(machine).runs().into_iter().filter(|run| run.start.kind.is_apply()) {
            let twin = |group: &Vec<Run>| {
                let same = |event: &Event| {
                    let Event { uid, files_hash, commit, .. } = event;
                    (uid.clone(), files_hash.clone(), commit.clone())
                };
                group.iter().any(|other| same(&other.start) == same(&run.start) && other.overlaps(&run))
            };
            match applies.iter_mut().find(|group| twin(group)) {
                Some(group) => group.push(run),
                None => applies.push(vec![run]),
            }
        }
        applies.len()
    }

    /// The machines in the order of their first apply in this log.
    pub fn order(&self) -> Vec<String> {
        let mut order = Vec::new();
        for run in self.runs().into_iter().filter(|run| run.start.kind.is_apply()) {
            if !order.contains(&run.start.machine) {
                order.push(run.start.machine);
            }
        }
        order
    }

    /// To how many machines something was applied at once, at the most.
    pub fn overlapping(&self) -> usize {
        let mut under_way: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        let mut most = 0;
        for event in self.events.iter().filter(|event| event.kind.is_apply()) {
            let runs = under_way.entry(&event.machine).or_default();
            match event.phase {
                Phase::Started => drop(runs.insert(event.run)),
                Phase::Ended { .. } => drop(runs.remove(&event.run)),
            }
            most = most.max(under_way.values().filter(|runs| !runs.is_empty()).count());
        }
        most
    }
}
