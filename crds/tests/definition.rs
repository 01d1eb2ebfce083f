//! The committed definition is the generated one.

#![allow(clippy::disallowed_methods, reason = "a test reads and writes files")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use nico_crds::status::Phase;

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

#[test]
fn the_words_of_the_phase_are_those_of_the_definition() {
    let definition = serde_json::to_value(nico_crds::definition()).unwrap();
    let phase = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/phase/enum";
    let mut defined: Vec<_> = definition
        .pointer(phase)
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|word| word.as_str())
        .collect();
    let mut words = Phase::ALL.map(Phase::word).to_vec();
    defined.sort_unstable();
    words.sort_unstable();
    assert_eq!(words, defined);
    for phase in Phase::ALL {
        assert_eq!(serde_json::to_value(phase).unwrap(), phase.word());
    }
}
