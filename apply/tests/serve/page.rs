//! `docs/metrics.md` and the exposition tell of the same families: their types, their labels, the words in them;
//! and the examples can be asked of Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::full::{full, promtool};

/// Labels whose values are the names of things, and not words of NICO's.
const NAMES: [&str; 9] =
    ["namespace", "cluster", "name", "description", "version", "kind", "verb", "resource", "le"];

/// A family, as it is shown or written about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Family {
    type_: String,
    labels: BTreeSet<String>,
}

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md")).unwrap()
}

/// What the page has about each family, by its name.
fn sections(page: &str) -> BTreeMap<String, &str> {
    let sections = page.split("\n### `").skip(1).map(|section| {
        let (name, text) = section.split_once('`').unwrap();
        (name.to_owned(), text.split("\n## ").next().unwrap())
    });
    sections.collect()
}

/// From a line such as "gauge; clusters. Labels: `namespace`, `phase`."
fn written(text: &str) -> Family {
    let line = text.trim_start().lines().next().unwrap();
    let (type_, rest) = line.split_once("; ").unwrap();
    let (unit, labels) = rest.split_once(". ").unwrap();
    assert!(!unit.is_empty(), "{line}");
    let labels = match labels.strip_prefix("Labels: ") {
        None => {
            assert_eq!(labels, "No labels.", "{line}");
            BTreeSet::new()
        }
        Some(labels) => labels.split('`').skip(1).step_by(2).map(str::to_owned).collect(),
    };
    Family { type_: type_.to_owned(), labels }
}

/// The labels of a sample; no value of ours has a comma or a quote in it.
fn labels(sample: &str) -> Vec<(&str, &str)> {
    let Some((_, rest)) = sample.split_once('{') else { return Vec::new() };
    let (labels, _) = rest.rsplit_once('}').unwrap();
    labels.split("\",").map(|label| label.split_once("=\"").unwrap()).collect()
}

/// The samples of each family of an exposition, and its type.
fn shown(exposition: &str) -> BTreeMap<String, (String, Vec<&str>)> {
    let mut families: BTreeMap<String, (String, Vec<&str>)> = BTreeMap::new();
    let mut name = String::new();
    for line in exposition.lines() {
        if let Some(type_) = line.strip_prefix("# TYPE ") {
            let (family, type_) = type_.split_once(' ').unwrap();
            family.clone_into(&mut name);
            families.insert(name.clone(), (type_.to_owned(), Vec::new()));
        } else if !line.starts_with('#') {
            families.get_mut(&name).unwrap().1.push(line);
        }
    }
    families
}

/// The examples of a section.
fn examples(text: &str) -> Vec<&str> {
    text.split("```promql\n").skip(1).map(|rest| rest.split("```").next().unwrap().trim()).collect()
}

#[test]
fn the_page_tells_of_what_is_shown_and_of_nothing_else() {
    let (page, exposition) = (page(), full().render().unwrap());
    let written: BTreeMap<_, _> =
        sections(&page).into_iter().map(|(name, text)| (name, written(text))).collect();
    let shown: BTreeMap<_, _> = shown(&exposition)
        .into_iter()
        .map(|(name, (type_, samples))| {
            let all = samples.iter().flat_map(|sample| labels(sample));
            let labels = all.map(|(label, _)| label.to_owned()).filter(|label| label != "le").collect();
            (name, Family { type_, labels })
        })
        .collect();
    assert_eq!(written, shown);
}

#[test]
fn the_page_knows_every_word_that_stands_in_a_label() {
    let (page, exposition) = (page(), full().render().unwrap());
    let sections = sections(&page);
    for (name, (_, samples)) in shown(&exposition) {
        for (label, value) in samples.iter().flat_map(|sample| labels(sample)) {
            let value = value.trim_end_matches('"');
            let text = if label == "role" { page.as_str() } else { sections.get(&name).unwrap() };
            let is_told = NAMES.contains(&label) || text.contains(&format!("`{value}`"));
            assert!(is_told, "{name}: {label} may be {value}");
        }
    }
}

#[test]
fn the_examples_are_promql_over_what_there_is() {
    let (page, exposition) = (page(), full().render().unwrap());
    let shown = shown(&exposition);
    let is_shown = |metric: &str| {
        let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end));
        let is_histogram = |family: &str| shown.get(family).is_some_and(|(type_, _)| type_ == "histogram");
        of_histogram.map_or_else(|| shown.contains_key(metric) && !is_histogram(metric), is_histogram)
    };
    let mut rules = String::from("groups:\n- name: examples\n  rules:\n");
    for (name, text) in sections(&page) {
        let examples = examples(text);
        assert!(!examples.is_empty(), "{name} has no example");
        for example in examples {
            let words = example.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let metrics: Vec<_> = words.filter(|word| word.starts_with("nico_")).collect();
            assert!(metrics.iter().any(|metric| metric.starts_with(&name)), "{name}: {example}");
            assert!(metrics.iter().all(|metric| is_shown(metric)), "{name}: {example}");
            let quoted = serde_json::to_string(example).unwrap();
            writeln!(rules, "  - record: example:{name}\n    expr: {quoted}").unwrap();
        }
    }
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(file.path(), &rules).unwrap();
    let (is_content, said) = promtool(&["check", "rules", file.path().to_str().unwrap()], "");
    assert!(is_content, "{said}\nof\n{rules}");
}
