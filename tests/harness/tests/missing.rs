//! A part that is missing is an error that says what to do.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::process::Command;

#[test]
fn kubebuilder_assets_that_lack_the_controllers() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["etcd", "kube-apiserver", "kubectl"] {
        std::fs::write(folder.path().join(part), "").unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_hold-control-plane"))
        .env("KUBEBUILDER_ASSETS", folder.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    let advice =
        "lacks kube-controller-manager: unset KUBEBUILDER_ASSETS and run `make control-plane-binaries`";
    assert!(errors.contains(advice), "{errors}");
}
