//! The metrics: what they say, that a cluster's go with it, and that Prometheus' own tool finds no fault.

use std::time::Instant;

use nico_apply::metrics::Metrics;
use nico_render::ClusterKey;

use crate::full::{SECOND, full, key, promtool, value};

#[test]
fn promtool_finds_no_fault() {
    for metrics in [full(), Metrics::new("").unwrap()] {
        let text = metrics.render().unwrap();
        let (is_content, said) = promtool(&["check", "metrics"], &text);
        assert!(is_content && said.is_empty(), "{said}\nof\n{text}");
    }
}

#[test]
fn what_is_counted_is_shown() {
    let metrics = full();
    let of_home = r#"{cluster="home",namespace="fleet"}"#;
    let of = |family: &str, more: &str| format!("{family}{{{more}}}");
    let writes = |resource: &str, result: &str, verb: &str| {
        of("nico_writes_total", &format!(r#"resource="{resource}",result="{result}",verb="{verb}""#))
    };
    let evictions = |result: &str| {
        let labels = format!(r#"resource="pods/eviction",result="{result}",verb="create""#);
        of("nico_workload_writes_total", &labels)
    };
    let by_role =
        |family: &str, role: &str| of(family, &format!(r#"cluster="home",namespace="fleet",role="{role}""#));
    let selection = "nico_machine_selection_duration_seconds";
    let info =
        r#"description="Kubernetes on bare-metal NixOS",name="nico-operator",version="0.1.0 (0123456789ab)""#;
    let wanted = [
        (of("nico_operator_info", info), "1"),
        (writes("nixosconfigurations", "success", "patch"), "2"),
        (writes("nixosconfigurations", "conflict", "patch"), "1"),
        (writes("secrets", "error", "create"), "1"),
        (evictions("success"), "1"),
        (evictions("budget"), "1"),
        ("nico_leader".to_owned(), "1"),
        (of("nico_cache_age_seconds", r#"kind="Machine""#), "1.5"),
        (format!("nico_conflicts_total{of_home}"), "1"),
        (format!("nico_cluster_reconcile_success_total{of_home}"), "1"),
        (format!("nico_cluster_panics_total{of_home}"), "1"),
        (format!("nico_cluster_reconcile_duration_seconds_count{of_home}"), "2"),
        (format!("nico_cluster_reconcile_duration_seconds_sum{of_home}"), "2"),
        (format!("nico_nixos_configs_deleted_total{of_home}"), "1"),
        (
            of(
                "nico_cluster_reconcile_errors_total",
                r#"cluster="home",error_type="Conflict",namespace="fleet""#,
            ),
            "1",
        ),
        (
            of(
                "nico_cluster_reconcile_errors_total",
                r#"cluster="home",error_type="Render",namespace="fleet""#,
            ),
            "1",
        ),
        (by_role("nico_nixos_configs_created_total", "control-plane"), "1"),
        (by_role("nico_nixos_configs_created_total", "worker"), "1"),
        (format!("nico_kubeconfig_generation_success_total{of_home}"), "1"),
        (format!("nico_kubeconfig_generation_errors_total{of_home}"), "2"),
        (by_role(&format!("{selection}_count"), "control-plane"), "1"),
        (by_role(&format!("{selection}_count"), "worker"), "2"),
        (by_role(&format!("{selection}_sum"), "worker"), "2"),
    ];
    for (series, wanted) in wanted {
        let text = metrics.render().unwrap();
        assert_eq!(value(&metrics, &series).as_deref(), Some(wanted), "{series} in {text}");
    }
}

#[test]
fn clusters_whose_names_run_into_each_other_are_apart() {
    let metrics = Metrics::new("1").unwrap();
    let (one, other) = (key("a", "bc"), key("ab", "c"));
    metrics.keep("a", std::slice::from_ref(&one));
    metrics.keep("ab", std::slice::from_ref(&other));
    metrics.cluster(&one).conflicted();
    metrics.cluster(&other).unrenderable();
    let conflicts = |cluster: &ClusterKey| {
        let (namespace, name) = (&cluster.namespace, &cluster.name);
        value(&metrics, &format!("nico_conflicts_total{{cluster=\"{name}\",namespace=\"{namespace}\"}}"))
    };
    assert_eq!((conflicts(&one).as_deref(), conflicts(&other).as_deref()), (Some("1"), Some("0")));
    metrics.keep("a", &[]);
    assert_eq!((conflicts(&one).as_deref(), conflicts(&other).as_deref()), (None, Some("0")));
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
    metrics.keep("fleet", std::slice::from_ref(&home));
    metrics.clone().cluster(&home).conflicted();
    metrics.cluster(&home).conflicted();
    let conflicts = r#"nico_conflicts_total{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, conflicts).as_deref(), Some("2"));
    assert_eq!(value(&apart, conflicts), None);
}
