//! What `nico status` says of each status at a fixed time, byte for byte as text, and of some as YAML; and what must
//! hold of all.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use similar::TextDiff;

/// An hour or so after everything in the fixtures.
const AT: &str = "2026-11-01T15:00:00Z";

/// The files of the folder, by name and without their ending.
fn all() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/status");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let names = files
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert!(names.len() > 5, "the fixtures are not where they should be");
    names
}

fn run(name: &str, more: &[&str]) -> Output {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/status/{name}.yaml"));
    let mut nico = Command::new(env!("CARGO_BIN_EXE_nico"));
    nico.args(["status", "--at", AT, "-f"]).arg(file).args(more).output().unwrap()
}

fn print(name: &str, form: &str) -> String {
    let output = run(name, &["-o", form]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{name}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_str(&print(name, "json")).unwrap()
}

#[test]
fn every_status_is_told_as_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/status/expected");
    let mut wrong = Vec::new();
    for name in all() {
        for (ending, form) in [("txt", "text"), ("yaml", "yaml")] {
            let file = folder.join(format!("{name}.{ending}"));
            // As data only where it is asked for: the file is there.
            if form != "text" && !file.exists() {
                continue;
            }
            let printed = print(&name, form);
            if bless {
                std::fs::write(&file, &printed).unwrap();
            }
            let expected = std::fs::read_to_string(&file).unwrap_or_default();
            if expected != printed {
                let diff = TextDiff::from_lines(expected.as_str(), &printed);
                let header = file.display().to_string();
                wrong.push(diff.unified_diff().header(&header, "printed").to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{}\nIf this is right: `make bless`, and read the diff.", wrong.join("\n"));
}

#[test]
fn yaml_and_json_say_the_same() {
    for name in all() {
        let yaml: Value = serde_yaml::from_str(&print(&name, "yaml")).unwrap();
        assert_eq!(yaml, json(&name), "{name}");
    }
}

#[test]
fn no_word_of_an_operator_is_lost() {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in all().iter().filter(|name| *name != "hostile") {
        let text = squeezed(&print(name, "text"));
        for cluster in json(name)["clusters"].as_array().unwrap() {
            let roles = cluster["roles"].as_array().unwrap().iter();
            for machine in roles.flat_map(|role| role["machines"].as_array().unwrap()) {
                assert!(text.contains(machine["name"].as_str().unwrap()), "{name}: {machine}");
                assert!(text.contains(machine["state"].as_str().unwrap()), "{name}: {machine}");
            }
            for one in cluster["attention"].as_array().unwrap() {
                let (type_, message) = (one["type"].as_str().unwrap(), one["message"].as_str().unwrap());
                assert!(text.contains(type_), "{name}: {one}");
                assert!(message.split_whitespace().all(|word| text.contains(word)), "{name}: {one}");
            }
        }
    }
}

#[test]
fn what_is_told_is_what_the_status_is_about() {
    let trouble = json("in-trouble");
    let cluster = &trouble["clusters"][0];
    let attention: Vec<_> = cluster["attention"].as_array().unwrap().iter().map(|one| &one["type"]).collect();
    assert_eq!(attention[..2], ["Ready", "QuorumAtRisk"], "the gravest first: {attention:?}");
    let grave: Vec<_> = cluster["roles"][0]["machines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|machine| machine["severity"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(grave, ["", "Critical", "Warning"]);
    assert!(json("settled")["clusters"][0]["attention"].as_array().unwrap().is_empty());
    let several = json("several");
    let freshness: Vec<_> = several["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["freshness"].as_str().unwrap())
        .collect();
    assert_eq!(freshness, ["Behind", "Untold", "Untold"]);
    let rolling = json("rolling-out");
    assert_eq!(rolling["clusters"][0]["rollout"]["current"], serde_json::json!(["node-4"]));
    assert_eq!(rolling["clusters"][0]["rollout"]["waiting"].as_array().unwrap().len(), 5);
}
