//! Real Nix reads `cluster.nix`: as data, as a module, and as a call, it gives back exactly the strings
//! that were put in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test writes files and runs programs")]

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/other_layout.rs"]
mod other_layout;

use std::path::Path;
use std::process::Command;

use hostile::text;
use nico_render::cluster_nix::{ClusterNix, Node, Source, address_of, is_ours, legacy_text, revision_of};
use nico_render::nix;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// How nixpkgs' module system takes a file: what is a function, or a set with `__functor`, is called with
/// the module's arguments; then the option is taken.
const READ_ALL: &str = r#"
let
  isFunction = f: builtins.isFunction f || (f ? __functor && isFunction (f.__functor f));
  plain = set: removeAttrs set [ "__functor" ];
  read = file:
    let value = import file; in {
      data = plain value;
      module = (if isFunction value then value { config = { }; options = { }; lib = { }; } else value).cluster;
      call = (value { config = { }; pkgs = { }; }).cluster;
    };
  numbers = builtins.genList (number: number) COUNT;
in
map (number: read (FOLDER + "/${toString number}.nix")) numbers
"#;

fn evaluate(texts: &[String]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    for (number, text) in texts.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.nix")), text).unwrap();
    }
    let path = nix::string(folder.path().to_str().unwrap()).unwrap();
    let expression = READ_ALL.replace("COUNT", &texts.len().to_string()).replace("FOLDER", &path);
    let entry = folder.path().join("read-all.nix");
    std::fs::write(&entry, expression).unwrap();
    nix_instantiate(&entry)
}

fn nix_instantiate(file: &Path) -> Vec<Value> {
    let output = Command::new("nix-instantiate")
        .args(["--eval", "--strict", "--json"])
        .arg(file)
        .env("NIX_STATE_DIR", file.with_extension("state"))
        .env("NIX_CONFIG", "build-users-group =")
        .output()
        .expect("nix-instantiate is needed: tests/tools.sh installs it (Debian's package nix-bin)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn cluster() -> impl Strategy<Value = ClusterNix> {
    let node = || (text(), text()).prop_map(|(name, ip)| Node { name, ip });
    let nodes = || prop::collection::vec(node(), 0..4);
    let source = (text(), prop::option::of(text()), prop::option::of(text()))
        .prop_map(|(url, git_ref, subdir)| Source { url, git_ref, subdir });
    (text(), prop::option::of(text()), nodes(), nodes(), source).prop_map(
        |(name, vip, control_plane, workers, source)| ClusterNix {
            name,
            vip,
            control_plane,
            workers,
            source,
        },
    )
}

/// What was put in, as the file should show it.
fn expected(cluster: &ClusterNix, revision: u64) -> Value {
    let nodes = |nodes: &[Node]| {
        nodes.iter().map(|node| json!({ "name": node.name, "ip": node.ip })).collect::<Vec<_>>()
    };
    let mut source = json!({ "url": cluster.source.url });
    let mut value = json!({
        "name": cluster.name,
        "controlPlane": nodes(&cluster.control_plane),
        "workers": nodes(&cluster.workers),
    });
    for (name, part) in [("ref", &cluster.source.git_ref), ("subdir", &cluster.source.subdir)] {
        source
            .as_object_mut()
            .unwrap()
            .extend(part.iter().map(|part| (name.to_owned(), part.as_str().into())));
    }
    value
        .as_object_mut()
        .unwrap()
        .extend(cluster.vip.iter().map(|vip| ("vip".to_owned(), vip.as_str().into())));
    let nico = json!({ "revision": revision, "source": source });
    value.as_object_mut().unwrap().insert("nico".to_owned(), nico);
    value
}

fn clusters(count: u64) -> Vec<(ClusterNix, u64)> {
    let mut runner = TestRunner::deterministic();
    (1..=count).map(|revision| (cluster().new_tree(&mut runner).unwrap().current(), revision)).collect()
}

fn assert_read_back(clusters: &[(ClusterNix, u64)], texts: &[String]) {
    let read = evaluate(texts);
    assert_eq!(read.len(), clusters.len());
    for (((cluster, revision), text), read) in clusters.iter().zip(texts).zip(read) {
        for way in ["data", "module", "call"] {
            assert_eq!(read.get(way), Some(&expected(cluster, *revision)), "as {way}:\n{text}");
        }
        assert_eq!(revision_of(text), Some(*revision), "{text}");
        for node in cluster.control_plane.iter().take(1) {
            assert_eq!(address_of(text, &node.name).as_ref(), Some(&node.ip), "{text}");
        }
    }
}

#[test]
fn five_hundred_hostile_clusters_come_back_as_they_were() {
    let clusters = clusters(500);
    let texts: Vec<_> =
        clusters.iter().map(|(cluster, revision)| cluster.prepare().unwrap().text(*revision)).collect();
    assert_read_back(&clusters, &texts);
}

#[test]
fn another_layout_means_the_same() {
    let mut clusters = clusters(100);
    // The lists stand in another order there: the first address found is another one's.
    for (cluster, _) in &mut clusters {
        cluster.workers.clear();
    }
    let texts: Vec<_> =
        clusters.iter().map(|(cluster, revision)| other_layout::relay(cluster, *revision)).collect();
    assert_read_back(&clusters, &texts);
}

/// Every fixture, as `nico render` prints it.
#[test]
fn the_fixtures_are_read() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let Ok(stdout) = std::fs::read_to_string(entry.unwrap().path().join("expected/stdout.yaml")) else {
            continue;
        };
        for document in serde_yaml::Deserializer::from_str(&stdout) {
            let object: Value = serde::Deserialize::deserialize(document).unwrap();
            let files = object
                .pointer("/spec/additionalFiles")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            texts.extend(files.iter().filter_map(|file| Some(file.get("inline")?.as_str()?.to_owned())));
        }
    }
    texts.retain(|text| is_ours(text));
    assert!(texts.len() > 50, "the fixtures are not where they should be: {}", texts.len());
    for (text, read) in texts.iter().zip(evaluate(&texts)) {
        assert_eq!(read.get("data"), read.get("module"), "{text}");
        assert_eq!(read.get("data"), read.get("call"), "{text}");
        assert_eq!(read.pointer("/data/nico/revision").and_then(Value::as_u64), revision_of(text), "{text}");
    }
}

#[test]
fn a_nul_is_refused_with_its_field() {
    let (mut cluster, _) = clusters(1).remove(0);
    cluster.workers = vec![Node { name: "a".to_owned(), ip: "10.0.0.1\0".to_owned() }];
    let error = cluster.prepare().unwrap_err();
    assert!(error.to_string().contains("workers[0].ip"), "{error}");
    assert!(error.to_string().contains("NUL"), "{error}");
}

#[test]
fn the_python_operators_text_is_known() {
    let node = |name: &str, ip: &str| Node { name: name.to_owned(), ip: ip.to_owned() };
    let control_plane =
        [node("node-1", "127.0.1.1"), node("node-2", "127.0.1.2"), node("node-3", "127.0.1.3")];
    let workers = [node("node-4", "127.0.1.4"), node("node-5", "127.0.1.5")];
    let text = legacy_text("home", &control_plane, &workers);
    assert_eq!(text, LEGACY);
    assert!(!is_ours(&text));
    assert_eq!(address_of(&text, "node-5").as_deref(), Some("127.0.1.5"));
}

/// As it was recorded on a server.
const LEGACY: &str = "
{ config, pkgs, ... }:
{
  # Cluster configuration generated by NICO
  # Includes IP addresses for HAProxy configuration at build time
  cluster = {
    name = \"home\";
    controlPlane = [
    { name = \"node-1\"; ip = \"127.0.1.1\"; }
    { name = \"node-2\"; ip = \"127.0.1.2\"; }
    { name = \"node-3\"; ip = \"127.0.1.3\"; }
  ];
    workers = [
    { name = \"node-4\"; ip = \"127.0.1.4\"; }
    { name = \"node-5\"; ip = \"127.0.1.5\"; }
  ];
  };
}
";

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_brings_the_scanner_down(text in text(), any in any::<String>()) {
        for text in [text, any] {
            revision_of(&text);
            address_of(&text, "node-1");
        }
    }
}
