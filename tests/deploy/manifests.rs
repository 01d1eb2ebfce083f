//! What is generated is up to date, and what belongs together says the same.

use std::process::Command;

use crate::support::{installed, kustomize, objects, read};

#[test]
fn what_installs_nico_is_what_the_base_gives() {
    let committed = read("install.yaml");
    // But for the first line, which says so.
    let (_, committed) = committed.split_once('\n').unwrap();
    assert!(committed == kustomize("deploy"), "install.yaml is out of date: run `make generate`");
    let definition = read("crds/kubernetescluster.yaml");
    assert!(read("deploy/crd.yaml") == definition, "deploy/crd.yaml is out of date: run `make generate`");
}

#[test]
fn the_image_is_that_of_this_version() {
    let deployment = installed("Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], format!("ghcr.io/homystack/nico:{}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_operator_takes_the_arguments_that_it_is_given() {
    let deployment = installed("Deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let arguments = container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap());
    // Help is given only where all before it is understood.
    let output = Command::new(env!("CARGO_BIN_EXE_nico")).args(arguments).arg("--help").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let help = String::from_utf8(output.stdout).unwrap();
    for variable in container["env"].as_array().unwrap() {
        assert!(help.contains(&format!("[env: {}=", variable["name"].as_str().unwrap())), "{variable}");
    }
}

/// Who removes NICO removes by label what is the operator's, and not the clusters.
#[test]
fn all_but_the_definition_has_the_label_by_which_it_is_removed() {
    for object in objects(&read("install.yaml")) {
        let is_labelled = object["metadata"]["labels"]["app.kubernetes.io/name"] == "nico";
        assert_eq!(is_labelled, object["kind"] != "CustomResourceDefinition", "{}", object["metadata"]);
    }
}
