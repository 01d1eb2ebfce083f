//! A machine that does not take its content in: nothing else is touched, and it is told which one and why.

use k8s_openapi::jiff::SignedDuration;
use nico_crds::names::CONFIRM_AT;
use nio_stand_in::{Content, Fail, Log, Run};
use serde_json::{Value, json};

use crate::fleet::{Fleet, MIN_READY, line, nodes};
use crate::judged::{applied, applies, assert_at_once, assert_each_once, assert_no_wipe};

/// What stands in `cluster.nix` of a ref that no machine can take in.
const BROKEN: &str = "ref = \"broken\"";
/// What NIO says of an attempt that failed.
const WHY: &str = "Failed to apply configuration";

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_on_one_worker_is_brought_to_no_other() {
    let fleet = Fleet::new("fails", 1, 3, &json!({})).await;
    fleet.control().fail("node-4", Fail::Content(BROKEN.to_owned()));
    let mark = fleet.roll("broken").await;
    // Long before the deadline, which is longer than any test waits.
    let status = fleet.wait_status("it to have failed", |status| status["phase"] == "Failed").await;
    assert_names_it(&status);
    assert_plan_names_it(&fleet, &[1, 5, 6]).await;
    let failed = fleet.since(mark).runs().iter().filter(|run| run.failed()).count();
    assert!(failed >= 3, "after three attempts: {failed}");

    // A budget, a count, a machine: none of it is another content.
    fleet.stage.put(&[crate::stage::machine("node-7", "b")]).await;
    let room = json!({ "rollout": { "maxUnavailable": 3 }, "dataPlane": { "count": 4 } });
    fleet.edit(room).await;
    fleet.stage.wait_installed_of("node-7").await;
    fleet.passes(5).await;
    assert_eq!(applied(&fleet.since(mark)), nodes([4, 7]).into_iter().collect(), "nobody else is touched");
    assert_names_it(&fleet.cluster().await["status"]);
    assert_plan_names_it(&fleet, &[1, 5, 6]).await;

    let mended = fleet.edit(json!({ "ref": "mended", "rollout": { "maxUnavailable": 1 } })).await;
    fleet.whole().await;
    let log = fleet.since(mended);
    assert_eq!(log.order()[0], "node-4", "it comes first");
    assert_eq!(applied(&log), nodes([1, 4, 5, 6, 7]).into_iter().collect());
    assert_at_once(&log, 1);
    for machine in nodes([1, 5, 6, 7]) {
        assert_eq!(applies(&log, &machine), 1, "{machine}");
    }
    assert_no_wipe(&fleet.since(mark));
    let (told, code) = fleet.plan(&[]).await;
    assert!(told.contains("(Ready)") && !told.contains(WHY), "nothing is left of it: {told}");
    assert_eq!(code, Some(1), "its confirmation is to come: {told}");
}

/// `nico plan` names the worker that failed, and the reason, to people and to machines: first of all, and with each
/// machine that it keeps from going on.
async fn assert_plan_names_it(fleet: &Fleet, frozen: &[usize]) {
    let (told, code) = fleet.plan(&[]).await;
    assert_eq!(code, Some(1), "{told}");
    let told: Vec<_> = told.split_whitespace().collect();
    let told = told.join(" ");
    let beginning = told.split("Now, in order").next().unwrap().split("Under way").next().unwrap();
    let words = ["(Failed)", "Overdue: node-4", "three times", WHY];
    for word in words {
        assert!(beginning.contains(word), "{word}: {told}");
    }

    let (told, code) = fleet.plan(&["-o", "json"]).await;
    assert_eq!(code, Some(1), "{told}");
    let plan = serde_json::from_str::<Value>(&told).unwrap()["clusters"][0].take();
    let failure = &plan["failure"];
    assert_eq!((&plan["phase"], &failure["reason"]), (&json!("Failed"), &json!("Overdue")));
    let message = failure["message"].as_str().unwrap();
    assert!(["node-4", "three times", WHY].iter().all(|word| message.contains(word)), "{message}");
    for machine in nodes(frozen.iter().copied()) {
        let waiting = plan["waiting"].as_array().unwrap().iter().find(|one| one["machine"] == machine);
        let waits = waiting.unwrap_or_else(|| panic!("{machine}: {plan:#}"));
        assert_eq!((&waits["reason"], &waits["waitsFor"]), (&json!("Frozen"), &json!("node-4")), "{waits}");
        let message = waits["message"].as_str().unwrap();
        assert!(message.contains("node-4") && message.contains(WHY), "{message}");
    }
}

/// The status names the worker that failed, and the reason, wherever people look.
fn assert_names_it(status: &Value) {
    assert_eq!(status["phase"], "Failed");
    let told = line(status, "node-4");
    assert_eq!(told["state"], "Overdue");
    assert!(told["reason"].as_str().unwrap().contains(WHY), "{told}");
    let ready = status["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Overdue")));
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("node-4") && message.contains(WHY), "{message}");
    assert!(message.contains("three times"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_spec_goes_back_the_machine_that_the_other_one_touched_gets_it_anew_and_no_other() {
    let fleet = Fleet::new("back", 1, 2, &json!({})).await;
    fleet.control().fail("node-4", Fail::Content(BROKEN.to_owned()));
    let before = fleet.configuration("node-4").await;
    let mark = fleet.roll("broken").await;
    fleet.wait_state("node-4", "Overdue").await;
    let back = fleet.edit(json!({ "ref": null })).await;
    fleet.whole().await;
    assert_eq!(applied(&fleet.since(mark)), nodes([4]).into_iter().collect(), "no other is touched");
    let log = fleet.since(back);
    let good: Vec<_> = log.runs().into_iter().filter(Run::succeeded).collect();
    assert!(good.iter().all(|run| run.start.revision == Some(3)), "{good:#?}");
    let after = fleet.configuration("node-4").await;
    let text = |live: &Value| live["spec"]["additionalFiles"][0]["inline"].as_str().unwrap().to_owned();
    assert_ne!(text(&before), text(&after), "else NIO would believe that it runs it");
    let without_revision = text(&after).replace("revision = 3;", "revision = 1;");
    assert_eq!(text(&before), without_revision, "but for the revision it is the same");
    assert_no_wipe(&log);

    // The broken one may have ended later than this, which nobody would tell. So it comes once more.
    let mark = fleet.control().log().mark();
    fleet.confirmation_falls_due("node-4").await;
    fleet.wait_confirmed("node-4").await;
    assert_each_once(&fleet.since(mark), &nodes([4]));
    let Content::Runs(runs) = fleet.control().log().machine("node-4").content else { panic!("it is half") };
    let after = fleet.configuration("node-4").await;
    assert_eq!(after["status"]["additionalFilesHash"], runs.files_hash);
    assert_eq!(runs.revision, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn content_written_over_what_failed_is_confirmed_once_and_then_it_is_quiet() {
    let fleet = Fleet::new("confirmed", 1, 2, &json!({})).await;
    fleet.control().fail("node-4", Fail::Content(BROKEN.to_owned()));
    fleet.roll("broken").await;
    fleet.wait_state("node-4", "Overdue").await;
    let mark = fleet.roll("good").await;
    fleet.whole().await;
    assert_eq!(fleet.since(mark).order(), nodes([4, 5, 1]));
    for machine in nodes([1, 5]) {
        let annotations = fleet.configuration(&machine).await["metadata"]["annotations"].clone();
        assert!(annotations[CONFIRM_AT].is_null(), "{machine} had nothing undelivered: {annotations}");
    }
    let mark = fleet.control().log().mark();
    fleet.passes(3).await;
    assert!(applied(&fleet.since(mark)).is_empty(), "not before its time");
    fleet.confirmation_falls_due("node-4").await;
    fleet.wait_confirmed("node-4").await;
    assert_each_once(&fleet.since(mark), &nodes([4]));

    crate::quiet::calm(&fleet.stage, &fleet.operator).await;
    let from = fleet.stage.control_plane.audit_mark().await;
    fleet.passes(10).await;
    let writes = fleet.writes(from).await;
    assert!(writes.is_empty(), "{writes:?}");
    assert_each_once(&fleet.since(mark), &nodes([4]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_that_fail_are_mended_one_by_one_where_only_one_may_be_disturbed() {
    let fleet = Fleet::new("bothfail", 1, 3, &json!({ "maxUnavailable": 2 })).await;
    for machine in ["node-4", "node-5"] {
        fleet.control().fail(machine, Fail::Content(BROKEN.to_owned()));
    }
    let mark = fleet.roll("broken").await;
    for machine in ["node-4", "node-5"] {
        fleet.wait_state(machine, "Overdue").await;
    }
    fleet.edit(json!({ "rollout": { "maxUnavailable": 1 } })).await;
    fleet.passes(3).await;
    assert_eq!(
        applied(&fleet.since(mark)),
        nodes([4, 5]).into_iter().collect(),
        "another budget thaws nothing"
    );

    let mended = fleet.roll("mended").await;
    fleet.whole().await;
    let log = fleet.since(mended);
    // NIO may try the broken one once more on both, until it has seen this one: that is none of NICO's doing.
    let good: Vec<_> = nodes([4, 5, 6, 1]).iter().map(|machine| mended_on(&log, machine)).collect();
    for (before, after) in good.iter().zip(&good[1..]) {
        let still = before.end.as_ref().unwrap().at + SignedDuration::from_secs(MIN_READY);
        assert!(after.start.at >= still, "one by one: {before:#?} {after:#?}");
    }
    assert_no_wipe(&fleet.since(mark));
}

/// The first apply of what mends it.
fn mended_on(log: &Log, machine: &str) -> Run {
    log.of(machine).runs().into_iter().find(Run::succeeded).unwrap_or_else(|| panic!("{machine}: {log:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blip_on_another_worker_thaws_nothing_and_passes_by_itself() {
    let fleet = Fleet::new("besides", 1, 2, &json!({})).await;
    fleet.control().fail("node-4", Fail::Content(BROKEN.to_owned()));
    let before = fleet.configuration("node-5").await["spec"].clone();
    let mark = fleet.roll("broken").await;
    fleet.wait_state("node-4", "Overdue").await;
    fleet.control().lose("node-5");
    fleet.wait_state("node-5", "Unreachable").await;
    fleet.passes(2).await;
    assert_names_it(&fleet.cluster().await["status"]);
    // NIO looks in its own time, and applies anew only what it has forgotten.
    let forgets = async || {
        let live = fleet.configuration("node-5").await;
        if live["status"]["appliedCommit"].is_null() { Ok(()) } else { Err(live["status"].to_string()) }
    };
    fleet.stage.wait("the commit of node-5 to be forgotten", forgets).await;
    fleet.control().find("node-5");
    fleet.wait_state("node-5", "Settled").await;
    fleet.passes(2).await;
    assert_names_it(&fleet.cluster().await["status"]);
    assert_eq!(fleet.configuration("node-5").await["spec"], before, "it keeps what it has");
    // NIO has put that on it once more, as it does after a blip; the head is left alone.
    assert_eq!(applied(&fleet.since(mark)), nodes([4, 5]).into_iter().collect());

    let mended = fleet.roll("mended").await;
    fleet.whole().await;
    assert_eq!(fleet.since(mended).order(), nodes([4, 5, 1]));
    assert_no_wipe(&fleet.since(mark));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_correction_fails_too_nobody_else_is_touched_and_one_confirmation_is_enough() {
    let fleet = Fleet::new("again", 1, 2, &json!({})).await;
    // And "broken too".
    fleet.control().fail("node-4", Fail::Content(BROKEN.trim_end_matches('"').to_owned()));
    let mark = fleet.roll("broken").await;
    fleet.wait_state("node-4", "Overdue").await;
    // Where NIO goes on counting its attempts only the deadline tells that this one fails too.
    let rollout = json!({ "progressDeadlineSeconds": 5 });
    fleet.edit(json!({ "ref": "broken-too", "rollout": rollout })).await;
    let is_seen = |status: &Value| {
        let told = line(status, "node-4");
        status["observedGeneration"] == 3
            && told["state"] == "Overdue"
            && ["progressDeadlineSeconds", WHY].iter().all(|word| told["reason"].to_string().contains(word))
    };
    let status = fleet.wait_status("it to be overdue again", is_seen).await;
    assert_eq!(status["phase"], "Failed");
    let runs = fleet.since(mark).runs();
    assert!(runs.iter().any(|run| run.failed() && run.start.revision == Some(3)), "it was tried: {runs:#?}");
    fleet.passes(3).await;
    assert_eq!(applied(&fleet.since(mark)), nodes([4]).into_iter().collect(), "nobody else is touched");

    let good = fleet.roll("good").await;
    fleet.whole().await;
    assert_eq!(fleet.since(good).order(), nodes([4, 5, 1]));
    for (machine, is_pending) in [("node-4", true), ("node-5", false), ("node-1", false)] {
        let annotations = fleet.configuration(machine).await["metadata"]["annotations"].clone();
        assert_eq!(annotations[CONFIRM_AT].is_string(), is_pending, "{machine}: {annotations}");
    }
    let mark = fleet.control().log().mark();
    fleet.confirmation_falls_due("node-4").await;
    fleet.wait_confirmed("node-4").await;
    fleet.passes(3).await;
    assert_each_once(&fleet.since(mark), &nodes([4]));
}
