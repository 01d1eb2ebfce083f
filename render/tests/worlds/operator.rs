//! The operator: it observes, renders, plans, and carries the plan out as the real hands do.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use nico_render::rollout::{Plan, Step};
use nico_render::{Desired, Observed, PutBack, render_all};

use crate::checker::farewell::MISSES;
use crate::checker::view::{Done, View};
use crate::dice::Dice;
use crate::hands::Written;
use crate::model::snapshot::Snapshot;
use crate::model::timestamp;
use crate::run::World;

/// The operator's process.
pub struct Operator {
    /// Its next tick.
    pub next: i64,
    pub down_until: i64,
    pub offset: i64,
    pub stale_until: i64,
    pub lag: i64,
    pub kill_after: Option<u32>,
    /// What it saw before, the newest last. Never older than its own last write: a cache that has not
    /// caught up with that is not planned on.
    history: VecDeque<Rc<Snapshot>>,
    pub put_back: BTreeMap<String, Vec<PutBack>>,
    /// So often in a row each cluster did not answer.
    pub missed: BTreeMap<String, u32>,
    pause: i64,
    pub writes: u64,
    /// How often a status was told anew.
    pub told: u64,
    pub ticks: u64,
    /// The last plan of each cluster, for a person to read.
    pub plans: BTreeMap<String, (Desired, Plan)>,
}

/// What changes it sees within so long.
const TICK: i64 = 30;
const SHORTEST: i64 = 700;
/// At rest it ticks more and more seldom: nothing would come of it.
const LONGEST: i64 = 6000;

impl Operator {
    pub fn new(next: i64) -> Self {
        Self {
            next,
            down_until: 0,
            offset: 0,
            stale_until: 0,
            lag: 0,
            kill_after: None,
            history: VecDeque::new(),
            put_back: BTreeMap::new(),
            missed: BTreeMap::new(),
            pause: SHORTEST,
            writes: 0,
            told: 0,
            ticks: 0,
            plans: BTreeMap::new(),
        }
    }

    /// Something changed: it ticks soon.
    pub fn awaits(&mut self, now: i64, dice: Dice, count: u64) {
        self.pause = SHORTEST;
        let soon = now + dice.between("tick", 0, count, 1, TICK);
        self.next = self.next.min(soon).max(self.down_until);
    }

    pub fn restart(&mut self, now: i64, seconds: i64) {
        self.down_until = now + seconds;
        self.next = self.down_until;
        self.history.clear();
        self.put_back.clear();
        self.missed.clear();
        self.kill_after = None;
    }
}

impl World {
    pub fn tick(&mut self) {
        self.operator.ticks += 1;
        let fresh = Rc::new(Snapshot { at: self.now, ..self.server.objects.clone() });
        let now = self.now + self.operator.offset;
        let seen = self.seen(&fresh);
        let is_fresh = Rc::ptr_eq(&seen, &fresh);
        self.truth.nodes_go_on(self.now, self.genes.tells_members);
        self.listens(&seen);
        let probed = self.probes(&seen);
        let mut inventory = seen.inventory(now);
        inventory.observed_at = Some(timestamp(now));
        let sight = seen.sight(&probed, &self.operator.put_back);
        let rendered = render_all(&inventory);
        let observed = Observed::new(&inventory, &sight);
        let before = self.operator.writes;
        let mut view = View { objects: Snapshot::clone(&seen), probed, now, is_fresh };
        let mut hints = i64::MAX;
        for (key, desired) in rendered {
            let Some(cluster) = view.objects.clusters.get(&key.name).cloned() else { continue };
            let desired = match desired {
                Ok(desired) => desired,
                Err(error) => {
                    self.checker.not_rendered(&key.name, &error);
                    continue;
                }
            };
            let plan = self.planner.plan(&cluster, &desired, &observed, timestamp(now));
            self.checker.planned(&view, &cluster, &desired, &plan);
            let told = self.tells_of(&cluster, &desired, &observed, &plan, now);
            if let Some(told) = &told {
                self.checker.told(&view, &cluster, &desired, told);
            }
            let settled = self.checker.settled(&view, &cluster, &desired);
            let was_killed = self.carry_out(&mut view, &desired, &plan);
            if was_killed {
                return;
            }
            let bound = view.objects.clusters.get(&key.name).cloned();
            if let Some((told, bound)) = told.zip(bound)
                && self.write_status(&bound, told)
            {
                self.checker.note_wiped(settled);
            }
            self.checker.passed(&view, &key.name, &self.server);
            hints = hints.min(self.checker.next_time(&view, &key.name));
            self.operator.plans.insert(key.name, (desired, plan));
        }
        let standing: Vec<_> = self.server.objects.clusters.keys().cloned().collect();
        self.operator.plans.retain(|name, _| standing.contains(name));
        self.aggregates();
        if self.operator.writes > before {
            self.operator.history.clear();
            self.operator.pause = SHORTEST;
        }
        // What it wrote itself it sees soon, as any change. Else nothing comes of it before the next time that
        // anything is judged otherwise; that it ticks now and then all the same is in case there are others.
        if self.truth.nodes.values().any(|node| node.goes_on(self.now)) {
            hints = hints.min(now + 60);
        }
        // A cluster that need not answer is asked thrice, and one after the other.
        if self.operator.missed.values().any(|missed| (1..MISSES).contains(missed)) {
            hints = hints.min(now + 60);
        }
        let hint = hints.saturating_sub(self.operator.offset).max(self.now + 1);
        self.operator.next = hint.min(self.now + self.operator.pause);
        self.operator.pause = LONGEST;
    }

    /// What it sees: what is there, or what was a while ago.
    fn seen(&mut self, fresh: &Rc<Snapshot>) -> Rc<Snapshot> {
        let oldest = self.now - self.operator.lag;
        let old = self.operator.history.iter().find(|snapshot| snapshot.at >= oldest).cloned();
        self.operator.history.push_back(fresh.clone());
        if self.operator.history.len() > 8 {
            self.operator.history.pop_front();
        }
        match old {
            Some(old) if self.now < self.operator.stale_until => {
                let age = self.now - old.at;
                self.note(|| format!("nico sees what was {age} s ago"));
                old
            }
            Some(_) | None => fresh.clone(),
        }
    }

    /// Whether the operator was killed meanwhile.
    fn carry_out(&mut self, view: &mut View, desired: &Desired, plan: &Plan) -> bool {
        let name = desired.cluster.name.clone();
        for step in &plan.steps {
            let Some(cluster) = view.objects.clusters.get(&name).cloned() else { return false };
            let written = self.write(view, &cluster, step);
            match written {
                Written::Nothing => continue,
                Written::Refused(why) => {
                    self.note(|| format!("nico: {} is refused: {why:?}", describe(step)));
                    if step.is_prerequisite() {
                        return false;
                    }
                    continue;
                }
                Written::Done { before, after } => {
                    self.operator.writes += 1;
                    self.note(|| format!("nico: {}", describe(step)));
                    let done = Done { step, before, after };
                    self.checker.wrote(view, &cluster, desired, &done, self.now);
                    view.take(&self.server.objects, &done);
                }
            }
            if let Some(left) = self.operator.kill_after {
                if left <= 1 {
                    self.note(|| "nico is killed".to_owned());
                    self.operator.restart(self.now, 60);
                    self.checker.excused_until = self.checker.excused_until.max(self.operator.down_until);
                    return true;
                }
                self.operator.kill_after = Some(left - 1);
            }
        }
        false
    }
}

/// A step in one line.
pub fn describe(step: &Step) -> String {
    match step {
        Step::Finalizers { why, .. } => format!("finalizers of the cluster: {why:?}"),
        Step::AdoptStatus => "adopts the status".to_owned(),
        Step::LookAtToken => "looks at the token".to_owned(),
        Step::Remember(memory) => format!(
            "remembers {:?} {:?} applied {:?}{}",
            memory.control_planes,
            memory.workers,
            memory.applied_machines.keys().collect::<Vec<_>>(),
            if memory.bootstrapped { " bootstrapped" } else { "" }
        ),
        Step::CreateToken => "creates the token".to_owned(),
        Step::OwnToken { .. } => "owns the token".to_owned(),
        Step::Adopt(target) => format!("adopts {}", target.configuration),
        Step::Create(configuration) => format!(
            "creates {}{}",
            configuration.name(),
            if configuration.wipes_disk() { " (WIPES)" } else { "" }
        ),
        Step::Write(write) => format!(
            "writes {} ({:?} r{}) {:?}",
            write.target.configuration,
            write.purpose,
            crate::model::look::revision(&write.object),
            write.fields
        ),
        Step::Delete { target, why } => format!("deletes {} ({why:?})", target.configuration),
        Step::Node(step) => format!("sees {} off: {:?}", step.machine, step.act),
        Step::ReleaseFromNio(target) => format!("takes NIO's finalizer from {}", target.configuration),
    }
}
