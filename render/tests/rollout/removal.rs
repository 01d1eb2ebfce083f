//! Machines that leave: the rows of the table of sequences that need nobody to ask the cluster.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::names::LEAVING;
use nico_render::Health;

use crate::world::{Spoil, World};

#[test]
fn a_worker_is_noted_first_then_its_configuration_goes_and_the_others_follow() {
    let mut world = World::running(1, 3);
    world.counts(1, 2);
    let now = world.now.to_string();
    world.does(&["w0 Content", "w2 Leaving"]);
    assert_eq!(world.annotation("w2", LEAVING), Some(now));
    world.does(&["w2 delete Leaves"]);
    assert_eq!(world.waits()["w2"], "LettingGo");
    world.clean();
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&["w1 Content"]);
    world.settle();
    assert_eq!(world.names(), ["a0", "w0", "w1"]);
}

#[test]
fn what_has_begun_is_finished_and_then_it_may_join_anew() {
    let mut world = World::running(1, 2);
    world.counts(1, 1);
    world.does(&["w0 Content", "w1 Leaving"]);
    world.counts(1, 2);
    let wrote = world.tick();
    assert!(wrote.contains(&"w1 delete Leaves".to_owned()), "{wrote:?}");
    world.clean();
    let wrote = world.tick();
    assert!(wrote.contains(&"w1 create".to_owned()), "{wrote:?}");
    let mut edited = World::running(1, 2);
    edited.counts(1, 1);
    assert!(edited.steps().contains(&"w1 Leaving".to_owned()));
    // Nothing was written yet: it stays.
    edited.counts(1, 2);
    edited.does(&[]);
}

#[test]
fn an_apply_in_flight_ends_first_or_is_overdue() {
    let leaving = || {
        let mut world = World::running(1, 2);
        world.spec().data_plane.get_or_insert_default().machines =
            Some(vec!["w0".to_owned(), "w1".to_owned()]);
        world.content("v2");
        world.does(&["w0 Content"]);
        world.spec().data_plane.get_or_insert_default().machines = Some(vec!["w1".to_owned()]);
        world
    };
    let mut world = leaving();
    assert_eq!(world.waits()["w0"], "InFlight");
    world.pass(100);
    world.apply("w0");
    assert_eq!(world.waits()["w0"], "InFlight", "it may be applied twice");
    world.pass(150);
    assert!(world.steps().contains(&"w0 Leaving".to_owned()));
    let mut world = leaving();
    world.fail("w0", 3);
    let wrote = world.tick();
    assert!(
        wrote.contains(&"w0 Leaving".to_owned()) && wrote.contains(&"w1 Content".to_owned()),
        "{wrote:?}"
    );
}

#[test]
fn only_while_it_can_be_cleaned() {
    let mut world = World::running(1, 2);
    world.counts(1, 1);
    world.reachable("w1", false);
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["w1"], "Unreachable");
    let words = world.reason("w1").to_string();
    assert!(words.contains("nico.homystack.com/lost: \"true\""), "{words}");
    world.reachable("w1", true);
    world.does(&["w1 Leaving"]);
    world.reachable("w1", false);
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "Unreachable");
    world.mark_lost("w1");
    world.does(&["w1 delete Lost"]);
}

#[test]
fn as_many_workers_at_a_time_as_may_be_unavailable() {
    let mut world = World::running(1, 5);
    world.rollout().max_unavailable = Some(IntOrString::Int(2));
    world.counts(1, 1);
    let leaving = |wrote: &[String]| -> Vec<String> {
        wrote.iter().filter(|step| !step.ends_with("Content")).cloned().collect()
    };
    let wrote = world.tick();
    assert_eq!(leaving(&wrote), ["w1 Leaving", "w2 Leaving"]);
    assert_eq!(world.waits()["w3"], "WaitingForRemoval");
    let wrote = world.tick();
    assert_eq!(leaving(&wrote), ["w1 delete Leaves", "w2 delete Leaves"]);
    assert_eq!(world.waits()["w3"], "WaitingForRemoval", "until they are gone");
    // A lost one holds nobody up.
    world.mark_lost("w1");
    let wrote = world.tick();
    assert_eq!(leaving(&wrote), ["w3 Leaving"]);
    world.settle();
    assert_eq!(world.names(), ["a0", "w0"]);
}

#[test]
fn a_control_plane_once_a_person_says_that_it_is_no_member() {
    let mut world = World::running(3, 0);
    world.counts(2, 0);
    // It counts as it stands, so the others follow.
    world.does(&["a0 Content"]);
    world.settle();
    world.does(&[]);
    assert_eq!(world.waits()["a2"], "MemberNotRemoved");
    let words = world.reason("a2").to_string();
    assert!(words.contains("nico.homystack.com/member-removed: \"true\""), "{words}");
    world.say_removed("a2");
    world.does(&["a2 Leaving"]);
    world.does(&["a2 delete Leaves"]);
    world.clean();
    world.settle();
    assert_eq!(world.names(), ["a0", "a1"]);
}

#[test]
fn a_control_plane_only_while_all_others_are_settled_and_healthy() {
    let spoils: [(&str, Spoil); 5] = [
        ("unsettled", |world| world.blip("a1")),
        ("unreachable", |world| world.reachable("a1", false)),
        ("not ready", |world| world.health("a1", Health::NotReady { why: "KubeletStopped".to_owned() })),
        ("unknown", |world| world.health("a1", Health::Unknown)),
        ("lost, and still a member", |world| world.mark_lost("a1")),
    ];
    for (what, spoil) in spoils {
        let mut world = World::running(3, 0);
        world.spec().control_plane.machines = Some(vec!["a0".to_owned(), "a1".to_owned()]);
        world.settle();
        world.say_removed("a2");
        spoil(&mut world);
        assert_eq!(world.waits().get("a2"), Some(&"WaitingForQuorum"), "{what}");
        assert!(!world.steps().contains(&"a2 Leaving".to_owned()), "{what}");
    }
}

#[test]
fn one_control_plane_at_a_time_and_never_the_head() {
    let mut world = World::running(3, 0);
    world.counts(0, 0);
    world.settle();
    assert_eq!(world.waits()["a1"], "MemberNotRemoved");
    for name in ["a1", "a2"] {
        world.say_removed(name);
    }
    world.does(&["a1 Leaving"]);
    assert_eq!(world.waits()["a2"], "WaitingForRemoval");
    world.settle();
    assert_eq!(world.names(), ["a0"]);
}

#[test]
fn a_leaving_one_counts_as_it_stands_until_its_removal_begins() {
    let mut world = World::running(3, 0);
    world.counts(2, 0);
    world.blip("a2");
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "WaitingForMachine");
    world.apply("a2");
    world.pass(9000);
    let mut begun = world.clone();
    assert_eq!(world.steps(), ["a0 Content"]);
    // It has begun by another hand, and it may still be a member: unhealthy.
    begun.annotate("a2", LEAVING, "2026-11-24T12:00:00Z");
    assert_eq!(begun.steps(), Vec::<String>::new());
    assert_eq!(begun.waits()["a0"], "WaitingForMember");
    begun.say_removed("a2");
    begun.does(&["a0 Content"]);
    assert_eq!(begun.waits()["a2"], "WaitingForQuorum", "it goes while the others are well");
    let all = begun.settle();
    assert_eq!(all, ["a1 Content", "a2 delete Leaves"]);
}

#[test]
fn a_leaving_one_gets_no_new_content() {
    let mut world = World::running(2, 0);
    world.counts(1, 0);
    world.content("v2");
    let all = world.settle();
    assert_eq!(all, ["a0 Content"]);
}

#[test]
fn before_anything_runs_there_is_nothing_to_be_a_member_of() {
    let mut world = World::new(1, 0);
    world.does(&["a0 install"]);
    world.fail("a0", 3);
    world.counts(0, 0);
    world.does(&["a0 Leaving"]);
    world.does(&["a0 delete Leaves"]);
}

#[test]
fn a_configuration_deleted_by_any_hand_is_released() {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    let mut world = World::running(3, 1);
    let now = world.now;
    world.nc("a2").metadata.deletion_timestamp = Some(Time(now));
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["a2"], "LettingGo");
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&[]);
    // It may be a member until it is gone.
    assert_eq!(world.waits()["a0"], "WaitingForMember");
}
