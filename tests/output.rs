//! What is written: streams, folders, differences, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::format_push_string, reason = "it reads best")]
#![allow(missing_docs, reason = "these are tests")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::Value;

/// Clusters that list their machines, one after the other.
fn input(clusters: &[(&str, &[&str])]) -> String {
    let mut text = String::new();
    for (cluster, machines) in clusters {
        text += &format!(
            "---\napiVersion: nico.homystack.com/v1alpha1\nkind: KubernetesCluster\nmetadata: {{name: {cluster}}}\n\
             spec:\n  gitRepo: https://git.example/fleet.git\n  controlPlane: {{machines: [{}]}}\n",
            machines[0]
        );
        if machines.len() > 1 {
            text += &format!("  dataPlane: {{machines: [{}]}}\n", machines[1..].join(", "));
        }
        for machine in *machines {
            text += &format!(
                "---\napiVersion: nio.homystack.com/v1alpha1\nkind: Machine\nmetadata: {{name: {machine}}}\n\
                 spec: {{hostname: {machine}.example, sshKeySecretRef: {{name: key}}}}\nstatus: {{discoverable: true}}\n"
            );
        }
    }
    text
}

struct World(tempfile::TempDir);

impl World {
    fn of(clusters: &[(&str, &[&str])]) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        world.put(clusters);
        world
    }

    fn put(&self, clusters: &[(&str, &[&str])]) {
        fs::write(self.path().join("input.yaml"), input(clusters)).unwrap();
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn nico(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nico"));
        command.args(["render", "input.yaml"]).args(arguments).current_dir(self.path());
        command
    }

    fn render(&self, arguments: &[&str]) -> (i32, String, String) {
        said(&self.nico(arguments).output().unwrap())
    }

    /// All files in the folder `out` but the list.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.path().join("out")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(self.path().join("out")).unwrap().to_str().unwrap();
                    files.push(name.to_owned());
                }
            }
        }
        files.retain(|name| name != ".nico-render");
        files.sort();
        files
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join("out").join(name)).unwrap()
    }
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const HOME: (&str, &[&str]) = ("home", &["node-1", "node-2", "node-3"]);

#[test]
fn yaml_json_and_nix_say_the_same() {
    let world = World::of(&[HOME]);
    let (code, yaml, errors) = world.render(&[]);
    assert_eq!(code, 0);
    assert_eq!(errors.matches("warning: WIPES THE DISK of machine node-").count(), 3, "{errors}");
    assert!(
        errors.lines().last().unwrap().contains("WIPES THE DISK of machine node-3 (cluster default/home)")
    );
    assert!(
        yaml.starts_with("apiVersion: nio.homystack.com/v1alpha1\nkind: NixosConfiguration\nmetadata:\n")
    );
    let documents: Vec<Value> =
        serde_yaml::Deserializer::from_str(&yaml).map(|one| Value::deserialize(one).unwrap()).collect();
    let (_, json, _) = world.render(&["-o", "json"]);
    let list: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    assert_eq!(list["items"], Value::from(documents.clone()));
    let (_, nix, _) = world.render(&["-o", "nix"]);
    assert_eq!(documents[0]["spec"]["additionalFiles"][0]["inline"], nix.as_str());
}

#[test]
fn a_folder_holds_what_is_wanted_and_nothing_else_of_ours() {
    let world = World::of(&[HOME, ("lab", &["node-7"])]);
    fs::create_dir(world.path().join("out")).unwrap();
    fs::write(world.path().join("out/README.md"), "mine").unwrap();
    let (code, data, _) = world.render(&["--output-dir", "out"]);
    assert_eq!((code, data.as_str()), (0, ""));
    let all = ["home-node-1", "home-node-2", "home-node-3", "lab-node-7"]
        .map(|name| format!("default/{name}.yaml"));
    let with_readme = |files: &[String]| [&["README.md".to_owned()], files].concat();
    assert_eq!(world.files(), with_readme(&all));
    let (_, stream, _) = world.render(&[]);
    assert_eq!(all.iter().map(|name| world.read(name)).collect::<Vec<_>>().join("---\n"), stream);
    let umask_leaves = fs::metadata(world.path().join("input.yaml")).unwrap().permissions().mode();
    let mode = fs::metadata(world.path().join("out").join(&all[0])).unwrap().permissions().mode();
    assert_eq!(mode, umask_leaves, "as any other file");

    // The same again touches nothing.
    let touched = |name: &str| fs::metadata(world.path().join("out").join(name)).unwrap().modified().unwrap();
    let before = touched(&all[0]);
    assert_eq!(world.render(&["--output-dir", "out"]).0, 0);
    assert_eq!(touched(&all[0]), before);

    // One cluster alone leaves the other's files; a machine less is a file less.
    world.put(&[("home", &["node-1", "node-3"])]);
    assert_eq!(world.render(&["--output-dir", "out", "--cluster", "home"]).0, 0);
    assert_eq!(world.files(), with_readme(&[all[0].clone(), all[2].clone(), all[3].clone()]));
    assert_eq!(world.render(&["--output-dir", "out"]).0, 0);
    assert_eq!(world.files(), with_readme(&[all[0].clone(), all[2].clone()]));
    assert_eq!(world.read("README.md"), "mine");
}

#[test]
fn a_folder_keeps_what_others_wrote() {
    let world = World::of(&[HOME]);
    fs::create_dir_all(world.path().join("out/default")).unwrap();
    fs::write(world.path().join("out/default/home-node-2.yaml"), "mine").unwrap();
    let (code, data, errors) = world.render(&["--output-dir", "out"]);
    assert_eq!((code, data.as_str()), (2, ""));
    assert!(
        errors.contains("error: out: default/home-node-2.yaml is there and was not written by nico"),
        "{errors}"
    );
    assert_eq!(world.files(), ["default/home-node-2.yaml"], "nothing is half-written");
    fs::remove_file(world.path().join("out/default/home-node-2.yaml")).unwrap();

    // What a person changed is replaced while it is wanted, and left when it is not.
    assert_eq!(world.render(&["--output-dir", "out"]).0, 0);
    for node in [1, 3] {
        fs::write(world.path().join(format!("out/default/home-node-{node}.yaml")), "changed").unwrap();
    }
    world.put(&[("home", &["node-1", "node-2"])]);
    let (code, _, errors) = world.render(&["--output-dir", "out"]);
    assert_eq!(code, 0);
    assert!(errors.contains("warning: out/default/home-node-3.yaml: no longer wanted; left"), "{errors}");
    assert_eq!(world.read("default/home-node-3.yaml"), "changed");
    assert!(world.read("default/home-node-1.yaml").starts_with("apiVersion"));
}

#[test]
fn a_list_that_leads_out_of_the_folder_is_refused() {
    let world = World::of(&[HOME]);
    fs::create_dir(world.path().join("out")).unwrap();
    for line in ["a  ../input.yaml  default/home\n", "a  /etc/passwd  b\n", "nonsense\n", "a  b  c  d\n"] {
        fs::write(world.path().join("out/.nico-render"), line).unwrap();
        for arguments in [["--output-dir", "out"], ["--diff", "out"]] {
            let (code, data, errors) = world.render(&arguments);
            assert_eq!((code, data.as_str()), (2, ""), "{line}");
            assert!(errors.contains(".nico-render, line 1: "), "{errors}");
        }
        assert!(world.path().join("input.yaml").exists());
    }
}

#[test]
fn a_difference_is_shown_and_told_by_the_exit_code() {
    let world = World::of(&[HOME]);
    let (code, _, errors) = world.render(&["--diff", "out"]);
    assert_eq!(code, 2, "no such folder");
    assert!(errors.contains("error: out: "), "{errors}");
    assert_eq!(world.render(&["--output-dir", "out"]).0, 0);
    assert_eq!(world.render(&["--diff", "out"]).0, 0);
    world.put(&[("home", &["node-1", "node-2", "node-4"])]);
    let (code, diff, errors) = world.render(&["--diff", "out"]);
    assert_eq!(code, 1);
    assert!(errors.contains("WIPES THE DISK of machine node-4"), "{errors}");
    for line in [
        "--- out/default/home-node-1.yaml\n+++ out/default/home-node-1.yaml\n@@ -",
        "\n-          { name = \"node-3\"; ip = \"node-3.example\"; }\n+          { name = \"node-4\"; ip = \"node-4.example\"; }\n",
        "--- out/default/home-node-3.yaml\n+++ /dev/null\n@@ -1,",
        "--- /dev/null\n+++ out/default/home-node-4.yaml\n@@ -0,0 +1,",
    ] {
        assert!(diff.contains(line), "{diff}\nlacks {line}");
    }
    assert!(!diff.contains('\u{1b}'), "no colours but on a terminal");

    // Applied, it makes of the old folder what is wanted.
    let mut patch = Command::new("git")
        .args(["apply", "-p0"])
        .current_dir(world.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    patch.stdin.take().unwrap().write_all(diff.as_bytes()).unwrap();
    assert!(patch.wait().unwrap().success());
    assert_eq!(world.render(&["--diff", "out"]).0, 0);
}

#[test]
fn a_broken_pipe_is_no_error() {
    let machines: Vec<_> = (0..200).map(|number| format!("node-{number}")).collect();
    let machines: Vec<_> = machines.iter().map(String::as_str).collect();
    let world = World::of(&[("home", &machines)]);
    fs::create_dir(world.path().join("empty")).unwrap();
    for (arguments, code) in [(&[] as &[&str], 0), (&["-o", "json"], 0), (&["--diff", "empty"], 1)] {
        let mut child = world.nico(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut few = [0; 100];
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut few).unwrap();
        drop(out);
        let (ended, _, errors) = said(&child.wait_with_output().unwrap());
        assert_eq!(ended, code, "{arguments:?}");
        assert!(!errors.contains("panic") && !errors.contains("error:"), "{errors}");
        assert!(errors.contains("WIPES THE DISK of machine node-199"));
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let world = World::of(&[HOME]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (code, _, errors) = said(&world.nico(&[]).stdout(full).output().unwrap());
    assert_eq!(code, 2);
    assert!(errors.contains("error: cannot write to standard output: No space left"), "{errors}");
}

#[test]
fn the_definition_and_the_version() {
    let run =
        |argument: &str| said(&Command::new(env!("CARGO_BIN_EXE_nico")).arg(argument).output().unwrap());
    let (code, definition, errors) = run("crds");
    assert_eq!((code, errors.as_str()), (0, ""));
    assert_eq!(definition, include_str!("../crds/kubernetescluster.yaml"));
    let (code, version, errors) = run("--version");
    assert_eq!((code, errors.as_str()), (0, ""));
    let commit = version.trim_end().strip_prefix(concat!("nico ", env!("CARGO_PKG_VERSION"), " (")).unwrap();
    let commit = commit.strip_suffix(')').unwrap();
    assert!(commit == "unknown" || commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{version}");
    let (code, data, errors) = run("nonsense");
    assert_eq!((code, data.as_str()), (2, ""));
    assert!(errors.contains("nonsense"));
}
