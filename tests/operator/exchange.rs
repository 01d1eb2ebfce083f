//! The operator is exchanged for another build, whose renderer lays out its files otherwise: no machine is
//! applied because of it (S20).
//!
//! The other build is the operator in this process, behind a function that lays every new text out anew after it
//! was decided on: what it writes has the same meaning, other bytes, and their hash.

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{CLUSTER_NIX, TEXT};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::{Plan, Purpose, Step, rollout};
use nico_render::{Desired, Observed, files};
use serde_json::{Value, json};

use crate::faults::Inside;
use crate::fleet::{self, Fleet, nodes};
use crate::judged::{assert_at_once, assert_each_once};
use crate::stage::{CONFIGURATIONS, Stage, shared_account};

/// What the other build begins its texts with.
const MARK: &str = "# laid out otherwise\n";

/// The planner of the other build.
fn otherwise(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    now: Timestamp,
) -> Plan {
    let mut plan = rollout(cluster, desired, observed, now);
    for step in &mut plan.steps {
        if let Step::Create(created) = step {
            lay_out(&mut created.object);
        } else if let Step::Write(write) = step
            && [Purpose::Content, Purpose::Confirmation].contains(&write.purpose)
        {
            // What else is written carries the live text over, byte for byte.
            lay_out(&mut write.object);
        }
    }
    plan
}

fn lay_out(object: &mut NixosConfiguration) {
    let files = &mut object.spec.additional_files;
    let text =
        files.iter_mut().find(|file| file.path == CLUSTER_NIX).and_then(|file| file.inline.as_mut()).unwrap();
    *text = format!("{MARK}{}", text.replace("  ", "\t"));
    let hash = files::hash(files).unwrap();
    object.metadata.annotations.as_mut().unwrap().insert(TEXT.to_owned(), hash);
}

/// The machines whose text is the other build's.
fn laid_out_otherwise(all: &[Value]) -> Vec<String> {
    let is_so =
        |live: &&Value| live["spec"]["additionalFiles"][0]["inline"].as_str().unwrap().starts_with(MARK);
    all.iter()
        .filter(is_so)
        .map(|live| live["spec"]["machineRef"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_machine_is_applied_because_the_operator_is_exchanged() {
    let stage = Stage::new("exchange").await;
    let client = shared_account().await.client().await;
    let other = Inside::deciding_by(&stage, client.clone(), otherwise);
    stage.machines(6).await;
    fleet::begin(&stage, 1, 3, &json!({})).await;
    let members = nodes([1, 4, 5, 6]);
    assert_eq!(laid_out_otherwise(&stage.list(CONFIGURATIONS).await), members);
    other.end().await;

    // At rest.
    let mark = stage.control().log().mark();
    let operator = stage.operator().await;
    crate::quiet::passes(&stage, &operator, 10).await;
    assert!(stage.control().log().since(mark).runs().is_empty());
    assert_eq!(laid_out_otherwise(&stage.list(CONFIGURATIONS).await), members, "no text was written");
    operator.terminate(crate::stage::BOUND).await.unwrap();

    // In the middle of a rollout: two have it, and the second is not settled yet.
    let other = Inside::deciding_by(&stage, client, otherwise);
    stage.patch("kubernetescluster", fleet::HOME, "person", &json!({ "spec": { "ref": "next" } })).await;
    stage
        .wait("the second worker to begin", async || {
            let order = stage.control().log().since(mark).order();
            if order.len() == 2 { Ok(()) } else { Err(format!("{order:?}")) }
        })
        .await;
    other.end().await;
    let operator = stage.operator().await;
    let fleet = Fleet { stage, operator };
    fleet.whole().await;
    fleet.passes(5).await;
    let log = fleet.since(mark);
    let order = nodes([4, 5, 6, 1]);
    assert_eq!(log.order(), order);
    assert_each_once(&log, &order);
    assert_at_once(&log, 1);
    let left = laid_out_otherwise(&fleet.stage.list(CONFIGURATIONS).await);
    assert_eq!(left, nodes([4, 5]), "the others' text is this build's");
}
