//! What must hold at every write, read off the audit log: by code that shares nothing with the operator's.

use std::collections::{BTreeMap, BTreeSet};

use nico_harness::Event;
use serde_json::Value;

use crate::stage::CONFIGURATIONS;

/// What was seen of the writes so far.
#[derive(Default)]
struct Seen {
    /// The live configurations, by name: their machines.
    machines: BTreeMap<String, String>,
    /// Those whose `fullInstall` was cleared.
    cleared: BTreeSet<String>,
    /// The texts of `cluster.nix` that were written, by configuration.
    texts: BTreeMap<String, Vec<String>>,
    tokens: usize,
    deleting: bool,
}

/// What the writes of a namespace came to.
pub struct Writes {
    /// How often each configuration's text was written.
    pub texts: BTreeMap<String, usize>,
}

/// Looks at all writes of the namespace, in order. `is_nico` tells who is the operator.
pub fn hold(events: &[Event], is_nico: impl Fn(&Event) -> bool) -> Writes {
    let mut seen = Seen::default();
    for event in events.iter().filter(|event| event.is_write() && (200..300).contains(&event.code)) {
        if event.resource == "kubernetesclusters" && event.verb == "delete" {
            seen.deleting = true;
        }
        if !is_nico(event) {
            continue;
        }
        seen.look(event);
    }
    let texts = seen.texts.into_iter().map(|(name, texts)| (name, texts.len())).collect();
    Writes { texts }
}

impl Seen {
    fn look(&mut self, event: &Event) {
        let name = event.name.clone().unwrap_or_default();
        let subresource = event.subresource.as_deref();
        match (event.resource.as_str(), subresource) {
            ("machines", _) | (CONFIGURATIONS, Some(_)) => panic!("S12: a write that is NIO's: {event:?}"),
            (CONFIGURATIONS, None) => self.configuration(event, name),
            ("kubernetesclusters", None) => {
                let sent = event.request_object.as_ref();
                assert!(
                    sent.is_none_or(|sent| sent.get("spec").is_none()),
                    "S12: the spec of a cluster: {event:?}"
                );
            }
            ("secrets", None) => self.secret(event),
            _ => {}
        }
    }

    fn configuration(&mut self, event: &Event, name: String) {
        let sent = event.request_object.as_ref().expect("the log has what was sent");
        if event.verb == "delete" {
            assert!(sent.pointer("/preconditions/uid").is_some_and(Value::is_string), "S14: {event:?}");
            return;
        }
        // A JSON patch: finalizers, or who owns the fields; never a value.
        if let Some(operations) = sent.as_array() {
            let harmless = [
                "/metadata/managedFields",
                "/metadata/resourceVersion",
                "/metadata/finalizers",
                "/metadata/uid",
            ];
            let paths = operations.iter().filter_map(|one| one["path"].as_str());
            paths.for_each(|path| assert!(harmless.contains(&path), "{event:?}"));
            return;
        }
        let version = sent["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        assert!(!version.is_empty(), "S14: bound to no version: {event:?}");
        let creates = event.code == 201;
        if !creates {
            assert!(sent["metadata"]["uid"].is_string(), "S14: bound to no uid: {event:?}");
        }
        let wipes = sent["spec"]["fullInstall"] == true;
        if creates {
            assert!(!self.deleting, "S15: created while the cluster is deleted: {event:?}");
            let machine = sent["spec"]["machineRef"]["name"].as_str().unwrap_or_default().to_owned();
            let taken = self.machines.iter().any(|(other, theirs)| *other != name && *theirs == machine);
            assert!(!taken, "S1: {machine} has two configurations: {event:?}");
            self.machines.insert(name.clone(), machine);
            self.cleared.remove(&name);
        } else if wipes {
            assert!(!self.cleared.contains(&name), "S5: fullInstall came back: {event:?}");
        } else if sent["spec"]["fullInstall"] == false {
            self.cleared.insert(name.clone());
        }
        if let Some(text) = sent["spec"]["additionalFiles"][0]["inline"].as_str() {
            let texts = self.texts.entry(name).or_default();
            if texts.last().is_none_or(|last| last != text) {
                assert!(
                    !texts.iter().any(|before| before == text),
                    "S10: a text was written twice: {event:?}"
                );
                texts.push(text.to_owned());
            }
        }
    }

    fn secret(&mut self, event: &Event) {
        if event.verb == "create" {
            self.tokens += 1;
            assert_eq!(self.tokens, 1, "S4: a second token: {event:?}");
        }
    }
}
