//! Each alert has a test of when it comes and when not, and a page that says what to do; and they wait for what
//! `docs/metrics.md` says that a person has to do.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{objects, path, read, root};

const TESTS: [&str; 3] = ["operator", "work", "machines"];

/// The rules, by the name of the alert.
fn alerts() -> BTreeMap<String, Value> {
    let groups = groups();
    let rules = groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap());
    let named = rules.map(|rule| (rule["alert"].as_str().unwrap().to_owned(), rule.clone()));
    let alerts: BTreeMap<_, _> = named.clone().collect();
    assert_eq!(alerts.len(), named.count());
    alerts
}

fn groups() -> Value {
    objects(&read("deploy/monitoring/alerts.yaml")).remove(0)["spec"]["groups"].clone()
}

/// What is tested of an alert: `alert_rule_test`s of all files.
fn tests_of(alert: &str) -> Vec<Value> {
    let files = TESTS.map(|name| objects(&read(&format!("tests/deploy/alerts/{name}.yaml"))).remove(0));
    let tests = files.iter().flat_map(|file| file["tests"].as_array().unwrap());
    let all = tests.flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    all.filter(|test| test["alertname"] == alert).cloned().collect()
}

fn promtool(arguments: &[&str], folder: &std::path::Path) {
    let output = Command::new("promtool").args(arguments).current_dir(folder).output();
    let output =
        output.expect("promtool is needed: tests/tools.sh installs it (Debian's package prometheus)");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
}

#[test]
fn promtool_takes_the_rules_and_they_pass_their_tests() {
    let folder = tempfile::tempdir().unwrap();
    let lay = |groups: &Value| {
        // JSON is YAML.
        std::fs::write(folder.path().join("rules.yaml"), json!({ "groups": groups }).to_string()).unwrap();
    };
    let mut groups = groups();
    lay(&groups);
    promtool(&["check", "rules", "rules.yaml"], folder.path());
    // What they say is for people, and no test repeats it.
    for group in groups.as_array_mut().unwrap() {
        for rule in group["rules"].as_array_mut().unwrap() {
            rule.as_object_mut().unwrap().remove("annotations");
        }
    }
    lay(&groups);
    for name in TESTS {
        let file = format!("{name}.yaml");
        std::fs::copy(path(&format!("tests/deploy/alerts/{file}")), folder.path().join(&file)).unwrap();
        promtool(&["test", "rules", &file], folder.path());
    }
}

#[test]
fn each_alert_is_tested_both_ways_and_names_only_labels_that_it_has() {
    for (name, rule) in alerts() {
        let tests = tests_of(&name);
        let comes = |test: &&Value| test["exp_alerts"].as_array().is_some_and(|all| !all.is_empty());
        assert!(!tests.iter().all(|test| comes(&test)), "{name}: no test of when it does not come");
        let expected = tests.iter().find(comes).unwrap_or_else(|| panic!("{name}: no test of when it comes"));
        let labels = expected["exp_alerts"][0]["exp_labels"].as_object().unwrap();
        let text = rule["annotations"].to_string();
        for named in text.split("$labels.").skip(1) {
            let label = named.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            assert!(labels.contains_key(label), "{name} speaks of {label}");
        }
    }
}

#[test]
fn each_alert_has_a_page_and_each_page_an_alert() {
    let mut pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/runbooks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for (name, rule) in alerts() {
        let file = format!("{name}.md");
        assert!(pages.remove(&file), "{file} is missing");
        let url = format!("https://github.com/homystack/NICO/blob/main/docs/runbooks/{file}");
        assert_eq!(rule["annotations"]["runbook_url"], url);
        let page = read(&format!("docs/runbooks/{file}"));
        assert!(page.starts_with(&format!("# {name}\n")), "{file}");
        for part in ["\n## What it means\n", "\n## What to look at\n", "\n## What to do\n"] {
            assert!(page.contains(part), "{file} lacks{part}");
        }
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
    }
    // The list of them all.
    assert_eq!(pages, BTreeSet::from(["README.md".to_owned()]));
    let list = read("docs/runbooks/README.md");
    for (name, rule) in alerts() {
        let severity = rule["labels"]["severity"].as_str().unwrap();
        let line = format!("| [{name}]({name}.md) | {severity} | ");
        assert!(list.contains(&line), "README.md lacks {line}");
    }
}

#[test]
fn what_waits_for_a_person_is_what_the_page_about_metrics_says() {
    let page = read("docs/metrics.md");
    let row = page.lines().find(|line| line.starts_with("| waits for a person,")).unwrap();
    let mut told: BTreeSet<_> = row.split('`').skip(1).step_by(2).collect();
    // It has an alert of its own, which takes longer.
    assert!(told.remove("Paused"));
    let alerts = alerts();
    let expression = alerts["NicoWaitsForPerson"]["expr"].as_str().unwrap();
    let (_, reasons) = expression.split_once("reason=~\"").unwrap();
    let reasons: BTreeSet<_> = reasons.split('"').next().unwrap().split('|').collect();
    assert_eq!(reasons, told);
}
