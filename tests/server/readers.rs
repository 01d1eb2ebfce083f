//! What `nico render` prints is read identically by `PyYAML`, by `serde_yaml` and by kubectl with a real API
//! server, and what the server then holds has the same spec.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use nico_harness::ControlPlane;
use serde::Deserialize;
use serde_json::Value;

use crate::support::kubectl;

/// The cases of the fixtures that are rendered for the Python NIO, whose CRDs this server has.
fn cases() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut cases: Vec<_> = std::fs::read_dir(fixtures)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("cluster.yaml").exists())
        .filter(|path| {
            let machines = std::fs::read_to_string(path.join("machines.yaml")).unwrap_or_default();
            !machines.contains("\n  host: ")
        })
        .collect();
    cases.sort();
    assert!(cases.len() > 20, "the fixtures are not where they should be");
    cases
}

fn rendered(case: &Path) -> String {
    let files = ["cluster.yaml", "machines.yaml", "live.yaml"].map(|name| case.join(name));
    let arguments = std::fs::read_to_string(case.join("arguments")).unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_nico"))
        .arg("render")
        .args(files.iter().filter(|file| file.exists()))
        .args(arguments.lines())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn by_serde_yaml(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|value| !value.is_null())
        .collect()
}

fn by_pyyaml(file: &Path) -> Vec<Value> {
    const READ: &str = "import json, sys, yaml\n\
        print(json.dumps([d for d in yaml.safe_load_all(open(sys.argv[1], encoding='utf-8')) if d is not None]))";
    let output = Command::new("python3")
        .args(["-c", READ])
        .arg(file)
        .output()
        .expect("python3 is needed: tests/tools.sh installs it");
    assert!(output.status.success(), "PyYAML: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_the_same() {
    let control_plane = ControlPlane::shared().await;
    let folder = tempfile::tempdir().unwrap();
    for case in cases() {
        let text = rendered(&case);
        let objects = by_serde_yaml(&text);
        let file = folder.path().join("rendered.yaml");
        std::fs::write(&file, &text).unwrap();
        assert_eq!(by_pyyaml(&file), objects, "{}", case.display());
        if objects.is_empty() {
            continue;
        }
        let mut by_namespace: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for mut object in objects {
            let namespace = object["metadata"]["namespace"].take().as_str().unwrap().to_owned();
            by_namespace.entry(namespace).or_default().push(object);
        }
        for objects in by_namespace.into_values() {
            let namespace = control_plane.namespace("readers").await;
            // The text as it was printed, but for the namespace.
            let text =
                text.lines().filter(|line| !line.starts_with("  namespace: ")).collect::<Vec<_>>().join("\n");
            std::fs::write(&file, text + "\n").unwrap();
            let create = |dry_run: &'static str| {
                let file = file.to_str().unwrap().to_owned();
                let namespace = namespace.name().to_owned();
                async move {
                    let arguments =
                        ["create", "-n", &namespace, "--validate=strict", dry_run, "-o", "json", "-f", &file];
                    kubectl(control_plane, &arguments).await
                }
            };
            let tried = create("--dry-run=server").await;
            let held = create("--dry-run=none").await;
            for answer in [tried, held] {
                let answered: Vec<Value> =
                    serde_json::Deserializer::from_str(&answer).into_iter().map(Result::unwrap).collect();
                for object in &objects {
                    let name = &object["metadata"]["name"];
                    let on_server = answered.iter().find(|other| other["metadata"]["name"] == *name).unwrap();
                    let mut expected = object["spec"].clone();
                    // The server's own default.
                    if expected["ref"].is_null() {
                        expected["ref"] = "main".into();
                    }
                    assert_eq!(on_server["spec"], expected, "{} {name}", case.display());
                }
            }
        }
    }
}
