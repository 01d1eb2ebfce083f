//! The Python NIO: of each configuration a handler, and a timer that works beside it on a frozen copy.
//!
//! As in the contract: nothing stops an apply that runs; the handler begins a new content when it ends, or at
//! its next retry; the timer's failure writes nothing; statuses are written by the object's name alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use nico_crds::NixosConfiguration;
use nico_crds::names::KOPF_FINALIZER;
use serde_json::json;

use super::look::Look;
use super::snapshot::{machine_of, uid};
use super::{hash, time_text};
use crate::run::{Event, World};

pub const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
pub const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";

/// NIO's timer.
pub const INTERVAL: i64 = 120;
/// Between a failed attempt and the next one.
pub const RETRY: i64 = 60;
/// After so many failures in a row nothing is news any more: what would only fail again is looked at seldom,
/// until something changes. It spares the simulation time, and changes nothing that anybody could see.
const USELESS: u64 = 6;
const SELDOM: i64 = 1800;
/// NIO's own time-out of an apply.
pub const TIMEOUT: i64 = 3600;

/// The timer may begin a replaced content as long as the handler works at the new one, and is as long at it.
pub const CONFIRM_AFTER: i64 = 2 * TIMEOUT;

/// All that NIO is at.
#[derive(Default)]
pub struct Nio {
    pub actors: BTreeMap<String, Actor>,
    pub applies: BTreeMap<u64, Apply>,
    hashes: BTreeMap<String, (i64, Arc<str>)>,
    begun: u64,
}

/// What works on one configuration.
pub struct Actor {
    pub name: String,
    pub machine: String,
    pub handler: Handler,
    pub timer: Timer,
    /// What the handler ended with, in terms of [`super::server::Server::essence`].
    pub handled: Option<u64>,
    pub attempts: Option<Attempts>,
    /// How often the timer has failed in a row.
    timer_failures: u64,
    /// What the handler took when it began, while it runs.
    frozen: Option<Frozen>,
    /// The essence that fails, and when its first attempt began.
    failing: Option<(u64, i64)>,
    /// When a failure was last noted.
    noted: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    Rests,
    Applies(u64),
    Retries {
        at: i64,
    },
    Cleans {
        ends: i64,
    },
    /// It has cleaned, and told so.
    LetsGo {
        at: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    Sleeps { next: i64, planned: bool },
    Applies(u64),
}

impl Timer {
    const fn sleeps(next: i64) -> Self {
        Self::Sleeps { next, planned: false }
    }
}

/// Failed attempts, as kopf counts them.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    pub started: i64,
    pub failed: u64,
    spec: i64,
}

#[derive(Clone)]
struct Frozen {
    object: Arc<NixosConfiguration>,
    essence: u64,
    began: i64,
}

/// Who applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    Handler,
    Timer,
}

/// An apply that runs.
#[derive(Clone)]
pub struct Apply {
    pub object: Arc<NixosConfiguration>,
    pub machine: String,
    pub by: By,
    pub hash: Arc<str>,
    pub commit: u64,
    pub wipes: bool,
    /// It was delivered before: a push is why, or that it could not be reached for a moment.
    pub again: bool,
    pub ends: i64,
    pub fails: bool,
}

impl Nio {
    pub fn hash(&mut self, object: &NixosConfiguration) -> Arc<str> {
        let generation = object.metadata.generation.unwrap_or(0);
        match self.hashes.get(uid(object)) {
            Some((known, hash)) if *known == generation => hash.clone(),
            Some(_) | None => {
                let hash: Arc<str> = hash::files_hash(&object.spec.additional_files).into();
                self.hashes.insert(uid(object).to_owned(), (generation, hash.clone()));
                hash
            }
        }
    }
}

impl World {
    /// NIO's watch: new objects get their actors, changed ones are looked at soon.
    pub fn nio_notices(&mut self) {
        let changed = std::mem::take(&mut self.server.changed);
        for name in changed {
            let Some(live) = self.server.live(&name) else {
                self.nio.actors.retain(|_, actor| actor.name != name);
                continue;
            };
            let (uid, machine) = (uid(live).to_owned(), machine_of(live).to_owned());
            if !self.nio.actors.contains_key(&uid) {
                let timer = Timer::sleeps(self.now + 2);
                let actor = Actor {
                    name,
                    machine,
                    handler: Handler::Rests,
                    timer,
                    handled: None,
                    attempts: None,
                    timer_failures: 0,
                    frozen: None,
                    failing: None,
                    noted: 0,
                };
                self.nio.actors.insert(uid.clone(), actor);
            }
            self.stir(&uid);
        }
    }

    /// Something changed: nothing is useless any more.
    pub fn stir(&mut self, uid: &str) {
        let now = self.now;
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        if actor.timer_failures > USELESS
            && let Timer::Sleeps { .. } = actor.timer
        {
            actor.timer_failures = 0;
            actor.timer = Timer::sleeps(now + RETRY);
        }
        let due = match actor.handler {
            Handler::Retries { at } | Handler::LetsGo { at } => at.max(now + 1),
            Handler::Rests | Handler::Applies(_) | Handler::Cleans { .. } => now + 1,
        };
        self.at(due, Event::Handler(uid.to_owned()));
        let deleted = self.server.by_uid(uid).is_some_and(|live| live.metadata.deletion_timestamp.is_some());
        if deleted && due > now + 1 {
            self.at(now + 1, Event::Handler(uid.to_owned()));
        }
    }

    /// The handler's turn.
    pub fn handler(&mut self, uid: &str) {
        let Some(live) = self.server.by_uid(uid).cloned() else {
            self.nio.actors.remove(uid);
            return;
        };
        let now = self.now;
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        let is_deleted = live.metadata.deletion_timestamp.is_some();
        let retries = match actor.handler {
            Handler::Applies(_) => return,
            Handler::Cleans { ends } => {
                if now >= ends {
                    self.clean_ends(uid);
                }
                return;
            }
            Handler::LetsGo { at } => {
                if now >= at {
                    let name = actor.name.clone();
                    self.server.let_go(&name);
                }
                return;
            }
            Handler::Retries { at } if now < at && !is_deleted => return,
            Handler::Retries { .. } => true,
            Handler::Rests => false,
        };
        if is_deleted {
            self.clean(uid, &live);
            return;
        }
        let name = actor.name.clone();
        if !live.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == KOPF_FINALIZER) {
            let hold = |live: &mut NixosConfiguration| {
                live.metadata.finalizers.get_or_insert_default().push(KOPF_FINALIZER.to_owned());
            };
            self.server.change(&name, hold);
            self.at(now + 1, Event::Handler(uid.to_owned()));
            return;
        }
        let essence = self.server.essence_of(uid);
        if actor.handled == Some(essence) && !retries {
            return;
        }
        actor.handler = Handler::Rests;
        actor.frozen = Some(Frozen { object: live.clone(), essence, began: now });
        match self.look(&live) {
            Look::NoMachine => self.handler_failed(uid, "machine not found"),
            Look::Unreachable => {
                self.forget_commit(&live);
                self.handler_ended(uid);
            }
            Look::Nothing => self.handler_ended(uid),
            Look::Differs => {
                let id = self.begin(&live, By::Handler);
                if let Some(actor) = self.nio.actors.get_mut(uid) {
                    actor.handler = Handler::Applies(id);
                }
            }
        }
    }

    fn handler_ended(&mut self, uid: &str) {
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        actor.handler = Handler::Rests;
        actor.attempts = None;
        let Some(frozen) = actor.frozen.take() else { return };
        actor.handled = Some(frozen.essence);
        let name = actor.name.clone();
        let spec = serde_json::to_string(&frozen.object.spec).unwrap();
        let labels = serde_json::to_string(&frozen.object.metadata.labels).unwrap();
        let note = format!("{{\"spec\":{spec},\"metadata\":{{\"labels\":{labels}}}}}");
        self.server.change(&name, |live| {
            let annotations = live.metadata.annotations.get_or_insert_default();
            annotations.insert(HANDLED.to_owned(), note);
            annotations.remove(PROGRESS);
        });
        self.at(self.now + 1, Event::Handler(uid.to_owned()));
    }

    fn handler_failed(&mut self, uid: &str, message: &str) {
        let (now, anew) = (self.now, self.genes.attempts_begin_anew);
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        let Some(frozen) = actor.frozen.take() else { return };
        let spec = frozen.object.metadata.generation.unwrap_or(0);
        let before = actor.attempts.filter(|attempts| !anew || attempts.spec == spec);
        let attempts = before.unwrap_or(Attempts { started: frozen.began, failed: 0, spec });
        let attempts = Attempts { failed: attempts.failed + 1, spec, ..attempts };
        actor.attempts = Some(attempts);
        actor.handler = Handler::Retries { at: now + RETRY };
        self.checker.attempt_failed(uid, frozen.began);
        let name = actor.name.clone();
        let note = json!({
            "started": time_text(attempts.started), "delayed": time_text(now + RETRY), "purpose": "update",
            "retries": attempts.failed, "success": false, "failure": false, "message": message,
        });
        // Beyond the third attempt nothing of it is news, and the world is quiet: but for one note so late that no
        // attempt can have begun with what was before.
        let failing = actor.failing.filter(|(essence, _)| *essence == frozen.essence);
        let since = failing.map_or(frozen.began, |(_, since)| since);
        actor.failing = Some((frozen.essence, since));
        let last_news = since + TIMEOUT + 1;
        let is_news = attempts.failed <= 4 || (now >= last_news && actor.noted < last_news);
        let until_news = if now < last_news { (last_news - now).max(RETRY) } else { SELDOM };
        let is_useless = attempts.failed > USELESS && self.server.essence_of(uid) == frozen.essence;
        let pause = if is_useless { SELDOM.min(until_news) } else { RETRY };
        if is_news {
            actor.noted = now;
            self.server.annotate(&name, PROGRESS, Some(&note.to_string()));
        }
        self.at(now + pause, Event::Handler(uid.to_owned()));
    }

    /// The timer's turn.
    pub fn timer(&mut self, uid: &str) {
        let Some(live) = self.server.by_uid(uid).cloned() else { return };
        let now = self.now;
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        match actor.timer {
            Timer::Sleeps { next, .. } if next <= now => {}
            // It was put off, or is at it.
            Timer::Sleeps { .. } | Timer::Applies(_) => return,
        }
        actor.timer = Timer::sleeps(now + INTERVAL);
        let Some(object) = actor.timer_copy(&live) else { return };
        match self.look(&object) {
            Look::NoMachine | Look::Nothing => {}
            Look::Unreachable => self.forget_commit(&object),
            Look::Differs => {
                let id = self.begin(&object, By::Timer);
                if let Some(actor) = self.nio.actors.get_mut(uid) {
                    actor.timer = Timer::Applies(id);
                }
            }
        }
    }

    /// Looks of the timers that would do nothing are left out.
    pub fn plan_timers(&mut self) {
        let now = self.now;
        let sleeping = |actor: &Actor| matches!(actor.timer, Timer::Sleeps { planned: false, .. });
        let uids: Vec<String> =
            self.nio.actors.iter().filter(|(_, actor)| sleeping(actor)).map(|(uid, _)| uid.clone()).collect();
        for uid in uids {
            let Some(live) = self.server.by_uid(&uid).cloned() else { continue };
            let Some(object) = self.nio.actors.get(&uid).and_then(|actor| actor.timer_copy(&live)) else {
                continue;
            };
            let acts = match self.look(&object) {
                Look::NoMachine | Look::Nothing => false,
                Look::Unreachable => !has_forgotten(&live),
                Look::Differs => true,
            };
            if let (true, Some(actor)) = (acts, self.nio.actors.get_mut(&uid))
                && let Timer::Sleeps { next, .. } = actor.timer
            {
                let behind = (now - next).max(0);
                let next = next + (behind + INTERVAL - 1) / INTERVAL * INTERVAL;
                actor.timer = Timer::Sleeps { next, planned: true };
                self.at(next, Event::Timer(uid));
            }
        }
    }

    /// What an apply has come to.
    pub fn apply_ended(&mut self, id: u64) {
        let Some(apply) = self.nio.applies.remove(&id) else { return };
        self.applied(&apply);
        let uid = uid(&apply.object).to_owned();
        let Some(actor) = self.nio.actors.get_mut(&uid) else { return };
        match apply.by {
            By::Handler => {
                actor.handler = Handler::Rests;
                if apply.fails {
                    self.handler_failed(&uid, "Failed to apply configuration");
                } else {
                    self.handler_ended(&uid);
                }
            }
            By::Timer => {
                let live = self.server.by_uid(&uid);
                let is_same =
                    live.is_some_and(|live| live.metadata.generation == apply.object.metadata.generation);
                actor.timer_failures = if apply.fails && is_same { actor.timer_failures + 1 } else { 0 };
                let pause = match actor.timer_failures {
                    0 => INTERVAL,
                    failures if failures > USELESS => SELDOM,
                    _ => RETRY,
                };
                actor.timer = Timer::sleeps(self.now + pause);
            }
        }
        let deleted = self.server.by_uid(&uid).is_some_and(|live| live.metadata.deletion_timestamp.is_some());
        if !apply.fails || deleted {
            self.at(self.now + 1, Event::Handler(uid));
        }
    }

    pub fn register(&mut self, apply: Apply) -> u64 {
        self.nio.begun += 1;
        let id = self.nio.begun;
        self.at(apply.ends, Event::Ends(id));
        self.nio.applies.insert(id, apply);
        id
    }
}

impl Actor {
    /// While the handler runs, the timer has no other copy than the handler's.
    fn timer_copy(&self, live: &Arc<NixosConfiguration>) -> Option<Arc<NixosConfiguration>> {
        match (self.handler, &self.frozen) {
            (Handler::Applies(_), Some(frozen)) => Some(frozen.object.clone()),
            (
                Handler::Applies(_)
                | Handler::Rests
                | Handler::Retries { .. }
                | Handler::Cleans { .. }
                | Handler::LetsGo { .. },
                _,
            ) => live.metadata.deletion_timestamp.is_none().then(|| live.clone()),
        }
    }
}

/// It cannot be reached, and that is written down already.
fn has_forgotten(live: &NixosConfiguration) -> bool {
    live.status.as_ref().is_some_and(|status| {
        status.applied_commit.is_none()
            && status.condition("Applied").is_some_and(|applied| applied.status == "False")
    })
}
