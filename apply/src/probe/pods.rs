//! What runs on the Nodes of machines that leave, and which `PodDisruptionBudget`s forbid that it is evicted.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::core::v1;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::{Selector, SelectorExt as _};
use nico_render::workload::{Kind, Node, Pod, Silence};

use super::list::Asked;

/// So many pages of pods on one Node at most; Kubernetes has 110 of them by default.
const PAGES: usize = 10;
/// So many pages of budgets at most.
const PAGES_OF_BUDGETS: usize = 20;
/// So many Nodes are asked for at once.
const AT_ONCE: usize = 8;

/// So many budgets of a pod are named.
const NAMED: usize = 3;

/// By which the API shows what a kubelet runs from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod, and what budgets know it by.
struct Found {
    pod: Pod,
    labels: BTreeMap<String, String>,
}

/// Looks at the Nodes of these machines.
pub(super) async fn look(asked: &Asked<'_>, nodes: &mut BTreeMap<String, Node>, drained: &BTreeSet<String>) {
    let on = nodes.iter().filter(|(machine, _)| drained.contains(*machine));
    let on: Vec<_> = on.map(|(machine, node)| (machine.clone(), node.name.clone())).collect();
    let looks = on.into_iter().map(|(machine, node)| async move { (machine, pods_on(asked, &node).await) });
    let found: Vec<_> = stream::iter(looks).buffer_unordered(AT_ONCE).collect().await;
    let all = || found.iter().filter_map(|(_, pods)| pods.as_ref().ok()).flatten();
    // Without a list of them nothing is told of budgets; the server keeps to them all the same.
    let budgets = if all().any(|found| found.pod.must_go(None) && !found.pod.goes) {
        asked.list(None, PAGES_OF_BUDGETS, Budget::of).await.unwrap_or_default()
    } else {
        Vec::new()
    };
    for (machine, pods) in found {
        let Some(node) = nodes.get_mut(&machine) else { continue };
        node.pods = Some(pods.map(|pods| pods.into_iter().map(|found| found.under(&budgets)).collect()));
    }
}

async fn pods_on(asked: &Asked<'_>, node: &str) -> Result<Vec<Found>, Silence> {
    let fields = format!("spec.nodeName={node}");
    let mut pods = asked.list(Some(&fields), PAGES, read).await.map_err(super::list::Failure::silence)?;
    let name = |found: &Found| (found.pod.namespace.clone(), found.pod.name.clone());
    pods.sort_by_key(name);
    Ok(pods)
}

fn read(pod: v1::Pod) -> Found {
    let kind = kind(&pod);
    let metadata = pod.metadata;
    let pod = Pod {
        namespace: metadata.namespace.unwrap_or_default(),
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        kind,
        created_at: metadata.creation_timestamp.map(|created| created.0),
        goes: metadata.deletion_timestamp.is_some(),
        budgets: Vec::new(),
    };
    Found { pod, labels: metadata.labels.unwrap_or_default() }
}

/// As `kubectl drain` tells them apart.
fn kind(pod: &v1::Pod) -> Kind {
    let mut owners = pod.metadata.owner_references.iter().flatten();
    let controller = owners.find(|owner| owner.controller == Some(true));
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let is_mirror = pod.metadata.annotations.as_ref().is_some_and(|notes| notes.contains_key(MIRROR));
    if is_mirror {
        Kind::Mirror
    } else if matches!(phase, Some("Succeeded" | "Failed")) {
        Kind::Ended
    } else if controller.is_some_and(|owner| owner.kind == "DaemonSet") {
        Kind::OfDaemonSet
    } else {
        Kind::Evictable
    }
}

impl Found {
    fn under(self, budgets: &[Budget]) -> Pod {
        let of = |budget: &&Budget| budget.namespace == self.pod.namespace && budget.selects(&self.labels);
        let of: Vec<_> = budgets.iter().filter(of).collect();
        // Kubernetes evicts no pod that several budgets cover.
        let are_too_many = of.len() > 1;
        let forbid = of.into_iter().filter(|budget| budget.is_used_up || are_too_many);
        let mut names: Vec<_> = forbid.map(|budget| budget.name.clone()).collect();
        names.sort();
        names.truncate(NAMED);
        Pod { budgets: names, ..self.pod }
    }
}

/// A `PodDisruptionBudget`.
struct Budget {
    namespace: String,
    name: String,
    /// None: it covers no pod.
    selector: Option<Selector>,
    /// It allows no disruption now.
    is_used_up: bool,
}

impl Budget {
    fn of(budget: PodDisruptionBudget) -> Self {
        let selector = budget.spec.and_then(|spec| spec.selector);
        Self {
            namespace: budget.metadata.namespace.unwrap_or_default(),
            name: budget.metadata.name.unwrap_or_default(),
            selector: selector.and_then(|selector| selector.try_into().ok()),
            // Without a status nobody has counted yet, and the server refuses.
            is_used_up: budget.status.is_none_or(|status| status.disruptions_allowed <= 0),
        }
    }

    fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(metadata: &Value, phase: &str) -> Found {
        let mut whole = json!({ "name": "a", "namespace": "shop", "uid": "1" });
        for (field, value) in metadata.as_object().unwrap() {
            whole.as_object_mut().unwrap().insert(field.clone(), value.clone());
        }
        let pod = json!({ "metadata": whole, "status": { "phase": phase } });
        read(serde_json::from_value(pod).unwrap())
    }

    fn budget(name: &str, namespace: &str, selector: &Value, allowed: i32) -> Budget {
        let status = json!({
            "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1,
        });
        let budget = json!({
            "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": selector },
            "status": status,
        });
        Budget::of(serde_json::from_value(budget).unwrap())
    }

    fn owned_by(kind: &str, controls: bool) -> Value {
        let owner =
            json!({ "apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": "2", "controller": controls });
        json!({ "ownerReferences": [owner] })
    }

    #[test]
    fn what_has_to_go_is_told_from_what_stays() {
        let kind = |metadata: &Value, phase: &str| pod(metadata, phase).pod.kind;
        assert_eq!(kind(&json!({}), "Running"), Kind::Evictable, "also one that nobody brings back");
        assert_eq!(kind(&json!({}), "Pending"), Kind::Evictable);
        assert_eq!(kind(&json!({}), "Succeeded"), Kind::Ended);
        assert_eq!(kind(&json!({}), "Failed"), Kind::Ended);
        assert_eq!(kind(&owned_by("ReplicaSet", true), "Running"), Kind::Evictable);
        assert_eq!(kind(&owned_by("DaemonSet", true), "Running"), Kind::OfDaemonSet);
        assert_eq!(kind(&owned_by("DaemonSet", false), "Running"), Kind::Evictable, "it does not control it");
        assert_eq!(kind(&json!({ "annotations": { MIRROR: "x" } }), "Running"), Kind::Mirror);
        assert!(!pod(&json!({}), "Running").pod.goes);
        assert!(pod(&json!({ "deletionTimestamp": "2026-11-27T22:40:13Z" }), "Running").pod.goes);
    }

    #[test]
    fn the_budgets_that_forbid_an_eviction_are_named() {
        let labels = json!({ "labels": { "app": "web", "tier": "front" } });
        let named = |budgets: &[Budget]| pod(&labels, "Running").under(budgets).budgets;
        let web = json!({ "matchLabels": { "app": "web" } });
        let front = json!({ "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["front"] }] });
        let other = json!({ "matchLabels": { "app": "other" } });
        assert_eq!(named(&[budget("web", "shop", &web, 0)]), ["web"]);
        assert_eq!(named(&[budget("front", "shop", &front, 0)]), ["front"]);
        assert_eq!(
            named(&[budget("all", "shop", &json!({}), 0)]),
            ["all"],
            "an empty selector is everything"
        );
        assert!(named(&[budget("none", "shop", &Value::Null, 0)]).is_empty(), "and none is nothing");
        assert!(named(&[budget("web", "shop", &web, 1)]).is_empty(), "it allows one");
        assert!(named(&[budget("web", "elsewhere", &web, 0)]).is_empty());
        assert!(named(&[budget("other", "shop", &other, 0)]).is_empty());
        let odd = json!({ "matchExpressions": [{ "key": "tier", "operator": "Odd" }] });
        assert!(named(&[budget("odd", "shop", &odd, 0)]).is_empty());
        let two = [budget("web", "shop", &web, 1), budget("front", "shop", &front, 1)];
        assert_eq!(named(&two), ["front", "web"], "of two neither evicts");
        let fresh =
            json!({ "metadata": { "name": "new", "namespace": "shop" }, "spec": { "selector": web } });
        assert_eq!(named(&[Budget::of(serde_json::from_value(fresh).unwrap())]), ["new"]);
    }
}
