//! What holds of every proof, whatever stands in the object: it never panics, the words imply each other,
//! and time only adds to what is settled or overdue.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

#[path = "support/observed.rs"]
mod observed;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::{NixosConfigurationStatus, ValueType};
use nico_crds::machine::Dialect;
use nico_crds::names::WRITTEN_AT;
use nico_crds::{Machine, NixosConfiguration};
use nico_render::files;
use nico_render::proof::{Finding, Proof, Timing, is_proven, prove};
use observed::{HANDLED, PROGRESS, annotate, applied, at, condition, fail, forget, handle, machine};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

const CASES: u32 = 2_000;

/// A look: an object, and when and how it is looked at.
#[derive(Clone, Debug)]
struct Look {
    configuration: NixosConfiguration,
    machine: Option<Machine>,
    dialect: Dialect,
    timing: Timing,
    now: Timestamp,
}

impl Look {
    fn prove(&self, now: Timestamp) -> Proof {
        prove(&self.configuration, self.machine.as_ref(), self.dialect, &self.timing, now)
    }
}

/// Likely texts, and hostile ones.
fn time_text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (-9000..9000_i64).prop_map(|seconds| at(seconds).to_string()),
        2 => (-9000..9000_i64).prop_map(|seconds| at(seconds).to_string().trim_end_matches('Z').to_owned()),
        1 => prop::sample::select(vec![
            "", "2026-11-24", "9999-12-30T22:00:00Z", "-009999-01-02T01:59:59Z", "2026-11-24T12:00:60Z",
            "2026-02-30T12:00:00Z", "99999-01-01T00:00:00Z", "2026-11-24T12:00:00+99:99",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

fn instant() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        12 => (-10_000_000..10_000_000_i64).prop_map(observed::at_ms),
        1 => Just(Timestamp::MIN),
        1 => Just(Timestamp::MAX),
    ]
}

fn seconds() -> impl Strategy<Value = SignedDuration> {
    let any = prop_oneof![8 => 0..5000_i64, 1 => Just(0), 1 => any::<i32>().prop_map(i64::from)];
    any.prop_map(SignedDuration::from_secs)
}

fn status(hash: Option<String>) -> impl Strategy<Value = Option<NixosConfigurationStatus>> {
    let word = |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    let words = (
        word(&["Applied", "Applied", "Ready", "Stalled"]),
        word(&["True", "True", "True", "False", "?"]),
        word(&["Success", "Success", "Success", "MissingCredentials", "x y"]),
    );
    let spoilt = words.prop_map(|(type_, status, reason)| condition(&type_, &status, &reason));
    let hash = prop_oneof![8 => Just(hash), 1 => Just(None), 1 => Just(Some("00".to_owned()))];
    let commit = prop::option::weighted(0.8, "[0-9a-f]{0,40}");
    let phase = word(&["Ready", "Ready", "Installing", "Degraded", "Sleeping"]);
    let parts = (
        commit,
        prop::option::weighted(0.8, time_text()),
        hash,
        any::<Option<bool>>(),
        prop::option::weighted(0.8, phase),
        prop::option::weighted(0.9, prop_oneof![1 => Just(6_i64), 3 => Just(7_i64)]),
        prop::bool::weighted(0.6),
        prop::collection::vec(spoilt, 0..4),
    );
    let parts = parts.prop_map(
        |(applied_commit, last_applied_time, hash, has_full_install, phase, observed, well, spoilt)| {
            // Where a type comes twice the first counts.
            let well =
                well.then(|| [condition("Applied", "True", "Success"), condition("Ready", "True", "X")]);
            NixosConfigurationStatus {
                applied_commit,
                last_applied_time,
                additional_files_hash: hash,
                has_full_install,
                phase,
                observed_generation: observed,
                conditions: well.into_iter().flatten().chain(spoilt).collect(),
                ..NixosConfigurationStatus::default()
            }
        },
    );
    prop::option::weighted(0.9, parts)
}

fn configuration() -> impl Strategy<Value = NixosConfiguration> {
    let base = applied();
    let hash = files::hash(&base.spec.additional_files);
    let garbage = prop_oneof![
        any::<String>(),
        "\\{\"(spec|retries|started)\":(\\{\\}|null|-1|3|\"x\"|[0-9]{1,30})\\}",
    ];
    let handled = prop_oneof![6 => Just(Ok(true)), 2 => Just(Ok(false)), 1 => garbage.clone().prop_map(Err)];
    let attempts = prop_oneof![
        3 => Just(None),
        4 => (0..6_u64, time_text()).prop_map(|note| Some(Ok(note))),
        1 => garbage.prop_map(|garbage| Some(Err(garbage))),
    ];
    let parts = (
        status(hash),
        handled,
        attempts,
        prop::option::of(time_text()),
        prop::option::weighted(0.9, instant()),
        prop::option::weighted(0.05, instant()),
        prop::bool::weighted(0.05),
    );
    parts.prop_map(move |(status, handled, attempts, written, created, deleted, facts)| {
        let mut nc = base.clone();
        nc.status = status;
        if facts {
            nc.spec.additional_files[0].value_type = ValueType::NixosFacter;
        }
        match handled {
            Ok(true) => handle(&mut nc),
            Ok(false) => forget(&mut nc, HANDLED),
            Err(garbage) => annotate(&mut nc, HANDLED, &garbage),
        }
        match attempts {
            Some(Ok((retries, started))) => fail(&mut nc, retries, &started),
            Some(Err(garbage)) => annotate(&mut nc, PROGRESS, &garbage),
            None => {}
        }
        match written {
            Some(written) => annotate(&mut nc, WRITTEN_AT, &written),
            None => forget(&mut nc, WRITTEN_AT),
        }
        nc.metadata.creation_timestamp = created.map(Time);
        nc.metadata.deletion_timestamp = deleted.map(Time);
        nc
    })
}

fn looks() -> impl Strategy<Value = Look> {
    let dialect = prop_oneof![4 => Just(Dialect::Python), 1 => Just(Dialect::Go)];
    let parts =
        (configuration(), prop::option::of(any::<Option<bool>>()), dialect, seconds(), seconds(), instant());
    parts.prop_map(|(configuration, discoverable, dialect, min_ready, deadline, now)| {
        let machine = discoverable.map(machine);
        let timing = Timing { min_ready, deadline };
        Look { configuration, machine, dialect, timing, now }
    })
}

fn implies(one: bool, other: bool) -> bool {
    !one || other
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_words_imply_each_other(look in looks()) {
        let proof = look.prove(look.now);
        prop_assert!(implies(proof.settled.is_yes(), proof.proven.is_yes()), "{proof:#?}");
        prop_assert!(implies(proof.proven.is_yes(), proof.delivered.is_yes()), "{proof:#?}");
        prop_assert!(implies(proof.proven.is_yes(), proof.at_rest.is_yes()), "{proof:#?}");
        prop_assert!(implies(proof.delivered.is_yes(), matches!(proof.overdue, Finding::No(_))), "{proof:#?}");
        let said = look.configuration.status.as_ref().and_then(|status| status.additional_files_hash.clone());
        let ours = files::hash(&look.configuration.spec.additional_files);
        prop_assert!(implies(proof.delivered.is_yes(), ours.is_some() && ours == said));
        prop_assert_eq!(proof.proven.is_yes(), is_proven(&look.configuration, look.dialect));
        prop_assert_eq!(proof.is_settled(), proof.lack().is_none());
        let applied = look.configuration.status.as_ref().and_then(|status| status.last_applied_time.as_deref());
        let ahead = applied.and_then(|text| text.parse::<Timestamp>().ok()).is_some_and(|time| time > look.now);
        prop_assert!(implies(ahead, !proof.settled.is_yes()), "{proof:#?}");
    }

    #[test]
    fn time_only_adds_to_what_is_settled_or_overdue(look in looks(), later in 0..20_000_000_i64) {
        let Ok(then) = look.now.checked_add(SignedDuration::from_millis(later)) else {
            return Ok(());
        };
        let (before, after) = (look.prove(look.now), look.prove(then));
        prop_assert_eq!(&before.at_rest, &after.at_rest);
        prop_assert_eq!(&before.delivered, &after.delivered);
        prop_assert_eq!(&before.proven, &after.proven);
        prop_assert!(implies(before.settled.is_yes(), after.settled.is_yes()));
        if before.overdue.is_yes() {
            prop_assert_eq!(&before.overdue, &after.overdue, "not even its since moves");
        }
    }
}

/// The properties say nothing about what never comes up.
#[test]
fn the_looks_are_rich_enough_to_mean_something() {
    let mut runner = TestRunner::deterministic();
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..2 * CASES {
        let look = looks().new_tree(&mut runner).unwrap().current();
        *seen.entry(observed::letters(&look.prove(look.now))).or_default() += 1;
    }
    for letters in [
        "yyyyn", "yyynn", "yyy?n", "yynnn", "ynnny", "ynnnn", "nynnn", "nnnny", "nnnnn", "nnnn?", "?y??n",
        "y????", "?nnny", "????n",
    ] {
        let times = seen.get(letters).copied().unwrap_or(0);
        assert!(times >= 5, "{letters} came up {times} times: {seen:#?}");
    }
}
