//! The series of one cluster.

use std::time::Duration;

use nico_crds::names::Role;
use nico_render::ClusterKey;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Opts};
use tracing::warn;

/// Seconds. From a pass that finds nothing to do to one whose requests time out.
const DURATIONS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// What is counted of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ClusterMetrics(Option<Series>);

#[derive(Clone, Debug)]
pub(super) struct Series {
    conflicts: IntCounter,
    successes: IntCounter,
    errors: IntCounterVec,
    panics: IntCounter,
    durations: Histogram,
    created: IntCounterVec,
    deleted: IntCounter,
}

impl ClusterMetrics {
    pub(super) fn of(series: Series) -> Self {
        Self(Some(series))
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// A turn ended well, after so long.
    pub fn succeeded(&self, after: Duration) {
        if let Some(series) = &self.0 {
            series.successes.inc();
            series.durations.observe(after.as_secs_f64());
        }
    }

    /// A turn ended with an error, after so long. Its type is one word out of few, never a message.
    pub fn failed(&self, error_type: &'static str, after: Duration) {
        if let Some(series) = &self.0 {
            count(&series.errors, error_type);
            series.durations.observe(after.as_secs_f64());
        }
    }

    /// A turn panicked: a mistake in NICO, whatever the cluster is like.
    pub fn panicked(&self) {
        if let Some(series) = &self.0 {
            series.panics.inc();
        }
    }

    /// Something had changed between a decision and its write, or belongs to another hand.
    pub fn conflicted(&self) {
        if let Some(series) = &self.0 {
            series.conflicts.inc();
        }
    }

    /// A configuration was created for a machine of this role.
    pub fn created(&self, role: Role) {
        if let Some(series) = &self.0 {
            count(&series.created, role.label());
        }
    }

    /// A configuration was deleted.
    pub fn deleted(&self) {
        if let Some(series) = &self.0 {
            series.deleted.inc();
        }
    }
}

impl Series {
    pub(super) fn new(cluster: &ClusterKey) -> Result<Self, prometheus::Error> {
        let opts = |name, help| Opts::new(name, help).const_labels(super::labels(cluster));
        let counter = |name, help| IntCounter::with_opts(opts(name, help));
        let counters = |name, help, label| IntCounterVec::new(opts(name, help), &[label]);
        let durations = HistogramOpts {
            common_opts: opts(
                "nico_cluster_reconcile_duration_seconds",
                "How long a turn for this cluster took, however it ended.",
            ),
            buckets: DURATIONS.to_vec(),
        };
        Ok(Self {
            conflicts: counter(
                "nico_conflicts_total",
                "Writes that were not made because what they were decided on had changed, and conflicts over fields that began.",
            )?,
            successes: counter(
                "nico_cluster_reconcile_success_total",
                "Turns for this cluster that ended well.",
            )?,
            errors: counters(
                "nico_cluster_reconcile_errors_total",
                "Turns for this cluster that ended with an error, and of which type.",
                "error_type",
            )?,
            panics: counter(
                "nico_cluster_panics_total",
                "Turns for this cluster that panicked: each is a mistake in NICO.",
            )?,
            durations: Histogram::with_opts(durations)?,
            created: counters(
                "nico_nixos_configs_created_total",
                "NixosConfigurations created, by the role of the machine.",
                "role",
            )?,
            deleted: counter("nico_nixos_configs_deleted_total", "NixosConfigurations deleted.")?,
        })
    }

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.conflicts,
            &self.successes,
            &self.errors,
            &self.panics,
            &self.durations,
            &self.created,
            &self.deleted,
        ]
    }
}

/// One thing to the registry: they come and go together.
impl Collector for Series {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

fn count(counters: &IntCounterVec, label: &str) {
    match counters.get_metric_with_label_values(&[label]) {
        Ok(counter) => counter.inc(),
        Err(error) => warn!(label, "it is not counted: {error}"),
    }
}
