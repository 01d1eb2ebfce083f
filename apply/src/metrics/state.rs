//! How the clusters are: gauges that are made anew from what was last told, whenever somebody asks. Nothing of
//! a cluster that is gone can stay behind, and all numbers of a cluster are of one moment.

use std::collections::BTreeMap;

use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_render::ClusterKey;
use nico_render::status::State;
use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::Known;
use super::told::Told;

/// The name of a family, and what it means.
type Family = (&'static str, &'static str);

const CLUSTERS: Family = ("nico_clusters_total", "KubernetesClusters that there are now.");
const BY_PHASE: Family = ("nico_clusters_by_phase", "KubernetesClusters that there are now, by their phase.");
const CONTROL_PLANES: Family = (
    "nico_cluster_control_plane_nodes",
    "Control planes of the cluster: ready now (settled, reachable and healthy), and total.",
);
const WORKERS: Family = (
    "nico_cluster_worker_nodes",
    "Workers of the cluster: ready now (settled, reachable and healthy), and total.",
);
const SELECTED: Family = ("nico_machines_selected", "Machines that the cluster has or takes, by role.");
const MACHINES: Family = (
    "nico_cluster_machines",
    "Machines of the cluster, those that leave included, by role and by what is proven about them.",
);
const UPDATED: Family = (
    "nico_cluster_rollout_updated_machines",
    "Machines of the cluster that are proven to run the newest content.",
);
const TO_UPDATE: Family =
    ("nico_cluster_rollout_machines", "Machines of the cluster that are to run the newest content.");
const WAITING: Family = (
    "nico_cluster_waiting",
    "Machines (or the cluster as a whole) that wait now before anything more is written for them, by reason.",
);
const KUBECONFIG: Family = (
    "nico_kubeconfig_expiry_timestamp_seconds",
    "When the client certificate of the stored kubeconfig ends, in seconds since 1970. Absent: there is none.",
);

/// Families of gauges, by name.
#[derive(Default)]
struct Page(BTreeMap<&'static str, MetricFamily>);

impl Page {
    fn put(&mut self, (name, help): Family, labels: &[(&str, &str)], value: f64) {
        let family = self.0.entry(name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(name.to_owned());
            family.set_help(help.to_owned());
            family.set_field_type(MetricType::GAUGE);
            family
        });
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut labels: Vec<_> = labels.iter().map(|(name, value)| label(name, value)).collect();
        labels.sort_by(|one, other| one.name().cmp(other.name()));
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        family.mut_metric().push(metric);
    }
}

fn label(name: &str, value: &str) -> LabelPair {
    let mut label = LabelPair::default();
    label.set_name(name.to_owned());
    label.set_value(value.to_owned());
    label
}

/// The gauges of all clusters, but for their number.
pub(super) fn gauges(clusters: &BTreeMap<ClusterKey, Known>) -> impl Iterator<Item = MetricFamily> {
    let mut page = Page::default();
    phases(&mut page, clusters);
    for (key, known) in clusters {
        let labels = [("namespace", key.namespace.as_str()), ("cluster", key.name.as_str())];
        for (role, count) in known.counted.chosen() {
            page.put(SELECTED, &with(labels, [("role", role.label())]), f64::from(count));
        }
        if let Some(told) = &known.told {
            numbers(&mut page, labels, told);
        }
    }
    page.0.into_values()
}

type Labels<'l> = [(&'static str, &'l str); 2];

fn with<'l, const N: usize>(of: Labels<'l>, more: [(&'l str, &'l str); N]) -> Vec<(&'l str, &'l str)> {
    of.into_iter().chain(more).collect()
}

/// A cluster that nothing could be told of yet is in none.
fn phases(page: &mut Page, clusters: &BTreeMap<ClusterKey, Known>) {
    let told = clusters.iter().filter_map(|(key, known)| {
        let phase = known.told.as_ref()?.phase?;
        Some((key.namespace.as_str(), phase.word()))
    });
    let told = super::told::numbers(told);
    for namespace in by_namespace(clusters).into_keys() {
        for phase in Phase::ALL.map(Phase::word) {
            let number = told.get(&(namespace, phase)).copied().unwrap_or_default();
            page.put(BY_PHASE, &[("namespace", namespace), ("phase", phase)], f64::from(number));
        }
    }
}

fn numbers(page: &mut Page, labels: Labels<'_>, told: &Told) {
    for role in Role::ALL {
        let family = match role {
            Role::ControlPlane => CONTROL_PLANES,
            Role::Worker => WORKERS,
        };
        let group = told.group(role);
        page.put(family, &with(labels, [("status", "ready")]), f64::from(group.ready));
        page.put(family, &with(labels, [("status", "total")]), f64::from(group.total));
        for state in State::ALL {
            let number = told.machines.get(&(role, state)).copied().unwrap_or_default();
            let more = [("role", role.label()), ("state", state.word())];
            page.put(MACHINES, &with(labels, more), f64::from(number));
        }
    }
    page.put(UPDATED, &labels, f64::from(told.rollout.updated));
    page.put(TO_UPDATE, &labels, f64::from(told.rollout.total));
    for (reason, number) in &told.waiting {
        page.put(WAITING, &with(labels, [("reason", reason)]), f64::from(*number));
    }
    if let Some(until) = told.kubeconfig_until {
        page.put(KUBECONFIG, &labels, until.as_duration().as_secs_f64());
    }
}

/// How many clusters there are, in Prometheus' text format. A gauge must not be called a total, and the name is
/// an old one: so its type is not told, which the crate's encoder has no way to.
pub(super) fn totals(clusters: &BTreeMap<ClusterKey, Known>) -> String {
    let (name, help) = CLUSTERS;
    let totals = by_namespace(clusters);
    if totals.is_empty() {
        return String::new();
    }
    let head = format!("# HELP {name} {help}\n# TYPE {name} untyped\n");
    let sample = |(namespace, number): (&str, u32)| {
        format!("{name}{{namespace=\"{}\"}} {number}\n", escaped(namespace))
    };
    head + &totals.into_iter().map(sample).collect::<String>()
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

fn by_namespace(clusters: &BTreeMap<ClusterKey, Known>) -> BTreeMap<&str, u32> {
    super::told::numbers(clusters.keys().map(|key| key.namespace.as_str()))
}
