//! What is counted and measured, in Prometheus' text format.
//!
//! What was counted of a cluster is registered together, under constant labels, and goes together. (The crate's own
//! tables of series would mix clusters up: they hash label values one after the other with nothing in between, so that
//! namespace `a`, cluster `bc` and `ab`, `c` are one to them.)
//! How clusters are is shown from what was last told of each, and only by who leads: who stands by has nothing to
//! say about them, and what a replica said that led before would be a second answer beside the leader's.
//!
//! `docs/metrics.md` tells each family to those who read them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nico_render::ClusterKey;
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use tracing::warn;

mod cluster;
mod laps;
mod state;
mod told;

pub use cluster::ClusterMetrics;
use cluster::Series;
pub(crate) use laps::Laps;
pub use told::Told;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// All that is counted. Cheap to clone; each clone counts into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    writes: IntCounterVec,
    workload_writes: IntCounterVec,
    cache_age: GaugeVec,
    leader: IntGauge,
    clusters: Mutex<BTreeMap<ClusterKey, Known>>,
    looks: Mutex<Looks>,
}

/// A cluster that is there.
struct Known {
    counted: ClusterMetrics,
    /// Absent: nothing could be told of it yet.
    told: Option<Told>,
}

/// What is looked at when somebody asks.
#[derive(Default)]
struct Looks {
    leads: Option<Box<dyn Fn() -> bool + Send>>,
    ages: BTreeMap<&'static str, Box<dyn Fn() -> Duration + Send>>,
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// The server has it.
    Success,
    /// What it was decided on is no longer so.
    Conflict,
    /// A `PodDisruptionBudget` forbids it now.
    Budget,
    /// It was refused otherwise, or not answered.
    Error,
}

/// Metrics cannot be made, or not be shown.
#[derive(Debug, thiserror::Error)]
#[error("the metrics contradict each other or Prometheus' rules")]
pub struct MetricsError(#[from] prometheus::Error);

impl Metrics {
    /// With a registry of its own, for this version of the program.
    ///
    /// # Errors
    ///
    /// A mistake in this module.
    pub fn new(version: &str) -> Result<Self, MetricsError> {
        let info = Opts::new("nico_operator_info", "What runs here, and its version: always 1.")
            .const_label("name", "nico-operator")
            .const_label("description", "Kubernetes on bare-metal NixOS")
            .const_label("version", version);
        let info = IntGauge::with_opts(info)?;
        info.set(1);
        let writes = Opts::new("nico_writes_total", "Writes to the API server, and how they ended.");
        let workload = Opts::new(
            "nico_workload_writes_total",
            "Writes to the API servers of the clusters that were built, and how they ended.",
        );
        let age = Opts::new("nico_cache_age_seconds", "Seconds since a watch last showed a sign of life.");
        let leader = Opts::new("nico_leader", "Whether this process leads, and so may write: 1 or 0.");
        let inner = Inner {
            registry: Registry::new(),
            writes: IntCounterVec::new(writes, &["verb", "resource", "result"])?,
            workload_writes: IntCounterVec::new(workload, &["verb", "resource", "result"])?,
            cache_age: GaugeVec::new(age, &["kind"])?,
            leader: IntGauge::with_opts(leader)?,
            clusters: Mutex::default(),
            looks: Mutex::default(),
        };
        let collectors: [Box<dyn Collector>; 5] = [
            Box::new(info),
            Box::new(inner.writes.clone()),
            Box::new(inner.workload_writes.clone()),
            Box::new(inner.cache_age.clone()),
            Box::new(inner.leader.clone()),
        ];
        for collector in collectors {
            inner.registry.register(collector)?;
        }
        Ok(Self(Arc::new(inner)))
    }

    /// A write was answered, or given up: its verb (as in a Role) and its resource (plural).
    pub fn written(&self, verb: &'static str, resource: &'static str, result: WriteResult) {
        count(&self.0.writes, [verb, resource, result.label()]);
    }

    /// The same of a write to a cluster that was built.
    pub fn written_there(&self, verb: &'static str, resource: &'static str, result: WriteResult) {
        count(&self.0.workload_writes, [verb, resource, result.label()]);
    }

    /// A namespace has these clusters now: the series of those that were not there before begin, at zero, and
    /// those of all others are gone. Who still has these counts into nothing: what is late brings no cluster back.
    pub fn keep(&self, namespace: &str, there: &[ClusterKey]) {
        let there: BTreeSet<_> = there.iter().collect();
        let mut clusters = lock(&self.0.clusters);
        let is_gone = |key: &ClusterKey| key.namespace == namespace && !there.contains(key);
        self.forget(&mut clusters, is_gone);
        for cluster in there {
            if !clusters.contains_key(cluster) {
                clusters.insert(cluster.clone(), Known { counted: self.begin(cluster), told: None });
            }
        }
    }

    /// This replica leads no longer: it knows of no cluster, until it leads again.
    pub fn stand_by(&self) {
        self.forget(&mut lock(&self.0.clusters), |_| true);
    }

    /// What is counted of a cluster. Of one that is not there that is nothing.
    pub fn cluster(&self, cluster: &ClusterKey) -> ClusterMetrics {
        let clusters = lock(&self.0.clusters);
        clusters.get(cluster).map_or_else(ClusterMetrics::none, |known| known.counted.clone())
    }

    /// How a cluster is now. Of one that is not there nothing is told.
    pub fn tell(&self, cluster: &ClusterKey, told: Told) {
        if let Some(known) = lock(&self.0.clusters).get_mut(cluster) {
            known.told = Some(told);
        }
    }

    fn begin(&self, cluster: &ClusterKey) -> ClusterMetrics {
        let made = Series::new(cluster).and_then(|series| {
            self.0.registry.register(Box::new(series.clone()))?;
            Ok(series)
        });
        match made {
            Ok(series) => ClusterMetrics::of(series),
            Err(error) => {
                warn!(%cluster, "nothing is counted: {error}");
                ClusterMetrics::none()
            }
        }
    }

    fn forget(&self, clusters: &mut BTreeMap<ClusterKey, Known>, is_gone: impl Fn(&ClusterKey) -> bool) {
        for (cluster, known) in clusters.extract_if(.., |key, _| is_gone(key)) {
            if let Some(series) = known.counted.into_series()
                && let Err(error) = self.0.registry.unregister(Box::new(series))
            {
                warn!(%cluster, "its series stay: {error}");
            }
        }
    }

    /// Where `nico_leader` looks whenever somebody asks.
    pub fn watch_leader(&self, leads: impl Fn() -> bool + Send + 'static) {
        lock(&self.0.looks).leads = Some(Box::new(leads));
    }

    /// Where `nico_cache_age_seconds` of a kind looks whenever somebody asks: the time since the last sign
    /// of life of its watch, or since it was begun.
    pub fn watch_cache(&self, kind: &'static str, age: impl Fn() -> Duration + Send + 'static) {
        lock(&self.0.looks).ages.insert(kind, Box::new(age));
    }

    /// All of it, in Prometheus' text format ([`CONTENT_TYPE`]).
    ///
    /// # Errors
    ///
    /// A mistake in this module.
    pub fn render(&self) -> Result<String, MetricsError> {
        let leads = self.look()?;
        let mut families = self.0.registry.gather();
        let mut totals = String::new();
        if leads {
            let clusters = lock(&self.0.clusters);
            families.extend(state::gauges(&clusters));
            totals = state::totals(&clusters);
        }
        families.sort_by(|one, other| one.name().cmp(other.name()));
        let mut text = TextEncoder::new().encode_to_string(&families)?;
        text.push_str(&totals);
        Ok(text)
    }

    /// Looks at what is looked at when somebody asks. Returns whether this replica leads.
    fn look(&self) -> Result<bool, MetricsError> {
        let looks = lock(&self.0.looks);
        let leads = looks.leads.as_ref().is_some_and(|leads| leads());
        self.0.leader.set(leads.into());
        for (kind, age) in &looks.ages {
            self.0.cache_age.get_metric_with_label_values(&[kind])?.set(age().as_secs_f64());
        }
        Ok(leads)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.0.registry).finish()
    }
}

impl WriteResult {
    const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Conflict => "conflict",
            Self::Budget => "budget",
            Self::Error => "error",
        }
    }
}

fn count(writes: &IntCounterVec, labels: [&str; 3]) {
    match writes.get_metric_with_label_values(&labels) {
        Ok(writes) => writes.inc(),
        Err(error) => warn!("a write is not counted: {error}"),
    }
}

/// Whoever panicked while it had the lock left nothing half done: metrics go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The constant labels of a cluster's series.
fn labels(cluster: &ClusterKey) -> HashMap<String, String> {
    HashMap::from([
        ("namespace".to_owned(), cluster.namespace.clone()),
        ("cluster".to_owned(), cluster.name.clone()),
    ])
}
