//! What NIO's status proves about one configuration: at rest, delivered, proven, settled, overdue; that an
//! apply of it is in flight, that it is joining.
//!
//! Python NIO's readings go stale: after an update the old commit and the old success simply stay, until
//! the new apply has ended and while it fails. What binds a reading to a content is the hash of the
//! files, and that the handler has ended with the live spec. What cannot be told is unknown, and unknown
//! is unsafe: it never counts as yes. See the project's page on NIO for how this was found out.

pub(crate) mod attempts;
mod cleared;
mod flight;
mod go;
mod lack;
mod overdue;
mod python;
pub(crate) mod said;
pub(crate) mod times;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};

pub use cleared::cleared;
pub use flight::{InFlight, Joining};
pub use lack::{Finding, GoPhase, Lack, TimeField};
pub use overdue::{Overdue, Tardiness};

/// NIO's own time-out: no apply takes longer.
pub const NIO_TIMEOUT: SignedDuration = SignedDuration::from_hours(1);

/// So long after it was replaced an undelivered content may still end on a machine: while NIO's handler works at
/// the new one, for its time-out at the most, the timer beside it may begin the old one on its frozen copy, and
/// be as long at it.
pub const CONFIRM_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// How long a new apply must stand still, and how long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// `rollout.minReadySeconds`.
    pub min_ready: SignedDuration,
    /// `rollout.progressDeadlineSeconds`.
    pub deadline: SignedDuration,
}

/// NIO applies a new configuration twice, a minute apart at the most in what was seen.
const DEFAULT_MIN_READY_SECONDS: i32 = 60;
/// NIO's own time-out is 3600 s; this leaves it the time to say so.
const DEFAULT_DEADLINE_SECONDS: i32 = 4200;

impl Timing {
    /// As the cluster's spec has it.
    pub fn of(cluster: &KubernetesCluster) -> Self {
        let rollout = cluster.spec.rollout.as_ref();
        let seconds =
            |field: Option<i32>, default: i32| SignedDuration::from_secs(i64::from(field.unwrap_or(default)));
        Self {
            min_ready: seconds(
                rollout.and_then(|rollout| rollout.min_ready_seconds),
                DEFAULT_MIN_READY_SECONDS,
            ),
            deadline: seconds(
                rollout.and_then(|rollout| rollout.progress_deadline_seconds),
                DEFAULT_DEADLINE_SECONDS,
            ),
        }
    }
}

/// What is proven about a configuration, at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// NIO can log in on the machine.
    pub reachable: Finding,
    /// NIO's handler has ended with the live spec.
    pub at_rest: Finding,
    /// NIO's status holds the hash of the live files.
    pub delivered: Finding,
    /// Delivered, at rest, a success, and the commit is known.
    pub proven: Finding,
    /// Proven, and it has stood still long enough that no second apply can still be under way.
    pub settled: Finding,
    /// It was not delivered in time, or NIO failed three times.
    pub overdue: Finding<Overdue>,
    /// An apply of it may be running.
    pub in_flight: Finding<InFlight>,
    /// Nothing of it was ever delivered.
    pub joining: Finding<Joining>,
    /// What NIO said of the attempt that failed last, as long as it fails: shortened, and free of whatever
    /// may be a secret.
    pub said: Option<String>,
}

impl Proof {
    /// Settled, beyond doubt.
    pub const fn is_settled(&self) -> bool {
        self.settled.is_yes()
    }

    /// What it lacks to be settled.
    pub const fn lack(&self) -> Option<&Lack> {
        self.settled.lack()
    }
}

/// Reads what NIO's status proves.
pub fn prove(
    configuration: &NixosConfiguration,
    machine: Option<&Machine>,
    dialect: Dialect,
    timing: &Timing,
    now: Timestamp,
) -> Proof {
    let reachable = reachable(machine);
    match dialect {
        Dialect::Python => python::prove(configuration, reachable, timing, now),
        Dialect::Go => go::prove(configuration, reachable, timing, now),
    }
}

/// Whether a configuration is proven, which is no matter of time.
pub fn is_proven(configuration: &NixosConfiguration, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Python => python::Reading::of(configuration).proven().is_yes(),
        Dialect::Go => false,
    }
}

fn reachable(machine: Option<&Machine>) -> Finding {
    let Some(machine) = machine else {
        return Finding::No(Lack::NoMachine);
    };
    match machine.status.as_ref().and_then(|status| status.discoverable) {
        Some(true) => Finding::Yes(()),
        Some(false) | None => Finding::No(Lack::Unreachable),
    }
}
