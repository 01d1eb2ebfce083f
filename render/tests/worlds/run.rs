//! A world as it runs: from one event to the next, until it is quiet and nobody has anything left to do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use crate::checker::{Checker, Invariant};
use crate::dice::Dice;
use crate::genes::Genes;
use crate::model::machine::Truth;
use crate::model::nio::{By, CONFIRM_AFTER, Nio};
use crate::model::server::Server;
use crate::operator::Operator;
use crate::planner::Planner;

/// The world begins then.
pub const BEGINNING: i64 = 1_790_000_000;

/// Something that is about to happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    Handler(String),
    Timer(String),
    Ends(u64),
    Discover(String),
    Reboots(String),
    Returns(String),
    Act(usize),
}

/// How long after the beginning that is.
pub fn clock(time: i64) -> String {
    let seconds = time - BEGINNING;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// A world.
pub struct World {
    pub genes: Genes,
    pub dice: Dice,
    pub now: i64,
    pub server: Server,
    pub nio: Nio,
    pub truth: Truth,
    pub operator: Operator,
    pub planner: Planner,
    pub checker: Checker,
    pub throws: BTreeMap<String, u64>,
    /// The contents that each cluster asked for before, by their `ref`.
    pub contents: BTreeMap<String, Vec<String>>,
    /// What becomes of the next applies of a machine, by handler and timer, where a script says so: how long
    /// each takes, and whether it fails.
    pub scripted: BTreeMap<(String, By), VecDeque<(i64, bool)>>,
    /// What happened, where somebody wants to read it.
    pub told: Option<Vec<String>>,
    queue: BinaryHeap<Reverse<(i64, u64, Event)>>,
    queued: u64,
    last_change: i64,
    last_help: i64,
    /// Guards against worlds without an end.
    pub turns: u32,
    pub helped: u32,
}

/// So many turns, and it is no world any more.
const TURNS: u32 = 10_000;
/// Where the world does not become quiet a person looks after it all the same, so often.
const LONG: i64 = 16_000;

impl World {
    pub fn new(mut genes: Genes, planner: Planner, tells: bool) -> Self {
        for (time, _) in &mut genes.acts {
            *time += BEGINNING;
        }
        genes.calm_at += BEGINNING;
        let dice = Dice { seed: genes.seed };
        let mut world = Self {
            dice,
            now: BEGINNING,
            server: Server { now: BEGINNING, ..Server::default() },
            nio: Nio::default(),
            truth: Truth { commit: 1, contents: genes.contents.clone(), ..Truth::default() },
            operator: Operator::new(BEGINNING + 5),
            planner,
            checker: Checker::default(),
            throws: BTreeMap::new(),
            contents: BTreeMap::new(),
            scripted: BTreeMap::new(),
            told: tells.then(Vec::new),
            queue: BinaryHeap::new(),
            queued: 0,
            last_change: BEGINNING,
            last_help: BEGINNING,
            turns: 0,
            helped: 0,
            genes,
        };
        world.people();
        for place in 0..world.genes.acts.len() {
            world.at(world.genes.acts[place].0, Event::Act(place));
        }
        world
    }

    pub fn at(&mut self, time: i64, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse((time, self.queued, event)));
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told.push(format!("{:>9}  {}", clock(self.now), text()));
        }
    }

    fn next(&self) -> i64 {
        let event = self.queue.peek().map_or(i64::MAX, |Reverse((time, _, _))| *time);
        event.min(self.operator.next)
    }

    /// The world goes on by one event, or one tick.
    fn turn(&mut self) {
        self.turns += 1;
        let time = self.next();
        self.now = self.now.max(time);
        self.server.now = self.now;
        let due = self.queue.peek().is_some_and(|Reverse((time, _, _))| *time <= self.operator.next);
        if due {
            if let Some(Reverse((_, _, event))) = self.queue.pop() {
                self.happens(event);
            }
        } else {
            self.tick();
        }
        self.settle();
    }

    /// After whatever happened: NIO takes notice, and the operator will.
    pub fn settle(&mut self) {
        self.nio_notices();
        self.plan_timers();
        if self.server.is_new {
            self.server.is_new = false;
            self.last_change = self.now;
            self.checker.saw(&self.server, self.now);
            self.operator.awaits(self.now, self.dice, u64::from(self.turns));
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Handler(uid) => self.handler(&uid),
            Event::Timer(uid) => self.timer(&uid),
            Event::Ends(id) => {
                if self.nio.applies.get(&id).is_some_and(|apply| apply.ends <= self.now) {
                    self.apply_ended(id);
                }
            }
            Event::Discover(machine) => self.discover(&machine),
            Event::Reboots(machine) => {
                let until = self.now + 90;
                if let Some(hardware) = self.truth.machines.get_mut(&machine) {
                    hardware.reboots_until = until;
                }
                self.reachability_changes(&machine, until);
            }
            Event::Returns(machine) => self.returns(&machine),
            Event::Act(place) => {
                let act = self.genes.acts[place].1.clone();
                self.act(&act);
            }
        }
    }

    /// NIO sees it within a minute, at both ends.
    pub fn reachability_changes(&mut self, machine: &str, until: i64) {
        let (number, count) = (self.number(machine), self.count(machine));
        let seen = self.dice.between("seen", number, count, 1, 60);
        self.at(self.now + seen, Event::Discover(machine.to_owned()));
        if until != i64::MAX {
            self.at(until, Event::Returns(machine.to_owned()));
        }
    }

    fn returns(&mut self, machine: &str) {
        let (number, count) = (self.number(machine), self.count(machine));
        let seen = self.dice.between("seen", number, count, 1, 60);
        self.at(self.now + seen, Event::Discover(machine.to_owned()));
    }

    /// Nothing changed for so long that no time that anybody waits for can be left.
    fn quiet_for(&self) -> i64 {
        let deadline = |cluster: &std::sync::Arc<nico_crds::KubernetesCluster>| {
            let rollout = cluster.spec.rollout.as_ref();
            rollout.and_then(|rollout| rollout.progress_deadline_seconds).map_or(4200, i64::from)
        };
        self.server.objects.clusters.values().map(deadline).max().unwrap_or(0) + CONFIRM_AFTER + 400
    }

    /// Goes on until the world is quiet, and nobody has anything left to do.
    pub fn run(&mut self) {
        while !self.checker.has_failed() {
            let quiet = self.last_change.max(self.genes.calm_at) + self.quiet_for();
            let limit = quiet.min(self.last_help.max(self.genes.calm_at) + LONG);
            if self.next() <= limit && self.turns < TURNS {
                self.turn();
                continue;
            }
            self.now = self.now.max(limit);
            self.server.now = self.now;
            self.last_help = self.now;
            if self.turns < TURNS && self.helps() {
                self.last_change = self.now;
                self.settle();
            } else if limit >= quiet || self.turns >= TURNS {
                self.ends();
                return;
            }
        }
    }

    /// Goes on until something is so, for at most so long. Whether it came about.
    pub fn run_until(&mut self, seconds: i64, is_so: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + seconds;
        while !self.checker.has_failed() {
            if is_so(self) {
                return true;
            }
            if self.next() > limit {
                self.now = limit;
                self.server.now = limit;
                return is_so(self);
            }
            self.turn();
        }
        false
    }

    /// At the end: everything is as it should be, and stays so without a write.
    fn ends(&mut self) {
        let writes = self.operator.writes + self.operator.told;
        let mut checker = std::mem::take(&mut self.checker);
        let ended = self.turns < TURNS;
        checker.check(Invariant::L1, ended, || "the world is never quiet".to_owned());
        checker.at_the_end(self);
        self.checker = checker;
        if self.checker.has_failed() {
            return;
        }
        for pause in [31, 700, 5_000, 100_000] {
            self.now += pause;
            self.server.now = self.now;
            self.tick();
        }
        let more = self.operator.writes + self.operator.told - writes;
        self.checker.stays_quiet(more);
    }
}
