//! What was done for machines to leave, by the audit logs of both servers: in one order, in words.

use nico_crds::names::{LEAVING, MEMBER_GONE};
use nico_harness::Event;

use crate::faults::is_operator;
use crate::fleet::HOME;
use crate::scene::Scene;
use crate::stage::CONFIGURATIONS;

/// What was done, and when.
type Steps = Vec<(String, String)>;

/// That these were done, in this order, each once.
pub fn assert_order(done: &[String], wanted: &[String]) {
    let places: Vec<_> = wanted
        .iter()
        .map(|wanted| {
            let places: Vec<_> = (0..done.len()).filter(|place| done[*place] == *wanted).collect();
            assert_eq!(places.len(), 1, "{wanted:?} once in {done:#?}");
            places[0]
        })
        .collect();
    assert!(places.is_sorted(), "{wanted:#?} in {done:#?}");
}

impl Scene {
    /// Everything that was done for machines to leave, on both servers, in its order, in words.
    pub async fn done(&self) -> Vec<String> {
        self.steps().await.into_iter().map(|(_, said)| said).collect()
    }

    /// The same with the times.
    async fn steps(&self) -> Steps {
        let to = self.visits.stage.control_plane.audit_mark().await;
        let mut there = self.visits.stage.control_plane.audit_between(self.marks.0, to);
        let namespace = Some(self.visits.namespace().name());
        there.retain(|event| event.namespace.as_deref() == namespace && is_operator(event));
        let mut steps: Steps =
            there.iter().filter_map(|event| Some((event.received.clone(), ordered(event)?))).collect();
        steps.extend(self.steps_there().await);
        steps.sort();
        steps
    }

    /// What was done in the cluster alone.
    pub async fn done_there(&self) -> Vec<String> {
        self.steps_there().await.into_iter().map(|(_, said)| said).collect()
    }

    async fn steps_there(&self) -> Steps {
        let to = self.visits.workload.audit_mark().await;
        let here = self.visits.workload.audit_between(self.marks.1, to);
        let mut steps: Steps =
            here.iter().filter_map(|event| Some((event.received.clone(), self.seen(event)?))).collect();
        steps.sort();
        steps
    }

    /// What NICO wrote to the cluster, whatever came of it.
    pub async fn written_there(&self) -> Vec<Event> {
        let to = self.visits.workload.audit_mark().await;
        let mut events = self.visits.workload.audit_between(self.marks.1, to);
        events.retain(|event| event.is_write() && event.user == self.built.account.user());
        events
    }

    /// A write in the cluster, in words.
    fn seen(&self, event: &Event) -> Option<String> {
        let is_done = event.is_write() && (200..300).contains(&event.code);
        let name = event.name.clone().filter(|_| is_done)?;
        let sent = event.request_object.as_ref();
        let is_noted = |what: &str| {
            let note = format!("etcd.k3s.cattle.io/{what}");
            sent.is_some_and(|sent| sent["metadata"]["annotations"][note].is_string())
        };
        let is_nico = event.user == self.built.account.user();
        let is_ours = event.namespace.as_deref() == Some(&self.built.namespace);
        match (event.verb.as_str(), event.resource.as_str(), event.subresource.as_deref()) {
            ("create", "pods", Some("eviction")) if is_nico => Some(format!("evicts {name}")),
            ("delete", "pods", None) if is_ours => Some(format!("{name} ends")),
            ("delete", "nodes", None) if is_nico => Some(format!("deletes Node {name}")),
            ("patch", "nodes", None) if is_nico && sent?["spec"]["unschedulable"] == true => {
                Some(format!("cordons {name}"))
            }
            ("patch", "nodes", None) if is_nico && is_noted("remove") => Some(format!("asks {name} to go")),
            ("patch", "nodes", None) if name.starts_with(&self.prefix) && is_noted("removed-node-name") => {
                Some(format!("{name} is no member"))
            }
            _ if is_nico => Some(format!("{} {} {name}?", event.verb, event.resource)),
            _ => None,
        }
    }
}

/// What the operator did to a configuration that goes, in words.
fn ordered(event: &Event) -> Option<String> {
    let is_done = event.is_write() && (200..300).contains(&event.code) && event.resource == CONFIGURATIONS;
    let machine = event.name.as_deref().filter(|_| is_done)?.strip_prefix(&format!("{HOME}-"))?;
    let noted = &event.request_object.as_ref()?["metadata"]["annotations"];
    if event.verb == "delete" {
        Some(format!("lets {machine} go"))
    } else if noted[MEMBER_GONE].is_string() {
        Some(format!("notes that {machine} is no member"))
    } else {
        noted[LEAVING].is_string().then(|| format!("{machine} leaves"))
    }
}
