//! `docs/troubleshooting.md` has an entry for every word that NICO tells of a cluster, and for no other.
//!
//! Words are told from all other strings by their form: one CamelCase word, the whole literal. So none can be
//! missed, wherever in the two crates it stands; those that are no reasons are named here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::literals::{self, Literal};
use crate::markdown::{Section, code, rows, sections};

/// Words of Kubernetes, of NIO, and of files.
const NO_REASONS: [&str; 40] = [
    // Kinds, and types of ours.
    "KubernetesCluster",
    "KubernetesClusters",
    "Machine",
    "Machines",
    "NixosConfiguration",
    "NixosConfigurations",
    "Secret",
    "Node",
    "DaemonSet",
    "Secrets",
    "Config",
    "Opaque",
    "Metrics",
    "Pages",
    "Door",
    // Statuses and types of conditions, severities, operators, verbs.
    "Ready",
    "True",
    "False",
    "Warning",
    "Note",
    "In",
    "NotIn",
    "Exists",
    "DoesNotExist",
    "Apply",
    "Update",
    "Reconcile",
    // Reasons of others, which are read.
    "Applied",
    "Success",
    "Succeeded",
    "Failed",
    "Stalled",
    "Pending",
    "Blocked",
    "Converging",
    "Degraded",
    "Error",
    "Exception",
    "FieldManagerConflict",
    "NamespaceTerminating",
];

/// Where the words of a file have to be told: in one of these sections.
const PLACES: [(&str, &[&str]); 21] = [
    ("render/src/rollout/waiting.rs", &["Why something waits"]),
    ("render/src/rollout/shortcoming.rs", &["Why something waits"]),
    ("render/src/diagnostic/obstacle.rs", &["Why a machine cannot join"]),
    ("render/src/diagnostic/mod.rs", &["What is said of a selection"]),
    ("render/src/status/state.rs", &["How a machine is"]),
    ("render/src/wiped.rs", &["How a machine is"]),
    ("render/src/status/failure.rs", &["`Ready`"]),
    ("render/src/status/conditions/readiness.rs", &["`ControlPlaneReady`", "`DataPlaneReady`"]),
    ("render/src/status/conditions/selection.rs", &["`MachinesSelected`", "`NotCleaned`"]),
    ("render/src/status/conditions/rolled_out.rs", &["`RolledOut`", "`CommitsDiffer`"]),
    ("render/src/status/conditions/kubeconfig.rs", &["`KubeconfigAvailable`"]),
    ("render/src/status/conditions/workload.rs", &["`NodesHealthy`", "`ControlPlaneHealthy`"]),
    ("render/src/status/conditions/waits.rs", &["`Paused`", "`Conflict`"]),
    ("render/src/workload/mod.rs", &["`NodesHealthy`"]),
    ("render/src/workload/health.rs", &["`NodesHealthy`"]),
    ("apply/src/probe/nodes.rs", &["`NodesHealthy`"]),
    ("render/src/report/waits.rs", &["Words of `nico plan`"]),
    ("render/src/report/under_way.rs", &["Words of `nico plan`"]),
    ("apply/src/keeper/trouble.rs", &["`KubeconfigAvailable`"]),
    ("apply/src/events.rs", &["Events"]),
    ("apply/src/usher/batch.rs", &["Events"]),
];

/// The conditions' types stand there.
const CONDITIONS: &str = "render/src/status/conditions/mod.rs";

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/troubleshooting.md")).unwrap()
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn told() -> Vec<Literal> {
    let all = ["render/src", "apply/src"].into_iter().flat_map(literals::of);
    let words: Vec<_> = all.filter(|literal| is_word(&literal.text)).collect();
    assert!(words.len() > 150, "the sources are not where they should be: {}", words.len());
    words
}

/// The words that have an entry in a section: in code, in the first cell of a row.
fn entries<'p>(section: &Section<'p>) -> BTreeSet<&'p str> {
    let first = rows(section).into_iter().filter_map(|row| row.first().copied());
    first.flat_map(code).filter(|word| is_word(word)).collect()
}

/// Each variant stands beside its own name.
fn conditions() -> BTreeSet<String> {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(CONDITIONS)).unwrap();
    let named = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let named = named.filter(|(variant, name)| name.strip_suffix("\",") == Some(*variant));
    let types: BTreeSet<_> = named.map(|(variant, _)| variant.to_owned()).collect();
    assert!(types.len() > 20, "the conditions are not where they should be: {types:?}");
    types.into_iter().filter(|variant| !["True", "False", "Unknown"].contains(&&**variant)).collect()
}

#[test]
fn every_word_has_its_entry() {
    let page = page();
    let sections = sections(&page);
    let by_heading: BTreeMap<_, _> =
        sections.iter().map(|section| (section.heading, entries(section))).collect();
    let headings = PLACES.iter().flat_map(|(_, headings)| *headings);
    let unknown: Vec<_> = headings.filter(|heading| !by_heading.contains_key(**heading)).collect();
    assert!(unknown.is_empty(), "docs/troubleshooting.md has no {unknown:?}");
    let anywhere: BTreeSet<_> = by_heading.values().flatten().copied().collect();
    let conditions = conditions();
    let mut missing = BTreeSet::new();
    for Literal { file, text } in told() {
        let places = PLACES.iter().find(|(other, _)| *other == file).map(|(_, headings)| *headings);
        let is_there = match places {
            Some(headings) => headings.iter().any(|heading| by_heading[heading].contains(&*text)),
            None => anywhere.contains(&*text) || conditions.contains(&text),
        };
        if !is_there && !NO_REASONS.contains(&&*text) {
            missing.insert(format!("{text} of {file}, in {:?}", places.unwrap_or(&["any section"])));
        }
    }
    assert!(missing.is_empty(), "docs/troubleshooting.md has no entry for {missing:#?}");
}

#[test]
fn every_entry_is_a_word_that_is_told() {
    let told: BTreeSet<_> = told().into_iter().map(|literal| literal.text).collect();
    let page = page();
    for section in sections(&page) {
        for word in entries(&section) {
            assert!(told.contains(word), "{word} ({}) is told nowhere", section.heading);
        }
    }
}

#[test]
fn no_section_has_a_word_twice() {
    let page = page();
    for section in sections(&page) {
        let mut seen = BTreeSet::new();
        let first = rows(&section).into_iter().filter_map(|row| row.first().copied());
        for word in first.flat_map(code).filter(|word| is_word(word)) {
            assert!(seen.insert(word), "{word} stands twice in {}", section.heading);
        }
    }
}

#[test]
fn every_condition_has_its_section() {
    let page = page();
    let below = sections(&page);
    let begin = below.iter().position(|section| section.heading == "Conditions").unwrap();
    let below = below[begin + 1..].iter().take_while(|section| section.depth > 2);
    let headings: BTreeSet<String> =
        below.map(|section| section.heading.trim_matches('`').to_owned()).collect();
    assert_eq!(headings, conditions());
}

/// A word that is put together would escape.
#[test]
fn no_word_is_put_together() {
    let all = ["render/src", "apply/src"].into_iter().flat_map(literals::of).map(|literal| literal.text);
    let is_made = |text: &String| {
        let parts = text.split('{').filter_map(|part| part.split('}').next_back());
        text.contains('{') && is_word(&parts.collect::<String>())
    };
    let made: Vec<_> = all.filter(is_made).collect();
    // The reason of the event that a condition is over.
    assert_eq!(made, ["No{}"]);
    assert!(page().contains("its reason is `No` and the name of the\ncondition"));
}

#[test]
fn what_is_no_reason_is_there() {
    let told: BTreeSet<_> = told().into_iter().map(|literal| literal.text).collect();
    let gone: Vec<_> = NO_REASONS.iter().filter(|word| !told.contains(**word)).collect();
    assert!(gone.is_empty(), "no string of the sources is {gone:?} any more");
}
