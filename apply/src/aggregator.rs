//! The aggregator: writes what there is to tell about each cluster into its status, under a field manager of its own.
//!
//! What is told is decided beside what is done, from the same picture; writing it is a loop of its own, so that
//! neither waits for the other, and neither's failures keep the other back. What was decided anew takes the place of
//! what waits: it knows more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt as _;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use nico_render::ClusterKey;
use nico_render::status::{Transition, transitions};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use crate::ApplyError;
use crate::error::chain;
use crate::events::Herald;
use crate::hands::writer::Writer;
use crate::lease::Term;

/// After the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So many statuses are written at once.
const AT_ONCE: usize = 16;

/// What is to be told of a cluster: what is decided last is what counts.
#[derive(Clone)]
pub(crate) struct Tidings {
    /// As it was when that was decided: the write is bound to it.
    pub cluster: Arc<KubernetesCluster>,
    pub status: KubernetesClusterStatus,
    pub term: Term,
}

/// What came of it.
pub(crate) struct Told {
    pub cluster: ClusterKey,
    pub outcome: Outcome,
}

pub(crate) enum Outcome {
    /// It was told.
    Written {
        /// The version that the cluster has since.
        version: Option<u64>,
        transitions: Vec<Transition>,
    },
    /// Telling it panicked.
    Panicked,
}

/// Where tidings are handed in.
#[derive(Clone, Default)]
pub(crate) struct Desk(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<BTreeMap<ClusterKey, Tidings>>,
    arrived: Notify,
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Tidings>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands it in, if it tells something new.
    pub fn hand_in(&self, cluster: &Arc<KubernetesCluster>, status: KubernetesClusterStatus, term: &Term) {
        let key = ClusterKey::of(cluster);
        if differs(cluster, &status) {
            let tidings = Tidings { cluster: cluster.clone(), status, term: term.clone() };
            self.waiting().insert(key, tidings);
            self.0.arrived.notify_one();
        } else {
            // What waits here was decided from less.
            self.waiting().remove(&key);
        }
    }

    /// Forgets what waits for a cluster: more is about to be known of it.
    pub fn withdraw(&self, cluster: &ClusterKey) {
        self.waiting().remove(cluster);
    }
}

/// Writes what is handed in.
pub(crate) struct Aggregator {
    desk: Desk,
    writer: Writer,
    herald: Herald,
    told: mpsc::UnboundedSender<Told>,
    permits: Arc<Semaphore>,
    writing: JoinSet<Result<Told, ApplyError>>,
    /// One status at a time of each cluster.
    busy: BTreeMap<Id, (ClusterKey, Tidings)>,
    pauses: BTreeMap<ClusterKey, Pause>,
}

struct Pause {
    length: Duration,
    until: Instant,
}

impl Aggregator {
    /// Who wants to know what was told is told.
    pub fn new(writer: Writer, herald: Herald) -> (Self, Desk, mpsc::UnboundedReceiver<Told>) {
        let desk = Desk::default();
        let (told, heard) = mpsc::unbounded_channel();
        let aggregator = Self {
            desk: desk.clone(),
            writer,
            herald,
            told,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            writing: JoinSet::new(),
            busy: BTreeMap::new(),
            pauses: BTreeMap::new(),
        };
        (aggregator, desk, heard)
    }

    /// Never returns.
    pub async fn run(mut self) {
        let desk = self.desk.clone();
        loop {
            let next = self.next();
            tokio::select! {
                () = desk.0.arrived.notified() => {}
                () = until(next) => {}
                Some(ended) = self.writing.join_next_with_id() => match ended {
                    Ok((id, result)) => self.ended(id, result),
                    Err(failed) => self.panicked(failed.id()),
                },
            }
            self.begin();
        }
    }

    /// When what waits may be tried that could not be before.
    fn next(&self) -> Option<Instant> {
        let waiting = self.desk.waiting();
        let is_busy = |key: &ClusterKey| self.busy.values().any(|(busy, _)| busy == key);
        let waits = |key: &&ClusterKey| waiting.contains_key(*key) && !is_busy(key);
        let pauses = self.pauses.iter().filter(|(key, _)| waits(key));
        pauses.map(|(_, pause)| pause.until).min()
    }

    /// Begins to write what waits, and may be tried.
    fn begin(&mut self) {
        let now = Instant::now();
        let mut waiting = self.desk.waiting();
        // One that failed and is tried again keeps its pause until that succeeds: it would be as long again.
        let busy: Vec<_> = self.busy.values().map(|(key, _)| key.clone()).collect();
        self.pauses.retain(|key, pause| pause.until > now || waiting.contains_key(key) || busy.contains(key));
        let may = |key: &ClusterKey| {
            self.busy.values().all(|(busy, _)| busy != key)
                && self.pauses.get(key).is_none_or(|pause| pause.until <= now)
        };
        let keys: Vec<_> = waiting.keys().filter(|key| may(key)).cloned().collect();
        for key in keys {
            let Some(tidings) = waiting.remove(&key) else { continue };
            let (writer, permits) = (self.writer.clone().within(tidings.term.clone()), self.permits.clone());
            let herald = self.herald.within(&tidings.term);
            let task = self.writing.spawn({
                let (key, tidings) = (key.clone(), tidings.clone());
                async move {
                    // Only a closed semaphore gives none, and nobody closes it.
                    let _permit = permits.acquire().await;
                    tell(&writer, &herald, key, &tidings).await
                }
            });
            self.busy.insert(task.id(), (key, tidings));
        }
    }

    fn ended(&mut self, id: Id, result: Result<Told, ApplyError>) {
        let Some((key, tidings)) = self.busy.remove(&id) else { return };
        match result {
            Ok(told) => {
                self.pauses.remove(&key);
                // Nobody listens any more only at the end.
                let _ = self.told.send(told);
            }
            // What somebody changed meanwhile is decided about anew; who does not lead has nothing to tell.
            Err(ApplyError::Conflict { .. } | ApplyError::NotLeading) => {}
            Err(error) => {
                let seconds = self.pause(&key).as_secs();
                warn!(cluster = %key, error = chain(&error), seconds, "cannot tell the status");
                self.desk.waiting().entry(key).or_insert(tidings);
            }
        }
    }

    fn panicked(&mut self, id: Id) {
        let Some((key, tidings)) = self.busy.remove(&id) else { return };
        let seconds = self.pause(&key).as_secs();
        error!(cluster = %key, seconds, "telling the status has panicked");
        self.desk.waiting().entry(key.clone()).or_insert(tidings);
        let _ = self.told.send(Told { cluster: key, outcome: Outcome::Panicked });
    }

    /// Leaves a cluster alone for a while, each time for longer.
    fn pause(&mut self, key: &ClusterKey) -> Duration {
        let last = self.pauses.get(key).map(|pause| pause.length.saturating_mul(2));
        let length = last.unwrap_or(FIRST_PAUSE).min(LONGEST_PAUSE);
        let until = Instant::now();
        let until = until.checked_add(length).unwrap_or(until);
        self.pauses.insert(key.clone(), Pause { length, until });
        length
    }
}

async fn until(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}

async fn tell(
    writer: &Writer,
    herald: &Herald,
    key: ClusterKey,
    tidings: &Tidings,
) -> Result<Told, ApplyError> {
    let Tidings { cluster, status, term: _ } = tidings;
    let written = writer.tell_status(cluster, status).await?;
    let previous = cluster.status.clone().unwrap_or_default();
    let found = transitions(&previous, status);
    log(&key, &found);
    herald.transitions(cluster, &found);
    let version = written.resource_version().and_then(|version| version.parse().ok());
    debug!(cluster = %key, version, "the status is told");
    Ok(Told { cluster: key, outcome: Outcome::Written { version, transitions: found } })
}

fn log(cluster: &ClusterKey, transitions: &[Transition]) {
    for Transition { condition, status, reason, message, warning } in transitions {
        if *warning {
            warn!(%cluster, condition, status, reason, "{message}");
        } else {
            info!(%cluster, condition, status, reason, "{message}");
        }
    }
}

/// What is told differs from what stands in the status, what must be remembered aside.
fn differs(cluster: &KubernetesCluster, told: &KubernetesClusterStatus) -> bool {
    let live = cluster.status.clone().unwrap_or_default();
    let remembered = KubernetesClusterStatus {
        applied_machines: live.applied_machines.clone(),
        selected_control_plane_machines: live.selected_control_plane_machines.clone(),
        selected_data_plane_machines: live.selected_data_plane_machines.clone(),
        bootstrapped: live.bootstrapped,
        rebootstrapped: live.rebootstrapped.clone(),
        reinstalled: live.reinstalled.clone(),
        adopted_generation: live.adopted_generation,
        ..told.clone()
    };
    remembered != live
}
