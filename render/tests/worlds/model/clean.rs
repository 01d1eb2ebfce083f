//! How the Python NIO lets a machine go: the clean-up of what is deleted, and what is looked at again when a
//! machine changes.

use std::sync::Arc;

use nico_crds::NixosConfiguration;

use super::look::{Look, commit_text, condition};
use super::nio::{Actor, Handler, RETRY, Timer};
use super::snapshot::{machine_of, uid};
use super::time_text;
use crate::run::{Event, World};

impl World {
    /// A deleted one is cleaned, where it can be reached.
    pub fn clean(&mut self, uid: &str, live: &Arc<NixosConfiguration>) {
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        // What runs ends first.
        if let Timer::Applies(_) = actor.timer {
            return;
        }
        let name = actor.name.clone();
        match self.look(live) {
            // Tried again for ever; looked at again when something changes.
            Look::NoMachine => {}
            Look::Unreachable => self.server.let_go(&name),
            Look::Nothing | Look::Differs => {
                let number = self.number(machine_of(live));
                let count = self.count(machine_of(live));
                let ends = self.now + self.dice.between("clean", number, count, 10, 120);
                if let Some(actor) = self.nio.actors.get_mut(uid) {
                    actor.handler = Handler::Cleans { ends };
                }
                self.at(ends, Event::Handler(uid.to_owned()));
            }
        }
    }

    pub fn clean_ends(&mut self, uid: &str) {
        let now = self.now;
        let Some(actor) = self.nio.actors.get_mut(uid) else { return };
        actor.handler = Handler::Rests;
        let (name, machine) = (actor.name.clone(), actor.machine.clone());
        let Some(hardware) = self.truth.machines.get_mut(&machine) else { return };
        if hardware.cleanup_fails {
            // For ever: nothing is to be seen of it until a person does something.
            return;
        }
        if !hardware.is_reachable(now) {
            self.at(now + RETRY, Event::Handler(uid.to_owned()));
            return;
        }
        hardware.runs = None;
        hardware.half = None;
        self.server.machine_status(&machine, |status| {
            status.has_configuration = Some(false);
            status.applied_configuration = None;
            status.applied_commit = None;
        });
        self.note(|| format!("nio: {machine} is clean"));
        self.tell_removal(uid, &name, &machine);
    }

    /// As of an apply, but for the word; and it lets go a while later, once its timer has ended.
    fn tell_removal(&mut self, uid: &str, name: &str, machine: &str) {
        let Some(live) = self.server.live(name).cloned() else { return };
        let (time, commit) = (time_text(self.now), commit_text(self.truth.commit));
        let hash = self.nio.hash(&live);
        self.server.status(name, |status| {
            status.applied_commit = Some(commit);
            status.last_applied_time = Some(time.clone());
            status.additional_files_hash = Some(hash.to_string());
            status.has_full_install = Some(false);
            status.conditions = vec![condition("True", "Removed", time)];
        });
        let (number, count) = (self.number(machine), self.count(machine));
        let at = self.now + self.dice.between("lets go", number, count, 1, 60);
        if let Some(actor) = self.nio.actors.get_mut(uid) {
            actor.handler = Handler::LetsGo { at };
        }
        self.at(at, Event::Handler(uid.to_owned()));
    }

    /// After a change of a Machine or of a machine those that wait for it are looked at again.
    pub fn wake(&mut self, machine: &str) {
        let of_it = |actor: &&Actor| actor.machine == machine;
        let names: Vec<_> = self.nio.actors.values().filter(of_it).map(|actor| actor.name.clone()).collect();
        for name in names {
            let Some(live) = self.server.live(&name) else { continue };
            let uid = uid(live).to_owned();
            if live.metadata.deletion_timestamp.is_some() {
                self.at(self.now + RETRY, Event::Handler(uid));
            } else {
                self.stir(&uid);
            }
        }
    }

    /// An outage: what runs on the machine fails soon.
    pub fn interrupt(&mut self, machine: &str) {
        let ends = self.now + 20;
        let running: Vec<u64> = self
            .nio
            .applies
            .iter()
            .filter(|(_, apply)| apply.machine == machine && apply.ends > ends)
            .map(|(id, _)| *id)
            .collect();
        for id in running {
            if let Some(apply) = self.nio.applies.get_mut(&id) {
                apply.fails = true;
                apply.ends = ends;
            }
            self.at(ends, Event::Ends(id));
        }
    }
}
