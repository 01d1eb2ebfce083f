//! The committed definition is the generated one.

#![allow(clippy::disallowed_methods, reason = "a test reads and writes files")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[test]
fn the_committed_definition_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/kubernetescluster.yaml");
    let generated = nico_crds::definition_yaml().unwrap();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated, "crds/kubernetescluster.yaml is out of date: run `make generate`");
}
