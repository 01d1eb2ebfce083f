//! Which Node is which machine, how it is, and what is noted on it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{self, NodeCondition};
use nico_crds::Machine;
use nico_crds::names::{DRAINED_SINCE, MEMBER_ASKED_AT};
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

    /// The Nodes of these machines, by the machine's name; of some only that is left. By its name, else by an address
    /// that no other Node has. A Node that bears another machine's name is that one's, whatever its address: addresses
    /// pass from one machine to the next. And one that could be two machines' is nobody's.
    pub fn of<'a>(
        &self,
        machines: impl IntoIterator<Item = (&'a str, Option<&'a Machine>)>,
    ) -> BTreeMap<String, Node> {
        let machines: BTreeMap<_, _> = machines.into_iter().collect();
        let mut places: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
        for (name, machine) in &machines {
            let named = self.by_name.get(*name).copied();
            let place = named.or_else(|| {
                let place = self.by_address((*machine)?)?;
                let node = self.nodes.get(place)?.metadata.name.as_deref().unwrap_or_default();
                (!machines.contains_key(node)).then_some(place)
            });
            if let Some(place) = place {
                places.entry(place).or_default().push(name);
            }
        }
        let found = places.into_iter().filter_map(|(place, names)| {
            let [name] = names.as_slice() else { return None };
            Some(((*name).to_owned(), self.nodes.get(place).map(read)?))
        });
        found.collect()
    }

    fn by_address(&self, machine: &Machine) -> Option<usize> {
        let mut addresses = [&machine.spec.ip_address, &machine.spec.hostname].into_iter().flatten();
        addresses.find_map(|address| {
            let by_address = self.by_address.get(address).copied().flatten();
            by_address.or_else(|| self.by_name.get(address).copied())
        })
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
        deleted_at: node.metadata.deletion_timestamp.as_ref().map(|deleted| deleted.0),
        member_asked_at: annotations.and_then(|notes| notes.get(MEMBER_ASKED_AT)?.parse().ok()),
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

    /// The name of each machine's Node, where it has one.
    fn names(nodes: &Nodes, machines: &[Machine]) -> Vec<(String, String)> {
        let name = |machine: &Machine| machine.metadata.name.clone().unwrap_or_default();
        let named: Vec<_> = machines.iter().map(|machine| (name(machine), machine)).collect();
        let found = nodes.of(named.iter().map(|(name, machine)| (name.as_str(), Some(*machine))));
        found.into_iter().map(|(machine, node)| (machine, node.name)).collect()
    }

    fn is_of(machine: &str, node: &str) -> (String, String) {
        (machine.to_owned(), node.to_owned())
    }

    #[test]
    fn a_node_is_found_by_name_or_by_an_address_of_its_own() {
        let nodes = Nodes::new(vec![
            node("node-1", "10.0.0.9", "True"),
            node("other", "10.0.0.2", "True"),
            node("twin-a", "10.0.0.3", "True"),
            node("twin-b", "10.0.0.3", "True"),
        ]);
        let of = |machine: Machine| names(&nodes, &[machine]);
        assert_eq!(of(machine("node-1", "10.0.0.2")), [is_of("node-1", "node-1")], "the name comes first");
        assert_eq!(of(machine("node-2", "10.0.0.2")), [is_of("node-2", "other")]);
        assert_eq!(of(machine("node-3", "10.0.0.3")), [], "whose is it?");
        assert_eq!(of(machine("node-4", "other")), [is_of("node-4", "other")], "known by its host name");
        assert_eq!(of(machine("node-5", "10.0.0.5")), []);
    }

    #[test]
    fn no_machine_has_another_ones_node() {
        let nodes = Nodes::new(vec![node("node-1", "10.0.0.1", "True"), node("other", "10.0.0.2", "True")]);
        let old = || machine("old", "10.0.0.1");
        assert_eq!(names(&nodes, &[old()]), [is_of("old", "node-1")]);
        let (one, two) = (machine("node-1", "10.0.0.1"), machine("two", "10.0.0.2"));
        let found = names(&nodes, &[old(), one, two]);
        assert_eq!(found, [is_of("node-1", "node-1"), is_of("two", "other")], "its address has passed on");
        assert_eq!(names(&nodes, &[machine("a", "10.0.0.2"), machine("b", "10.0.0.2")]), [], "whose is it?");
    }

    #[test]
    fn a_machine_that_is_gone_has_the_node_of_its_name() {
        let nodes = Nodes::new(vec![node("node-1", "10.0.0.1", "True")]);
        assert_eq!(nodes.of([("node-1", None)]).len(), 1);
        assert!(nodes.of([("10.0.0.1", None)]).is_empty(), "a name is no address");
    }

    #[test]
    fn since_when_it_is_drained_is_read_and_nothing_else_is_taken_for_it() {
        let noted = |since: &str| {
            let mut node = node("node-1", "10.0.0.1", "True");
            let notes = [(DRAINED_SINCE.to_owned(), since.to_owned())];
            node.metadata.annotations = Some(notes.into());
            node.spec = serde_json::from_value(json!({ "unschedulable": true })).unwrap();
            Nodes::new(vec![node]).of([("node-1", None)]).remove("node-1").unwrap()
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
        let of = |name: &str| nodes.of([(name, None)]).remove(name).unwrap();
        assert_eq!(of("a").unready, None);
        assert_eq!(of("a").pressure, ["DiskPressure"]);
        for name in ["b", "c"] {
            assert_eq!(of(name).unready.as_deref(), Some("NodeStatusUnknown"));
        }
    }
}
