//! What holds of owned fields, of differences and of sets, whatever comes in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]

use std::collections::BTreeSet;

use nico_render::fields::{body, difference, owned, project, set};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

type Paths = BTreeSet<Vec<String>>;

/// Keys that occur in objects and in sets, so that they meet.
fn key() -> impl Strategy<Value = String> {
    const KEYS: &[&str] = &[
        "metadata",
        "status",
        "spec",
        "kind",
        "apiVersion",
        "conditions",
        "machines",
        "finalizers",
        "name",
        "uid",
        "ownerReferences",
        "type",
        ".",
        "f:metadata",
        "f:status",
        "f:conditions",
        "f:a",
        "v:\"x\"",
        "v:",
        "k:{",
        "i:0",
        "k:{\"type\":\"x\"}",
        "a",
    ];
    proptest::sample::select(KEYS).prop_map(str::to_owned)
}

/// Any JSON.
fn anything() -> impl Strategy<Value = Value> {
    let kinds = proptest::sample::select(
        &["KubernetesCluster", "Secret", "nico.homystack.com/v1alpha1", "v1", "x"][..],
    );
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        kinds.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// One or two texts.
fn texts() -> impl Strategy<Value = Value> {
    btree_map("[a-c]", "[xy]", 1..3).prop_map(|map| json!(map))
}

fn spec() -> impl Strategy<Value = Value> {
    let file = json!([{ "path": "p", "inline": "x" }]);
    let fields = (texts(), proptest::option::of(Just(file)), proptest::option::of(texts()));
    fields.prop_map(|(mut spec, files, reference)| {
        for (field, value) in [("additionalFiles", files), ("machineRef", reference)] {
            if let Some(value) = value {
                spec[field] = value;
            }
        }
        spec
    })
}

fn status() -> impl Strategy<Value = Value> {
    let conditions = btree_map("[PQR]", 0..2, 1..4).prop_map(Vec::from_iter).prop_shuffle();
    (conditions, proptest::option::of(texts())).prop_map(|(conditions, applied)| {
        let items = conditions.into_iter().map(|(kind, status)| json!({ "type": kind, "status": status }));
        let mut status = json!({ "conditions": items.collect::<Vec<_>>() });
        if let Some(applied) = applied {
            status["appliedMachines"] = applied;
        }
        status
    })
}

/// A body as NICO sends it: nothing is empty or null, and items differ in their keys.
fn sent(of_status: bool) -> BoxedStrategy<Value> {
    let object = |metadata: Value, part: &str, value: Value| {
        let (version, kind) = ("nico.homystack.com/v1alpha1", "KubernetesCluster");
        json!({ "apiVersion": version, "kind": kind, "metadata": metadata, part: value })
    };
    if of_status {
        return status().prop_map(move |status| object(json!({ "name": "home" }), "status", status)).boxed();
    }
    let finalizers = btree_set("[a-c]", 0..3).prop_map(Vec::from_iter).prop_shuffle();
    let fields = (spec(), proptest::option::of(texts()), finalizers);
    let made = fields.prop_map(move |(spec, labels, finalizers)| {
        let mut metadata = json!({ "name": "home" });
        if let Some(labels) = labels {
            metadata["labels"] = labels;
        }
        if !finalizers.is_empty() {
            metadata["finalizers"] = json!(finalizers);
        }
        object(metadata, "spec", spec)
    });
    made.boxed()
}

/// Two of a kind.
fn two() -> impl Strategy<Value = (Value, Value)> {
    any::<bool>().prop_flat_map(|of_status| (sent(of_status), sent(of_status)))
}

fn paths() -> impl Strategy<Value = Paths> {
    btree_set(
        vec(
            proptest::sample::select(&["f:a", "f:b", "k:{\"a\":1}", "v:1"][..]).prop_map(str::to_owned),
            1..4,
        ),
        0..8,
    )
}

/// The set of these fields.
fn set_of(paths: &Paths) -> Value {
    let mut root = json!({});
    for path in paths {
        let node = path.iter().fold(&mut root, |node, key| {
            let map = node.as_object_mut().unwrap();
            map.entry(key.clone()).or_insert_with(|| json!({}))
        });
        node["."] = json!({});
    }
    tidy(&mut root);
    root
}

/// As the server writes it: a field without anything below it is empty.
fn tidy(node: &mut Value) {
    let map = node.as_object_mut().unwrap();
    if map.len() == 1 {
        map.remove(".");
    }
    map.iter_mut().filter(|(key, _)| *key != ".").for_each(|(_, below)| tidy(below));
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_panics(one in anything(), other in anything(), third in anything()) {
        let _changes = difference(&one, &other, Some(&third));
        let _part = project(&one, &other);
        let _own = project(&one, &owned(&one));
        let _text = body(&one).unwrap();
        for combine in [set::union, set::difference, set::intersection, set::within] {
            let _set = combine(&one, &other);
        }
        let _is_there = set::contains(&one, &["f:metadata"]) && set::is_empty(&other);
    }

    #[test]
    fn what_is_applied_is_no_difference_and_no_more_than_what_was_sent((desired, _) in two()) {
        let entry = owned(&desired);
        prop_assert_eq!(difference(&desired, &desired, Some(&entry)), []);
        prop_assert_eq!(project(&desired, &entry), desired);
    }

    #[test]
    fn two_are_the_same_only_if_they_are((one, other) in two()) {
        let changes = difference(&one, &other, Some(&owned(&other)));
        prop_assert_eq!(changes.is_empty(), one == other, "{:?}", changes);
        prop_assert!(changes.is_sorted());
    }

    #[test]
    fn sets_of_fields_are_sets(one in paths(), other in paths()) {
        let (a, b) = (set_of(&one), set_of(&other));
        prop_assert_eq!(set::union(&a, &b), set_of(&one.union(&other).cloned().collect()));
        prop_assert_eq!(set::difference(&a, &b), set_of(&one.difference(&other).cloned().collect()));
        prop_assert_eq!(set::intersection(&a, &b), set_of(&one.intersection(&other).cloned().collect()));
        let within = one.iter().filter(|path| other.iter().any(|named| path.starts_with(named)));
        prop_assert_eq!(set::within(&a, &b), set_of(&within.cloned().collect()));
        prop_assert!(one.iter().all(|path| set::contains(&a, path)));
        prop_assert_eq!(other.iter().all(|path| set::contains(&a, path)), other.is_subset(&one));
        prop_assert_eq!(set::is_empty(&a), one.is_empty());
    }
}
