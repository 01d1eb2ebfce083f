//! How long things take, and what the stand-in serves.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Which configurations and machines are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of all namespaces.
    All,
    /// Those of these namespaces.
    Namespaces(Vec<String>),
}

impl Scope {
    /// Those of one namespace.
    pub fn namespace(name: impl Into<String>) -> Self {
        Self::Namespaces(vec![name.into()])
    }
}

/// All durations, and the seed. The default is what tests want: everything about a hundred times as fast
/// as the real NIO, [`Settings::real`].
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Decides how long each apply takes, and when the timer comes round: that is, whether it doubles the
    /// handler.
    pub seed: u64,
    /// How long an apply, an installation or a clean-up takes.
    pub apply: RangeInclusive<Duration>,
    /// How long it takes to see whether there is anything to apply: a login and a clone.
    pub look: Duration,
    /// The timer's pause after a look that succeeded, give or take a quarter.
    pub timer_interval: Duration,
    /// Handler and timer wait so long after a failure.
    pub retry_delay: Duration,
    /// How often it is tried whether a machine can be reached.
    pub machine_interval: Duration,
    /// How often it is looked whether the timer of a deleted object has ended.
    pub polling: Duration,
    /// An apply that takes longer fails then.
    pub timeout: Duration,
}

impl Settings {
    /// As the real one has it. (How long it takes to apply something is the machine's affair.)
    pub const fn real() -> Self {
        Self {
            seed: 1,
            apply: Duration::from_secs(30)..=Duration::from_secs(90),
            look: Duration::from_secs(3),
            timer_interval: Duration::from_mins(2),
            retry_delay: Duration::from_mins(1),
            machine_interval: Duration::from_mins(1),
            polling: Duration::from_mins(1),
            timeout: Duration::from_hours(1),
        }
    }

    /// With every duration that many times as long.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let scaled = |duration: Duration| duration.mul_f64(factor);
        Self {
            seed: self.seed,
            apply: scaled(*self.apply.start())..=scaled(*self.apply.end()),
            look: scaled(self.look),
            timer_interval: scaled(self.timer_interval),
            retry_delay: scaled(self.retry_delay),
            machine_interval: scaled(self.machine_interval),
            polling: scaled(self.polling),
            timeout: scaled(self.timeout),
        }
    }

    /// With another seed.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            apply: Duration::from_millis(100)..=Duration::from_millis(200),
            look: Duration::from_millis(10),
            timer_interval: Duration::from_secs(1),
            retry_delay: Duration::from_millis(300),
            machine_interval: Duration::from_millis(300),
            polling: Duration::from_millis(300),
            timeout: Duration::from_secs(30),
        }
    }
}
