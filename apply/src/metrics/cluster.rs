//! The series of one cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nico_crds::names::Role;
use nico_render::ClusterKey;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};
use tracing::warn;

use super::lock;

/// Seconds. From a pass that finds nothing to do to one whose requests time out.
const DURATIONS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Seconds. From a few machines to all of a large fleet.
const SELECTIONS: &[f64] = &[0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

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
    kubeconfigs: IntCounter,
    kubeconfig_errors: IntCounter,
    selections: HistogramVec,
    /// How many were chosen last. It is shown as part of the state.
    chosen: Arc<Mutex<BTreeMap<Role, u32>>>,
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

    /// The cluster could not be rendered. Its turn, in which that is told, counts for itself.
    pub fn unrenderable(&self) {
        if let Some(series) = &self.0 {
            count(&series.errors, "Render");
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

    /// A kubeconfig was fetched from the cluster, and stored.
    pub fn kubeconfig_fetched(&self) {
        if let Some(series) = &self.0 {
            series.kubeconfigs.inc();
        }
    }

    /// An attempt to fetch a kubeconfig from the cluster, or to store it, failed.
    pub fn kubeconfig_failed(&self) {
        if let Some(series) = &self.0 {
            series.kubeconfig_errors.inc();
        }
    }

    /// So many machines were selected for a role, and that took so long.
    pub fn selected(&self, role: Role, count: usize, took: Duration) {
        if let Some(series) = &self.0 {
            lock(&series.chosen).insert(role, u32::try_from(count).unwrap_or(u32::MAX));
            match series.selections.get_metric_with_label_values(&[role.label()]) {
                Ok(selections) => selections.observe(took.as_secs_f64()),
                Err(error) => warn!(%role, "a selection is not measured: {error}"),
            }
        }
    }

    /// How many machines were selected last, by role.
    pub(super) fn chosen(&self) -> BTreeMap<Role, u32> {
        self.0.as_ref().map(|series| lock(&series.chosen).clone()).unwrap_or_default()
    }

    /// What the registry has of it.
    pub(super) fn into_series(self) -> Option<Series> {
        self.0
    }
}

impl Series {
    pub(super) fn new(cluster: &ClusterKey) -> Result<Self, prometheus::Error> {
        let opts = |name, help| Opts::new(name, help).const_labels(super::labels(cluster));
        let counter = |name, help| IntCounter::with_opts(opts(name, help));
        let counters = |name, help, label| IntCounterVec::new(opts(name, help), &[label]);
        let histogram = |name, help, buckets: &[f64]| HistogramOpts {
            common_opts: opts(name, help),
            buckets: buckets.to_vec(),
        };
        let durations = histogram(
            "nico_cluster_reconcile_duration_seconds",
            "How long a turn for this cluster took, in seconds, however it ended.",
            DURATIONS,
        );
        let selections = histogram(
            "nico_machine_selection_duration_seconds",
            "How long it took to choose the machines of a role, in seconds, in one rendering.",
            SELECTIONS,
        );
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
                "Turns for this cluster that ended with an error, and of which type; or it could not be rendered.",
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
            kubeconfigs: counter(
                "nico_kubeconfig_generation_success_total",
                "Kubeconfigs that were fetched from the cluster and stored.",
            )?,
            kubeconfig_errors: counter(
                "nico_kubeconfig_generation_errors_total",
                "Attempts to fetch or store the cluster's kubeconfig that failed.",
            )?,
            selections: HistogramVec::new(selections, &["role"])?,
            chosen: Arc::default(),
        })
    }

    fn all(&self) -> [&dyn Collector; 10] {
        [
            &self.conflicts,
            &self.successes,
            &self.errors,
            &self.panics,
            &self.durations,
            &self.created,
            &self.deleted,
            &self.kubeconfigs,
            &self.kubeconfig_errors,
            &self.selections,
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
