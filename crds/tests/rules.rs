//! Every rule has examples that it accepts and examples that it refuses, with its own words.
//! The same examples are tried on a real API server by the tests of the root package.

#![allow(clippy::disallowed_methods, reason = "a test reads and writes files")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/examples.rs"]
mod examples;

use std::collections::BTreeSet;

use examples::{Example, examples};
use nico_crds::validate;
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn every_example_is_judged_as_it_says() {
    for Example { object, refused_with, description } in examples() {
        let violations = validate::cluster(&object);
        match refused_with {
            None => assert!(violations.is_empty(), "{description} is refused: {violations:?}"),
            Some(message) => assert!(
                violations.iter().any(|violation| violation.message == message),
                "{description} is not refused with {message:?} but {violations:?}"
            ),
        }
    }
}

#[test]
fn every_rule_of_the_definition_has_an_example_that_it_refuses() {
    let refused: BTreeSet<String> =
        examples().into_iter().filter_map(|example| example.refused_with).collect();
    let mut rules = BTreeSet::new();
    collect(nico_crds::definition(), &mut rules);
    assert_eq!(rules, refused);
}

/// Every message of a rule below a value.
fn collect(value: &Value, messages: &mut BTreeSet<String>) {
    let rules = value.get("x-kubernetes-validations").and_then(Value::as_array);
    messages.extend(
        rules.into_iter().flatten().filter_map(|rule| Some(rule.get("message")?.as_str()?.to_owned())),
    );
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect(value, messages)),
        Value::Array(items) => items.iter().for_each(|value| collect(value, messages)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn structure_is_judged_in_words() {
    let cases = [
        ("spec.gitrepos", Value::from("x"), "spec.gitrepos: unknown field; did you mean gitRepo?"),
        ("spec.paused", Value::from("yes"), "spec.paused: must be a boolean, not a string"),
        (
            "spec.controlPlane.count",
            Value::from(1.5),
            "spec.controlPlane.count: must be an integer, not a fraction",
        ),
        (
            "spec.installPolicy",
            Value::from("Full"),
            "spec.installPolicy: Unsupported value: \"Full\": supported values: \"FullInstall\", \"SwitchOnly\"",
        ),
        ("spec.controlPlane", Value::Null, "spec.controlPlane: Required value"),
        (
            "spec.controlPlane.count",
            Value::from(9_000_000_000_i64),
            "spec.controlPlane.count: should be less than or equal to 5000",
        ),
        (
            "metadata.name",
            Value::from("A"),
            "metadata.name: must be lower-case letters, digits, '-' and '.', and start and end with a letter or digit",
        ),
    ];
    for (path, value, expected) in cases {
        let violations = validate::cluster(&examples::with(&[(path, value)]));
        let said: Vec<_> = violations.iter().map(ToString::to_string).collect();
        assert!(said.iter().any(|said| said == expected), "{said:?} lacks {expected:?}");
    }
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:/@%.0-9-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let name = prop_oneof![
            Just("spec"),
            Just("metadata"),
            Just("name"),
            Just("controlPlane"),
            Just("machines"),
            Just("count"),
            Just("rollout"),
            Just("maxUnavailable"),
            Just("machineSelector"),
            Just("matchLabels"),
            Just("gitRepo"),
            Just("x"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(value in json(), spec in json()) {
        validate::cluster(&value);
        validate::cluster(&examples::with(&[("spec", spec)]));
    }
}
