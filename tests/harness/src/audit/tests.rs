use serde_json::json;

use super::{Event, parse};

fn line(namespace: &str, stage: &str, query: &str) -> String {
    let event = json!({
        "kind": "Event",
        "stage": stage,
        "verb": "patch",
        "requestURI": format!("/api/v1/namespaces/{namespace}/configmaps/a?{query}"),
        "requestReceivedTimestamp": "2026-11-24T12:15:53.450652Z",
        "user": {"username": "admin"},
        "objectRef": {"resource": "configmaps", "namespace": namespace, "name": "a"},
        "responseStatus": {"code": 200},
    });
    format!("{event}\n")
}

fn only(log: &str) -> Event {
    let [event] = parse(log, None).try_into().expect("one event");
    event
}

#[test]
fn a_half_written_last_line_is_for_the_next_time() {
    let (first, second) = (line("a", "ResponseComplete", ""), line("b", "ResponseComplete", ""));
    let log = format!("{first}{second}");
    for end in first.len()..log.len() {
        assert_eq!(parse(&log[..end], None).len(), 1, "cut at {end}");
    }
    assert_eq!(parse(&log, None).len(), 2);
}

#[test]
fn only_the_namespace_that_was_asked_for() {
    let log = ["a", "ab", "b"].map(|namespace| line(namespace, "ResponseComplete", "")).concat();
    let found = parse(&log, Some("a"));
    assert_eq!(found.iter().map(|event| event.namespace.as_deref()).collect::<Vec<_>>(), [Some("a")]);
}

#[test]
fn a_field_manager_is_read_from_the_query() {
    let event = only(&line("a", "ResponseComplete", "force=true&fieldManager=nico%2Fmachines"));
    assert_eq!(event.field_manager.as_deref(), Some("nico/machines"));
    assert!(event.is_write());
}

#[test]
fn a_dry_run_is_no_write() {
    assert!(!only(&line("a", "ResponseComplete", "dryRun=All")).is_write());
}

#[test]
fn a_request_that_goes_on_is_no_event_yet() {
    assert_eq!(parse(&line("a", "ResponseStarted", ""), None), []);
}
