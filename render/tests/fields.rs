//! What an apply owns, changes and leaves: the rules, by example and as laws. That the server does just so
//! is tested in `tests/server/fields.rs` of the root package.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(missing_docs, reason = "these are tests")]

use nico_render::fields::managers::applied_in;
use nico_render::fields::{Kind, body, difference, owned, project, set};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What an apply would change: kind and path, one a line.
fn told(desired: &Value, live: &Value, entry: Option<&Value>) -> Vec<String> {
    let sign = |kind| match kind {
        Kind::Added => '+',
        Kind::Removed => '-',
        Kind::Changed => '~',
    };
    difference(desired, live, entry)
        .iter()
        .map(|change| format!("{} {}", sign(change.kind), change.path))
        .collect()
}

fn configuration() -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "NixosConfiguration",
        "metadata": {
            "name": "home-a", "namespace": "default", "resourceVersion": "7", "uid": "u",
            "labels": { "nico.homystack.com/role": "worker", "app": "x" },
            "ownerReferences": [{ "apiVersion": "v", "kind": "k", "name": "home", "uid": "h" }],
        },
        "spec": {
            "flake": "#a", "machineRef": { "name": "a" }, "fullInstall": false,
            "additionalFiles": [{ "path": "cluster.nix" }],
        },
    })
}

fn status() -> Value {
    json!({
        "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster", "metadata": { "name": "home" },
        "status": {
            "phase": "Ready",
            "appliedMachines": { "node-1": "a", "node.2": "b" },
            "conditions": [{ "type": "Ready", "status": "True" }, { "type": "Paused", "status": "False" }],
        },
    })
}

/// An object as it is after an apply, with a server's own fields in it.
fn applied(desired: &Value) -> (Value, Value) {
    let mut live = desired.clone();
    live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
    live["metadata"]["managedFields"] = json!([]);
    (live, owned(desired))
}

#[test]
fn what_is_owned_is_what_is_sent() {
    let expected = json!({
        "f:metadata": {
            "f:labels": { "f:app": {}, "f:nico.homystack.com/role": {} },
            "f:ownerReferences": { "k:{\"uid\":\"h\"}": {} },
        },
        "f:spec": {
            "f:additionalFiles": {}, "f:flake": {}, "f:fullInstall": {}, "f:machineRef": { "f:name": {} },
        },
    });
    assert_eq!(owned(&configuration()), expected);
    let expected = json!({ "f:status": {
        "f:appliedMachines": { "f:node-1": {}, "f:node.2": {} },
        "f:conditions": {
            "k:{\"type\":\"Paused\"}": { ".": {}, "f:status": {}, "f:type": {} },
            "k:{\"type\":\"Ready\"}": { ".": {}, "f:status": {}, "f:type": {} },
        },
        "f:phase": {},
    }});
    assert_eq!(owned(&status()), expected);
}

#[test]
fn the_status_is_the_subresources() {
    let mut whole = configuration();
    whole["status"] = json!({ "appliedCommit": "x" });
    assert_eq!(owned(&whole), owned(&configuration()));
    let mut labelled = status();
    labelled["metadata"]["labels"] = json!({ "a": "b" });
    assert_eq!(owned(&labelled), owned(&status()));
}

#[test]
fn what_is_empty_is_a_field_unless_it_is_a_keyed_list() {
    let mut desired = configuration();
    desired["metadata"] = json!({ "name": "home-a", "labels": {}, "finalizers": [], "ownerReferences": [] });
    desired["spec"] = json!({ "additionalFiles": [], "credentialsRef": {} });
    let expected = json!({ "f:metadata": { "f:labels": {} }, "f:spec": { "f:additionalFiles": {}, "f:credentialsRef": {} } });
    assert_eq!(owned(&desired), expected);
    let nothing = json!({ "kind": "NixosConfiguration", "metadata": { "name": "home-a" } });
    assert_eq!(owned(&nothing), json!({}));
    // What is empty in the metadata is not stored: that is no difference, or there was one for ever.
    let (mut live, entry) = applied(&desired);
    live["metadata"].as_object_mut().unwrap().retain(|key, _| key == "name");
    assert_eq!(told(&desired, &live, Some(&entry)), [""; 0]);
    live["spec"].as_object_mut().unwrap().clear();
    assert_eq!(told(&desired, &live, Some(&entry)), ["+ spec.additionalFiles", "+ spec.credentialsRef"]);
}

#[test]
fn keys_are_written_as_the_server_does() {
    let mut desired = status();
    desired["status"] = json!({ "conditions": [{ "type": "A<B&\u{2028}\"" }] });
    let keys = &owned(&desired)["f:status"]["f:conditions"];
    let keys: Vec<_> = keys.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["k:{\"type\":\"A\\u003cB\\u0026\\u2028\\\"\"}"]);
    let (live, entry) = applied(&desired);
    assert_eq!(told(&desired, &live, Some(&entry)), [""; 0]);
    assert_eq!(told(&desired, &live, None), ["+ status.conditions[type=A<B&\u{2028}\"]"]);
}

#[test]
fn what_others_do_is_no_difference() {
    let desired = configuration();
    let (mut live, entry) = applied(&desired);
    live["metadata"]["labels"]["theirs"] = "x".into();
    live["metadata"]["finalizers"] = json!(["kopf.zalando.org/KopfFinalizerMarker"]);
    live["metadata"]["ownerReferences"].as_array_mut().unwrap().insert(0, json!({ "uid": "other" }));
    live["spec"]["ref"] = "main".into();
    live["status"] = json!({ "appliedCommit": "x" });
    assert_eq!(told(&desired, &live, Some(&entry)), [""; 0]);
}

#[test]
fn every_kind_of_change_is_told_by_its_path() {
    let desired = configuration();
    let (mut live, mut entry) = applied(&desired);
    live["metadata"]["labels"]["nico.homystack.com/role"] = "control-plane".into();
    live["metadata"]["ownerReferences"][0]["name"] = "other".into();
    live["spec"]["additionalFiles"][0]["path"] = "other".into();
    live["spec"].as_object_mut().unwrap().remove("flake");
    // Live as it should be, but not ours.
    entry["f:spec"].as_object_mut().unwrap().remove("f:fullInstall");
    // Ours, and not wanted.
    entry["f:spec"]["f:credentialsRef"] = json!({ "f:name": {} });
    entry["f:metadata"]["f:finalizers"] = json!({ "v:\"a.b/c\"": {} });
    let expected = [
        "- metadata.finalizers[a.b/c]",
        "~ metadata.labels[nico.homystack.com/role]",
        "~ metadata.ownerReferences[uid=h]",
        "~ spec.additionalFiles",
        "- spec.credentialsRef.name",
        "+ spec.flake",
        "+ spec.fullInstall",
    ];
    assert_eq!(told(&desired, &live, Some(&entry)), expected);
    let changes = difference(&desired, &live, Some(&entry));
    assert_eq!(changes[1].field(), ["f:metadata", "f:labels", "f:nico.homystack.com/role"]);
    assert_eq!(changes[2].field(), ["f:metadata", "f:ownerReferences", "k:{\"uid\":\"h\"}"]);
}

#[test]
fn of_keyed_items_each_stands_for_itself() {
    let desired = status();
    let (live, entry) = applied(&desired);
    assert_eq!(told(&desired, &live, Some(&entry)), [""; 0]);
    let with = |conditions: Value| {
        let mut live = live.clone();
        live["status"]["conditions"] = conditions;
        live
    };
    let (ready, paused) = (&live["status"]["conditions"][0], &live["status"]["conditions"][1]);
    let theirs = json!({ "type": "Theirs" });
    assert_eq!(told(&desired, &with(json!([theirs, ready, theirs, paused])), Some(&entry)), [""; 0]);
    assert_eq!(told(&desired, &with(json!([paused, ready])), Some(&entry)), ["~ status.conditions"]);
    assert_eq!(told(&desired, &with(json!([ready, paused, ready])), Some(&entry)), ["~ status.conditions"]);
    assert_eq!(told(&desired, &with(json!([ready])), Some(&entry)), ["+ status.conditions[type=Paused]"]);
    let unready = json!({ "type": "Ready", "status": "False", "reason": "Theirs" });
    let found = told(&desired, &with(json!([unready, paused])), Some(&entry));
    assert_eq!(found, ["~ status.conditions[type=Ready].status"]);
    // As it should be, and nothing of it ours.
    let found = told(&desired, &live, Some(&json!({ "f:status": { "f:phase": {} } })));
    let expected = [
        "+ status.appliedMachines.node-1",
        "+ status.appliedMachines[node.2]",
        "+ status.conditions[type=Paused]",
        "+ status.conditions[type=Ready]",
    ];
    assert_eq!(found, expected);
    let fewer = json!({
        "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster", "metadata": { "name": "home" },
        "status": { "phase": "Ready", "appliedMachines": { "node-1": "a" }, "conditions": [ready] },
    });
    let expected = ["- status.appliedMachines[node.2]", "- status.conditions[type=Paused]"];
    assert_eq!(told(&fewer, &live, Some(&entry)), expected);
}

#[test]
fn a_map_itself_is_not_for_an_applier() {
    let desired = configuration();
    let (live, mut entry) = applied(&desired);
    entry["f:spec"]["f:machineRef"]["."] = json!({});
    assert_eq!(told(&desired, &live, Some(&entry)), ["- spec.machineRef"]);
    entry["f:spec"]["f:machineRef"] = json!({});
    assert_eq!(told(&desired, &live, Some(&entry)), ["+ spec.machineRef.name"]);
}

#[test]
fn a_part_is_what_a_set_covers() {
    let desired = configuration();
    let (mut live, entry) = applied(&desired);
    live["spec"]["ref"] = "main".into();
    live["metadata"]["labels"]["theirs"] = "x".into();
    let mut expected = desired;
    expected["metadata"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| !["resourceVersion", "uid"].contains(&key.as_str()));
    assert_eq!(project(&live, &entry), expected);

    let mut live = status();
    live["status"]["conditions"].as_array_mut().unwrap().insert(0, json!({ "type": "Theirs" }));
    let one = json!({ "f:status": { "f:conditions": { "k:{\"type\":\"Ready\"}": { "f:status": {} } } } });
    let part = project(&live, &one);
    assert_eq!(part["status"], json!({ "conditions": [{ "type": "Ready", "status": "True" }] }));
    assert_eq!(part["metadata"], json!({ "name": "home" }));
    assert_eq!(project(&live, &json!({}))["status"], Value::Null);
}

#[test]
fn the_entry_is_found_by_manager_operation_and_subresource() {
    let entry = |manager: &str, operation: &str, subresource: &str| {
        let name = format!("f:{manager}{operation}{subresource}");
        let mut entry = json!({ "manager": manager, "operation": operation, "fieldsV1": { name: {} } });
        if !subresource.is_empty() {
            entry["subresource"] = subresource.into();
        }
        entry
    };
    let all = json!({ "metadata": { "managedFields": [
        entry("nico", "Update", ""), entry("nico", "Apply", "status"), entry("other", "Apply", ""),
        entry("nico", "Apply", ""), entry("nico", "Update", "status"),
    ] } });
    assert_eq!(applied_in(&all, "nico", None), Some(&json!({ "f:nicoApply": {} })));
    assert_eq!(applied_in(&all, "nico", Some("status")), Some(&json!({ "f:nicoApplystatus": {} })));
    assert_eq!(applied_in(&all, "nobody", None), None);
    assert_eq!(applied_in(&json!({}), "nico", None), None);
}

#[test]
fn a_body_is_json_that_is_yaml_too() {
    let object = json!({ "a": "x\u{7f}\u{85}\u{2028}ä\u{1f600}\n" });
    let text = body(&object).unwrap();
    assert_eq!(text, "{\"a\":\"x\\u007f\\u0085\\u2028\\u00e4\u{1f600}\\n\"}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
}

/// An object that has every field of a schema.
fn sample(schema: &Value) -> Value {
    if let Some(properties) = schema["properties"].as_object() {
        return properties.iter().map(|(name, schema)| (name.clone(), sample(schema))).collect();
    }
    match (schema["type"].as_str(), &schema["enum"][0]) {
        (Some("array"), _) => json!([sample(&schema["items"])]),
        (Some("object"), _) => json!({ "some": if schema["additionalProperties"].is_object() {
            sample(&schema["additionalProperties"])
        } else {
            json!("x")
        } }),
        (_, first @ Value::String(_)) => first.clone(),
        (Some("integer"), _) => json!(1),
        (Some("boolean"), _) => json!(true),
        _ => json!("x"),
    }
}

/// What an apply of a value owns, by its schema.
fn by_schema(schema: &Value, value: &Value, is_item: bool) -> Value {
    let keys = |item: &Value| {
        let keys = schema["x-kubernetes-list-map-keys"].as_array().unwrap().iter();
        let keys: Map<_, _> =
            keys.map(|key| (key.as_str().unwrap().to_owned(), item[key.as_str().unwrap()].clone())).collect();
        format!("k:{}", Value::Object(keys))
    };
    let mut node = match (value, schema["x-kubernetes-list-type"].as_str()) {
        (Value::Array(items), Some("map")) => {
            items.iter().map(|item| (keys(item), by_schema(&schema["items"], item, true))).collect()
        }
        (Value::Array(items), Some("set")) => {
            items.iter().map(|item| (format!("v:{item}"), json!({}))).collect()
        }
        (Value::Object(fields), _) if schema["x-kubernetes-map-type"] != "atomic" => fields
            .iter()
            .map(|(name, value)| {
                let own = &schema["properties"][name];
                // A field that has no schema of its own is noted itself.
                let schema = if own.is_null() { &schema["additionalProperties"] } else { own };
                (format!("f:{name}"), by_schema(schema, value, own.is_null()))
            })
            .collect(),
        _ => Map::new(),
    };
    if is_item && !node.is_empty() {
        node.insert(".".to_owned(), json!({}));
    }
    Value::Object(node)
}

#[test]
fn the_table_of_lists_is_that_of_the_schemas() {
    let mut tried = Vec::new();
    for definitions in [
        include_str!("../../crds/kubernetescluster.yaml"),
        include_str!("../../fixtures/nio/python.yaml"),
        include_str!("../../fixtures/nio/go.yaml"),
    ] {
        for document in serde_yaml::Deserializer::from_str(definitions) {
            let definition = Value::deserialize(document).unwrap();
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
            let parts: &[&str] = match kind {
                "KubernetesCluster" => &["spec", "status"],
                "NixosConfiguration" => &["spec"],
                _ => continue,
            };
            let group = definition["spec"]["group"].as_str().unwrap();
            for part in parts {
                let schema =
                    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][part];
                let value = sample(schema);
                let expected = by_schema(schema, &value, false);
                let object = json!({
                    "apiVersion": format!("{group}/v1alpha1"), "kind": kind, "metadata": { "name": "x" }, *part: value,
                });
                assert_eq!(owned(&object), json!({ format!("f:{part}"): expected }), "{kind} {part}");
                tried.push((kind.to_owned(), *part));
            }
        }
    }
    assert_eq!(tried.len(), 4, "{tried:?}");
}

#[test]
fn sets_are_sets() {
    let one = json!({ "f:a": {}, "f:b": { ".": {}, "f:c": {} }, "f:d": { "f:e": {} } });
    let other = json!({ "f:a": { "f:x": {} }, "f:b": {}, "f:d": { "f:e": {}, "f:g": {} } });
    let union = json!({
        "f:a": { ".": {}, "f:x": {} }, "f:b": { ".": {}, "f:c": {} }, "f:d": { "f:e": {}, "f:g": {} },
    });
    assert_eq!(set::union(&one, &other), union);
    assert_eq!(set::intersection(&one, &other), json!({ "f:b": {}, "f:d": { "f:e": {} } }));
    assert_eq!(set::difference(&one, &other), json!({ "f:a": {}, "f:b": { "f:c": {} } }));
    assert!(set::contains(&one, &["f:b"]) && set::contains(&one, &["f:b", "f:c"]));
    assert!(!set::contains(&one, &["f:d"]) && !set::contains(&one, &[""; 0]));
    assert!(set::is_empty(&json!({})) && set::is_empty(&Value::Null) && !set::is_empty(&one));
    assert_eq!(
        set::within(&one, &json!({ "f:b": {}, "f:d": { "f:z": {} } })),
        json!({ "f:b": { ".": {}, "f:c": {} } })
    );
}
