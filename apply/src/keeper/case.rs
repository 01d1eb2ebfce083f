//! What is remembered of one cluster, and what is to be done for it next.

use std::time::{Duration, Instant};

use nico_render::ClusterKey;
use nico_render::workload::{Need, need};
use tracing::{info, warn};

use super::errand::Failure;
use super::look::Found;
use super::trouble;
use crate::ApplyError;
use crate::board::{Kept, Post};
use crate::error::chain;
use crate::observe::now;

/// What fails is tried again after an interval, then after twice that, and so on; no later than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// What only time mends.
const LONG_PAUSE: Duration = Duration::from_hours(1);
/// So many looks at a Secret may fail in a row before that is told.
const LOOKS: u32 = 3;

/// What is remembered of a cluster.
#[derive(Default)]
pub(super) struct Case {
    /// The leadership in which it is remembered, and the cluster's UID: somebody else may have led in between, and
    /// another cluster may have the name now.
    of: Option<(u64, Option<String>)>,
    pub is_busy: bool,
    /// Until then nothing is done for it: something went wrong that only time mends.
    rests_until: Option<Instant>,
    looked: Looked,
    failed_looks: u32,
    /// The Secret is somebody else's: nothing is fetched.
    is_taken: bool,
    failed: Option<Failed>,
}

/// Whether the Secret was looked at.
#[derive(Default, PartialEq, Eq)]
enum Looked {
    #[default]
    Never,
    /// In this version; None: there was none.
    At(Option<String>),
    /// It was written then, and the caches show it soon.
    Written(Instant),
}

/// They show it by then, or it is gone again.
const COMES_BACK: Duration = Duration::from_secs(20);

/// An errand that failed.
struct Failed {
    circumstances: Circumstances,
    pause: Duration,
    not_before: Option<Instant>,
}

/// What an errand depends on: when it changes it is tried again at once.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Circumstances {
    cluster: (Option<String>, Option<i64>),
    sources: Vec<String>,
    machines: Vec<Option<i64>>,
    /// What is stored lets somebody in.
    is_of_use: bool,
}

/// What is done for a cluster.
pub(super) enum Job {
    /// The Secret is looked at.
    Look,
    /// A kubeconfig is fetched.
    Fetch,
}

impl Case {
    /// What is known from another leadership may have changed since.
    pub fn enter(&mut self, post: &Post) {
        let of = Some((post.term.number(), post.cluster.metadata.uid.clone()));
        if self.of != of && !self.is_busy {
            *self = Self { of, ..Self::default() };
        }
    }

    /// Nothing goes wrong that has to be told.
    pub fn is_calm(&self) -> bool {
        self.failed_looks == 0 && !self.rests()
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// What is to be done for it now.
    pub fn job(&self, post: &Post, kept: &Kept) -> Option<Job> {
        if self.is_busy || self.rests() {
            return None;
        }
        if !self.looked.is_at(post.secret.as_ref()) {
            return Some(Job::Look);
        }
        if self.is_taken || !self.may_try(&Circumstances::of(post, kept)) {
            return None;
        }
        let stored = kept.kubeconfig.stored.as_ref();
        match need(&post.cluster, &post.ground.sources, stored, kept.renew_at, now()) {
            Need::Fetch => Some(Job::Fetch),
            Need::Nothing => None,
        }
    }

    /// Something went wrong that nobody thought of: it is left alone for a while.
    pub fn panicked(&mut self) {
        *self = Self { of: self.of.take(), rests_until: after(LONGEST_PAUSE), ..Self::default() };
    }

    fn may_try(&self, circumstances: &Circumstances) -> bool {
        self.failed.as_ref().is_none_or(|failed| {
            let is_over = failed.not_before.is_none_or(|at| at <= Instant::now());
            failed.circumstances != *circumstances || is_over
        })
    }

    /// The Secret was looked at. Returns what is known since.
    pub fn looked(
        &mut self,
        key: &ClusterKey,
        version: Option<String>,
        found: Result<Found, ApplyError>,
        before: Option<Kept>,
        interval: Duration,
    ) -> Option<Kept> {
        match found {
            Ok(Found { kept, is_taken }) => {
                *self = Self { of: self.of.take(), looked: Looked::At(version), is_taken, ..Self::default() };
                Some(kept)
            }
            Err(error) => {
                self.rests_until = after(interval);
                self.failed_looks = self.failed_looks.saturating_add(1);
                warn!(cluster = %key, error = chain(&error), "cannot look at the kubeconfig");
                let before = before.unwrap_or_default();
                (self.failed_looks >= LOOKS).then(|| before.with(trouble::unreadable()))
            }
        }
    }

    /// An errand has ended. Returns what is known since.
    pub fn fetched(
        &mut self,
        key: &ClusterKey,
        circumstances: Circumstances,
        got: Result<Kept, Failure>,
        before: Option<Kept>,
        interval: Duration,
    ) -> Option<Kept> {
        let failure = match got {
            Ok(kept) => {
                info!(cluster = %key, "the kubeconfig is stored");
                self.failed = None;
                self.looked = Looked::Written(Instant::now());
                return Some(kept);
            }
            Err(failure) => failure,
        };
        let again = self.failed.as_ref().filter(|failed| failed.circumstances == circumstances);
        let pause = match &failure {
            Failure::Lasting(_) => LONG_PAUSE,
            Failure::Told(_) | Failure::Passing => {
                again.map_or(interval, |failed| failed.pause.saturating_mul(2).min(LONGEST_PAUSE))
            }
        };
        self.failed = Some(Failed { circumstances, pause, not_before: after(pause) });
        match failure {
            Failure::Told(trouble) | Failure::Lasting(trouble) => {
                warn!(cluster = %key, reason = trouble.reason, seconds = pause.as_secs(), "no kubeconfig: {}", trouble.message);
                Some(before.unwrap_or_default().with(trouble))
            }
            Failure::Passing => None,
        }
    }
}

fn after(pause: Duration) -> Option<Instant> {
    Instant::now().checked_add(pause)
}

impl Looked {
    fn is_at(&self, version: Option<&String>) -> bool {
        match self {
            Self::Never => false,
            Self::At(looked_at) => looked_at.as_ref() == version,
            Self::Written(at) => version.is_none() && at.elapsed() < COMES_BACK,
        }
    }
}

impl Circumstances {
    pub fn of(post: &Post, kept: &Kept) -> Self {
        let stored = kept.kubeconfig.stored.as_ref();
        let sources = post.ground.sources.settled.clone();
        let generation = |machine: &String| post.ground.machines.get(machine)?.metadata.generation;
        Self {
            cluster: (post.cluster.metadata.uid.clone(), post.cluster.metadata.generation),
            is_of_use: stored.is_some_and(|stored| stored.lets_in(now())),
            machines: sources.iter().map(generation).collect(),
            sources,
        }
    }
}
