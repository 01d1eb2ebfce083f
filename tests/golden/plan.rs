//! What `nico plan` says of each case at a fixed time, byte for byte as text, and of some as YAML; and what
//! must hold of every plan.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::case::{self, Case};

/// Long after everything in the fixtures.
const AT: &str = "2026-12-01T12:00:00Z";

/// A case, and what was printed of it.
struct Planned {
    case: Case,
    text: String,
    json: Value,
    code: i32,
}

static PLANNED: LazyLock<Vec<Planned>> = LazyLock::new(|| {
    let planned = case::all().into_iter().map(|case| {
        let (text, code) = print(&case, "text");
        let (json, same) = print(&case, "json");
        assert_eq!(code, same, "{}", case.name());
        Planned { json: serde_json::from_str(&json).unwrap(), text, code, case }
    });
    planned.collect()
});

fn print(case: &Case, format: &str) -> (String, i32) {
    let mut nico = case.nico("plan", "--filename");
    let output = nico.args(["--at", AT, "--output", format]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!stderr.contains("error:"), "{}: {stderr}", case.name());
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

impl Planned {
    fn clusters(&self) -> &[Value] {
        self.json["clusters"].as_array().unwrap()
    }
}

/// The cluster of the case of that name.
fn of(name: &str) -> &'static Value {
    &PLANNED.iter().find(|planned| planned.case.name() == name).unwrap().clusters()[0]
}

/// Everything that would be written, now or later.
fn items(cluster: &Value) -> Vec<&Value> {
    let list = |field: &str| cluster[field].as_array().unwrap().iter();
    list("changes").chain(list("waiting")).filter(|item| item["action"].is_string()).collect()
}

/// The machines of a list, in order, with what happens to them.
fn told(cluster: &Value, list: &str) -> Vec<String> {
    let items = cluster[list].as_array().unwrap().iter().filter(|item| item["machine"].is_string());
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    items.map(|item| format!("{} {}", text(item, "machine"), text(item, "action"))).collect()
}

#[test]
fn every_case_is_planned_as_expected() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    let mut judge = |case: &Case, file: &str, printed: &str| {
        if bless {
            case.write(file, printed);
        }
        wrong.extend(case.difference(file, printed));
    };
    for Planned { case, text, .. } in PLANNED.iter() {
        judge(case, "expected/plan.txt", text);
        // As data only where it is asked for: the file is there.
        let file = "expected/plan.yaml";
        if case.has(file) {
            judge(case, file, &print(case, "yaml").0);
        }
    }
    assert!(wrong.is_empty(), "{}\nIf this is right: `make bless`, and read the diff.", wrong.join("\n"));
}

#[test]
fn yaml_and_json_say_the_same() {
    let planned = PLANNED.iter().find(|planned| planned.case.name() == "marked-lost").unwrap();
    let yaml: Value = serde_yaml::from_str(&print(&planned.case, "yaml").0).unwrap();
    assert_eq!(yaml, planned.json);
}

#[test]
fn a_disk_is_wiped_in_the_plan_just_where_the_rendering_says_so() {
    for planned in PLANNED.iter() {
        let first = planned.clusters().iter().flat_map(items).filter(|item| item["purpose"] == "Join");
        let wiped = first.filter(|item| item["wipesDisk"] == true);
        let wiped: BTreeSet<_> = wiped.map(|item| item["machine"].as_str().unwrap()).collect();
        let stderr = planned.case.read("expected/stderr.txt");
        let said = stderr.lines().filter_map(|line| line.split_once("WIPES THE DISK of machine "));
        let said: BTreeSet<_> = said.filter_map(|(_, rest)| Some(rest.split_once(' ')?.0)).collect();
        assert_eq!(wiped, said, "{}", planned.case.name());
    }
}

#[test]
fn the_exit_code_tells_whether_there_is_anything_to_do() {
    let is_empty = |cluster: &Value| {
        let lists = ["changes", "underWay", "waiting"];
        let empty = lists.iter().all(|list| cluster[list].as_array().unwrap().is_empty());
        empty && cluster["failure"].is_null()
    };
    for planned in PLANNED.iter() {
        let at_rest = planned.clusters().iter().all(is_empty);
        assert_eq!(planned.code, i32::from(!at_rest), "{}", planned.case.name());
        let said = planned.text.lines().all(|line| line.ends_with(": nothing to do"));
        assert_eq!(said, at_rest, "{}", planned.case.name());
    }
    let at_rest = PLANNED.iter().filter(|planned| planned.code == 0);
    let at_rest: Vec<_> = at_rest.map(|planned| planned.case.name()).collect();
    assert_eq!(at_rest, ["paused", "running"]);
}

#[test]
fn every_wait_says_why_and_every_write_what_for() {
    for planned in PLANNED.iter() {
        for cluster in planned.clusters() {
            for list in ["changes", "underWay", "waiting"] {
                for item in cluster[list].as_array().unwrap() {
                    assert!(!item["message"].as_str().unwrap().is_empty(), "{item}");
                    assert!(list == "changes" || !item["reason"].as_str().unwrap().is_empty(), "{item}");
                    assert_ne!(item["reason"], "NotYet", "{}: {item}", planned.case.name());
                }
            }
        }
    }
}

#[test]
fn what_is_told_is_what_the_case_is_about() {
    let cluster = of("three-plus-five");
    assert_eq!(cluster["summary"]["install"], 8);
    assert_eq!(told(cluster, "changes"), ["node-1 Install"]);
    for waits in cluster["waiting"].as_array().unwrap() {
        assert_eq!((&waits["waitsFor"], &waits["wipesDisk"]), (&"node-1".into(), &true.into()), "{waits}");
    }

    let cluster = of("ref-changes");
    assert_eq!(told(cluster, "changes"), ["node-4 Switch"]);
    let later = ["node-5 Switch", "node-1 Switch", "node-2 Switch", "node-3 Switch"];
    assert_eq!(told(cluster, "waiting"), later, "workers first");
    let fields = cluster["waiting"][0]["fields"].to_string();
    assert!(fields.contains("\"spec.ref\"") && fields.contains("\"spec.additionalFiles\""), "{fields}");

    let cluster = of("marked-lost");
    assert_eq!(told(cluster, "changes"), ["node-6 Install", "node-5 Switch", "node-4 Remove"]);

    // What the Python operator left is taken over without touching a machine.
    let cluster = of("recorded");
    assert!(items(cluster).iter().all(|item| item["action"] == "Update"), "{cluster:#}");

    let cluster = of("clear-full-install");
    let first = &cluster["changes"][0];
    assert_eq!((&first["purpose"], &first["action"]), (&"ClearFullInstall".into(), &"Update".into()));

    assert_eq!(of("head-lost")["failure"]["reason"], "HeadLost");
}
