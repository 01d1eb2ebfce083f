//! Who is told to be a member of the control plane, and who is not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use nico_crds::KubernetesClusterStatus;
use nico_render::workload::{Member, Silence};

use crate::scene::{Scene, after, line};
use crate::workload::{nodes, probe};

#[test]
fn who_is_a_member_is_told_and_remembered_while_the_cluster_is_silent() {
    let mut scene = Scene::settled(3, 1);
    assert_eq!(members(&scene.tell()), [None; 4], "nobody has asked");
    scene.says(probe(&scene, 3, 1));
    assert_eq!(members(&scene.tell()), [Some(true), Some(true), Some(true), None], "they are Nodes");
    // One was removed, and one, though a Node, never joined.
    let mut noted = probe(&scene, 3, 1);
    let mut note = |name: &str, member| nodes(&mut noted).get_mut(name).unwrap().member = Some(member);
    note("m00", Member::In { of: "k3s", name: "m00-1".to_owned() });
    note("m01", Member::Removed { name: "m01-1".to_owned() });
    scene.says(noted);
    assert_eq!(members(&scene.look()), [Some(true), Some(false), Some(false), None]);
    let mut missing = probe(&scene, 3, 1);
    nodes(&mut missing).remove("m02");
    scene.says(missing);
    assert_eq!(members(&scene.tell()), [Some(true), Some(true), Some(false), None], "it has no Node");
    let mut silent = probe(&scene, 3, 1);
    silent.nodes = Err(Silence::NotAnswering);
    scene.says(silent);
    assert_eq!(members(&scene.tell()), [Some(true), Some(true), Some(false), None], "as it said last");
    // Of another configuration of that name it was not said.
    scene.configuration(2, |live| live.metadata.creation_timestamp = Some(Time(after(3600))));
    assert_eq!(members(&scene.look()), [Some(true), Some(true), None, None]);
}

#[test]
fn a_cluster_without_a_known_member_tells_of_nobody_that_it_is_none() {
    let mut scene = Scene::settled(3, 1);
    // Another cluster answers, which knows one of them alone.
    let mut other = probe(&scene, 3, 1);
    nodes(&mut other).retain(|name, _| name == "m00");
    scene.says(other.clone());
    assert_eq!(members(&scene.tell()), [Some(true), None, None, None]);
    scene.says(other);
    assert_eq!(members(&scene.tell()), [Some(true), Some(false), Some(false), None], "now it is known");
    // k0s has no Nodes for control planes that run none.
    let mut without = Scene::settled(3, 1);
    let mut one = probe(&without, 3, 1);
    nodes(&mut one).retain(|name, node| {
        node.kubelet = Some("v1.34.1+k0s".to_owned());
        name == "m00"
    });
    for _ in 0..2 {
        without.says(one.clone());
        assert_eq!(members(&without.tell()), [Some(true), None, None, None]);
    }
}

fn members(told: &KubernetesClusterStatus) -> [Option<bool>; 4] {
    [0, 1, 2, 10].map(|number| line(told, number).member)
}
