//! What `deploy/README.md` shows a person is so: its kustomizations build, and its flags are there.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{kustomize_in, objects, read, root};

/// Where a person gets the base from.
const REMOTE: &str = "https://github.com/homystack/NICO//deploy?ref=v";

/// The files that the page shows, by the name in their first line; those of one kustomization together.
fn kustomizations() -> Vec<Vec<(String, String)>> {
    let page = read("deploy/README.md");
    let mut all: Vec<Vec<(String, String)>> = Vec::new();
    for block in page.split("\n```yaml\n# ").skip(1) {
        let (name, rest) = block.split_once('\n').unwrap();
        let (text, _) = rest.split_once("\n```").unwrap();
        let file = (name.to_owned(), format!("{text}\n"));
        if name == "kustomization.yaml" {
            all.push(vec![file]);
        } else {
            all.last_mut().unwrap().push(file);
        }
    }
    all
}

/// What a kustomization builds, with the base from here.
fn built(files: &[(String, String)]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("deploy");
    std::fs::create_dir(&base).unwrap();
    for entry in std::fs::read_dir(root().join("deploy")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), base.join(entry.file_name())).unwrap();
        }
    }
    let remote = format!("{REMOTE}{}", env!("CARGO_PKG_VERSION"));
    for (name, text) in files {
        let is_kustomization = name == "kustomization.yaml";
        assert_eq!(text.contains(&remote), is_kustomization, "{name}: {text}");
        std::fs::write(folder.path().join(name), text.replace(&remote, "deploy")).unwrap();
    }
    objects(&kustomize_in(folder.path()))
}

fn find<'a>(all: &'a [Value], kind: &str, name: &str) -> Option<&'a Value> {
    all.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}

/// The operator takes what the Deployment says.
fn assert_takes(all: &[Value]) -> Vec<String> {
    let deployment = find(all, "Deployment", "nico-operator").unwrap();
    let arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"].as_array().unwrap();
    let arguments: Vec<_> = arguments.iter().map(|one| one.as_str().unwrap().to_owned()).collect();
    let output = Command::new(env!("CARGO_BIN_EXE_nico")).args(&arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    arguments
}

#[test]
fn the_kustomizations_that_it_shows_build_what_it_says() {
    let [flags, namespaced] = kustomizations().try_into().unwrap();
    let arguments = assert_takes(&built(&flags));
    assert!(arguments.iter().any(|one| one.starts_with("--default-git-repo=")), "{arguments:?}");

    let namespaced = built(&namespaced);
    assert!(assert_takes(&namespaced).contains(&"--namespace=fleet".to_owned()));
    assert!(find(&namespaced, "ClusterRoleBinding", "nico-operator").is_none());
    assert!(find(&namespaced, "ClusterRoleBinding", "nico-operator-definitions").is_some());
    let binding = find(&namespaced, "RoleBinding", "nico-operator").unwrap();
    assert_eq!(binding["metadata"]["namespace"], "fleet");
    let role = binding["roleRef"]["name"].as_str().unwrap();
    assert!(find(&namespaced, binding["roleRef"]["kind"].as_str().unwrap(), role).is_some());
    let account = binding["subjects"][0]["name"].as_str().unwrap();
    assert!(find(&namespaced, "ServiceAccount", account).is_some());
}

#[test]
fn the_flags_files_and_versions_that_it_names_are_there() {
    let output = Command::new(env!("CARGO_BIN_EXE_nico")).args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let page = read("deploy/README.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut flags = 0;
    for word in rows.flat_map(|row| row.split('`').skip(1).step_by(2)) {
        if word.starts_with("--") {
            let flag = word.split('=').next().unwrap();
            assert!(help.contains(&format!("{flag} ")), "{flag}");
            flags += 1;
        } else if Path::new(word).extension().is_some_and(|extension| extension == "yaml") {
            assert!(root().join("deploy").join(word).exists(), "{word}");
        }
    }
    assert!(flags > 5);
    for version in page.split("?ref=v").skip(1) {
        assert!(version.starts_with(env!("CARGO_PKG_VERSION")), "{version}");
    }
}
