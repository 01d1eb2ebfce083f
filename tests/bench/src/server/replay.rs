//! The writes that NICO made, from the server's own log, to be made once more for other clusters: the same
//! bodies, but for the namespace, the owners, and what bound them to a version.

use std::collections::BTreeMap;

use http::Method;
use nico_harness::Event;
use serde_json::{Value, json};

use super::requests::Bare;

/// From where to where, and the UIDs of the clusters on both sides, by name.
pub struct Move<'a> {
    pub from: &'a str,
    pub to: &'a str,
    pub owners_from: &'a BTreeMap<String, String>,
    pub owners_to: &'a BTreeMap<String, String>,
}

/// The writes that went well, ready to be made there.
pub fn requests(events: &[Event], way: &Move<'_>) -> Vec<Bare> {
    let uids: Vec<_> = way
        .owners_from
        .iter()
        .filter_map(|(name, from)| Some((from.as_str(), way.owners_to.get(name)?.as_str())))
        .collect();
    let mut tokens = way.owners_to.keys();
    let moved = |body: Value| {
        let mut text = body.to_string().replace(&quoted(way.from), &quoted(way.to));
        for (from, to) in &uids {
            if text.contains(from) {
                text = text.replace(from, to);
            }
        }
        text
    };
    let request = |event: &Event| {
        let body = match &event.request_object {
            Some(body) => body.clone(),
            // The log has no Secret: one as NICO makes them.
            None => token(way.from, tokens.next().expect("a token a cluster"), way.owners_from),
        };
        let (method, content_type) = kind(event, &body);
        let uri = event.uri.replace(&inside(way.from), &inside(way.to));
        Bare { method, uri, content_type, body: moved(unbound(event, body)) }
    };
    events.iter().map(request).collect()
}

fn quoted(namespace: &str) -> String {
    format!("\"namespace\":\"{namespace}\"")
}

fn inside(namespace: &str) -> String {
    format!("/namespaces/{namespace}/")
}

fn kind(event: &Event, body: &Value) -> (Method, &'static str) {
    match (event.verb.as_str(), body) {
        ("create", _) if event.name.is_none() || event.resource != "nixosconfigurations" => {
            (Method::POST, "application/json")
        }
        (_, Value::Array(_)) => (Method::PATCH, "application/json-patch+json"),
        (_, _) if event.resource == "events" => (Method::PATCH, "application/merge-patch+json"),
        (_, _) => (Method::PATCH, "application/apply-patch+yaml"),
    }
}

/// Nothing there has the versions that NICO saw. What only creates stays so.
fn unbound(event: &Event, mut body: Value) -> Value {
    match &mut body {
        Value::Array(operations) => {
            operations.retain(|operation| operation["path"] != "/metadata/resourceVersion");
        }
        Value::Object(_) if event.resource == "kubernetesclusters" => {
            if let Some(metadata) = body["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    body
}

fn token(namespace: &str, cluster: &str, owners: &BTreeMap<String, String>) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {
            "name": format!("{cluster}-join-token"), "namespace": namespace,
            "labels": { "nico.homystack.com/cluster": cluster, "app.kubernetes.io/managed-by": "nico" },
            "ownerReferences": [{
                "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster", "name": cluster,
                "uid": owners[cluster], "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "data": { "token": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg==" },
    })
}
