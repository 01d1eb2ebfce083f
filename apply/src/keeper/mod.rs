//! Keeps the kubeconfig of each cluster: fetches it by SSH as soon as that may be, renews it before it ends, and
//! never replaces it by less (S17). Whether it is needed is decided by what is pure; here it is got.

mod errand;
mod host_keys;
mod key;
mod look;
mod secret;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nico_render::ClusterKey;
use nico_render::workload::{Kubeconfig, Need, Trouble, is_due, need};
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info, warn};

use crate::board::{Board, Kept, Post, Waker};
use crate::hands::writer::Writer;
use crate::metrics::Metrics;
use crate::observe::now;
use crate::ssh::{Limits, Room};
use errand::{Failure, Office};
use look::{Found, look};

/// What a machine has to be known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// By what it shows first, from then on.
    #[default]
    AcceptNew,
    /// By what a person wrote down.
    Strict,
}

/// How machines are visited.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A file of `ssh_config(5)`, for ports and jump hosts.
    pub ssh_config: Option<PathBuf>,
    /// The namespaces, beside the cluster's own, whose key Secrets may be read.
    pub key_namespaces: Vec<String>,
    /// What machines have to be known by.
    pub host_keys: HostKeyPolicy,
    /// How long each step may take, that of logging in to the cluster too.
    pub timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ssh_config: None,
            key_namespaces: Vec::new(),
            host_keys: HostKeyPolicy::default(),
            timeout: Duration::from_secs(15),
        }
    }
}

impl Settings {
    fn limits(&self) -> Limits {
        Limits { connect: self.timeout, command: self.timeout, ..Limits::default() }
    }
}

/// So many clusters are looked after at once.
const AT_ONCE: usize = 64;
/// What fails is tried again after an interval, then after twice that, and so on; no later than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// What only time mends.
const LONG_PAUSE: Duration = Duration::from_hours(1);
/// So many looks at a Secret may fail in a row before that is told.
const LOOKS: u32 = 3;

/// Looks after all clusters.
pub(crate) struct Keeper {
    office: Arc<Office>,
    board: Arc<Board>,
    waker: Waker,
    metrics: Metrics,
    interval: Duration,
    cases: BTreeMap<ClusterKey, Case>,
    jobs: JoinSet<Ended>,
    tasks: BTreeMap<Id, ClusterKey>,
    permits: Arc<Semaphore>,
}

/// What is remembered of a cluster.
#[derive(Default)]
struct Case {
    is_busy: bool,
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
}

/// An errand that failed.
struct Failed {
    circumstances: Circumstances,
    pause: Duration,
    not_before: Option<Instant>,
}

/// What an errand depends on: when it changes it is tried again at once.
#[derive(Clone, PartialEq, Eq)]
struct Circumstances {
    cluster: Option<i64>,
    sources: Vec<String>,
    machines: Vec<Option<i64>>,
}

enum Job {
    Look,
    Fetch,
}

enum Ended {
    Looked { version: Option<String>, found: Result<Found, crate::ApplyError> },
    Fetched { circumstances: Circumstances, got: Result<Kept, Failure> },
}

impl Keeper {
    pub fn new(
        writer: Writer,
        board: Arc<Board>,
        waker: Waker,
        metrics: Metrics,
        settings: Settings,
        interval: Duration,
    ) -> Self {
        Self {
            office: Arc::new(Office::new(writer, settings)),
            board,
            waker,
            metrics,
            interval,
            cases: BTreeMap::new(),
            jobs: JoinSet::new(),
            tasks: BTreeMap::new(),
            permits: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Never returns.
    pub async fn run(mut self) {
        // A visit may not be needed for months.
        let _swept = spawn_blocking(Room::clear_what_was_left).await;
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.board.news() => {}
                Some(ended) = self.jobs.join_next_with_id() => match ended {
                    Ok((id, ended)) => self.ended(id, ended),
                    Err(failed) => {
                        error!(%failed, "looking after a kubeconfig has failed");
                        self.panicked(failed.id());
                    }
                },
            }
            self.go_over();
        }
    }

    fn go_over(&mut self) {
        let posts = self.board.posts();
        self.cases.retain(|key, case| case.is_busy || posts.contains_key(key));
        for (key, (post, kept)) in posts {
            let case = self.cases.entry(key.clone()).or_default();
            if let Some(job) = case.job(&post, &kept) {
                case.is_busy = true;
                self.begin(key, job, post, kept);
            } else if kept.is_well() && self.board.kept(&key, kept.without_trouble()) {
                self.waker.wake(&key.namespace);
            }
        }
    }

    fn begin(&mut self, key: ClusterKey, job: Job, post: Post, kept: Kept) {
        let (office, permits) = (self.office.clone(), self.permits.clone());
        let task = self.jobs.spawn(async move {
            // Only a closed semaphore gives none, and nobody closes it.
            let _permit = permits.acquire().await;
            match job {
                Job::Look => {
                    Ended::Looked { version: post.secret.clone(), found: look(&office, &post).await }
                }
                Job::Fetch => Ended::Fetched {
                    circumstances: Circumstances::of(&post),
                    got: office.fetch(&post, &kept).await,
                },
            }
        });
        self.tasks.insert(task.id(), key);
    }

    fn ended(&mut self, id: Id, ended: Ended) {
        let Some(key) = self.tasks.remove(&id) else { return };
        self.count(&key, &ended);
        let case = self.cases.entry(key.clone()).or_default();
        case.is_busy = false;
        let before = self.board.kept_of(&key);
        let kept = match ended {
            Ended::Looked { version, found } => case.looked(&key, version, found, before, self.interval),
            Ended::Fetched { circumstances, got } => {
                case.fetched(&key, circumstances, got, before, self.interval)
            }
        };
        if kept.is_some_and(|kept| self.board.kept(&key, kept)) {
            self.waker.wake(&key.namespace);
        }
    }

    fn count(&self, key: &ClusterKey, ended: &Ended) {
        let metrics = self.metrics.cluster(key);
        match ended {
            Ended::Fetched { got: Ok(_), .. } => metrics.kubeconfig_fetched(),
            Ended::Fetched { got: Err(Failure::Told(_) | Failure::Lasting(_)), .. } => {
                metrics.kubeconfig_failed();
            }
            Ended::Fetched { got: Err(Failure::Passing), .. } | Ended::Looked { .. } => {}
        }
    }

    /// It is left alone for as long as if it had failed.
    fn panicked(&mut self, id: Id) {
        let Some(key) = self.tasks.remove(&id) else { return };
        let case = self.cases.entry(key).or_default();
        *case = Case { rests_until: after(LONGEST_PAUSE), ..Case::default() };
    }
}

impl Case {
    fn job(&self, post: &Post, kept: &Kept) -> Option<Job> {
        let rests = self.rests_until.is_some_and(|until| Instant::now() < until);
        if self.is_busy || rests {
            return None;
        }
        if !self.looked.is_at(post.secret.as_ref()) {
            return Some(Job::Look);
        }
        if self.is_taken || !self.may_try(&Circumstances::of(post)) {
            return None;
        }
        let stored = kept.kubeconfig.stored.as_ref();
        match need(&post.cluster, &post.ground.sources, stored, kept.renew_at, now()) {
            Need::Fetch => Some(Job::Fetch),
            Need::Nothing => None,
        }
    }

    fn may_try(&self, circumstances: &Circumstances) -> bool {
        self.failed.as_ref().is_none_or(|failed| {
            let is_over = failed.not_before.is_none_or(|at| at <= Instant::now());
            failed.circumstances != *circumstances || is_over
        })
    }

    fn looked(
        &mut self,
        key: &ClusterKey,
        version: Option<String>,
        found: Result<Found, crate::ApplyError>,
        before: Option<Kept>,
        interval: Duration,
    ) -> Option<Kept> {
        match found {
            Ok(Found { kept, is_taken }) => {
                *self = Self { looked: Looked::At(version), is_taken, ..Self::default() };
                Some(kept)
            }
            Err(error) => {
                self.rests_until = after(interval);
                self.failed_looks = self.failed_looks.saturating_add(1);
                warn!(cluster = %key, error = crate::error::chain(&error), "cannot look at the kubeconfig");
                let before = before.unwrap_or_default();
                (self.failed_looks >= LOOKS).then(|| before.with(trouble::unreadable()))
            }
        }
    }

    fn fetched(
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
        }
    }
}

impl Circumstances {
    fn of(post: &Post) -> Self {
        let sources = post.ground.sources.settled.clone();
        let generation = |machine: &String| post.ground.machines.get(machine)?.metadata.generation;
        Self {
            cluster: post.cluster.metadata.generation,
            machines: sources.iter().map(generation).collect(),
            sources,
        }
    }
}

impl Kept {
    /// What kept it from being replaced keeps it from nothing any more: it is to be kept as it is.
    fn is_well(&self) -> bool {
        let Kubeconfig { stored, trouble } = &self.kubeconfig;
        trouble.is_some() && stored.as_ref().is_some_and(|stored| !is_due(stored, self.renew_at, now()))
    }

    fn without_trouble(self) -> Self {
        let kubeconfig = Kubeconfig { trouble: None, ..self.kubeconfig };
        Self { kubeconfig, ..self }
    }

    fn with(self, trouble: Trouble) -> Self {
        let kubeconfig = Kubeconfig { trouble: Some(trouble), ..self.kubeconfig };
        Self { kubeconfig, ..self }
    }
}
