//! One look of NIO's at a configuration, and what an apply does to the machine and to the objects.

use std::collections::VecDeque;
use std::sync::Arc;

use nico_crds::NixosConfiguration;
use nico_crds::configuration::NioCondition;
use nico_crds::names::{LABEL_CLUSTER, Role};

use super::machine::Runs;
use super::nio::{Apply, By, TIMEOUT};
use super::snapshot::{machine_of, role, uid};
use super::time_text;
use crate::run::{Event, World, clock};

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    NoMachine,
    Unreachable,
    Nothing,
    Differs,
}

impl World {
    pub fn look(&mut self, object: &NixosConfiguration) -> Look {
        let machine = machine_of(object);
        if !self.server.objects.machines.contains_key(machine) {
            return Look::NoMachine;
        }
        if !self.truth.machines.get(machine).is_some_and(|hardware| hardware.is_reachable(self.now)) {
            return Look::Unreachable;
        }
        let hash = self.nio.hash(object);
        let commit = commit_text(self.truth.commit);
        let status = object.status.as_ref();
        let same = status.is_some_and(|status| {
            status.applied_commit.as_deref() == Some(commit.as_str())
                && status.additional_files_hash.as_deref() == Some(&*hash)
        });
        if same { Look::Nothing } else { Look::Differs }
    }

    /// One failed look, and the commit is forgotten. The hash and the Machine stay as they are.
    pub fn forget_commit(&mut self, object: &NixosConfiguration) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let now = time_text(self.now);
        self.note(|| format!("nio: {name} cannot be reached"));
        self.server.status(&name, |status| {
            status.applied_commit = None;
            status.last_applied_time = None;
            status.target_machine = object.machine().map(str::to_owned);
            if status.condition("Applied").is_none_or(|applied| applied.status != "False") {
                status.conditions = vec![condition("False", "MissingCredentials", now)];
            }
        });
    }

    /// An apply begins.
    pub fn begin(&mut self, object: &Arc<NixosConfiguration>, by: By) -> u64 {
        let machine = machine_of(object).to_owned();
        let (number, count, now) = (self.number(&machine), self.count(&machine), self.now);
        let content = object.spec.git_ref.clone().unwrap_or_default();
        let wipes = object.spec.full_install == Some(true)
            && object.status.as_ref().is_none_or(|status| status.full_disk_install_completed != Some(true));
        let usual = if wipes {
            self.dice.between("install", number, count, 90, 900)
        } else {
            self.dice.between("switch", number, count, 15, 180)
        };
        let number8 = self.truth.machines.get(&machine).map_or(0, |hardware| hardware.number);
        let takes = self.truth.contents.takes(&content, number8).unwrap_or(usual);
        let scripted = self.scripted.get_mut(&(machine.clone(), by)).and_then(VecDeque::pop_front);
        let takes = scripted.map_or(takes, |(takes, _)| takes);
        let hardware = self.truth.machines.get_mut(&machine).unwrap();
        let by_chance = self.dice.percent("fails", number, count, self.genes.chance_of_failure)
            && now < self.genes.calm_at;
        let by_nature =
            takes > TIMEOUT || hardware.broken || by_chance || self.truth.contents.fails(&content, number8);
        let fails = scripted.map_or(by_nature, |(_, fails)| fails);
        hardware.applies += 1;
        if wipes {
            let before =
                hardware.runs.as_ref().filter(|runs| runs.uid != uid(object)).map(|runs| runs.uid.clone());
            let asked = self
                .server
                .objects
                .machines
                .get(&machine)
                .and_then(|object| object.metadata.annotations.as_ref())
                .is_some_and(|annotations| annotations.contains_key(nico_crds::names::REINSTALL_FOR));
            // Of what no object told any more nobody could know.
            let cluster = object.label(LABEL_CLUSTER);
            let is_claimed = self.server.objects.clusters.values().any(|other| {
                let status = other.status.as_ref().and_then(|status| status.applied_machines.as_ref());
                other.metadata.name.as_deref() != cluster
                    && status.is_some_and(|applied| applied.contains_key(&machine))
            });
            let before = before.filter(|_| is_claimed || !hardware.is_unknown);
            self.checker.wiping(&machine, before.as_deref(), asked);
            hardware.wipes += 1;
            hardware.runs = None;
            hardware.half = None;
        }
        let hash = self.nio.hash(object);
        let before = object.status.as_ref().and_then(|status| status.additional_files_hash.as_deref());
        let apply = Apply {
            object: object.clone(),
            machine,
            by,
            again: before == Some(&*hash),
            hash,
            commit: self.truth.commit,
            wipes,
            ends: now + takes.min(TIMEOUT),
            fails,
        };
        let until = clock(apply.ends);
        self.note(|| {
            let what = if wipes { "WIPES and installs" } else { "switches" };
            let text = revision(object);
            let fails = if fails { ", will fail" } else { "" };
            format!("nio: {by:?} {what} {} to {content} r{text} until {until}{fails}", apply.machine)
        });
        if wipes && apply.ends - now > 60 {
            self.at(now + (apply.ends - now) / 2, Event::Reboots(apply.machine.clone()));
        }
        let live = self.server.by_uid(uid(object)).cloned();
        self.checker.apply_begins(&apply, live.as_deref(), &self.nio, &self.truth, now);
        self.register(apply)
    }

    /// What it has come to, on the machine and in the objects.
    pub fn applied(&mut self, apply: &Apply) {
        let now = self.now;
        let content = apply.object.spec.git_ref.clone().unwrap_or_default();
        let cluster = apply.object.label(LABEL_CLUSTER).unwrap_or_default().to_owned();
        let is_control_plane = role(&apply.object) == Role::ControlPlane;
        let Some(hardware) = self.truth.machines.get_mut(&apply.machine) else { return };
        hardware.applies = hardware.applies.saturating_sub(1);
        if apply.fails {
            // The same content once more leaves nothing half.
            let same = hardware
                .runs
                .as_ref()
                .is_some_and(|runs| *runs.hash == *apply.hash && runs.commit == apply.commit);
            if !apply.wipes && !same {
                hardware.half = Some(content);
            }
            let name = apply.object.metadata.name.as_deref().unwrap_or_default();
            let status = self.server.live(name).and_then(|live| live.status.as_ref());
            let said =
                status.is_some_and(|status| status.additional_files_hash.as_deref() == Some(&*apply.hash));
            let was_delivered = apply.again || hardware.delivered.contains(&*apply.hash);
            let hides = (apply.wipes && said) || (was_delivered && !said && !same);
            hardware.spoiled |= hides;
            self.note(|| format!("nio: {:?} fails on {}", apply.by, apply.machine));
            return;
        }
        hardware.half = None;
        hardware.spoiled = false;
        hardware.delivered.insert(apply.hash.to_string());
        hardware.is_unknown = false;
        hardware.runs = Some(Runs {
            uid: uid(&apply.object).to_owned(),
            hash: apply.hash.to_string(),
            commit: apply.commit,
            content,
            cluster: cluster.clone(),
            is_control_plane,
        });
        if is_control_plane {
            self.truth.joins(&cluster, &apply.machine, now);
        }
        let number = self.truth.machines.get(&apply.machine).map_or(0, |hardware| u64::from(hardware.number));
        let is_held = self.dice.between("held", number, 0, 0, 9) == 0 && now < self.genes.calm_at;
        self.truth.unregistered.insert((cluster, apply.machine.clone()), is_held);
        self.truth.nodes_go_on(now, self.genes.tells_members);
        self.tell(apply);
        self.note(|| {
            format!("nio: {:?} is done with {} r{}", apply.by, apply.machine, revision(&apply.object))
        });
    }

    fn tell(&mut self, apply: &Apply) {
        let (time, commit) = (time_text(self.now), commit_text(apply.commit));
        let name = apply.object.metadata.name.clone().unwrap_or_default();
        self.server.machine_status(&apply.machine, |status| {
            status.has_configuration = Some(true);
            status.applied_configuration = Some(name.clone());
            status.applied_commit = Some(commit.clone());
            status.last_applied_time = Some(time.clone());
        });
        self.server.status(&name, |status| {
            status.applied_commit = Some(commit.clone());
            status.last_applied_time = Some(time.clone());
            status.target_machine = Some(apply.machine.clone());
            status.additional_files_hash = Some(apply.hash.to_string());
            status.has_full_install = Some(apply.wipes);
            if status.condition("Applied").is_none_or(|applied| applied.status != "True") {
                status.conditions = vec![condition("True", "Success", time.clone())];
            }
        });
    }

    /// NIO looks whether a machine can be reached, and says so.
    pub fn discover(&mut self, machine: &str) {
        let reachable =
            self.truth.machines.get(machine).is_some_and(|hardware| hardware.is_reachable(self.now));
        let says_false = self.genes.first_look_says_false;
        self.server.machine_status(machine, |status| {
            if says_false && status.discoverable.is_none() {
                status.has_configuration.get_or_insert(false);
            }
            status.discoverable = Some(reachable);
        });
        self.wake(machine);
    }

    /// Throws for a machine are told apart by their count.
    pub fn count(&mut self, machine: &str) -> u64 {
        let count = self.throws.entry(machine.to_owned()).or_default();
        *count += 1;
        *count
    }

    pub fn number(&self, machine: &str) -> u64 {
        self.truth.machines.get(machine).map_or(0, |hardware| u64::from(hardware.number))
    }
}

pub fn condition(status: &str, reason: &str, time: String) -> NioCondition {
    NioCondition {
        type_: "Applied".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: String::new(),
        last_transition_time: Some(time),
    }
}

pub fn commit_text(commit: u64) -> String {
    format!("{commit:040x}")
}

/// The revision in the text of a configuration.
pub fn revision(object: &NixosConfiguration) -> &str {
    let text =
        object.spec.additional_files.first().and_then(|file| file.inline.as_deref()).unwrap_or_default();
    text.split_once("revision = ")
        .and_then(|(_, rest)| rest.split_once(';'))
        .map_or("?", |(number, _)| number)
}
