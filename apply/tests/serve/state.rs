//! How clusters are, as the metrics show it: equal to what was told, on the leader alone, and gone with the cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nico_apply::metrics::{Metrics, Told};
use nico_crds::KubernetesClusterStatus;
use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_render::status::State;

use crate::full::{SECOND, full, key, plan, status, told, value, workload};

/// The samples of a family, as they are shown, without its name.
fn samples(metrics: &Metrics, family: &str) -> Vec<String> {
    let text = metrics.render().unwrap();
    text.lines().filter_map(|line| Some(line.strip_prefix(family)?.strip_prefix('{')?.to_owned())).collect()
}

fn of_home(more: &str) -> String {
    format!(r#"cluster="home",namespace="fleet",{more}"#)
}

#[test]
fn what_was_told_is_shown() {
    let metrics = full();
    let shown = |family: &str, wanted: &[&str]| assert_eq!(samples(&metrics, family), wanted, "{family}");
    shown("nico_clusters_total", &[r#"namespace="fleet"} 1"#]);
    shown(
        "nico_cluster_control_plane_nodes",
        &[&of_home(r#"status="ready"} 2"#), &of_home(r#"status="total"} 3"#)],
    );
    shown("nico_cluster_worker_nodes", &[&of_home(r#"status="ready"} 0"#), &of_home(r#"status="total"} 2"#)]);
    shown(
        "nico_machines_selected",
        &[&of_home(r#"role="control-plane"} 3"#), &of_home(r#"role="worker"} 1"#)],
    );
    shown("nico_cluster_rollout_updated_machines", &[r#"cluster="home",namespace="fleet"} 2"#]);
    shown("nico_cluster_rollout_machines", &[r#"cluster="home",namespace="fleet"} 4"#]);
    shown(
        "nico_cluster_waiting",
        &[&of_home(r#"reason="TokenUnknown"} 1"#), &of_home(r#"reason="Unreachable"} 2"#)],
    );
    shown("nico_kubeconfig_expiry_timestamp_seconds", &[r#"cluster="home",namespace="fleet"} 1800000000"#]);
}

#[test]
fn every_phase_and_state_is_shown_also_where_nothing_is_in_it() {
    let metrics = full();
    let phases = samples(&metrics, "nico_clusters_by_phase");
    let wanted = Phase::ALL.map(|phase| {
        let number = u32::from(phase == Phase::ControlPlaneReady);
        format!(r#"namespace="fleet",phase="{}"}} {number}"#, phase.word())
    });
    assert_eq!(phases, wanted);

    let machines = samples(&metrics, "nico_cluster_machines");
    let number = |role, state| match (role, state) {
        (Role::ControlPlane, State::Settled) => 2,
        (Role::ControlPlane, State::Unreachable) | (Role::Worker, State::Waiting) => 1,
        _ => 0,
    };
    let wanted: Vec<_> = Role::ALL
        .into_iter()
        .flat_map(|role| State::ALL.into_iter().map(move |state| (role, state)))
        .map(|(role, state)| {
            let labels = format!(r#"role="{}",state="{}""#, role.label(), state.word());
            of_home(&format!("{labels}}} {}", number(role, state)))
        })
        .collect();
    assert_eq!(machines, wanted);
}

#[test]
fn what_is_told_later_takes_the_place_of_what_was_told_before() {
    let metrics = full();
    let later = KubernetesClusterStatus { phase: Some(Phase::Ready), machines: None, ..status() };
    metrics.tell(&key("fleet", "home"), Told::of(&later, None, Some(&workload(1_900_000_000))));
    assert_eq!(samples(&metrics, "nico_cluster_waiting"), Vec::<String>::new());
    let expiry = r#"nico_kubeconfig_expiry_timestamp_seconds{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, expiry).as_deref(), Some("1900000000"));
    let by_phase = |phase| {
        value(&metrics, &format!(r#"nico_clusters_by_phase{{namespace="fleet",phase="{phase}"}}"#)).unwrap()
    };
    assert_eq!((by_phase("ControlPlaneReady"), by_phase("Ready")), ("0".to_owned(), "1".to_owned()));
    let machines = samples(&metrics, "nico_cluster_machines");
    assert!(machines.iter().all(|sample| sample.ends_with(" 0")), "{machines:?}");

    metrics.tell(&key("fleet", "home"), Told::of(&later, None, None));
    assert_eq!(value(&metrics, expiry), None, "nobody knows of one");
}

#[test]
fn clusters_are_counted_where_they_are() {
    let metrics = full();
    metrics.keep("fleet", &[key("fleet", "home"), key("fleet", "new")]);
    metrics.keep("lab", &[key("lab", "home")]);
    metrics.tell(&key("lab", "home"), told());
    let totals = ["namespace=\"fleet\"} 2", "namespace=\"lab\"} 1"];
    assert_eq!(samples(&metrics, "nico_clusters_total"), totals);
    let in_phase = |namespace| {
        let phases = samples(&metrics, "nico_clusters_by_phase");
        phases.into_iter().filter(|one| one.contains(namespace) && one.ends_with("} 1")).collect::<Vec<_>>()
    };
    let wanted = |namespace| vec![format!(r#"namespace="{namespace}",phase="ControlPlaneReady"}} 1"#)];
    assert_eq!(in_phase("fleet"), wanted("fleet"), "of the new one nothing is known yet");
    assert_eq!(in_phase("lab"), wanted("lab"));
    let page = metrics.render().unwrap();
    assert!(page.contains("# TYPE nico_clusters_total untyped\n"), "{page}");
}

#[test]
fn a_cluster_that_is_gone_is_gone_whatever_is_late() {
    let metrics = full();
    let (home, other) = (key("fleet", "home"), key("fleet", "other"));
    let under_way = metrics.cluster(&home);
    metrics.keep("fleet", std::slice::from_ref(&other));
    for late in [under_way, metrics.cluster(&home)] {
        late.succeeded(SECOND);
        late.failed("Conflict", SECOND);
        late.unrenderable();
        late.panicked();
        late.conflicted();
        late.created(Role::Worker);
        late.deleted();
        late.kubeconfig_fetched();
        late.kubeconfig_failed();
        late.selected(Role::Worker, 1, SECOND);
    }
    metrics.tell(&home, told());
    let page = metrics.render().unwrap();
    assert!(!page.contains("home"), "{page}");
    assert!(page.contains(r#"nico_conflicts_total{cluster="other",namespace="fleet"} 0"#), "{page}");
    assert_eq!(samples(&metrics, "nico_clusters_total"), ["namespace=\"fleet\"} 1"]);
    assert!(samples(&metrics, "nico_clusters_by_phase").iter().all(|sample| sample.ends_with("} 0")));

    metrics.keep("fleet", &[]);
    assert_eq!(samples(&metrics, "nico_clusters_total"), Vec::<String>::new(), "nor is its namespace");
    metrics.keep("fleet", std::slice::from_ref(&home));
    let created = "nico_nixos_configs_created_total";
    assert_eq!(samples(&metrics, created), Vec::<String>::new(), "it begins anew");
    let successes = r#"nico_cluster_reconcile_success_total{cluster="home",namespace="fleet"}"#;
    assert_eq!(value(&metrics, successes).as_deref(), Some("0"));
    assert_eq!(
        samples(&metrics, "nico_cluster_machines"),
        Vec::<String>::new(),
        "and nothing is known of it yet"
    );
}

#[test]
fn who_stands_by_says_nothing_about_clusters() {
    let metrics = full();
    let leads = Arc::new(AtomicBool::new(true));
    let is_leader = leads.clone();
    metrics.watch_leader(move || is_leader.load(Ordering::SeqCst));
    let families = || {
        let page = metrics.render().unwrap();
        let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let of_the_process = [
        "nico_cache_age_seconds",
        "nico_leader",
        "nico_operator_info",
        "nico_workload_writes_total",
        "nico_writes_total",
    ];
    // From the moment on that it leads no longer, before anybody has noticed.
    leads.store(false, Ordering::SeqCst);
    let shown = families();
    let of_state =
        ["nico_clusters", "nico_cluster_machines", "nico_machines_selected", "nico_kubeconfig_expiry"];
    assert!(!shown.iter().any(|name| of_state.iter().any(|state| name.starts_with(state))), "{shown:?}");
    assert!(!shown.iter().any(|name| name.contains("_nodes") || name.contains("rollout")), "{shown:?}");

    let under_way = metrics.cluster(&key("fleet", "home"));
    metrics.stand_by();
    under_way.succeeded(SECOND);
    metrics.cluster(&key("fleet", "home")).succeeded(SECOND);
    metrics.tell(&key("fleet", "home"), Told::of(&status(), Some(&plan()), None));
    assert_eq!(families(), of_the_process);
    // What it knew when it led before is not what is so now.
    leads.store(true, Ordering::SeqCst);
    assert_eq!(families(), of_the_process);
}
