//! What is counted and measured, in Prometheus' text format.
//!
//! The series of a cluster are registered together, under constant labels, and go together when it is
//! forgotten. (The crate's own tables of series would mix clusters up: they hash label values one after the
//! other with nothing in between, so that namespace `a`, cluster `bc` and `ab`, `c` are one to them.)

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nico_render::ClusterKey;
use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};
use tracing::warn;

mod cluster;

pub use cluster::ClusterMetrics;
use cluster::Series;

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// All that is counted. Cheap to clone; each clone counts into the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    writes: IntCounterVec,
    cache_age: GaugeVec,
    leader: IntGauge,
    clusters: Mutex<BTreeMap<ClusterKey, Series>>,
    looks: Mutex<Looks>,
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
        let info = Opts::new("nico_operator_info", "The version of NICO that runs: always 1.")
            .const_label("version", version);
        let info = IntGauge::with_opts(info)?;
        info.set(1);
        let writes = Opts::new("nico_writes_total", "Writes to the API server, and how they ended.");
        let age = Opts::new("nico_cache_age_seconds", "Time since a watch last showed a sign of life.");
        let leader = Opts::new("nico_leader", "Whether this process leads, and so may write: 1 or 0.");
        let inner = Inner {
            registry: Registry::new(),
            writes: IntCounterVec::new(writes, &["verb", "resource", "result"])?,
            cache_age: GaugeVec::new(age, &["kind"])?,
            leader: IntGauge::with_opts(leader)?,
            clusters: Mutex::default(),
            looks: Mutex::default(),
        };
        let collectors: [Box<dyn Collector>; 4] = [
            Box::new(info),
            Box::new(inner.writes.clone()),
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
        let labels = [verb, resource, result.label()];
        match self.0.writes.get_metric_with_label_values(&labels) {
            Ok(writes) => writes.inc(),
            Err(error) => warn!("a write is not counted: {error}"),
        }
    }

    /// The series of a cluster; they begin here, at zero. Who still has them after they were forgotten
    /// counts into nothing: a turn that is under way brings no cluster back.
    pub fn cluster(&self, cluster: &ClusterKey) -> ClusterMetrics {
        let mut clusters = lock(&self.0.clusters);
        if let Some(series) = clusters.get(cluster) {
            return ClusterMetrics::of(series.clone());
        }
        let made = Series::new(cluster).and_then(|series| {
            self.0.registry.register(Box::new(series.clone()))?;
            Ok(series)
        });
        match made {
            Ok(series) => {
                clusters.insert(cluster.clone(), series.clone());
                ClusterMetrics::of(series)
            }
            Err(error) => {
                warn!(%cluster, "nothing is counted: {error}");
                ClusterMetrics::none()
            }
        }
    }

    /// The cluster is gone, and its series with it.
    pub fn forget(&self, cluster: &ClusterKey) {
        let mut clusters = lock(&self.0.clusters);
        if let Some(series) = clusters.remove(cluster)
            && let Err(error) = self.0.registry.unregister(Box::new(series))
        {
            warn!(%cluster, "its series stay: {error}");
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
        {
            let looks = lock(&self.0.looks);
            self.0.leader.set(looks.leads.as_ref().is_some_and(|leads| leads()).into());
            for (kind, age) in &looks.ages {
                self.0.cache_age.get_metric_with_label_values(&[kind])?.set(age().as_secs_f64());
            }
        }
        Ok(TextEncoder::new().encode_to_string(&self.0.registry.gather())?)
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
            Self::Error => "error",
        }
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
