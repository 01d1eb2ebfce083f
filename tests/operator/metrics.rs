//! What the metrics show of clusters equals the objects on the server, goes with them, and is shown by the leader
//! alone.

use std::collections::BTreeMap;

use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_harness::{Process, wait_until};
use nico_render::status::State;
use serde_json::{Value, json};

use crate::fleet::line;
use crate::quiet::{metrics_address, page};
use crate::replicas::{accounts, replica_with, wait_leads};
use crate::stage::{BOUND, CONFIGURATIONS, Stage, cluster};

/// Families that tell how clusters are, why they wait aside.
const STATE: [&str; 8] = [
    "nico_clusters_total",
    "nico_clusters_by_phase",
    "nico_cluster_control_plane_nodes",
    "nico_cluster_worker_nodes",
    "nico_machines_selected",
    "nico_cluster_machines",
    "nico_cluster_rollout_updated_machines",
    "nico_cluster_rollout_machines",
];
const WAITING: &str = "nico_cluster_waiting";

/// Series with their values.
type Series = BTreeMap<String, u64>;

/// The series of these families on a page.
fn shown(page: &str, families: &[&str]) -> Series {
    let samples = page.lines().filter_map(|line| line.rsplit_once(' '));
    let of_family = samples.filter(|(series, _)| {
        let name = series.split('{').next().unwrap_or_default();
        families.contains(&name)
    });
    of_family.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
}

/// What the objects of a namespace say.
async fn wanted(stage: &Stage<'_>) -> Series {
    let namespace = stage.namespace.name();
    let clusters = stage.list("kubernetesclusters").await;
    let mut wanted = Series::new();
    if clusters.is_empty() {
        return wanted;
    }
    wanted.insert(format!("nico_clusters_total{{namespace=\"{namespace}\"}}"), clusters.len() as u64);
    for phase in Phase::ALL.map(Phase::word) {
        let number = clusters.iter().filter(|one| one["status"]["phase"] == phase).count();
        let series = format!("nico_clusters_by_phase{{namespace=\"{namespace}\",phase=\"{phase}\"}}");
        wanted.insert(series, number as u64);
    }
    for cluster in &clusters {
        wanted.extend(of_cluster(namespace, cluster));
    }
    wanted
}

fn of_cluster(namespace: &str, cluster: &Value) -> Series {
    let (name, status) = (cluster["metadata"]["name"].as_str().unwrap(), &cluster["status"]);
    let mut wanted = Series::new();
    let mut put = |family: &str, more: &str, value: u64| {
        let more = if more.is_empty() { String::new() } else { format!(",{more}") };
        wanted.insert(format!("{family}{{cluster=\"{name}\",namespace=\"{namespace}\"{more}}}"), value);
    };
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    for (family, group) in [
        ("nico_cluster_control_plane_nodes", &status["controlPlane"]),
        ("nico_cluster_worker_nodes", &status["dataPlane"]),
    ] {
        put(family, "status=\"ready\"", number(&group["ready"]));
        put(family, "status=\"total\"", number(&group["total"]));
    }
    for (role, list) in
        Role::ALL.into_iter().zip(["selectedControlPlaneMachines", "selectedDataPlaneMachines"])
    {
        let role = role.label();
        let selected = status[list].as_array().map_or(0, Vec::len);
        put("nico_machines_selected", &format!("role=\"{role}\""), selected as u64);
        for state in State::ALL.map(State::word) {
            let lines = status["machines"].as_array().cloned().unwrap_or_default();
            let number = lines.iter().filter(|line| line["role"] == role && line["state"] == state).count();
            put("nico_cluster_machines", &format!("role=\"{role}\",state=\"{state}\""), number as u64);
        }
    }
    put("nico_cluster_rollout_updated_machines", "", number(&status["rollout"]["updated"]));
    put("nico_cluster_rollout_machines", "", number(&status["rollout"]["total"]));
    wanted
}

/// Waits until the metrics of a replica equal the objects; returns its page.
async fn wait_equal(replica: &Process, stages: &[&Stage<'_>]) -> String {
    let address = metrics_address(replica).await;
    wait_until("the metrics to equal the objects", BOUND, async || {
        let mut all = Series::new();
        for stage in stages {
            all.extend(wanted(stage).await);
        }
        let page = page(&address, "/metrics").await;
        let shown = shown(&page, &STATE);
        let missing: Vec<_> =
            all.iter().filter(|(series, value)| shown.get(*series) != Some(value)).collect();
        let beyond: Vec<_> = shown.keys().filter(|series| !all.contains_key(*series)).collect();
        if missing.is_empty() && beyond.is_empty() {
            Ok(page)
        } else {
            Err(format!("not so: {missing:?}; too much: {beyond:?}"))
        }
    })
    .await
    .unwrap()
}

/// Waits until a replica says that it stands by, and nothing about any cluster.
async fn wait_silent(replica: &Process) {
    let address = metrics_address(replica).await;
    wait_until("a page without clusters", BOUND, async || {
        let page = page(&address, "/metrics").await;
        let speaks = page.lines().find(|line| line.contains("namespace="));
        let stands_by = page.lines().any(|line| line == "nico_leader 0");
        let is_alive =
            ["nico_operator_info{", "nico_cache_age_seconds{"].iter().all(|one| page.contains(one));
        if stands_by && is_alive && speaks.is_none() { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap();
}

async fn wait_ready(replica: &Process) {
    let address = metrics_address(replica).await;
    wait_until("it to be ready", BOUND, async || {
        let page = page(&address, "/readyz").await;
        if page.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(page) }
    })
    .await
    .unwrap();
}

/// Two namespaces: in the first one a cluster that runs, of whose worker nothing is heard any more, and one that
/// runs; in the second one NIO stands still, and a cluster waits for its head.
async fn set_up(one: &Stage<'_>, two: &mut Stage<'_>) {
    let quick = json!({ "installPolicy": "SwitchOnly" });
    one.machines(5).await;
    two.machines(4).await;
    two.stop_nio().await;
    one.put(&[cluster("home", 1, 1, &quick), cluster("lab", 2, 1, &quick)]).await;
    two.put(&[cluster("home", 1, 1, &quick)]).await;
    one.wait_installed(5).await;
    for name in ["home", "lab"] {
        one.wait("it to be ready", async || {
            let status = one.get("kubernetescluster", name).await["status"].clone();
            if status["phase"] == "Ready" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }
    let status = one.get("kubernetescluster", "home").await["status"].clone();
    let worker = status["selectedDataPlaneMachines"][0].as_str().unwrap();
    one.control().lose(worker);
    one.wait("the worker to be missed", async || {
        let status = one.get("kubernetescluster", "home").await["status"].clone();
        if line(&status, worker)["state"] == "Unreachable" { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_equal_the_objects_go_with_them_and_are_the_leaders() {
    let (one, mut two) = (Stage::new("metrics").await, Stage::new("metrics-too").await);
    let [first, second] = accounts(&one).await;
    let (one_name, two_name) = (one.namespace.name().to_owned(), two.namespace.name().to_owned());
    let also = ["--namespace", two_name.as_str()];
    let leader = replica_with(&one, &first.kubeconfig(), &also);
    wait_leads(&leader).await;
    let other = replica_with(&one, &second.kubeconfig(), &also);
    set_up(&one, &mut two).await;

    // What the objects say, and what is known beside them.
    let page = wait_equal(&leader, &[&one, &two]).await;
    let has = |page: &str, series: String, value: u64| {
        assert!(page.lines().any(|line| line == format!("{series} {value}")), "{series} {value}: {page}");
    };
    has(&page, format!("nico_clusters_by_phase{{namespace=\"{two_name}\",phase=\"Provisioning\"}}"), 1);
    let in_one = format!("cluster=\"home\",namespace=\"{one_name}\"");
    has(&page, format!("nico_cluster_machines{{{in_one},role=\"worker\",state=\"Unreachable\"}}"), 1);
    has(&page, format!("nico_nixos_configs_created_total{{{in_one},role=\"worker\"}}"), 1);
    let waits = shown(&page, &[WAITING]);
    let for_head =
        format!("{WAITING}{{cluster=\"home\",namespace=\"{two_name}\",reason=\"WaitingForBootstrap\"}}");
    assert_eq!(waits, Series::from([(for_head, 1)]), "{page}");
    for role in Role::ALL.map(Role::label) {
        let series = format!("nico_machine_selection_duration_seconds_count{{{in_one},role=\"{role}\"}}");
        assert!(shown(&page, &["nico_machine_selection_duration_seconds_count"])[&series] > 0, "{page}");
    }
    wait_ready(&other).await;
    wait_silent(&other).await;

    // One is deleted, and the series that it had go with it.
    one.kubectl(&["delete", "kubernetescluster", "lab", "--wait=false"]).await;
    one.wait("its configurations to be gone", async || {
        let left = one.list(CONFIGURATIONS).await;
        if left.len() == 2 { Ok(()) } else { Err(format!("{}", left.len())) }
    })
    .await;
    one.wait("it to be gone", async || {
        let left = one.list("kubernetesclusters").await;
        if left.len() == 1 { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    let page = wait_equal(&leader, &[&one, &two]).await;
    assert!(!page.contains("cluster=\"lab\""), "{page}");

    // Another leads, and who led before has nothing more to say.
    leader.stop();
    wait_leads(&other).await;
    let page = wait_equal(&other, &[&one, &two]).await;
    assert!(!page.contains("cluster=\"lab\""), "{page}");
    leader.cont();
    wait_silent(&leader).await;
    wait_equal(&other, &[&one, &two]).await;
}
