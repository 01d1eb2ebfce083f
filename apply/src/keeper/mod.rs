//! Keeps the kubeconfig of each cluster: fetches it by SSH as soon as that may be, renews it before it ends, and
//! never replaces it by less (S17). Whether it is needed is decided by what is pure; here it is got.

mod case;
mod errand;
mod host_keys;
mod key;
mod look;
mod secret;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nico_render::ClusterKey;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::error;

use crate::board::{Board, Kept, Post, Waker};
use crate::hands::writer::Writer;
use crate::metrics::Metrics;
use crate::ssh::{Limits, Room};
use case::{Case, Circumstances, Job};
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
const AT_ONCE: usize = 32;
/// For so long what was left behind may take to be cleared away.
const SWEEP: Duration = Duration::from_secs(30);

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
        let _swept = timeout(SWEEP, spawn_blocking(Room::clear_what_was_left)).await;
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.board.news() => {}
                Some(ended) = self.jobs.join_next_with_id() => match ended {
                    Ok((id, ended)) => self.ended(id, ended),
                    Err(failed) => self.panicked(failed.id()),
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
            case.enter(&post);
            if let Some(job) = case.job(&post, &kept) {
                case.is_busy = true;
                self.begin(key, job, post, kept);
            } else if case.is_calm() && kept.is_well() && self.board.kept(&key, kept.without_trouble()) {
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
                    circumstances: Circumstances::of(&post, &kept),
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
        error!(cluster = %key, "looking after the kubeconfig has panicked");
        self.metrics.cluster(&key).panicked();
        self.cases.entry(key.clone()).or_default().panicked();
        let before = self.board.kept_of(&key).unwrap_or_default();
        if self.board.kept(&key, before.with(trouble::panicked())) {
            self.waker.wake(&key.namespace);
        }
    }
}
