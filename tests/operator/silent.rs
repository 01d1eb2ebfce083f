//! Machines that leave a cluster whose API server dies or hangs in the middle of it: nothing is done until it answers,
//! or a person says that it need not; and nobody else waits for it.

use std::collections::BTreeSet;
use std::sync::Arc;

use nico_crds::names::{DRAINED_SINCE, LOST};
use nico_harness::proxy::{Proxy, Then};
use nico_harness::{ControlPlane, Server};
use serde_json::json;
use tokio::sync::oneshot;

use crate::built::shared;
use crate::scene::{Scene, Wanted};
use crate::stage::BOUND;
use crate::steps::assert_order;

/// One of the workers begins to leave, and one pod on it does not end.
async fn begins_to_leave(scene: &Scene, number: usize, stay: &[usize]) -> String {
    let (machine, pod) = (scene.name(number), format!("slow-{number}"));
    scene.built.pod(&pod, &machine, &json!({})).await;
    scene.built.hold(&pod);
    scene.edit(json!({ "dataPlane": { "machines": scene.names(stay.iter().copied()) } })).await;
    scene.wait_waiting(&machine, "Draining", &[&pod]).await;
    machine
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_api_is_gone_nothing_is_done_until_it_answers_or_a_person_says_so() {
    let mut plane = ControlPlane::start().await.unwrap();
    let servers = plane.servers();
    let mut scene = Scene::new(Arc::new(plane), Wanted::new("gone", 1, 4)).await;
    let leaves = begins_to_leave(&scene, 5, &[2, 3, 4]).await;
    let since = scene.built.noted(&leaves).await["notes"][DRAINED_SINCE].clone();
    assert!(since.is_string());
    servers.kill(Server::ApiServer).await;
    scene.wait_waiting(&leaves, "ClusterNotAnswering", &["requireNodeHealth: Never", LOST]).await;
    scene.passes(3).await;
    // Nor does somebody who comes new.
    scene.operator.kill_9();
    scene.operator = scene.start_again();
    scene.passes(3).await;
    scene.wait_waiting(&leaves, "ClusterNotAnswering", &[]).await;
    assert!(scene.configuration(&leaves).await["metadata"]["deletionTimestamp"].is_null());

    servers.start_again(Server::ApiServer).await;
    scene.wait_waiting(&leaves, "Draining", &["slow-5"]).await;
    assert_eq!(scene.built.noted(&leaves).await["notes"][DRAINED_SINCE], since, "it goes on where it stood");
    scene.built.release("slow-5").await;
    scene.wait_gone(&leaves).await;
    let whole = |machine: &str| {
        let words = ["leaves", "cordons", "evicts", "deletes Node", "lets go"];
        let [leaves, cordons, evicts, deletes, lets] = words;
        let pod = machine.replace("gone", "slow");
        vec![
            format!("{machine} {leaves}"),
            format!("{cordons} {machine}"),
            format!("{evicts} {pod}"),
            format!("{pod} ends"),
            format!("{deletes} {machine}"),
            lets.replace("go", &format!("{machine} go")),
        ]
    };
    assert_order(&scene.done().await, &whole(&leaves));

    // It never answers again, and the machine never comes back.
    let lost = begins_to_leave(&scene, 4, &[2, 3]).await;
    servers.kill(Server::ApiServer).await;
    scene.wait_waiting(&lost, "ClusterNotAnswering", &[]).await;
    scene.visits.stage.annotate("machine", &lost, &format!("{LOST}=true")).await;
    scene.wait_gone(&lost).await;
    servers.start_again(Server::ApiServer).await;

    // Or nobody needs its answer.
    let last = begins_to_leave(&scene, 3, &[2]).await;
    servers.kill(Server::ApiServer).await;
    scene.wait_waiting(&last, "ClusterNotAnswering", &[]).await;
    scene.edit(json!({ "rollout": { "requireNodeHealth": "Never" } })).await;
    scene.wait_gone(&last).await;
    servers.start_again(Server::ApiServer).await;
    for machine in [&lost, &last] {
        let done = scene.done().await;
        assert_order(&done, &[format!("cordons {machine}"), format!("lets {machine} go")]);
        assert!(!done.contains(&format!("deletes Node {machine}")), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eviction_that_hangs_holds_up_nothing_else() {
    let plane = shared().await;
    let proxy = Proxy::to(plane.config().await).counting(|call| call.is_about("pods")).start();
    let scene = Scene::new(plane, Wanted { by: Some(&proxy), ..Wanted::new("hangs", 1, 2) }).await;
    let [stays, leaves] = [2, 3].map(|number| scene.name(number));
    scene.built.pod("web", &leaves, &json!({})).await;
    let (arrived, has_arrived) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let hangs = proxy
        .before_write(1, async move |_call| {
            arrived.send(()).unwrap();
            may_go_on.await.unwrap();
            Then::GoOn
        })
        .await;
    scene.edit(json!({ "dataPlane": { "machines": [stays] } })).await;
    has_arrived.await.unwrap();
    // Turns are taken, content is brought to machines, and what is so is told.
    scene.passes(5).await;
    scene.edit(json!({ "ref": "next" })).await;
    crate::fleet::whole(&scene.visits.stage).await;
    assert!(!scene.configuration(&leaves).await.is_null(), "and it waits");
    go_on.send(()).unwrap();
    hangs.happened(BOUND).await;
    scene.wait_gone(&leaves).await;
    // What was given up was tried again; of a pod that ends already that changes nothing.
    let mut done = scene.done().await;
    let mut seen = BTreeSet::new();
    done.retain(|one| seen.insert(one.clone()));
    assert_order(&done, &["evicts web".to_owned(), "web ends".to_owned(), format!("deletes Node {leaves}")]);
}
