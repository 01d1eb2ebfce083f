//! NIO's timer applies beside its handler, what it began with, and ends when it ends: an old content may come
//! after the new one was proven.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use nico_crds::names::NUDGE;
use nio_stand_in::{Actor, Fail, Log, Mark, Run, Settings};
use serde_json::json;

use crate::fleet::{Fleet, line, nodes};
use crate::judged::{applied, assert_no_wipe};

/// The proof of the second content has to last for so long, and lasts for a moment.
const MIN_READY: i64 = 5;

/// The timer comes round with the handler alone: nothing else mends what it did.
fn without_rounds() -> Settings {
    Settings { timer_interval: Duration::from_hours(1), ..Settings::default() }
}

fn runs_of(log: &Log, actor: Actor) -> Vec<Run> {
    let runs = log.of("node-4").runs();
    runs.into_iter().filter(|run| run.start.actor == actor).collect()
}

/// The handler's last apply on `node-4` has ended well, and the status tells so.
async fn wait_proven(fleet: &Fleet, mark: Mark, git_ref: &str) -> Run {
    let git_ref = format!("ref = \"{git_ref}\";");
    fleet
        .stage
        .wait("node-4 to be proven", async || {
            let log = fleet.since(mark);
            let run = runs_of(&log, Actor::Handler).pop().filter(Run::succeeded).ok_or("no apply")?;
            let live = fleet.configuration("node-4").await;
            let text = live["spec"]["additionalFiles"][0]["inline"].as_str().unwrap_or_default();
            if !text.contains(&git_ref) || live["status"]["additionalFilesHash"] != run.start.files_hash {
                return Err("an earlier one");
            }
            let status = fleet.cluster().await["status"].clone();
            if line(&status, "node-4")["state"] == "Proven" { Ok(run) } else { Err("not told") }
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_content_that_ends_after_the_new_one_was_proven_is_seen_and_mended() {
    let rollout = json!({ "minReadySeconds": MIN_READY });
    let fleet = Fleet::at_pace("twin", 2, &rollout, without_rounds()).await;
    // The handler puts the first one there, and the timer is still at it.
    fleet.control().twin("node-4", true);
    fleet.hold("node-4");
    let mark = fleet.roll("first").await;
    fleet.wait_both("node-4").await;
    fleet.control().release("node-4", Actor::Handler);
    wait_proven(&fleet, mark, "first").await;
    let second = fleet.roll("second").await;
    let proven = wait_proven(&fleet, second, "second").await;
    fleet.control().release("node-4", Actor::Timer);
    fleet.whole().await;

    let log = fleet.since(mark);
    let old = runs_of(&log, Actor::Timer).remove(0);
    assert_ne!(old.start.files_hash, proven.start.files_hash);
    assert!(
        old.end.unwrap().seq > proven.end.unwrap().seq,
        "the old one ended after the proof of the new one"
    );
    // The proof was short-lived, and nobody went on because of it.
    assert_eq!(log.order(), nodes([4, 5, 1]));
    let ended = log.of("node-4").runs().into_iter().map(|run| run.end.unwrap().at).max().unwrap();
    let next = log.of("node-5").runs();
    assert!(
        next[0].start.at >= ended + SignedDuration::from_secs(MIN_READY),
        "{next:#?} begins before {ended}"
    );
    assert_eq!(next.len(), 1, "it never got the first one");
    let annotations = fleet.configuration("node-4").await["metadata"]["annotations"].clone();
    assert!(annotations[NUDGE].is_string(), "{annotations}");
    let last = runs_of(&log, Actor::Handler).pop().unwrap();
    assert_eq!(last.start.files_hash, proven.start.files_hash, "the nudge mended it");
    assert_no_wipe(&log);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_content_that_fails_after_the_new_one_was_proven_is_mended_by_the_confirmation() {
    let fleet = Fleet::at_pace("latefailure", 1, &json!({}), without_rounds()).await;
    fleet.control().twin("node-4", true);
    fleet.control().hold("node-4", Actor::Timer);
    fleet.control().fail("node-4", Fail::Content("ref = \"broken\"".to_owned()));
    let mark = fleet.roll("broken").await;
    fleet.wait_state("node-4", "Overdue").await;
    fleet.roll("good").await;
    fleet.whole().await;
    // Half of the machine is the broken one's from now on, and nothing tells.
    fleet.control().release("node-4", Actor::Timer);
    fleet
        .stage
        .wait("the timer's apply to have failed", async || {
            let failed = runs_of(&fleet.since(mark), Actor::Timer).iter().any(Run::failed);
            if failed { Ok(()) } else { Err("it runs") }
        })
        .await;
    let mark = fleet.control().log().mark();
    assert_eq!(fleet.control().log().machine("node-4").runs(), None, "it is half");
    fleet.confirmation_falls_due("node-4").await;
    fleet.wait_confirmed("node-4").await;
    let live = fleet.configuration("node-4").await;
    let runs = fleet.control().log().machine("node-4").runs().map(str::to_owned);
    assert_eq!(live["status"]["additionalFilesHash"].as_str().map(str::to_owned), runs);
    assert_eq!(applied(&fleet.since(mark)), nodes([4]).into_iter().collect());
}
