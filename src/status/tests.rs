//! What is shown of a status, whatever stands in it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_render::ClusterKey;
use nico_render::overview::overview;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::Picture;
use super::age::age;
use super::screen::fitting;
use super::text;
use crate::page::{Page, WIDTH};

const AT: &str = "2026-11-24T12:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// What is shown of clusters with these statuses, in no colour or all.
fn shown(statuses: &[Value], coloured: bool) -> String {
    let cluster = |status: &Value| {
        let cluster: KubernetesCluster = serde_json::from_value(json!({
            "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster",
            "metadata": { "name": "home", "namespace": "fleet", "generation": 3 },
            "spec": { "controlPlane": { "count": 1 } }, "status": status,
        }))
        .unwrap();
        overview(&cluster)
    };
    let clusters: Vec<_> = statuses.iter().map(cluster).collect();
    let mut page = Page::new(coloured, WIDTH);
    text::write(&mut page, &clusters, time(AT));
    page.into_text()
}

#[test]
fn of_no_cluster_there_is_nothing_to_show() {
    assert_eq!(shown(&[], false), "");
}

#[test]
fn that_nobody_has_told_anything_is_said() {
    let asked = "fleet/home\n  the operator has not told anything of it yet: is it running?\n";
    assert_eq!(shown(&[Value::Null], false), asked);
    // What the applier remembers says nothing to people.
    assert_eq!(shown(&[json!({ "bootstrapped": true, "appliedMachines": { "a": "home-a" } })], false), asked);
    let former = shown(&[json!({ "phase": "Ready", "controlPlaneReady": "1/1" })], false);
    assert!(former.starts_with("fleet/home (Ready): no kubeconfig yet\n"), "{former}");
    assert!(former.contains("is it running? What follows somebody else wrote"), "{former}");
}

#[test]
fn that_it_speaks_of_another_spec_is_said() {
    let old = shown(&[json!({ "phase": "Ready", "observedGeneration": 2 })], false);
    assert!(
        old.contains("OUT OF DATE: what follows is about generation 2 of the spec, which is at 3"),
        "{old}"
    );
    let new = shown(&[json!({ "phase": "Ready", "observedGeneration": 3 })], false);
    assert_eq!(new, "fleet/home (Ready): no kubeconfig yet\n");
}

/// Each text of a status, all of them this.
fn everywhere(text: &str) -> Value {
    json!({
        "phase": "Failed", "observedGeneration": 3, "kubeconfigSecret": text,
        "controlPlane": { "ready": 0, "total": 1 },
        "machines": [
            { "name": text, "role": "worker", "state": text, "reason": text, "since": text, "health": text,
              "kubelet": text, "commit": text },
            { "name": "plain", "role": text, "state": "Settled", "since": "2026-11-24T11:00:00Z" },
        ],
        "rollout": { "progress": text, "updated": -1, "total": i32::MAX, "current": [text], "waiting": [text, text] },
        "conditions": [
            { "type": text, "status": text, "reason": text, "message": text, "lastTransitionTime": text },
            { "type": "HeadLost", "status": "True", "reason": text, "message": text },
        ],
    })
}

#[test]
fn nothing_in_a_status_commands_a_terminal() {
    let hostile = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}H\r\n\t\0\u{202e}\u{200f}\u{2028}y";
    for coloured in [false, true] {
        let text = shown(&[everywhere(hostile)], coloured);
        let own = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[1;31m", "\u{1b}[33m", "\u{1b}[32m"];
        let rest = own.iter().fold(text.clone(), |text, own| text.replace(own, ""));
        let is_odd = |letter: char| {
            (letter.is_control() && letter != '\n') || "\u{202e}\u{200f}\u{2028}".contains(letter)
        };
        assert!(!rest.contains(is_odd), "{rest:?}");
        assert_eq!(rest, shown(&[everywhere(hostile)], false), "colours move nothing");
        assert!(rest.contains("x\\u{1b}]0;owned"), "what is there is shown: {rest}");
    }
}

#[test]
fn odd_names_break_no_table() {
    let long = ["n".repeat(253), "机".repeat(100)];
    let odd = ["", " ", "机器-二", "e\u{301}\u{200b}", "👩‍🚀", "\u{feff}"].into_iter();
    for odd in odd.chain(long.iter().map(String::as_str)) {
        let mut status = everywhere(odd);
        status["machines"][0]["state"] = json!("Proven");
        let text = shown(&[status], false);
        let column = |words: &str| {
            let (before, _) = text.lines().find_map(|line| line.split_once(words)).unwrap();
            before.width()
        };
        // Where the name is too long, it is the line after it.
        assert_eq!(column("Proven"), column("STATE"), "{odd}: {text}");
        assert_eq!(column("Settled"), column("STATE"), "{odd}: {text}");
        let machines = text.split_once("Machines\n").unwrap().1;
        let age = |line: &str, words: &str| line.split_once(words).map(|(before, _)| before.width());
        let heading = machines.lines().find_map(|line| age(line, "AGE"));
        assert_eq!(machines.lines().find_map(|line| age(line, "60m")), heading, "{odd}: {text}");
    }
}

#[test]
fn an_age_has_two_units_at_most() {
    for (seconds, told) in [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (329, "5m29s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (5 * 3600 + 61, "5h1m"),
        (30 * 3600, "30h"),
        (3 * 86_400 + 7200, "3d2h"),
        (100 * 86_400, "100d"),
        (3 * 365 * 86_400, "3y"),
        (9 * 365 * 86_400 + 86_400, "9y"),
    ] {
        let at = Timestamp::from_second(1_000_000_000 + seconds).unwrap();
        assert_eq!(age(Timestamp::from_second(1_000_000_000).unwrap(), at), told);
    }
    assert_eq!(age(Timestamp::MAX, Timestamp::MIN), "0s");
    assert!(age(Timestamp::MIN, Timestamp::MAX).ends_with('y'));
}

#[test]
fn a_small_terminal_says_that_there_is_more() {
    let text = "one\ntwo\n\u{1b}[1mthree four\u{1b}[0m\nfive\n";
    let all: Vec<_> = text.lines().collect();
    assert_eq!(fitting(text, None), all);
    assert_eq!(fitting(text, Some((80, 4))), all);
    assert_eq!(fitting(text, Some((80, 3))), ["one", "two", "... 2 more lines"]);
    // The third is broken by a terminal that is so narrow.
    assert_eq!(fitting(text, Some((5, 5))), all);
    assert_eq!(fitting(text, Some((5, 4))), ["one", "two", "... 2 more lines"]);
    assert_eq!(fitting(text, Some((80, 1))), ["... 4 more lines"]);
    assert!(fitting("", Some((80, 1))).is_empty());
}

#[test]
fn one_that_cannot_be_understood_hides_no_other() {
    let key = |name: &str| ClusterKey { namespace: "fleet".to_owned(), name: name.to_owned() };
    let cluster = KubernetesCluster::new("home", nico_crds::KubernetesClusterSpec::default());
    let odd = Err("KubernetesCluster fleet/odd cannot be understood: unknown variant".to_owned());
    let picture = Picture::of([(key("home"), Ok(Arc::new(cluster))), (key("odd"), odd)].into());
    let names: Vec<_> = picture.clusters.iter().map(|cluster| &*cluster.name).collect();
    assert_eq!((names, picture.troubles.len()), (vec!["home"], 1));
    let document = serde_json::to_value(picture.document(time(AT))).unwrap();
    assert_eq!(document["troubles"][0], "KubernetesCluster fleet/odd cannot be understood: unknown variant");
}
