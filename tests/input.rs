//! What is right is read, however it is written down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const CLUSTER: &str = "apiVersion: nico.homystack.com/v1alpha1
kind: KubernetesCluster
metadata:
  name: home
spec:
  gitRepo: https://git.example/fleet.git
  controlPlane:
    machines: [node-1]
";

const MACHINE: &str = "apiVersion: nio.homystack.com/v1alpha1
kind: Machine
metadata:
  name: node-1
spec:
  hostname: node-1.example
  sshKeySecretRef: {name: key}
status:
  discoverable: true
";

fn nico(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nico"));
    command.arg("render").args(arguments).current_dir(folder);
    command
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The expected output, and all that is said beside it.
fn rendered(output: &Output) -> (String, String) {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    (text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

fn render(folder: &Path, arguments: &[&str]) -> (String, String) {
    rendered(&nico(folder, arguments).output().unwrap())
}

fn both() -> String {
    format!("{CLUSTER}---\n{MACHINE}")
}

/// What all ways of writing it down have to give.
fn expected() -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("input.yaml"), both()).unwrap();
    let (output, _) = render(folder.path(), &["input.yaml"]);
    assert!(output.contains("name: home-node-1\n  namespace: default\n"), "{output}");
    output
}

fn json(yaml: &str) -> String {
    let value: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

#[test]
fn every_way_to_write_it_down() {
    let items = |cluster: &str, machine: &str| format!("[{cluster}, {machine}]");
    let list = |items: &str| format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": {items}}}");
    let bare = json(MACHINE).replace("\"apiVersion\": \"nio.homystack.com/v1alpha1\",", "");
    let bare = bare.replace("\"kind\": \"Machine\",", "");
    let typed = |version: &str, kind: &str, item: &str| {
        format!("{{\"apiVersion\": \"{version}\", \"kind\": \"{kind}\", \"items\": [{item}]}}")
    };
    let ways = [
        ("the machine first", format!("{MACHINE}---\n{CLUSTER}")),
        ("empty documents", format!("---\n---\n# a\n{CLUSTER}---\n---\n{MACHINE}---\n...\n")),
        ("CRLF", both().replace('\n', "\r\n")),
        ("a byte order mark", format!("\u{feff}{}", both())),
        ("JSON in YAML", format!("{}\n---\n{}", json(CLUSTER), json(MACHINE))),
        ("JSON after JSON", format!("{}{}", json(CLUSTER), json(MACHINE))),
        ("JSON with tabs", format!("{}\n{}", json(CLUSTER), json(MACHINE)).replace("  ", "\t")),
        ("a List", list(&items(&json(CLUSTER), &json(MACHINE)))),
        ("a List in a List", list(&items(&json(CLUSTER), &list(&format!("[{}]", json(MACHINE)))))),
        ("no items", format!("{}\n---\n{}", list("null"), both())),
        (
            "typed lists",
            format!(
                "{}{}",
                typed("nico.homystack.com/v1alpha1", "KubernetesClusterList", &json(CLUSTER)),
                typed("nio.homystack.com/v1alpha1", "MachineList", &bare),
            ),
        ),
        (
            "aliases",
            both()
                .replace("spec:\n  hostname: node-1.example", "x: &x node-1.example\nspec:\n  hostname: *x"),
        ),
    ];
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    for (way, content) in ways {
        fs::write(folder.path().join("input"), content).unwrap();
        assert_eq!(render(folder.path(), &["input"]).0, expected, "{way}");
    }
}

#[test]
fn files_folders_and_pipes() {
    let expected = expected();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("all/deep")).unwrap();
    fs::write(path.join("all/b.yml"), CLUSTER).unwrap();
    fs::write(path.join("all/notes.txt"), "no: [yaml").unwrap();
    fs::write(path.join("all/comments.yaml"), "# nothing\n").unwrap();
    fs::write(path.join("all/deep/machine.json"), json(MACHINE)).unwrap();
    std::os::unix::fs::symlink("..", path.join("all/deep/up")).unwrap();
    std::os::unix::fs::symlink("deep", path.join("all/c.yaml")).unwrap();
    let (_, said) = render(path, &["all"]);
    assert!(said.contains("there is no such Machine"), "{said}");
    for arguments in [
        &["all", "-R"] as &[&str],
        &["all", "all/deep"],
        &["all/deep/machine.json", "all"],
        &["all/deep", "-R", ".", "all/b.yml", "./all/b.yml"],
    ] {
        assert_eq!(render(path, arguments).0, expected, "{arguments:?}");
    }
    for stdin in ["-", "/dev/stdin"] {
        let mut child = nico(path, &["all", stdin])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(MACHINE.as_bytes()).unwrap();
        assert_eq!(rendered(&child.wait_with_output().unwrap()).0, expected, "{stdin}");
    }
}

#[test]
fn other_kinds_are_counted_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {token: hunter2, n: .nan}\n";
    let ports = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\ndata: {9000: a/b, yes: c}\n";
    let other = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Machine\nmetadata: {name: c}\n";
    let content = format!("{}---\n{secret}---\n{secret}---\n{ports}---\n{other}", both());
    fs::write(folder.path().join("input.yaml"), content).unwrap();
    let (output, said) = render(folder.path(), &["input.yaml"]);
    assert_eq!(output, expected());
    assert!(
        said.contains("note: passed over: 1 ConfigMap, 1 Machine.cluster.x-k8s.io, 2 Secret\n"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn namespaces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let there = both().replace("  name: ", "  namespace: lab\n  name: ");
    fs::write(path.join("input.yaml"), format!("{}---\n{there}", both())).unwrap();
    let (output, _) = render(path, &["input.yaml"]);
    assert_eq!(output.matches("kind: NixosConfiguration").count(), 2);
    let (output, said) = render(path, &["input.yaml", "-n", "prod"]);
    assert_eq!(output.matches("namespace: prod").count(), 1, "{output}");
    assert!(!output.contains("namespace: lab"));
    assert!(said.contains("WIPES THE DISK of machine node-1 (cluster prod/home)"), "{said}");
    let (output, _) = render(path, &["input.yaml", "--cluster", "lab/home"]);
    assert_eq!(output.matches("namespace: lab").count(), 1);
    let failed = nico(path, &["input.yaml", "--cluster", "home"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(2));
    assert!(
        text(&failed.stderr).contains("several of that name; name the namespace too: default/home, lab/home")
    );
}

#[test]
fn the_status_of_another_operator_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let content = format!(
        "{CLUSTER}status:\n  phase: Ready\n  message: text\n  kopf: {{progress: {{}}}}\n---\n{MACHINE}"
    );
    fs::write(folder.path().join("input.yaml"), content).unwrap();
    assert_eq!(render(folder.path(), &["input.yaml"]).0, expected());
}
