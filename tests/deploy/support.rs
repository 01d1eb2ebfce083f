//! What the tests share: files of the repository, and kubectl.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use nico_harness::ControlPlane;
use serde_json::Value;

/// For what takes a moment on an idle machine.
pub const BOUND: Duration = Duration::from_mins(2);
/// Where the operator is installed, and its name there.
pub const OWN_NAMESPACE: &str = "nico-operator-system";
pub const OWN_NAME: &str = "nico-operator";

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The same as a path that kubectl takes.
pub fn path(path: &str) -> String {
    root().join(path).to_str().unwrap().to_owned()
}

/// What kustomize makes of a folder of the repository, without any server.
pub fn kustomize(folder: &str) -> String {
    kustomize_in(&root().join(folder))
}

/// The same of any folder.
pub fn kustomize_in(folder: &Path) -> String {
    let program = root().join("tests/control-plane/bin/kubectl");
    let output = Command::new(&program).arg("kustomize").arg(folder).output();
    let output = output
        .unwrap_or_else(|error| panic!("{}: {error}: run `make control-plane-binaries`", program.display()));
    said(&output);
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of a stream of YAML documents.
pub fn objects(yaml: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(yaml).unwrap()
}

/// The one object of a kind in what installs NICO.
pub fn installed(kind: &str) -> Value {
    let all = objects(&read("install.yaml"));
    all.into_iter().find(|object| object["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"))
}

/// Runs kubectl, which must succeed. What it wrote, and its warnings.
pub async fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> (String, String) {
    let output = control_plane.kubectl(arguments).await;
    let errors = said(&output);
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// One object of the operator's namespace.
pub async fn get(control_plane: &ControlPlane, kind: &str, name: &str) -> Value {
    let arguments = ["get", kind, name, "-n", OWN_NAMESPACE, "-o", "json"];
    serde_json::from_str(&kubectl(control_plane, &arguments).await.0).unwrap()
}

fn said(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    errors
}
