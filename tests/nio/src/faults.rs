//! What is wrong with a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::event::Actor;

/// Which applies fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fail {
    /// The next ones, so many.
    Times(u32),
    /// All, until it is healed.
    Always,
    /// Those whose files have this hash, or have this text in an inline file.
    Content(String),
}

/// Whose applies fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Whose {
    /// Handler and timer alike (of [`Fail::Times`] whoever comes first).
    Any,
    Handler,
    Timer,
    /// Clean-ups; no others are meant by the rest.
    Cleanup,
}

/// All that is wrong with a machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Faults {
    pub fails: BTreeMap<Whose, Fail>,
    pub factor: f64,
    pub delay: Duration,
    pub timer_delay: Duration,
    pub lost: bool,
    /// Whose applies do not end.
    pub held: BTreeSet<Actor>,
    /// The timer comes round whenever the handler begins.
    pub twin: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            fails: BTreeMap::new(),
            factor: 1.0,
            delay: Duration::ZERO,
            timer_delay: Duration::ZERO,
            lost: false,
            held: BTreeSet::new(),
            twin: false,
        }
    }
}

impl Faults {
    /// Whether what now begins fails. One of a number of failures is used up by it.
    pub fn fails(&mut self, actor: Actor, cleanup: bool, files_hash: &str, texts: &[String]) -> bool {
        let asked: &[Whose] = match (cleanup, actor) {
            (true, _) => &[Whose::Cleanup],
            (false, Actor::Handler) => &[Whose::Handler, Whose::Any],
            (false, Actor::Timer) => &[Whose::Timer, Whose::Any],
        };
        let fails = |fail: &mut Fail| match fail {
            Fail::Times(0) => false,
            Fail::Times(left) => {
                *left -= 1;
                true
            }
            Fail::Always => true,
            Fail::Content(content) => {
                files_hash == content || texts.iter().any(|text| text.contains(content.as_str()))
            }
        };
        asked.iter().any(|whose| self.fails.get_mut(whose).is_some_and(fails))
    }

    /// How long something takes on this machine.
    pub fn slowed(&self, duration: Duration, actor: Actor) -> Duration {
        let beside = match actor {
            Actor::Handler => Duration::ZERO,
            Actor::Timer => self.timer_delay,
        };
        duration.mul_f64(self.factor) + self.delay + beside
    }
}
