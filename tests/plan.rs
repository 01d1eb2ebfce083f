//! `nico plan` from files: what is wrong is said and ends with 2, what others hold counts, and colours are
//! for terminals.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

const AT: [&str; 2] = ["--at", "2026-12-01T12:00:00Z"];

fn nico(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nico"));
    command.arg("plan").args(arguments);
    command.env_remove("KUBECONFIG");
    command
}

/// Exit code, standard output, standard error.
fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn plan(arguments: &[&str]) -> (i32, String, String) {
    said(&nico(arguments).args(AT).output().unwrap())
}

/// The files of a fixture.
fn fixture(name: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
    let texts = ["cluster.yaml", "machines.yaml", "live.yaml"].map(read);
    let documents = texts.iter().flat_map(|text| serde_yaml::Deserializer::from_str(text));
    let objects = documents.map(|document| Value::deserialize(document).unwrap());
    objects.filter(|object| !object.is_null()).collect()
}

/// The plan of these objects, from standard input.
fn plan_of(objects: &[Value], more: &[&str]) -> (i32, String, String) {
    let mut child = nico(&["-f", "-"])
        .args(AT)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    child.stdin.take().unwrap().write_all(list.as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap())
}

fn json_of(objects: &[Value]) -> Value {
    let (_, told, errors) = plan_of(objects, &["-o", "json"]);
    serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{errors}"))
}

fn named<'o>(objects: &'o mut [Value], name: &str) -> &'o mut Value {
    objects.iter_mut().find(|object| object["metadata"]["name"] == name).unwrap()
}

#[test]
fn what_cannot_be_right_is_said_and_nothing_is_planned() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.yaml");
    fs::write(
        &bad,
        "apiVersion: nico.homystack.com/v1alpha1\nkind: KubernetesCluster\nmetadata: {name: home}\nspec:\n  \
         gitRepo: https://git.example/fleet.git\n  controlPlane: {machines: [node-1]}\n  paused: maybe\n",
    )
    .unwrap();
    let bad = bad.to_str().unwrap();
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/running/cluster.yaml");
    let cases: [(&[&str], &[&str]); 6] = [
        (&["-f", bad], &["error: ", "bad.yaml:7: KubernetesCluster home: spec.paused"]),
        (&["-f", "/nowhere.yaml"], &["error: ", "/nowhere.yaml"]),
        (&["-f", good, "--cluster", "none"], &["error: --cluster none", "there are: fleet/home"]),
        (&["-f", good, "-n", "none"], &["error: --namespace none"]),
        (&["-f", good, "--default-git-repo", "nonsense"], &["error: --default-git-repo"]),
        (&["-f", good, "--kubeconfig", "x"], &["cannot be used with"]),
    ];
    for (arguments, says) in cases {
        let (code, told, errors) = plan(arguments);
        assert_eq!((code, told.as_str()), (2, ""), "{arguments:?}: {errors}");
        for words in says {
            assert!(errors.contains(words), "{arguments:?}: {errors:?} lacks {words:?}");
        }
    }
    let (code, told, errors) = said(&nico(&["-f", good, "--at", "yesterday"]).output().unwrap());
    assert!(code == 2 && told.is_empty() && errors.contains("wanted a time such as"), "{errors}");
    let (code, _, errors) = said(&nico(&AT).output().unwrap());
    assert!(code == 2 && errors.contains("--filename"), "the time of a server is its own: {errors}");
}

#[test]
fn a_cluster_that_cannot_be_rendered_hides_no_other() {
    let mut objects = fixture("running");
    let mut broken = named(&mut objects, "home").clone();
    broken["metadata"] = json!({ "name": "broken", "namespace": "fleet" });
    broken["spec"]["gitRepo"] = Value::Null;
    broken["status"] = Value::Null;
    objects.push(broken);
    let (code, told, errors) = plan_of(&objects, &[]);
    assert_eq!((code, told.as_str()), (2, "fleet/home (Ready): nothing to do\n"), "{errors}");
    assert!(errors.contains("standard input:1: KubernetesCluster fleet/broken"), "{errors}");
    let (code, _, errors) = plan_of(&objects, &["--cluster", "home"]);
    assert_eq!(code, 0, "{errors}");
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/three-plus-five");
    let arguments = |more: &[&'static str]| {
        let files = ["-f", "cluster.yaml", "-f", "machines.yaml"];
        let output = nico(&files).args(AT).args(more).current_dir(&folder).output().unwrap();
        said(&output).1
    };
    let plain = arguments(&[]);
    assert!(!plain.contains('\u{1b}'));
    assert_eq!(arguments(&["--color", "never"]), plain);
    let coloured = arguments(&["--color", "always"]);
    assert!(coloured.contains("\u{1b}[1;31mINSTALL (WIPES THE DISK)\u{1b}[0m"), "{coloured}");
    let stripped = coloured.split('\u{1b}').map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
    // What stands before the first colour has none to take off.
    let stripped: String = stripped.collect();
    assert_eq!(stripped, plain, "colours move nothing");
}

#[test]
fn without_managed_fields_what_carries_the_label_is_nicos() {
    let mut objects = fixture("running");
    assert_eq!(plan_of(&objects, &[]).0, 0, "the server's default, and what others note, are no difference");
    let live = named(&mut objects, "home-node-4");
    live["spec"]["onRemoveFlake"] = json!("#other");
    live["metadata"]["labels"]["team"] = json!("blue");
    live["metadata"].as_object_mut().unwrap().remove("uid");
    let plan = json_of(&objects);
    let changes = plan["clusters"][0]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{plan:#}");
    assert_eq!((&changes[0]["action"], &changes[0]["purpose"]), (&json!("Update"), &json!("Metadata")));
    assert_eq!(changes[0]["fields"], json!(["spec.onRemoveFlake"]));
}

#[test]
fn what_another_applier_holds_is_a_conflict() {
    let mut objects = fixture("running");
    let live = named(&mut objects, "home-node-4");
    let mut own = live.clone();
    own["metadata"]["annotations"]
        .as_object_mut()
        .unwrap()
        .retain(|key, _| key.starts_with("nico.homystack.com/"));
    let own = nico_render::fields::owned(&own);
    let entry = |manager: &str, fields: &Value| {
        json!({ "manager": manager, "operation": "Apply", "fieldsType": "FieldsV1", "fieldsV1": fields,
                "apiVersion": "nio.homystack.com/v1alpha1", "time": "2026-10-01T08:01:00Z" })
    };
    live["spec"]["onRemoveFlake"] = json!("#other");
    let theirs = json!({ "f:spec": { "f:onRemoveFlake": {} } });
    live["metadata"]["managedFields"] = json!([entry("nico", &own), entry("argocd", &theirs)]);
    let plan = json_of(&objects);
    let cluster = &plan["clusters"][0];
    assert_eq!(cluster["changes"], json!([]), "{plan:#}");
    let waits = &cluster["waiting"][0];
    assert_eq!((&waits["reason"], &waits["machine"]), (&json!("Conflict"), &json!("node-4")), "{plan:#}");
    assert!(waits["message"].as_str().unwrap().contains("argocd holds spec.onRemoveFlake"), "{waits}");
}

#[test]
fn no_secret_is_told() {
    let mut objects = fixture("three-plus-five");
    objects.push(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "home-join-token" },
                         "stringData": { "token": "s3cr3t" } }));
    for format in ["text", "json", "yaml"] {
        let (_, told, errors) = plan_of(&objects, &["-o", format]);
        assert!(!told.contains("s3cr3t") && !errors.contains("s3cr3t"));
        assert!(errors.contains("passed over: 1 Secret"), "{errors}");
    }
}
