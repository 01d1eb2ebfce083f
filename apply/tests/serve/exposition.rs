//! The metrics: what they say, that a cluster's go with it, and that Prometheus' own tool finds no fault.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nico_apply::metrics::{Metrics, WriteResult};
use nico_crds::names::Role;
use nico_render::ClusterKey;

const SECOND: Duration = Duration::from_secs(1);

fn key(namespace: &str, name: &str) -> ClusterKey {
    ClusterKey { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// Something of everything.
fn full() -> Metrics {
    let metrics = Metrics::new("0.1.0 (0123456789ab)").unwrap();
    metrics.written("patch", "nixosconfigurations", WriteResult::Success);
    metrics.written("patch", "nixosconfigurations", WriteResult::Success);
    metrics.written("patch", "nixosconfigurations", WriteResult::Conflict);
    metrics.written("create", "secrets", WriteResult::Error);
    metrics.watch_leader(|| true);
    metrics.watch_cache("Machine", || Duration::from_millis(1500));
    let home = metrics.cluster(&key("fleet", "home"));
    home.succeeded(SECOND);
    home.failed("Conflict", SECOND);
    home.panicked();
    home.conflicted();
    home.created(Role::ControlPlane);
    home.created(Role::Worker);
    home.deleted();
    metrics
}

/// The value of a series, in the words of the text.
fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let text = metrics.render().unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

#[test]
fn promtool_finds_no_fault() {
    for metrics in [full(), Metrics::new("").unwrap()] {
        let text = metrics.render().unwrap();
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is needed: tests/tools.sh installs it (Debian's package prometheus)");
        promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(output.status.success() && said.is_empty(), "{said}\nof\n{text}");
    }
}

#[test]
fn everything_is_shown() {
    let metrics = full();
    let of_home = r#"{cluster="home",namespace="fleet"}"#;
    let wanted = [
        (r#"nico_operator_info{version="0.1.0 (0123456789ab)"}"#.to_owned(), "1"),
        (
            r#"nico_writes_total{resource="nixosconfigurations",result="success",verb="patch"}"#.to_owned(),
            "2",
        ),
        (
            r#"nico_writes_total{resource="nixosconfigurations",result="conflict",verb="patch"}"#.to_owned(),
            "1",
        ),
        (r#"nico_writes_total{resource="secrets",result="error",verb="create"}"#.to_owned(), "1"),
        ("nico_leader".to_owned(), "1"),
        (r#"nico_cache_age_seconds{kind="Machine"}"#.to_owned(), "1.5"),
        (format!("nico_conflicts_total{of_home}"), "1"),
        (format!("nico_cluster_reconcile_success_total{of_home}"), "1"),
        (format!("nico_cluster_panics_total{of_home}"), "1"),
        (format!("nico_cluster_reconcile_duration_seconds_count{of_home}"), "2"),
        (format!("nico_cluster_reconcile_duration_seconds_sum{of_home}"), "2"),
        (format!("nico_nixos_configs_deleted_total{of_home}"), "1"),
        (
            r#"nico_cluster_reconcile_errors_total{cluster="home",error_type="Conflict",namespace="fleet"}"#
                .to_owned(),
            "1",
        ),
        (
            r#"nico_nixos_configs_created_total{cluster="home",namespace="fleet",role="control-plane"}"#
                .to_owned(),
            "1",
        ),
        (
            r#"nico_nixos_configs_created_total{cluster="home",namespace="fleet",role="worker"}"#.to_owned(),
            "1",
        ),
    ];
    for (series, wanted) in wanted {
        assert_eq!(
            value(&metrics, &series).as_deref(),
            Some(wanted),
            "{series} in {}",
            metrics.render().unwrap()
        );
    }
}

#[test]
fn clusters_whose_names_run_into_each_other_are_apart() {
    let metrics = Metrics::new("1").unwrap();
    let (one, other) = (key("a", "bc"), key("ab", "c"));
    metrics.cluster(&one).conflicted();
    metrics.cluster(&other).failed("Render", SECOND);
    let conflicts = |cluster: &ClusterKey| {
        let (namespace, name) = (&cluster.namespace, &cluster.name);
        value(&metrics, &format!("nico_conflicts_total{{cluster=\"{name}\",namespace=\"{namespace}\"}}"))
    };
    assert_eq!((conflicts(&one).as_deref(), conflicts(&other).as_deref()), (Some("1"), Some("0")));
    metrics.forget(&one);
    assert_eq!((conflicts(&one).as_deref(), conflicts(&other).as_deref()), (None, Some("0")));
}

#[test]
fn what_is_forgotten_is_gone_and_begins_anew() {
    let metrics = full();
    let home = key("fleet", "home");
    metrics.cluster(&key("fleet", "other")).conflicted();
    let under_way = metrics.cluster(&home);
    metrics.forget(&home);
    under_way.succeeded(SECOND);
    under_way.failed("Conflict", SECOND);
    let text = metrics.render().unwrap();
    assert!(!text.contains("home"), "{text}");
    assert!(text.contains(r#"nico_conflicts_total{cluster="other",namespace="fleet"} 1"#), "{text}");

    metrics.forget(&key("never", "known"));
    metrics.cluster(&home).conflicted();
    let conflicts = r#"nico_conflicts_total{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, conflicts).as_deref(), Some("1"));
    let successes = r#"nico_cluster_reconcile_success_total{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, successes).as_deref(), Some("0"), "it begins at zero");
}

#[test]
fn who_leads_and_how_old_a_cache_is_are_looked_up_when_asked() {
    let metrics = Metrics::new("1").unwrap();
    assert_eq!(value(&metrics, "nico_leader").as_deref(), Some("0"), "until it is known");
    let (sender, leads) = tokio::sync::watch::channel(true);
    metrics.watch_leader(move || *leads.borrow());
    assert_eq!(value(&metrics, "nico_leader").as_deref(), Some("1"));
    sender.send_replace(false);
    assert_eq!(value(&metrics, "nico_leader").as_deref(), Some("0"));

    let begun = Instant::now();
    metrics.watch_cache("Machine", move || begun.elapsed());
    let age =
        || value(&metrics, r#"nico_cache_age_seconds{kind="Machine"}"#).unwrap().parse::<f64>().unwrap();
    let first = age();
    assert!(age() > first, "it grows by itself");
    metrics.watch_cache("Machine", || SECOND);
    assert_eq!(value(&metrics, r#"nico_cache_age_seconds{kind="Machine"}"#).as_deref(), Some("1"));
}

#[test]
fn clones_count_into_the_same_and_two_are_apart() {
    let (metrics, apart) = (Metrics::new("1").unwrap(), Metrics::new("1").unwrap());
    let home = key("fleet", "home");
    metrics.clone().cluster(&home).conflicted();
    metrics.cluster(&home).conflicted();
    let conflicts = r#"nico_conflicts_total{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, conflicts).as_deref(), Some("2"));
    assert_eq!(value(&apart, conflicts), None);
}
