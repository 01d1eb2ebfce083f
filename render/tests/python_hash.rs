//! The hash of the files is the one that NIO's Python forms, bit for bit.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test runs programs")]

#[path = "support/hostile.rs"]
mod hostile;

use std::io::Write;
use std::process::{Command, Stdio};

use hostile::text;
use nico_crds::configuration::{AdditionalFile, FileSecret, ValueType};
use nico_crds::{NixosConfiguration, NixosConfigurationSpec};
use nico_render::files;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// What NIO does, and what its framework keeps.
const FORMULA: &str = "
import hashlib, json, sys
answers = []
for case in json.load(sys.stdin):
    text = json.dumps(case['files'], sort_keys=True)
    kept = json.dumps(case['spec'], separators=(',', ':'))
    answers.append([hashlib.sha256(text.encode()).hexdigest(), len(kept)])
print(json.dumps(answers))
";

fn python(cases: &Value) -> Vec<(String, usize)> {
    let mut child = Command::new("python3")
        .args(["-c", FORMULA])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is needed: tests/tools.sh installs it");
    child.stdin.take().unwrap().write_all(cases.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn inline(path: &str, text: &str) -> AdditionalFile {
    AdditionalFile {
        path: path.to_owned(),
        value_type: ValueType::Inline,
        inline: Some(text.to_owned()),
        secret_ref: None,
    }
}

fn file() -> impl Strategy<Value = AdditionalFile> {
    prop_oneof![
        (text(), text()).prop_map(|(path, content)| inline(&path, &content)),
        (text(), text(), prop::option::of(text())).prop_map(|(path, name, key)| AdditionalFile {
            path,
            value_type: ValueType::SecretRef,
            inline: None,
            secret_ref: Some(FileSecret { name, key }),
        }),
    ]
}

/// A file as it stands in the object that NIO reads, with only what its type needs.
fn as_nio_reads(file: &AdditionalFile) -> Value {
    let mut read = json!({ "valueType": file.value_type, "path": file.path });
    let fields = read.as_object_mut().unwrap();
    fields.extend(file.inline.iter().map(|inline| ("inline".to_owned(), inline.as_str().into())));
    fields.extend(
        file.secret_ref.iter().map(|secret| ("secretRef".to_owned(), serde_json::to_value(secret).unwrap())),
    );
    read
}

#[test]
fn a_thousand_lists_have_pythons_hash() {
    let mut runner = TestRunner::deterministic();
    let mut lists: Vec<Vec<AdditionalFile>> = (0..1000)
        .map(|_| prop::collection::vec(file(), 0..5).new_tree(&mut runner).unwrap().current())
        .collect();
    // Every character that could be special, in a row and each alone.
    let ranges = [0..0x300, 0x2000..0x2070, 0xd7f0..0xe010, 0xffd0..0x1_0010, 0x10_fff0..0x11_0000_u32];
    let special: String = ranges.into_iter().flatten().filter_map(char::from_u32).collect();
    lists.push(special.chars().map(|character| inline(&character.to_string(), "")).collect());
    lists.push(vec![inline("all of them", &special)]);
    let specs: Vec<_> = lists
        .iter()
        .map(|files| NixosConfigurationSpec {
            additional_files: files.clone(),
            ..NixosConfigurationSpec::default()
        })
        .collect();
    let cases = lists.iter().zip(&specs).map(
        |(files, spec)| json!({ "files": files.iter().map(as_nio_reads).collect::<Vec<_>>(), "spec": spec }),
    );
    let answers = python(&cases.collect());
    assert_eq!(answers.len(), lists.len());
    for ((list, spec), (hash, length)) in lists.iter().zip(&specs).zip(answers) {
        assert_eq!(files::hash(list), Some(hash), "{list:?}");
        assert_eq!(files::python_json_len(spec), length, "{list:?}");
    }
}

#[test]
fn what_nio_recorded_has_our_hash_and_our_length() {
    let recorded = include_str!("../../fixtures/recorded/live.yaml");
    let mut seen = 0;
    for document in serde_yaml::Deserializer::from_str(recorded) {
        let value: Value = serde::Deserialize::deserialize(document).unwrap();
        let items = value.get("items").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![value]);
        for item in items {
            let at = |path: &str| item.pointer(path).unwrap();
            let copy = at("/metadata/annotations/kopf.zalando.org~1last-handled-configuration");
            let ours = json!({ "spec": at("/spec"), "metadata": { "labels": at("/metadata/labels") } });
            assert_eq!(files::python_json_len(&ours), copy.as_str().unwrap().trim_end().len());
            let configuration: NixosConfiguration = serde_json::from_value(item).unwrap();
            let said = configuration.status.unwrap().additional_files_hash;
            assert!(said.is_some());
            assert_eq!(files::hash(&configuration.spec.additional_files), said);
            seen += 1;
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn what_only_nio_knows_has_no_hash() {
    let facts = AdditionalFile {
        path: "facts.json".to_owned(),
        value_type: ValueType::NixosFacter,
        inline: None,
        secret_ref: None,
    };
    assert_eq!(files::hash(&[inline("cluster.nix", "{ }"), facts]), None);
    let empty = AdditionalFile { inline: None, ..inline("cluster.nix", "") };
    assert_eq!(files::hash(std::slice::from_ref(&empty)), None, "no content");
    let nowhere = AdditionalFile { value_type: ValueType::SecretRef, ..empty };
    assert_eq!(files::hash(&[nowhere]), None, "no Secret");
}

#[test]
fn only_what_the_type_names_is_hashed_and_the_order_counts() {
    let (one, two) = (inline("a", "1"), inline("b", "2"));
    assert_ne!(files::hash(&[one.clone(), two.clone()]), files::hash(&[two.clone(), one.clone()]));
    let both = AdditionalFile { secret_ref: Some(FileSecret::default()), ..one.clone() };
    assert_eq!(files::hash(&[both, two.clone()]), files::hash(&[one, two]));
}

#[test]
fn what_is_no_json_fits_nowhere() {
    let no_json = std::collections::BTreeMap::from([(vec![1_u8], "a key that is a list")]);
    assert_eq!(files::python_json_len(&no_json), usize::MAX);
}
