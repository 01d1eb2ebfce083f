//! The fixtures: a folder a case, found by itself. What `nico render` says of each is held against what
//! is expected there, byte for byte; what a case is about stands beside it, as assertions.
//!
//! `make bless` writes what is expected anew: read the diff before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field is null, and then a failed assertion")]
#![allow(missing_docs, reason = "these are tests")]

mod case;
mod meaning;
mod plan;
mod status;

use std::collections::BTreeSet;

use case::Case;

#[test]
fn every_case_says_what_is_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for case in case::all() {
        let rendered = case.render();
        if bless {
            case.bless(&rendered);
        }
        wrong.extend(case.differences(&rendered));
    }
    assert!(wrong.is_empty(), "{}\nIf this is right: `make bless`, and read the diff.", wrong.join("\n"));
}

#[test]
fn every_case_means_what_it_says() {
    let cases: BTreeSet<String> = case::all().iter().map(Case::name).collect();
    let told: BTreeSet<String> = meaning::TABLE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(cases, told, "a case and what it means belong together: tests/golden/meaning.rs");
    for (name, means) in meaning::TABLE {
        let case = case::all().into_iter().find(|case| case.name() == *name).unwrap();
        means(&case.render());
    }
}

#[test]
fn every_case_has_a_line_that_says_what_it_shows() {
    for case in case::all() {
        let line = case.read("README.md").lines().next().unwrap_or_default().to_owned();
        assert!(line.len() > 20 && line.ends_with('.'), "{}/README.md: {line:?}", case.name());
    }
}
