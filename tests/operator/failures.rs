//! A machine that does not take its content in: nothing else is touched, and it is told which one and why.

use nico_crds::names::CONFIRM_AT;
use nio_stand_in::{Content, Fail, Run};
use serde_json::{Value, json};

use crate::fleet::{Fleet, line, nodes};
use crate::judged::{applied, applies, assert_at_once, assert_each_once, assert_no_wipe};

/// What stands in `cluster.nix` of a ref that no machine can take in.
const BROKEN: &str = "ref = \"broken\"";

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_on_one_worker_is_brought_to_no_other() {
    let fleet = Fleet::new("fails", 1, 3, &json!({})).await;
    fleet.control().fail("node-4", Fail::Content(BROKEN.to_owned()));
    let mark = fleet.roll("broken").await;
    // Long before the deadline, which is longer than any test waits.
    let status = fleet.wait_status("it to have failed", |status| status["phase"] == "Failed").await;
    assert_names_it(&status);
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
}

/// The status names the worker that failed, and the reason, wherever people look.
fn assert_names_it(status: &Value) {
    let why = "Failed to apply configuration";
    assert_eq!(status["phase"], "Failed");
    let told = line(status, "node-4");
    assert_eq!(told["state"], "Overdue");
    assert!(told["reason"].as_str().unwrap().contains(why), "{told}");
    let ready = status["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Overdue")));
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("node-4") && message.contains(why), "{message}");
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
