//! Control planes that leave a cluster that can be asked: their member of etcd is removed before their Node goes.

use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::MEMBER_GONE;
use nico_render::Health;
use nico_render::workload::{Api, Kind, Member, Node};

use crate::asked::{Fate, pod};
use crate::world::World;

/// `a2` of three control planes leaves.
pub fn control_plane(is_k3s: bool) -> World {
    let mut world = World::running(3, 0);
    world.answers(is_k3s);
    world.counts(2, 0);
    world.until("a2 Leaving");
    world
}

#[test]
fn a_control_planes_member_is_removed_and_that_is_noted_before_its_node_goes() {
    let mut world = control_plane(true);
    world.does(&["a2 cordon"]);
    world.runs("a2", vec![pod("front", Kind::Evictable, Fate::Goes)]);
    world.does(&["a2 evict front"]);
    world.does(&["a2 remove member of k3s"]);
    assert_eq!(world.waits()["a2"], "RemovingMember");
    world.does(&[]);
    let mut hangs = world.clone();
    hangs.pass(301);
    assert!(hangs.reason("a2").to_string().contains("member-removed: \"true\""), "nobody removes it");
    let mut died = world.clone();
    died.is_silent();
    died.does(&[]);
    assert_eq!(died.waits()["a2"], "ClusterNotAnswering");
    world.removes_member("a2");
    world.does(&["a2 MemberGone"]);
    assert_eq!(world.annotation("a2", MEMBER_GONE).as_deref(), Some("a2-1"));
    let mut joined_anew = world.clone();
    joined_anew.node("a2").member = Some(Member::In { of: "k3s", name: "a2-2".to_owned() });
    joined_anew.does(&["a2 remove member of k3s"]);
    world.does(&["a2 delete node"]);
    world.does(&["a2 delete Leaves"]);
    world.settle();
    assert_eq!(world.names(), ["a0", "a1"]);
}

#[test]
fn without_a_way_to_remove_the_member_a_person_is_told_how() {
    for (kubelet, command) in [
        ("v1.34.1", "etcdctl member remove"),
        ("v1.34.1+k0s.0", "k0s etcd leave"),
        ("v1.34.1+rke2r1", "datastore"),
    ] {
        let mut world = control_plane(false);
        for name in ["a0", "a1", "a2"] {
            world.node(name).kubelet = Some(kubelet.to_owned());
        }
        world.does(&["a2 cordon"]);
        world.does(&[]);
        assert_eq!(world.waits()["a2"], "MemberNotRemoved", "it is drained first");
        let words = world.reason("a2").to_string();
        assert!(words.contains(command) && words.contains("member-removed: \"true\""), "{words}");
        world.say_removed("a2");
        assert!(world.tick().contains(&"a2 delete node".to_owned()));
    }
}

#[test]
fn it_goes_on_only_while_all_others_are_well_and_members() {
    let mut world = control_plane(true);
    world.does(&["a2 cordon"]);
    let mut unhealthy = world.clone();
    unhealthy.health("a1", Health::Unknown);
    unhealthy.does(&[]);
    assert_eq!(unhealthy.waits()["a2"], "WaitingForQuorum");
    let mut asked = world.clone();
    asked.node("a1").member = Some(Member::Asked { name: "a1-1".to_owned() });
    asked.does(&[]);
    assert_eq!(asked.waits()["a2"], "WaitingForQuorum", "it may be none any moment");
    world.node("a1").member = Some(Member::Removed { name: "a1-1".to_owned() });
    world.does(&[]);
    assert_eq!(world.waits()["a2"], "WaitingForQuorum");
    assert!(
        world.reason("a2").to_string().contains("its member of etcd was removed"),
        "{}",
        world.reason("a2")
    );
}

#[test]
fn a_lost_control_planes_member_goes_first_while_a_majority_of_the_rest_is_ready() {
    let lost = || {
        let mut world = World::running(3, 0);
        world.answers(true);
        world.mark_lost("a2");
        world
    };
    let mut world = lost();
    world.does(&["a2 remove member of k3s"]);
    world.removes_member("a2");
    world.does(&["a0 Content", "a2 MemberGone"]);
    let steps = world.tick();
    assert!(steps.contains(&"a2 delete node".to_owned()), "{steps:?}");
    assert!(world.steps().contains(&"a2 delete Lost".to_owned()));
    let mut other = lost();
    other.health("a1", Health::NotReady { why: "KubeletStopped".to_owned() });
    assert_eq!(other.waits()["a2"], "MemberNotRemoved", "one of two is no majority");
    let mut five = World::running(5, 0);
    five.answers(true);
    five.mark_lost("a2");
    five.health("a1", Health::NotReady { why: "KubeletStopped".to_owned() });
    assert_eq!(five.waits()["a2"], "WaitingForQuorum", "three of four are, and it waits for the fourth");
    let mut two = lost();
    two.mark_lost("a1");
    // One of two that may be members is no majority.
    assert_eq!(two.waits()["a2"], "MemberNotRemoved");
    let mut last = World::running(1, 0);
    last.answers(true);
    last.mark_lost("a0");
    assert!(last.steps().is_empty(), "never the last: {:?}", last.steps());
    let mut silent = lost();
    silent.is_silent();
    assert_eq!(silent.waits()["a2"], "MemberNotRemoved", "a person may say so");
}

#[test]
fn a_member_that_joins_again_while_its_machine_is_cleaned_goes_again() {
    let mut world = control_plane(true);
    let node = world.node("a2").clone();
    world.does(&["a2 cordon"]);
    world.does(&["a2 remove member of k3s"]);
    world.removes_member("a2");
    world.does(&["a2 MemberGone"]);
    world.does(&["a2 delete node"]);
    world.does(&["a2 delete Leaves"]);
    world.does(&[]);
    world.registers("a2", Node { member: Some(Member::In { of: "k3s", name: "a2-2".to_owned() }), ..node });
    world.content("v2");
    assert_eq!(world.waits()["a0"], "WaitingForMember", "it counts for the others");
    world.does(&["a2 remove member of k3s"]);
    world.does(&[]);
    world.removes_member("a2");
    let steps = world.tick();
    assert!(steps.contains(&"a2 delete node".to_owned()), "{steps:?}");
    let mut by_hand = World::running(3, 0);
    by_hand.answers(true);
    by_hand.delete("a2");
    by_hand.does(&[]);
}

#[test]
fn no_member_is_removed_beside_one_that_is_known_to_be_unwell() {
    let lost = || {
        let mut world = World::running(3, 0);
        world.answers(true);
        world.rollout().require_node_health = Some(RequireNodeHealth::Never);
        world.mark_lost("a2");
        world
    };
    assert_eq!(lost().steps(), ["a2 remove member of k3s"]);
    let mut unready = lost();
    unready.node("a1").unready = Some("KubeletStopped".to_owned());
    assert_eq!(unready.waits()["a2"], "MemberNotRemoved");
    let mut unwell = lost();
    let apis = [("a0", Api::Ready), ("a1", Api::Silent)].map(|(name, api)| (name.to_owned(), api));
    unwell.probe().apis = apis.into();
    assert_eq!(unwell.waits()["a2"], "MemberNotRemoved");
}

#[test]
fn where_the_others_are_no_majority_that_is_told() {
    let mut two = World::running(3, 0);
    two.answers(true);
    two.mark_lost("a1");
    two.mark_lost("a2");
    let words = two.reason("a2").to_string();
    assert!(words.contains("1 of the 2 others are Ready, which is no majority"), "{words}");
}
