//! The operator: it watches, decides, and has the hands write, on every change and every interval.

mod decision;
mod ledger;
mod outcome;
mod pulse;
mod turn;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use nico_crds::names::{join_token_secret, kubeconfig_secret};
use nico_render::workload::health;
use nico_render::{ClusterKey, Inventory, Sight};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep_until, timeout};
use tracing::{debug, error, info, warn};

use crate::aggregator::{Aggregator, Told};
use crate::board::{Board, Waker};
use crate::cache::{CacheSettings, Caches};
use crate::events::{Crier, Herald};
use crate::hands::Turn;
use crate::hands::writer::{IN_FLIGHT, Writer};
use crate::keeper::{self, Keeper};
use crate::lease::{Leadership, Term};
use crate::metrics::Metrics;
use crate::observe::now;
use crate::probe::Prober;
use crate::usher::Usher;
use decision::{Decision, Made, decide};
use ledger::Ledger;
use turn::Tools;

pub use decision::Rollout;
pub use pulse::Pulse;

/// How the operator works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is watched.
    pub cache: CacheSettings,
    /// All clusters are gone over this often, changed or not.
    pub interval: Duration,
    /// So long after a change more of them are waited for.
    pub debounce: Duration,
    /// So many requests may be in flight.
    pub in_flight: usize,
    /// The function that decides what may be done.
    pub rollout: Rollout,
    /// How machines are visited for the kubeconfig.
    pub visits: keeper::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: CacheSettings::default(),
            interval: Duration::from_secs(30),
            debounce: Duration::from_millis(100),
            in_flight: IN_FLIGHT,
            rollout: nico_render::rollout::rollout,
            visits: keeper::Settings::default(),
        }
    }
}

/// A turn that has ended; without an outcome it panicked.
struct Ended {
    cluster: ClusterKey,
    turn: Option<Turn>,
    took: Duration,
}

/// So long a write in flight is waited for at the end.
const LAST_WRITES: Duration = Duration::from_secs(20);
/// And so long what is still to be told of it.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The operator.
pub struct Operator {
    settings: Settings,
    /// The way to the server for watches, which must be quiet for long.
    watching: Client,
    leadership: Leadership,
    metrics: Metrics,
    caches: Arc<Caches>,
    tools: Tools,
    board: Arc<Board>,
    waker: Waker,
    woken: mpsc::UnboundedReceiver<String>,
    /// What the aggregator told.
    told: mpsc::UnboundedReceiver<Told>,
    /// The loops beside this one; None once they run.
    others: Option<Others>,
    ledger: Ledger,
    turns: JoinSet<Ended>,
    /// Namespaces to look at, and when.
    due: BTreeMap<String, tokio::time::Instant>,
    /// How long the last pass over a namespace took.
    took: BTreeMap<String, Duration>,
    permits: Arc<Semaphore>,
    pulse: Pulse,
}

/// The loops beside the operator's.
struct Others {
    crier: Crier,
    aggregator: Aggregator,
    keeper: Keeper,
    prober: Prober,
    usher: Usher,
}

impl Operator {
    /// An operator; `requests` is the way to the server for everything that is answered at once.
    pub fn new(
        requests: Client,
        watching: Client,
        leadership: Leadership,
        metrics: Metrics,
        settings: Settings,
    ) -> Self {
        let writer = Writer::new(requests.clone(), &leadership, Some(metrics.clone()), settings.in_flight);
        let (herald, crier) = Herald::new(requests);
        let (aggregator, desk, told) = Aggregator::new(writer.clone(), herald.clone());
        let (board, (waker, woken)) = (Arc::new(Board::default()), Waker::new());
        let keeper = Keeper::new(
            writer.clone(),
            board.clone(),
            waker.clone(),
            metrics.clone(),
            settings.visits.clone(),
            settings.interval,
        );
        let prober = Prober::new(board.clone(), waker.clone(), settings.interval);
        let (usher, tray) = Usher::new(board.clone(), herald.clone(), metrics.clone());
        Self {
            caches: Arc::new(Caches::new(settings.cache.clone())),
            tools: Tools { writer, tokens: Arc::default(), herald, desk, tray },
            others: Some(Others { crier, aggregator, keeper, prober, usher }),
            board,
            waker,
            woken,
            told,
            pulse: Pulse::new(settings.interval),
            permits: Arc::new(Semaphore::new(settings.in_flight.saturating_mul(2))),
            settings,
            watching,
            leadership,
            metrics,
            ledger: Ledger::default(),
            turns: JoinSet::new(),
            due: BTreeMap::new(),
            took: BTreeMap::new(),
        }
    }

    /// The caches: for `/readyz` and `/metrics`.
    pub fn caches(&self) -> Arc<Caches> {
        self.caches.clone()
    }

    /// That the loop lives: for `/healthz`.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Works until the shutdown, and lets the writes in flight end.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) {
        let waker = self.waker.clone();
        let wake = Arc::new(move |namespace: &str| waker.wake(namespace));
        let caches = self.caches.clone();
        let watching = self.watching.clone();
        let mut filling = tokio::spawn(async move { caches.run(&watching, wake).await });
        let mut beside = JoinSet::new();
        let crying = self.others.take().map(|others| others.begin(&mut beside));
        tokio::pin!(shutdown);
        let mut leads = false;
        let mut tick = tokio::time::Instant::now();
        loop {
            self.pulse.beat();
            let next = self.due.values().min().copied().unwrap_or(tick).min(tick);
            tokio::select! {
                () = &mut shutdown => break,
                ended = &mut filling => {
                    error!(?ended, "the caches have ended");
                    break;
                }
                Some(ended) = beside.join_next() => {
                    error!(?ended, "a loop beside the operator's has ended");
                    break;
                }
                Some(namespace) = self.woken.recv() => {
                    self.mark(namespace);
                    while let Ok(namespace) = self.woken.try_recv() {
                        self.mark(namespace);
                    }
                }
                Some(told) = self.told.recv() => self.told(told),
                Some(Ok(ended)) = self.turns.join_next() => self.ended(&ended.cluster, ended.turn, ended.took),
                () = sleep_until(next) => {}
                () = change(&self.leadership, leads) => {}
            }
            if leads != self.leadership.is_valid() {
                leads = !leads;
                info!(leads, "leadership");
                // Another one led meanwhile, or leads now.
                self.board.clear();
                if !leads {
                    self.metrics.stand_by();
                }
                self.mark_all();
            }
            if tokio::time::Instant::now() >= tick {
                self.mark_all();
                tick = after(jittered(self.settings.interval));
            }
            self.pass_over_due().await;
        }
        filling.abort();
        beside.shutdown().await;
        self.finish(crying).await;
    }

    /// A namespace is to be looked at, soon.
    fn mark(&mut self, namespace: String) {
        // A namespace that takes long is looked at the less often.
        let took = self.took.get(&namespace).copied().unwrap_or_default();
        let pause = self.settings.debounce.max(took.saturating_mul(2));
        self.due.entry(namespace).or_insert_with(|| after(pause));
    }

    fn mark_all(&mut self) {
        let mut namespaces: BTreeSet<_> = self.caches.namespaces().into_iter().collect();
        // Those whose last cluster has gone are to be forgotten.
        namespaces.extend(self.took.keys().cloned());
        for namespace in namespaces {
            self.due.entry(namespace).or_insert_with(tokio::time::Instant::now);
        }
    }

    async fn pass_over_due(&mut self) {
        let now = tokio::time::Instant::now();
        let due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(namespace, _)| namespace.clone()).collect();
        for namespace in due {
            self.due.remove(&namespace);
            if let Some(term) = self.leadership.term() {
                self.pass(&namespace, &term).await;
            }
        }
    }

    /// Decides about the clusters of a namespace, and begins their turns.
    async fn pass(&mut self, namespace: &str, term: &Term) {
        let begun = Instant::now();
        let at = now();
        let waiting = self.ledger.waiting(namespace, &self.caches);
        let picture = match self.caches.picture(namespace, at) {
            Ok(picture) => picture,
            Err(reason) => {
                debug!(namespace, reason, "nothing is decided");
                return;
            }
        };
        let there: Vec<_> =
            picture.inventory.clusters.iter().map(|cluster| ClusterKey::of(cluster)).collect();
        self.forget_others(namespace, &there);
        // The end of a turn, or what it wrote, has the namespace looked at again.
        if there.iter().all(|key| waiting.contains(key)) {
            return;
        }
        let seen = Sight {
            ownership: picture.ownership,
            written_at: picture.written_at,
            put_back: self.ledger.put_back(namespace, at),
            ..Sight::default()
        };
        let sight = self.sight(namespace, &picture.inventory, seen, at);
        let rollout = self.settings.rollout;
        let inventory = picture.inventory;
        let decided = spawn_blocking(move || decide(&inventory, &sight, &waiting, rollout, at)).await;
        let Ok(decided) = decided else {
            error!(namespace, "deciding failed");
            return;
        };
        for (key, decision) in decided {
            match decision {
                Decision::Made(mut made) => {
                    self.show(&key, &mut made);
                    self.begin(&key, *made, term);
                }
                Decision::Panicked => self.panicked(&key),
            }
        }
        self.took.insert(namespace.to_owned(), begun.elapsed());
    }

    /// What is known beside the inventory: of the clusters' Secrets, and of those clusters that run.
    fn sight(&self, namespace: &str, inventory: &Inventory, mut sight: Sight, at: Timestamp) -> Sight {
        for cluster in &inventory.clusters {
            let key = ClusterKey::of(cluster);
            let version = self.caches.secret_version(namespace, &join_token_secret(&key.name));
            let token = self.tools.tokens.known(&key, version.as_deref());
            sight.tokens.extend(token.map(|token| (key.clone(), token)));
            let version = self.caches.secret_version(namespace, &kubeconfig_secret(&key.name));
            let workload = self.board.workload(cluster, version.as_deref());
            let health = health(cluster, workload.as_ref(), at).into_iter();
            sight.health.extend(health.map(|(machine, health)| ((namespace.to_owned(), machine), health)));
            sight.workloads.extend(workload.map(|workload| (key, workload)));
        }
        sight
    }

    /// Begins the turn of a cluster.
    fn begin(&mut self, key: &ClusterKey, mut made: Made, term: &Term) {
        let secret = self.caches.secret_version(&key.namespace, &kubeconfig_secret(&key.name));
        self.board.post(&made.cluster, secret, made.ground.take(), term);
        let account = self.ledger.account(key);
        if account.backs_off() {
            made.plan.steps.retain(turn::is_urgent);
            if made.plan.steps.is_empty() {
                // What cannot be done can be told all the same.
                if let Some(status) = made.status {
                    self.tools.desk.hand_in(&made.cluster, status, term);
                }
                return;
            }
        }
        if let Some(error) = &made.error {
            debug!(cluster = %key, error, "cannot be rendered");
            self.metrics.cluster(key).unrenderable();
        }
        account.busy = true;
        // What waits to be told, or done, is older.
        self.tools.desk.withdraw(key);
        self.tools.tray.withdraw(key);
        let (tools, permits, key) = (self.tools.within(term), self.permits.clone(), key.clone());
        let term = term.clone();
        self.turns.spawn(async move {
            // Only a closed semaphore gives none, and nobody closes it.
            let _permit = permits.acquire().await;
            let begun = Instant::now();
            let turn = AssertUnwindSafe(turn::take(tools, term, made)).catch_unwind().await.ok();
            Ended { cluster: key, turn, took: begun.elapsed() }
        });
    }
}

impl Others {
    /// Begins them; what tells events is to end after all others.
    fn begin(self, beside: &mut JoinSet<()>) -> JoinHandle<()> {
        beside.spawn(self.aggregator.run());
        beside.spawn(self.keeper.run());
        beside.spawn(self.prober.run());
        beside.spawn(self.usher.run());
        tokio::spawn(self.crier.run())
    }
}

impl Operator {
    /// Lets the writes in flight end, and begins none.
    async fn finish(mut self, crying: Option<JoinHandle<()>>) {
        self.tools.writer.stop();
        let ended = timeout(LAST_WRITES, async { while self.turns.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            warn!("a write in flight did not end in time");
        }
        // With it goes the last that has anything to say.
        drop(self);
        if let Some(mut crying) = crying
            && timeout(LAST_WORDS, &mut crying).await.is_err()
        {
            crying.abort();
            let _cancelled = crying.await;
        }
    }
}

/// Until the leadership changes from what it was.
async fn change(leadership: &Leadership, leads: bool) {
    if leads {
        leadership.lost().await;
    } else {
        let _term = leadership.acquired().await;
    }
}

fn after(pause: Duration) -> tokio::time::Instant {
    let now = tokio::time::Instant::now();
    now.checked_add(pause).unwrap_or(now)
}

/// A tenth more or less, so that replicas and clusters do not march in step.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    // Without randomness there is no jitter, and that is all.
    let _ = getrandom::fill(&mut byte);
    let share = f64::from(byte[0]) / f64::from(u8::MAX);
    pause.mul_f64(0.2_f64.mul_add(share, 0.9))
}
