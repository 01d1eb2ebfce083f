//! The handle by which tests tell the stand-in what goes wrong, and ask what happened.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::event::Actor;
use crate::faults::{Fail, Whose};
use crate::journal::Journal;
use crate::log::Log;
use crate::world::World;

/// Cheap to clone; all clones are of the same world, which outlives NIO.
///
/// A machine is named by its name, whatever its namespace, or by `namespace/name`, which wins.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) world: Arc<World>,
}

impl Default for Control {
    fn default() -> Self {
        Self::new()
    }
}

impl Control {
    /// A world in which all is well, and nothing has happened.
    pub fn new() -> Self {
        Self { world: Arc::new(World::new(Journal::default())) }
    }

    /// A world whose log is a file of JSON lines. What is in it already has happened.
    pub fn with_log(path: &Path) -> io::Result<Self> {
        Ok(Self { world: Arc::new(World::new(Journal::open(path)?)) })
    }

    /// What happened so far.
    pub fn log(&self) -> Log {
        self.world.journal.log()
    }

    /// How many looks of an actor at the configurations of a machine have ended, whether or not they
    /// applied anything: how a test knows that nothing more comes of something.
    pub fn looks(&self, machine: &str, actor: Actor) -> u64 {
        self.world.looks(machine, actor)
    }

    /// Applies on this machine that begin from now on fail, whoever begins them.
    pub fn fail(&self, machine: &str, fail: Fail) {
        self.failing(machine, Whose::Any, fail);
    }

    /// Only those of the handler fail.
    pub fn fail_handler(&self, machine: &str, fail: Fail) {
        self.failing(machine, Whose::Handler, fail);
    }

    /// Only those of the timer fail.
    pub fn fail_timer(&self, machine: &str, fail: Fail) {
        self.failing(machine, Whose::Timer, fail);
    }

    /// Clean-ups fail.
    pub fn fail_cleanup(&self, machine: &str, fail: Fail) {
        self.failing(machine, Whose::Cleanup, fail);
    }

    fn failing(&self, machine: &str, whose: Whose, fail: Fail) {
        self.world.change(machine, |faults| drop(faults.fails.insert(whose, fail)));
    }

    /// Nothing fails any more on this machine. (Lost, slow and held ones stay so.)
    pub fn heal(&self, machine: &str) {
        self.world.change(machine, |faults| faults.fails.clear());
    }

    /// Whatever begins on this machine from now on takes that many times as long.
    pub fn slow(&self, machine: &str, factor: f64) {
        self.world.change(machine, |faults| faults.factor = factor.max(0.0));
    }

    /// Whatever begins on this machine from now on takes that much longer.
    pub fn slow_by(&self, machine: &str, delay: Duration) {
        self.world.change(machine, |faults| faults.delay = delay);
    }

    /// What the timer begins on this machine from now on takes that much longer: so an old content can end
    /// after a new one.
    pub fn slow_timer(&self, machine: &str, delay: Duration) {
        self.world.change(machine, |faults| faults.timer_delay = delay);
    }

    /// NIO cannot log in on this machine any more; what runs there fails. May be said before there is one.
    pub fn lose(&self, machine: &str) {
        self.world.change(machine, |faults| faults.lost = true);
    }

    /// It can again.
    pub fn find(&self, machine: &str) {
        self.world.change(machine, |faults| faults.lost = false);
    }

    /// What this actor applies on this machine does not end, until it is released: so that a test can do
    /// something in the middle of it, however long that takes. (A held clean-up is the handler's.)
    pub fn hold(&self, machine: &str, actor: Actor) {
        self.world.change(machine, |faults| {
            faults.held.insert(actor);
        });
    }

    /// What is held ends.
    pub fn release(&self, machine: &str, actor: Actor) {
        self.world.change(machine, |faults| {
            faults.held.remove(&actor);
        });
    }

    /// From now on the timer comes round whenever the handler begins to look: so it doubles an update too.
    pub fn twin(&self, machine: &str, always: bool) {
        self.world.change(machine, |faults| faults.twin = always);
    }

    /// The head of the default branch is now this commit, in all repositories.
    pub fn push(&self, commit: &str) {
        self.world.push(commit);
    }

    /// The head of the default branch.
    pub fn commit(&self) -> String {
        self.world.commit()
    }
}
