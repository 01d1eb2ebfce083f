//! Who owns which field, and moving fields: on `managedFields` as the Python operator left them on a server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(missing_docs, reason = "these are tests")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use nico_render::fields::adoption::{Adoption, adopt, patch};
use nico_render::fields::managers::{Operation, applied_by, contests, owners_of};
use nico_render::fields::{difference, owned};
use serde_json::{Value, json};

const OLD: &str = "OpenAPI-Generator";
const OBJECT: Adoption<'static> = Adoption { manager: "nico", from: &[OLD], subresource: None, only: None };

fn entry(manager: &str, operation: &str, subresource: Option<&str>, second: u8, fields: &Value) -> Value {
    let mut entry = json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": manager,
        "operation": operation, "time": format!("2026-11-24T04:39:{second:02}Z"),
    });
    if let Some(subresource) = subresource {
        entry["subresource"] = subresource.into();
    }
    entry
}

/// Of a configuration.
fn recorded() -> Vec<Value> {
    let written = json!({
        "f:metadata": {
            "f:labels": { ".": {}, "f:nico.homystack.com/cluster": {}, "f:nico.homystack.com/role": {} },
            "f:ownerReferences": { ".": {}, "k:{\"uid\":\"a3b8\"}": {} },
        },
        "f:spec": {
            ".": {}, "f:additionalFiles": {}, "f:flake": {}, "f:machineRef": { ".": {}, "f:name": {} },
        },
    });
    let status = json!({ "f:status": { ".": {}, "f:appliedCommit": {}, "f:conditions": {} } });
    let marks = json!({ "f:metadata": {
        "f:annotations": { ".": {}, "f:kopf.zalando.org/last-handled-configuration": {} },
        "f:finalizers": { ".": {}, "v:\"kopf.zalando.org/KopfFinalizerMarker\"": {} },
    }});
    vec![
        entry(OLD, "Update", None, 50, &written),
        entry(OLD, "Update", Some("status"), 51, &status),
        entry("kopf", "Update", None, 52, &marks),
    ]
}

/// What NICO wants of it.
fn desired() -> Value {
    json!({
        "kind": "NixosConfiguration",
        "metadata": {
            "name": "home-a", "ownerReferences": [{ "uid": "a3b8" }],
            "labels": { "nico.homystack.com/cluster": "home", "nico.homystack.com/role": "worker" },
        },
        "spec": { "additionalFiles": [{ "path": "cluster.nix" }], "flake": "#a", "machineRef": { "name": "a" } },
    })
}

fn typed(entries: &[Value]) -> Vec<ManagedFieldsEntry> {
    serde_json::from_value(json!(entries)).unwrap()
}

/// All entries, as JSON, by the time.
fn plain(entries: &[ManagedFieldsEntry]) -> Vec<Value> {
    let mut entries = serde_json::to_value(entries).unwrap().as_array().unwrap().clone();
    entries.sort_by_key(|entry| entry["time"].to_string());
    entries
}

#[test]
fn what_the_old_one_wrote_becomes_ours_as_if_we_had_applied_it() {
    let recorded = recorded();
    let adopted = adopt(&typed(&recorded), &OBJECT).unwrap();
    let expected =
        [entry("nico", "Apply", None, 50, &owned(&desired())), recorded[1].clone(), recorded[2].clone()];
    assert_eq!(plain(&adopted), expected);
    assert_eq!(adopt(&adopted, &OBJECT), None);
}

#[test]
fn what_is_ours_already_is_joined_and_keeps_its_time() {
    let mut entries = recorded();
    let ours = json!({ "f:spec": { "f:flake": {}, "f:fullInstall": {} } });
    entries.insert(0, entry("nico", "Apply", None, 40, &ours));
    let adopted = adopt(&typed(&entries), &OBJECT).unwrap();
    let mut union = owned(&desired());
    union["f:spec"]["f:fullInstall"] = json!({});
    let expected = [entry("nico", "Apply", None, 40, &union), entries[2].clone(), entries[3].clone()];
    assert_eq!(plain(&adopted), expected);
}

#[test]
fn only_the_fields_that_are_named_are_moved() {
    let recorded = recorded();
    let only = json!({ "f:metadata": { "f:finalizers": {} } });
    let adoption = Adoption { from: &["kopf"], only: Some(&only), ..OBJECT };
    let adopted = adopt(&typed(&recorded), &adoption).unwrap();
    let finalizers = json!({ "v:\"kopf.zalando.org/KopfFinalizerMarker\"": {} });
    let moved = entry("nico", "Apply", None, 52, &json!({ "f:metadata": { "f:finalizers": finalizers } }));
    assert!(plain(&adopted).contains(&moved), "{adopted:#?}");
    let notes = json!({ ".": {}, "f:kopf.zalando.org/last-handled-configuration": {} });
    let kept = entry("kopf", "Update", None, 52, &json!({ "f:metadata": { "f:annotations": notes } }));
    assert!(plain(&adopted).contains(&kept), "{adopted:#?}");
    assert_eq!(adopted.len(), 4);
    let nothing = json!({ "f:metadata": { "f:labels": {} } });
    assert_eq!(adopt(&typed(&recorded), &Adoption { only: Some(&nothing), ..adoption }), None);
}

#[test]
fn the_status_is_moved_by_itself() {
    let recorded = recorded();
    let adoption = Adoption { subresource: Some("status"), ..OBJECT };
    let adopted = adopt(&typed(&recorded), &adoption).unwrap();
    let status = json!({ "f:status": { "f:appliedCommit": {}, "f:conditions": {} } });
    let expected =
        [recorded[0].clone(), entry("nico", "Apply", Some("status"), 51, &status), recorded[2].clone()];
    assert_eq!(plain(&adopted), expected);
}

#[test]
fn several_are_joined_and_another_version_is_left_alone() {
    let mut entries = recorded();
    let mut other = entry("kopf", "Update", None, 53, &json!({ "f:spec": { "f:ref": {} } }));
    other["apiVersion"] = "nio.homystack.com/v1".into();
    entries.push(other.clone());
    let adopted = adopt(&typed(&entries), &Adoption { from: &["kopf", OLD], ..OBJECT }).unwrap();
    assert_eq!(adopted.len(), 3);
    assert!(plain(&adopted).contains(&other) && plain(&adopted).contains(&entries[1]));
    let fields = &applied_by(&adopted, "nico", None).unwrap().fields_v1.as_ref().unwrap().0;
    assert_eq!(fields["f:spec"], owned(&desired())["f:spec"]);
    assert_eq!(fields["f:metadata"].as_object().unwrap().len(), 4);
    assert_eq!(adopt(&[], &OBJECT), None);
}

#[test]
fn items_stay_themselves() {
    let ready = json!({ ".": {}, "f:status": {}, "f:type": {} });
    let status =
        json!({ "f:status": { ".": {}, "f:conditions": { ".": {}, "k:{\"type\":\"Ready\"}": ready } } });
    let adoption = Adoption { subresource: Some("status"), ..OBJECT };
    let adopted = adopt(&typed(&[entry(OLD, "Update", Some("status"), 1, &status)]), &adoption).unwrap();
    let expected = json!({ "f:status": { "f:conditions": { "k:{\"type\":\"Ready\"}": ready } } });
    assert_eq!(plain(&adopted), [entry("nico", "Apply", Some("status"), 1, &expected)]);
}

#[test]
fn the_patch_is_bound_to_a_version() {
    let adopted = adopt(&typed(&recorded()), &OBJECT).unwrap();
    let patch = patch(&adopted, "16779").unwrap();
    assert_eq!(patch[0]["op"], "replace");
    assert_eq!(patch[0]["path"], "/metadata/managedFields");
    assert_eq!(patch[0]["value"], serde_json::to_value(&adopted).unwrap());
    assert_eq!(patch[1], json!({ "op": "replace", "path": "/metadata/resourceVersion", "value": "16779" }));
}

#[test]
fn who_holds_a_value_is_told() {
    let desired = desired();
    let mut live = desired.clone();
    live["spec"]["flake"] = "#theirs".into();
    live["spec"]["additionalFiles"] = json!([]);
    live["metadata"]["labels"]["nico.homystack.com/role"] = "control-plane".into();
    live["spec"].as_object_mut().unwrap().remove("machineRef");
    let ours = json!({ "f:spec": { "f:flake": {} }, "f:metadata": {} });
    let theirs = json!({ "f:spec": { ".": {}, "f:flake": {}, "f:additionalFiles": {}, "f:machineRef": {} } });
    let managed = typed(&[
        entry("argo", "Apply", None, 2, &json!({ "f:spec": { "f:flake": {} } })),
        entry("nico", "Apply", None, 1, &ours),
        entry("kubectl-edit", "Update", None, 3, &theirs),
    ]);
    let fields = applied_by(&managed, "nico", None).unwrap().fields_v1.as_ref().map(|fields| &fields.0);
    let changes = difference(&desired, &live, fields);
    let told: Vec<_> = contests(&changes, &managed, "nico")
        .into_iter()
        .map(|contest| {
            let holders = contest.holders.into_iter().map(|holder| {
                assert!(holder.time.is_some() && holder.subresource.is_none());
                (holder.manager, holder.operation)
            });
            (contest.change.path.as_str(), holders.collect::<Vec<_>>())
        })
        .collect();
    let (edit, argo) =
        (("kubectl-edit".to_owned(), Operation::Update), ("argo".to_owned(), Operation::Apply));
    let expected = [
        ("metadata.labels[nico.homystack.com/role]", vec![]),
        ("spec.additionalFiles", vec![edit.clone()]),
        ("spec.flake", vec![argo, edit]),
    ];
    assert_eq!(told, expected);
    let whole = owners_of(&managed, &["f:spec".to_owned()]);
    assert_eq!(whole.len(), 3);
    assert_eq!(owners_of(&managed, &["f:status".to_owned()]), []);
}
