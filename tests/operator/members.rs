//! Control planes that leave a cluster which is asked: drained, then no members of etcd any more, then without a Node,
//! and only then gone; one after the other, while the others are well.

use nico_crds::names::{LOST, MEMBER_REMOVED};
use serde_json::json;

use crate::built::{annotate, shared};
use crate::scene::{K3S, Scene, Wanted};
use crate::stage::CONFIGURATIONS;

/// All that is done for a control plane to leave.
fn farewell_of(machine: &str) -> Vec<String> {
    vec![
        format!("{machine} leaves"),
        format!("cordons {machine}"),
        format!("asks {machine} to go"),
        format!("{machine} is no member"),
        format!("notes that {machine} is no member"),
        format!("deletes Node {machine}"),
        format!("lets {machine} go"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn three_control_planes_become_one_one_after_the_other() {
    let scene = Scene::new(shared().await, Wanted::new("three", 3, 0)).await;
    let [head, first, then] = [1, 2, 3].map(|number| scene.name(number));
    let _k3s = scene.built.distribution(&scene.names(1..=3));
    scene.built.pod("db", &first, &json!({})).await;
    scene.built.hold("db");
    scene.edit(json!({ "controlPlane": { "machines": [head] } })).await;
    scene.wait_waiting(&first, "Draining", &["db"]).await;

    // Another one is unwell: no member goes, though it is drained.
    scene.built.node(&then, K3S, false).await;
    scene.wait_waiting(&first, "WaitingForQuorum", &[&then]).await;
    scene.built.release("db").await;
    scene.passes(5).await;
    let drained =
        [format!("{first} leaves"), format!("cordons {first}"), "evicts db".into(), "db ends".into()];
    assert_eq!(scene.done().await, drained);

    scene.built.node(&then, K3S, true).await;
    scene.wait_gone(&first).await;
    scene.wait_gone(&then).await;
    let done = scene.done().await;
    let wanted = [&drained[..], &farewell_of(&first)[2..], &farewell_of(&then)].concat();
    assert_eq!(done, wanted, "one after the other, and nothing else");
    crate::fleet::whole(&scene.visits.stage).await;
    let left = scene.built.noted(&head).await;
    assert!(
        left["spec"]["unschedulable"].is_null() && !left["notes"].to_string().contains("remove"),
        "{left}"
    );
    for machine in [&first, &then] {
        scene.wait_event(&format!("MemberRemoval: the Node {machine} ")).await;
        scene.wait_event(&format!("MemberRemoved: home-{machine}: its member of etcd is gone")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_distribution_cannot_be_asked_a_person_removes_the_member_of_who_is_drained() {
    let wanted = Wanted { kubelet: "v1.34.1", ..Wanted::new("kubeadm", 2, 0) };
    let scene = Scene::new(shared().await, wanted).await;
    let [head, second] = [1, 2].map(|number| scene.name(number));
    scene.built.pod("db", &second, &json!({})).await;
    scene.edit(json!({ "controlPlane": { "machines": [head] } })).await;
    scene.wait_waiting(&second, "MemberNotRemoved", &["etcdctl member remove", MEMBER_REMOVED]).await;
    scene.passes(5).await;
    let drained =
        [format!("{second} leaves"), format!("cordons {second}"), "evicts db".into(), "db ends".into()];
    assert_eq!(scene.done().await, drained);
    assert!(!scene.built.noted(&second).await.is_null());

    let name = format!("home-{second}");
    scene.visits.stage.annotate(CONFIGURATIONS, &name, &format!("{MEMBER_REMOVED}=true")).await;
    scene.wait_gone(&second).await;
    let end = [format!("deletes Node {second}"), format!("lets {second} go")];
    assert_eq!(scene.done().await, [&drained[..], &end].concat());
}

/// The kubeconfig names its address: it is the others who are asked then.
#[tokio::test(flavor = "multi_thread")]
async fn the_member_of_a_lost_head_goes_first_by_way_of_another_control_plane() {
    let mut scene = Scene::new(shared().await, Wanted::new("losthead", 3, 0)).await;
    let head = scene.name(1);
    let k3s = scene.built.distribution(&scene.names(2..=3));
    scene.built.pod("db", &head, &json!({})).await;
    scene.visits.close();
    scene.visits.stage.control().lose(&head);
    scene.built.node(&head, K3S, false).await;
    scene.visits.stage.annotate("machine", &head, &format!("{LOST}=true")).await;
    // As long as it is a member nothing of it goes.
    scene.wait_told(&head, &["was asked to remove its member"]).await;
    let asked = [format!("asks {head} to go")];
    let asks = async || {
        let done = scene.done().await;
        if done.is_empty() { Err("nothing is done".to_owned()) } else { Ok(()) }
    };
    scene.visits.stage.wait("the member to be asked to go", asks).await;
    scene.passes(3).await;
    assert_eq!(scene.done().await, asked);
    assert!(scene.configuration(&head).await["metadata"]["deletionTimestamp"].is_null());

    drop(k3s);
    let _k3s = scene.built.distribution(&scene.names(1..=3));
    scene.wait_gone(&head).await;
    assert_eq!(scene.done().await, farewell_of(&head)[2..]);
    assert_eq!(scene.built.running().await, ["db"], "nobody waits for what ran there");
}

/// It would start a second cluster.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_seen_to_be_no_member_does_not_follow_a_lost_head() {
    let scene = Scene::new(shared().await, Wanted::new("outside", 3, 0)).await;
    let [head, outside, third] = [1, 2, 3].map(|number| scene.name(number));
    let removed = json!({
        "etcd.k3s.cattle.io/removed-node-name": format!("{outside}-0a1b2c3d"),
        "etcd.k3s.cattle.io/node-name": null,
    });
    annotate(&scene.built.nodes(), &outside, &removed).await;
    let stage = &scene.visits.stage;
    let told = async |machine: &str| {
        let status = scene.status().await;
        let mut lines = status["machines"].as_array().into_iter().flatten();
        lines.find(|line| line["name"] == machine).map(|line| line["member"].clone())
    };
    stage
        .wait("it to be told that one is no member", async || {
            let members = (told(&head).await, told(&outside).await, told(&third).await);
            let wanted = (Some(json!(true)), Some(json!(false)), Some(json!(true)));
            if members == wanted { Ok(()) } else { Err(format!("{members:?}")) }
        })
        .await;

    stage.control().lose(&head);
    scene.built.node(&head, K3S, false).await;
    stage.annotate("machine", &head, &format!("{LOST}=true")).await;
    stage
        .wait("another head", async || {
            let status = scene.status().await;
            let list = &status["selectedControlPlaneMachines"];
            if list[0] == json!(head) { Err(status.to_string()) } else { Ok(()) }
        })
        .await;
    assert_eq!(scene.status().await["selectedControlPlaneMachines"], json!([third, outside]));
}
