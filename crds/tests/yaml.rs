//! What is written reads the same everywhere: serde-saphyr, the libyaml family in Rust, and real `PyYAML`.

#![allow(clippy::disallowed_methods, reason = "a test runs Python")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use nico_crds::NixosConfiguration;
use nico_crds::configuration::{AdditionalFile, NixosConfigurationSpec, ValueType};
use serde_json::Value;

use nico_crds::yaml;

/// Strings that one reader or another takes for something else.
const TRICKY: &[&str] = &[
    "",
    " ",
    "  \n",
    "\n",
    "\n\n",
    "\t",
    "\t\n",
    "\ta\nb",
    "\n\ta\nb",
    "\n\n\t\n",
    " \ta\nb",
    "a\n\tb",
    "a\tb\n",
    "a\n\n",
    "a\n \n",
    "a\n\t\n",
    "a \nb",
    "  a\nb",
    "\n  a\nb\n",
    "\r",
    "a\rb",
    "a\r\nb",
    "a\r\n",
    "\u{0}",
    "\u{7}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "a\u{85}b",
    "a\u{85}\nb",
    "\u{a0}",
    "\u{2028}",
    "a\u{2028}b\nc",
    "\u{2029}",
    "\u{feff}",
    "\u{feff}a\nb",
    "a\u{feff}",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "😀",
    "a\n😀\n",
    "é",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
    "Y",
    "True",
    "NULL",
    "null",
    "~",
    "Null",
    "<<",
    "=",
    ".",
    "..",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "... a",
    "---\na: b\n",
    "...\n",
    "a\n---\nb",
    "a\n...\nb\n",
    "1",
    "-1",
    "+1",
    "01",
    "0o7",
    "0x1f",
    "0b1",
    "1_000",
    "1e3",
    "1.5",
    ".5",
    "5.",
    "1.e3",
    ".inf",
    "-.INF",
    ".NaN",
    "nan",
    "12:30:45",
    "1:2",
    "190:20:30.15",
    "2026-01-01",
    "2026-01-01T00:00:00Z",
    "2026-1-1 0:0:0",
    "0755",
    "08",
    "0.0",
    "123456789012345678901",
    "#",
    "# a",
    "a #b",
    "a# b",
    "a: b",
    "a:",
    ": a",
    ":a",
    "a\n: b",
    "- a",
    "-a",
    "? a",
    "?a",
    "*a",
    "&a",
    "!a",
    "!!str a",
    "%a",
    "%YAML 1.1",
    "@a",
    "`a",
    "'a'",
    "\"a\"",
    "a'b",
    "a\"b",
    "\\",
    "\\n",
    "a\\",
    "{a}",
    "{}",
    "[]",
    "[a",
    "a]",
    ",a",
    "|",
    "|\na",
    ">",
    ">-\na",
    "${x}",
    "''${x}''",
    "a ",
    " a",
    "a\n ",
    "a\n  b\n c\n",
    "key: |\n  text\n",
    "\u{3000}a",
    "\u{200b}",
    "\u{202e}abc",
    "\u{e000}",
    "\u{10ffff}",
];

/// Pieces that random strings are made of.
const PIECES: &[&str] = &[
    "a", "b", " ", "  ", "\t", "\n", "\n\n", "\r", ":", ": ", "#", " #", "-", "- ", "'", "\"", "\\", "{",
    "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "?", "? ", "~", "0", "1", ".", "_", "e",
    "${", "''", "\u{0}", "\u{85}", "\u{a0}", "\u{2028}", "\u{feff}", "\u{9b}", "é", "😀", "---", "...",
];

/// The tricky ones, and many made of tricky pieces: the same ones in each run.
fn strings() -> Vec<String> {
    let mut strings: Vec<String> = TRICKY.iter().map(|text| (*text).to_owned()).collect();
    let mut state = 42_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..4_000 {
        strings.push((0..=next(8)).map(|_| PIECES[next(PIECES.len())]).collect());
    }
    strings
}

/// An object with strings wherever an object can have them.
fn object(place: usize, text: &str) -> NixosConfiguration {
    let file = AdditionalFile {
        path: text.to_owned(),
        value_type: ValueType::Inline,
        inline: Some(text.to_owned()),
        secret_ref: None,
    };
    let spec = NixosConfigurationSpec {
        git_repo: Some(text.to_owned()),
        flake: Some(text.to_owned()),
        full_install: Some(false),
        additional_files: vec![file.clone(), file],
        ..NixosConfigurationSpec::default()
    };
    let mut object = NixosConfiguration::new(&format!("object-{place}"), spec);
    let pairs = [(text.to_owned(), text.to_owned()), ("last".to_owned(), text.to_owned())];
    object.metadata.annotations = Some(BTreeMap::from(pairs));
    object
}

fn objects() -> Vec<NixosConfiguration> {
    strings().iter().enumerate().map(|(place, text)| object(place, text)).collect()
}

fn stream(objects: &[NixosConfiguration]) -> String {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        yaml::write(&mut text, object).unwrap();
    }
    text
}

#[test]
fn a_reader_of_its_own_family_reads_the_same() {
    let objects = objects();
    let text = stream(&objects);
    let budget = serde_saphyr::budget! { max_documents: 1_000_000, max_nodes: 10_000_000 };
    let options = serde_saphyr::options! { budget: budget, no_schema: true };
    let read: Vec<NixosConfiguration> = serde_saphyr::from_multiple_with_options(&text, options).unwrap();
    assert!(read == objects);
}

#[test]
fn the_libyaml_family_reads_the_same() {
    use serde::Deserialize as _;
    for object in objects() {
        let text = yaml::to_string(&object).unwrap();
        let read = Value::deserialize(serde_yaml::Deserializer::from_str(&text));
        let read = read.unwrap_or_else(|error| panic!("{error}:\n{text}"));
        assert_eq!(read, serde_json::to_value(&object).unwrap(), "\n{text}");
    }
}

#[test]
fn pyyaml_reads_the_same() {
    const READER: &str = "
import json, sys, yaml
text, expected = json.load(sys.stdin)
loaders = [yaml.SafeLoader] + [getattr(yaml, name) for name in ['CSafeLoader'] if hasattr(yaml, name)]
for loader in loaders:
    read = list(yaml.load_all(text, Loader=loader))
    assert len(read) == len(expected), (loader, len(read), len(expected))
    for found, wanted in zip(read, expected):
        assert found == wanted, (loader, found, wanted)
print(len(loaders), 'readers')
";
    let objects = objects();
    let input = serde_json::to_string(&(stream(&objects), &objects)).unwrap();
    let mut python = Command::new("python3")
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this test needs python3 with PyYAML (apt-get install python3-yaml)");
    python.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn text_stays_readable() {
    let text = "{ lib, ... }:\n{\n\tservices.k3s = {\n  # trailing blank \n\n  };\n}\n";
    let mut object = object(0, "a");
    object.spec.additional_files[0].inline = Some(text.to_owned());
    let written = yaml::to_string(&object).unwrap();
    let block: String = std::iter::once("    inline: |\n".to_owned())
        .chain(
            text.lines()
                .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("      {line}\n") }),
        )
        .collect();
    assert!(written.contains(&block), "{written}");
    let long = "word ".repeat(100) + "end";
    object.spec.git_repo = Some(long.clone());
    assert!(yaml::to_string(&object).unwrap().contains(&format!("gitRepo: {long}\n")));
}

#[test]
fn keys_come_in_the_order_that_people_expect() {
    let written = yaml::to_string(&object(0, "a")).unwrap();
    let keys: Vec<_> = written.lines().filter(|line| !line.starts_with([' ', '-'])).collect();
    assert_eq!(
        keys,
        ["apiVersion: nio.homystack.com/v1alpha1", "kind: NixosConfiguration", "metadata:", "spec:"]
    );
}
