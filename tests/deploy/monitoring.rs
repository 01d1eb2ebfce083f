//! What watches NICO: accepted by a server that has the kinds, and the base by one that has not.

use std::collections::BTreeSet;

use nico_harness::ControlPlane;
use serde_json::Value;

use crate::support::{OWN_NAMESPACE, kubectl, kustomize, objects, path, read, root};

const DASHBOARDS: [&str; 3] = ["nico-fleet", "nico-cluster", "nico-operator"];

#[tokio::test(flavor = "multi_thread")]
async fn it_is_accepted_where_its_kinds_are() {
    let kinds = root().join("fixtures/prometheus-operator.yaml");
    let control_plane =
        ControlPlane::start_with(&[&kinds, &root().join("fixtures/nio/python.yaml")]).await.unwrap();
    for folder in ["deploy", "deploy/monitoring", "deploy/monitoring"] {
        let apply = ["apply", "--validate=strict", "-k", &path(folder)];
        assert_eq!(kubectl(&control_plane, &apply).await.1, "", "{folder}");
    }
    let get = ["get", "servicemonitors,prometheusrules,configmaps", "-n", OWN_NAMESPACE, "-o", "name"];
    let there = kubectl(&control_plane, &get).await.0;
    for name in ["servicemonitor.monitoring.coreos.com/nico-operator", "configmap/nico-dashboards"] {
        assert!(there.contains(name), "{there}");
    }
}

#[test]
fn what_is_scraped_is_the_port_of_the_service_and_its_labels_stay() {
    let all = objects(&kustomize("deploy/monitoring"));
    let monitor = all.iter().find(|object| object["kind"] == "ServiceMonitor").unwrap();
    let service = crate::support::installed("Service");
    assert_eq!(monitor["metadata"]["namespace"], service["metadata"]["namespace"]);
    for (label, value) in monitor["spec"]["selector"]["matchLabels"].as_object().unwrap() {
        assert_eq!(service["metadata"]["labels"][label], *value);
    }
    let endpoint = &monitor["spec"]["endpoints"][0];
    assert_eq!(endpoint["port"], service["spec"]["ports"][0]["name"]);
    // Without it `namespace` would be the operator's in every series.
    assert_eq!(endpoint["honorLabels"], true);
}

#[test]
fn each_dashboard_is_delivered_and_its_panels_say_what_they_show() {
    let all = objects(&kustomize("deploy/monitoring"));
    let map = all.iter().find(|object| object["kind"] == "ConfigMap").unwrap();
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["data"].as_object().unwrap().len(), DASHBOARDS.len());
    for name in DASHBOARDS {
        let text = map["data"][format!("{name}.json")].as_str().unwrap();
        let dashboard: Value = serde_json::from_str(text).unwrap();
        assert_eq!(dashboard["uid"], name);
        let panels = dashboard["panels"].as_array().unwrap();
        let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}");
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let has = |field: &str| panel[field].as_str().is_some_and(|text| !text.is_empty());
            assert!(has("title") && has("description"), "{name}: {panel}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{name}: {panel}");
        }
        no_two_overlap(name, panels);
    }
}

fn no_two_overlap(name: &str, panels: &[Value]) {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{name}: {}", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{name}: {} lies over another one", panel["title"]);
        }
    }
}

/// Every family that is asked for is one that `docs/metrics.md` tells of, where another test compares it with what
/// there is.
#[test]
fn only_metrics_that_there_are_are_asked_for() {
    let page = read("docs/metrics.md");
    let told: BTreeSet<_> =
        page.split("\n### `").skip(1).map(|section| section.split('`').next().unwrap()).collect();
    let mut texts = vec![read("deploy/monitoring/alerts.yaml")];
    texts.extend(DASHBOARDS.map(|name| read(&format!("deploy/monitoring/dashboards/{name}.json"))));
    let mut asked = 0;
    for text in texts {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for word in words.filter(|word| word.starts_with("nico_")) {
            let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end));
            assert!(told.contains(family.unwrap_or(word)), "{word}");
            asked += 1;
        }
    }
    assert!(asked > 0);
}
