//! Which Node is which machine, how it is, and what is noted on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{self, NodeCondition};
use nico_crds::Machine;
use nico_crds::names::DRAINED_SINCE;
use nico_render::workload::Node;

use super::member;

/// The Nodes of a cluster, by what they may be known by.
#[derive(Default)]
pub struct Nodes {
    nodes: Vec<v1::Node>,
    by_name: BTreeMap<String, usize>,
    /// None: several have it.
    by_address: BTreeMap<String, Option<usize>>,
}

impl Nodes {
    /// Of a list that is whole.
    pub fn new(nodes: Vec<v1::Node>) -> Self {
        let mut known = Self::default();
        for (place, node) in nodes.iter().enumerate() {
            known.by_name.insert(node.metadata.name.clone().unwrap_or_default(), place);
            let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
            for address in addresses {
                let one = known.by_address.entry(address.address.clone()).or_insert(Some(place));
                if *one != Some(place) {
                    *one = None;
                }
            }
        }
        known.nodes = nodes;
        known
    }

    /// The Node of a machine: by its name, else by an address that no other Node has.
    pub fn of(&self, machine: &Machine) -> Option<Node> {
        let name = machine.metadata.name.as_deref().unwrap_or_default();
        let named = self.by_name.get(name).copied();
        let mut addresses = [&machine.spec.ip_address, &machine.spec.hostname].into_iter().flatten();
        let place = named.or_else(|| {
            addresses.find_map(|address| {
                let by_address = self.by_address.get(address).copied().flatten();
                by_address.or_else(|| self.by_name.get(address).copied())
            })
        })?;
        self.nodes.get(place).map(read)
    }

    /// The Node of a machine of which only the name is left.
    pub fn named(&self, name: &str) -> Option<Node> {
        self.nodes.get(*self.by_name.get(name)?).map(read)
    }
}

fn read(node: &v1::Node) -> Node {
    let status = node.status.as_ref();
    let annotations = node.metadata.annotations.as_ref();
    let conditions = || status.iter().flat_map(|status| status.conditions.iter().flatten());
    let pressed =
        |condition: &&NodeCondition| condition.type_.ends_with("Pressure") && condition.status == "True";
    Node {
        name: node.metadata.name.clone().unwrap_or_default(),
        uid: node.metadata.uid.clone().unwrap_or_default(),
        version: node.metadata.resource_version.clone().unwrap_or_default(),
        cordoned: node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true),
        // Anybody may write there; what is no time is none.
        drained_since: annotations.and_then(|notes| notes.get(DRAINED_SINCE)?.parse().ok()),
        member: annotations.and_then(member::read),
        pods: None,
        unready: unready(conditions().find(|condition| condition.type_ == "Ready")),
        kubelet: status.and_then(|status| Some(status.node_info.as_ref()?.kubelet_version.clone())),
        pressure: conditions().filter(pressed).map(|condition| condition.type_.clone()).collect(),
    }
}

/// Why it is not Ready. Only `True` is: what Kubernetes does not know (`NodeStatusUnknown`) does not run, as far as
/// it sees.
fn unready(ready: Option<&NodeCondition>) -> Option<String> {
    match ready {
        Some(condition) if condition.status == "True" => None,
        Some(condition) => {
            let why = condition.reason.clone().filter(|reason| is_word(reason));
            Some(why.unwrap_or_else(|| "NodeNotReady".to_owned()))
        }
        None => Some("NoReadyCondition".to_owned()),
    }
}

/// A reason as Kubernetes knows it. The cluster's administrator could write anything there.
fn is_word(reason: &str) -> bool {
    !reason.is_empty() && reason.len() <= 64 && reason.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, address: &str, ready: &str) -> v1::Node {
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "status": {
                "addresses": [{ "type": "InternalIP", "address": address }],
                "conditions": [
                    { "type": "Ready", "status": ready, "reason": "NodeStatusUnknown" },
                    { "type": "DiskPressure", "status": "True" },
                    { "type": "MemoryPressure", "status": "False" },
                ],
            },
        }))
        .unwrap()
    }

    fn machine(name: &str, address: &str) -> Machine {
        serde_json::from_value(json!({
            "apiVersion": "nio.homystack.com/v1alpha1",
            "kind": "Machine",
            "metadata": { "name": name },
            "spec": { "hostname": address, "ipAddress": address },
        }))
        .unwrap()
    }

    #[test]
    fn a_node_is_found_by_name_or_by_an_address_of_its_own() {
        let nodes = Nodes::new(vec![
            node("node-1", "10.0.0.9", "True"),
            node("other", "10.0.0.2", "True"),
            node("twin-a", "10.0.0.3", "True"),
            node("twin-b", "10.0.0.3", "True"),
        ]);
        let name = |machine: Machine| nodes.of(&machine).map(|node| node.name);
        assert_eq!(name(machine("node-1", "10.0.0.2")).as_deref(), Some("node-1"), "the name comes first");
        assert_eq!(name(machine("node-2", "10.0.0.2")).as_deref(), Some("other"));
        assert_eq!(name(machine("node-3", "10.0.0.3")), None, "whose is it?");
        assert_eq!(name(machine("node-4", "other")).as_deref(), Some("other"), "known by its host name");
        assert_eq!(name(machine("node-5", "10.0.0.5")), None);
    }

    #[test]
    fn a_machine_that_is_gone_has_the_node_of_its_name() {
        let nodes = Nodes::new(vec![node("node-1", "10.0.0.1", "True")]);
        assert_eq!(nodes.named("node-1").unwrap().name, "node-1");
        assert_eq!(nodes.named("10.0.0.1"), None, "a name is no address");
    }

    #[test]
    fn since_when_it_is_drained_is_read_and_nothing_else_is_taken_for_it() {
        let noted = |since: &str| {
            let mut node = node("node-1", "10.0.0.1", "True");
            let notes = [(DRAINED_SINCE.to_owned(), since.to_owned())];
            node.metadata.annotations = Some(notes.into());
            node.spec = serde_json::from_value(json!({ "unschedulable": true })).unwrap();
            Nodes::new(vec![node]).named("node-1").unwrap()
        };
        let drained = noted("2026-11-27T22:40:13Z");
        assert_eq!(drained.drained_since, Some("2026-11-27T22:40:13Z".parse().unwrap()));
        assert!(drained.cordoned);
        for garbage in ["", "true", "yesterday", "2026-11-27"] {
            assert_eq!(noted(garbage).drained_since, None, "{garbage}");
        }
    }

    #[test]
    fn only_true_is_ready_and_pressure_is_told() {
        let nodes =
            Nodes::new(vec![node("a", "1", "True"), node("b", "2", "Unknown"), node("c", "3", "False")]);
        let of = |name: &str| nodes.of(&machine(name, "x")).unwrap();
        assert_eq!(of("a").unready, None);
        assert_eq!(of("a").pressure, ["DiskPressure"]);
        for name in ["b", "c"] {
            assert_eq!(of(name).unready.as_deref(), Some("NodeStatusUnknown"));
        }
    }
}
