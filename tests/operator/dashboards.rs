//! Every query of the dashboards that are delivered is answered by a real Prometheus that scrapes a real operator, and
//! the alerts see there what they are about.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_harness::wait_until;
use serde_json::{Value, json};

use crate::prometheus::Prometheus;
use crate::quiet::metrics_address;
use crate::stage::BOUND;
use crate::visits::Visits;

/// One that runs, one whose head is awaited, and one that cannot be rendered.
const CLUSTERS: [&str; 3] = ["home", "lab", "nowhere"];

fn delivered(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring");
    std::fs::read_to_string(folder.join(file)).unwrap()
}

/// The queries of a dashboard, of its panels and of its variables.
fn queries(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter(|panel| panel["type"] != "row").flat_map(|panel| {
        panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap().to_owned())
    });
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let values = variables.filter(|variable| variable["type"] == "query").map(|variable| {
        let query = variable["query"]["query"].as_str().unwrap();
        let inner = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (series, label) = inner.rsplit_once(", ").unwrap();
        format!("count by ({label}) ({series})")
    });
    targets.chain(values).collect()
}

async fn set_up(visits: &Visits<'_>) {
    let hour = SignedDuration::from_hours(1);
    let kubeconfig = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
    visits.lay_kubeconfig("file", kubeconfig, "https://127.0.0.1");
    let mut home = visits.cluster("home", "node-1", "file");
    home["spec"]["dataPlane"] = json!({ "machines": ["node-2"] });
    let mut lab = visits.cluster("lab", "absent", "file");
    lab["spec"]["controlPlane"] = json!({ "machines": ["absent", "node-3"] });
    let mut nowhere = visits.cluster("nowhere", "absent", "file");
    nowhere["spec"].as_object_mut().unwrap().remove("gitRepo");
    let other = |name: &str| visits.machine(name, &json!({ "hostname": format!("{name}.example") }));
    let machines = [visits.machine("node-1", &json!({})), other("node-2"), other("node-3")];
    visits.stage.put(&machines).await;
    visits.stage.put(&[home, lab, nowhere]).await;
    visits.wait_reason("home", "Available").await;
    visits.stage.wait_installed(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_answered_and_the_alerts_see_what_is_so() {
    let visits = Visits::new("dashboards", [127, 0, 4, 61]).await;
    let operator = visits.operator(&[]).await;
    let rules: Value = serde_saphyr::from_str(&delivered("alerts.yaml")).unwrap();
    let prometheus = Prometheus::start(&metrics_address(&operator).await, &rules["spec"]["groups"]).await;
    set_up(&visits).await;

    for file in ["nico-fleet", "nico-cluster", "nico-operator"] {
        let dashboard: Value = serde_json::from_str(&delivered(&format!("dashboards/{file}.json"))).unwrap();
        let mut open = queries(&dashboard);
        assert!(open.len() > 10, "{open:?}");
        wait_until(&format!("all queries of {file} to be answered"), BOUND, async || {
            let mut silent = Vec::new();
            for query in &open {
                if let Err(reason) = answered(&prometheus, query, visits.namespace().name()).await {
                    silent.push((query.clone(), reason));
                }
            }
            open = silent.iter().map(|(query, _)| query.clone()).collect();
            if silent.is_empty() { Ok(()) } else { Err(format!("{silent:?}")) }
        })
        .await
        .unwrap();
    }
    see(&prometheus).await;
}

/// Whoever looks chooses the namespace and the cluster: there is one of which there is something to see.
async fn answered(prometheus: &Prometheus, query: &str, namespace: &str) -> Result<(), String> {
    let mut reasons = Vec::new();
    for cluster in CLUSTERS {
        let filled = query
            .replace("$__rate_interval", "1m")
            .replace("$namespace", namespace)
            .replace("$cluster", cluster);
        assert!(!filled.contains('$'), "{filled}");
        match prometheus.ask(&filled).await {
            Ok(_) => return Ok(()),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

async fn see(prometheus: &Prometheus) {
    let seen = ["NicoClusterFailed", "NicoWaitsForPerson"];
    wait_until("the alerts to see it", BOUND, async || {
        let rules = prometheus.rules().await?;
        let name = |rule: &Value| rule["name"].as_str().unwrap_or_default().to_owned();
        let sick: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
        let active: BTreeMap<_, _> =
            rules.iter().filter(|rule| rule["state"] != "inactive").map(|rule| (name(rule), rule)).collect();
        if sick.is_empty() && !rules.is_empty() && seen.iter().all(|name| active.contains_key(*name)) {
            Ok(())
        } else {
            Err(format!("sick: {sick:?}; active: {:?}", active.keys()))
        }
    })
    .await
    .unwrap();
    for rule in prometheus.rules().await.unwrap() {
        let wrong =
            ["NicoOperatorDown", "NicoNoLeader", "NicoSeveralLeaders", "NicoPanics", "NicoQuorumLost"];
        let is_wrong = wrong.iter().any(|name| rule["name"] == *name);
        assert!(!is_wrong || rule["state"] == "inactive", "{rule}");
    }
}
