//! Removals that are held up: the way to the cluster is lost, or the cluster refuses what is done.

use k8s_openapi::jiff::SignedDuration;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::LEAVING_NODE;
use nico_render::workload::{Kind, Refusal, Silence, Workload};

use crate::asked::{Fate, pod};
use crate::farewell::worker;
use crate::members::control_plane;
use crate::world::World;

#[test]
fn who_had_a_node_is_asked_for_it_though_the_way_to_the_cluster_is_gone() {
    let mut world = worker();
    assert_eq!(world.annotation("w1", LEAVING_NODE).as_deref(), Some("w1"));
    world.does(&["w1 cordon"]);
    *world.workload() = Workload::default();
    assert!(world.steps().iter().all(|step| !step.starts_with("w1")), "{:?}", world.steps());
    assert_eq!(world.waits()["w1"], "ClusterNotAnswering");
    world.rollout().require_node_health = Some(RequireNodeHealth::Never);
    assert!(world.steps().contains(&"w1 delete Leaves".to_owned()));
}

#[test]
fn what_the_cluster_refuses_time_and_again_is_told() {
    let mut world = worker();
    let why = "admission webhook \"nodes.example.com\" denied the request: not today".to_owned();
    let what = "the Node w1".to_owned();
    let refusal = Refusal { what, why, times: 2, at: world.now };
    world.refuses("w1", refusal.clone());
    assert_eq!(world.steps(), ["w1 cordon"]);
    assert_eq!(world.waits()["w1"], "Draining");
    world.refuses("w1", Refusal { times: 3, ..refusal.clone() });
    assert_eq!(world.waits()["w1"], "RefusedByCluster");
    assert_eq!(world.steps(), ["w1 cordon"], "and it is tried again");
    let words = world.reason("w1").to_string();
    for part in ["the Node w1", "denied the request: not today", "lost: \"true\""] {
        assert!(words.contains(part), "{words}");
    }
    let mut over = world.clone();
    over.does(&["w1 cordon"]);
    over.runs("w1", vec![pod("front", Kind::Evictable, Fate::Stays)]);
    over.pass(1_000);
    assert_eq!(over.waits()["w1"], "DrainTimedOut", "what was refused is long ago");
    over.refuses("w1", Refusal { times: 3, at: over.now, ..refusal.clone() });
    assert_eq!(over.waits()["w1"], "RefusedByCluster");
    let at = world.now.checked_sub(SignedDuration::from_mins(6)).unwrap();
    world.refuses("w1", Refusal { times: 3, at, ..refusal });
    assert_eq!(world.waits()["w1"], "Draining", "it was long ago");
}

#[test]
fn a_node_that_shows_only_after_the_removal_began_is_noted_first() {
    let mut world = World::running(1, 2);
    world.spec().data_plane.get_or_insert_default().machines = Some(vec!["w0".to_owned()]);
    world.until("w1 Leaving");
    assert_eq!(world.annotation("w1", LEAVING_NODE), None, "nobody was asked");
    world.answers(true);
    let mut steps = world.tick();
    steps.retain(|step| step.starts_with("w1"));
    assert_eq!(steps, ["w1 NodeNoted"]);
    assert_eq!(world.annotation("w1", LEAVING_NODE).as_deref(), Some("w1"));
    world.until("w1 cordon");
}

/// In words, why it is held up where the same was refused three times.
fn refused(mut world: World, machine: &str) -> String {
    let (what, why) = (format!("the Node {machine}"), "not today".to_owned());
    world.refuses(machine, Refusal { what, why, times: 3, at: world.now });
    assert_eq!(world.waits()[machine], "RefusedByCluster");
    world.reason(machine).to_string()
}

#[test]
fn what_a_person_can_do_instead_is_told_by_what_is_refused() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    world.runs("w1", Vec::new());
    let words = refused(world, "w1");
    assert!(words.contains("delete its Node by hand") && !words.contains("lost"), "{words}");
    let mut world = control_plane(true);
    world.does(&["a2 cordon"]);
    world.runs("a2", Vec::new());
    let words = refused(world, "a2");
    assert!(
        words.contains("remove its member by hand") && words.contains("member-removed: \"true\""),
        "{words}"
    );
}

#[test]
fn refusals_of_the_same_and_answers_that_fail_are_counted_in_a_row() {
    let at = worker().now;
    let first = Refusal::next(None, "the Node w1", "no", at);
    let second = Refusal::next(Some(&first), "the Node w1", "no", at);
    let other = Refusal::next(Some(&second), "the pod shop/front", "no", at);
    assert_eq!([first.times, second.times, other.times], [1, 2, 1]);

    let answer = worker().probe().clone();
    let mut silence = answer.clone();
    silence.nodes = Err(Silence::NotAnswering);
    let first = silence.clone().after(None);
    let second = silence.clone().after(Some(&first));
    let answered = answer.after(Some(&second));
    let again = silence.after(Some(&answered));
    let missed = [first.missed, second.missed, answered.missed, again.missed];
    assert_eq!(missed, [Some(1), Some(2), Some(0), Some(1)]);
}
