//! Machines that leave a cluster that can be asked: drained, their Node deleted, and only then their configuration.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::SignedDuration;
use nico_crds::cluster::RequireNodeHealth;
use nico_render::workload::{Kind, Pod, Silence};

use crate::asked::{Fate, pod};
use crate::world::World;

/// `w1` of two workers leaves.
pub fn worker() -> World {
    let mut world = World::running(1, 2);
    world.answers(true);
    world.spec().data_plane.get_or_insert_default().machines = Some(vec!["w0".to_owned()]);
    world.does(&["w0 Content", "w1 Leaving"]);
    world
}

#[test]
fn a_worker_is_cordoned_drained_and_its_node_deleted_before_its_configuration() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    world.node("w1").pods = None;
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "Draining", "nobody knows yet what runs there");
    world.runs(
        "w1",
        vec![
            pod("front", Kind::Evictable, Fate::Goes),
            pod("ending", Kind::Evictable, Fate::Ends),
            pod("agent", Kind::OfDaemonSet, Fate::Goes),
            pod("static", Kind::Mirror, Fate::Goes),
            pod("done", Kind::Ended, Fate::Goes),
        ],
    );
    world.does(&["w1 evict front"]);
    let words = world.reason("w1").to_string();
    assert!(words.contains("shop/ending (it is ending)") && !words.contains("agent"), "{words}");
    world.does(&[]);
    world.runs("w1", vec![pod("agent", Kind::OfDaemonSet, Fate::Goes)]);
    world.does(&["w1 delete node"]);
    assert_eq!(world.nodes(), ["a0", "w0"]);
    world.does(&["w1 delete Leaves"]);
}

#[test]
fn what_a_budget_forbids_ends_by_its_time() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    world.runs("w1", vec![pod("front", Kind::Evictable, Fate::Stays)]);
    world.does(&["w1 evict front"]);
    world.does(&["w1 evict front"]);
    world.pass(301);
    assert!(world.steps().iter().all(|step| !step.starts_with("w1")), "{:?}", world.steps());
    assert_eq!(world.waits()["w1"], "DrainTimedOut");
    let words = world.reason("w1").to_string();
    for part in ["shop/front", "PodDisruptionBudget steady", "drainTimeoutSeconds", "lost: \"true\""] {
        assert!(words.contains(part), "{words}");
    }
    // A longer time goes on; 0 is without an end.
    for longer in [900, 0] {
        let mut longer_world = world.clone();
        longer_world.rollout().drain_timeout_seconds = Some(longer);
        assert!(longer_world.steps().contains(&"w1 evict front".to_owned()), "{longer}");
    }
    let mut gone = world.clone();
    gone.runs("w1", Vec::new());
    assert!(gone.steps().contains(&"w1 delete node".to_owned()), "somebody ended it");
    world.mark_lost("w1");
    assert!(world.tick().contains(&"w1 delete node".to_owned()));
    assert!(world.steps().contains(&"w1 delete Lost".to_owned()));
}

#[test]
fn cordoned_anew_it_keeps_its_time() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    let since = world.node("w1").drained_since;
    world.pass(100);
    world.node("w1").cordoned = false;
    assert!(world.tick().contains(&"w1 cordon".to_owned()));
    assert_eq!(world.node("w1").drained_since, since);
}

#[test]
fn what_another_removal_noted_is_no_time_of_this_one() {
    let mut world = World::running(1, 2);
    world.answers(true);
    world.node("w1").cordoned = true;
    world.node("w1").drained_since = Some(world.now);
    world.runs("w1", vec![pod("front", Kind::Evictable, Fate::Stays)]);
    world.pass(10_000);
    world.counts(1, 1);
    world.until("w1 Leaving");
    assert!(world.tick().contains(&"w1 cordon".to_owned()));
    assert!(world.tick().contains(&"w1 evict front".to_owned()));
}

#[test]
fn nothing_goes_on_while_the_cluster_does_not_answer() {
    let mut silent = World::running(1, 2);
    silent.answers(true);
    silent.is_silent();
    silent.counts(1, 1);
    assert_eq!(silent.waits()["w1"], "ClusterNotAnswering", "it does not even begin");
    let mut world = worker();
    world.does(&["w1 cordon"]);
    world.is_silent();
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "ClusterNotAnswering");
    let words = world.reason("w1").to_string();
    for part in ["its API does not answer", "requireNodeHealth: Never", "lost: \"true\""] {
        assert!(words.contains(part), "{words}");
    }
    let mut never = world.clone();
    never.rollout().require_node_health = Some(RequireNodeHealth::Never);
    for (missed, goes) in [(Some(1), false), (Some(2), false), (Some(3), true), (None, true)] {
        never.probe().missed = missed;
        assert_eq!(never.steps().contains(&"w1 delete Leaves".to_owned()), goes, "{missed:?}");
    }
    world.mark_lost("w1");
    assert!(world.steps().contains(&"w1 delete Lost".to_owned()));
    let mut pods = worker();
    pods.does(&["w1 cordon"]);
    pods.node("w1").pods = Some(Err(Silence::NotAnswering));
    pods.does(&[]);
    assert_eq!(pods.waits()["w1"], "ClusterNotAnswering", "a list that fails is no empty one");
}

#[test]
fn before_anybody_has_looked_at_it_nobody_leaves_though_it_need_not_answer() {
    for (require, reached, goes) in [
        (RequireNodeHealth::Auto, false, true),
        (RequireNodeHealth::Auto, true, false),
        (RequireNodeHealth::Never, false, true),
        (RequireNodeHealth::Never, true, false),
        (RequireNodeHealth::Always, false, false),
    ] {
        let mut world = World::running(1, 2);
        world.rollout().require_node_health = Some(require);
        world.counts(1, 1);
        let status = world.cluster().status.get_or_insert_default();
        status.kubeconfig_secret = reached.then(|| "c-kubeconfig".to_owned());
        status.observed_generation = Some(1);
        let steps = world.steps();
        assert_eq!(steps.contains(&"w1 Leaving".to_owned()), goes, "{require:?} {reached} {steps:?}");
    }
}

#[test]
fn a_lost_workers_node_goes_undrained() {
    let mut world = World::running(1, 2);
    world.answers(true);
    world.runs("w1", vec![pod("front", Kind::Evictable, Fate::Stays)]);
    world.mark_lost("w1");
    let steps = world.tick();
    assert!(steps.contains(&"w1 delete node".to_owned()), "{steps:?}");
    assert!(world.steps().contains(&"w1 delete Lost".to_owned()));
}

#[test]
fn a_budget_that_became_smaller_holds_for_what_nio_cleans() {
    let mut world = World::running(1, 4);
    world.answers(true);
    world.rollout().max_unavailable = Some(IntOrString::Int(2));
    world.counts(1, 2);
    world.until("w3 Leaving");
    world.until("w3 delete node");
    assert_eq!(world.nodes(), ["a0", "w0", "w1"]);
    world.rollout().max_unavailable = Some(IntOrString::Int(1));
    world.does(&["w2 delete Leaves"]);
    assert_eq!(world.waits()["w3"], "WaitingForRemoval");
    world.clean();
    assert!(world.steps().contains(&"w3 delete Leaves".to_owned()), "{:?}", world.steps());
}

#[test]
fn nobody_who_stays_is_touched() {
    let mut world = World::running(3, 2);
    world.answers(true);
    for name in ["a0", "w0"] {
        world.node(name).cordoned = true;
        world.runs(name, vec![pod("front", Kind::Evictable, Fate::Goes)]);
    }
    world.does(&[]);
    world.content("v2");
    let all = world.settle();
    assert!(all.iter().all(|step| step.ends_with("Content")), "{all:?}");
}

#[test]
fn that_there_is_no_node_is_believed_only_if_somebody_looked_for_it_since() {
    let mut world = worker();
    let node = world.node("w1").clone();
    world.probe().nodes.as_mut().unwrap().remove("w1");
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "Draining", "it may have come since");
    world.probe().names.remove("w1");
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "ClusterNotAnswering", "nobody looked for it");
    world.probe().names.insert("w1".to_owned());
    world.pass(30);
    world.probe().at = world.now;
    let mut came = world.clone();
    came.registers("w1", node);
    assert!(came.steps().contains(&"w1 cordon".to_owned()));
    assert!(world.steps().contains(&"w1 delete Leaves".to_owned()));
}

#[test]
fn what_came_after_the_cordon_holds_nothing_up() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    let since = world.node("w1").drained_since.unwrap();
    let born = |seconds: i64| {
        let created_at = since.checked_add(SignedDuration::from_secs(seconds)).ok();
        Pod { created_at, ..pod("front", Kind::Evictable, Fate::Goes) }
    };
    world.runs("w1", vec![born(20)]);
    assert_eq!(world.steps(), ["w1 evict front"], "it was bound to it before");
    world.runs("w1", vec![born(31)]);
    assert_eq!(world.steps(), ["w1 delete node"]);
}

#[test]
fn what_was_never_tried_is_tried_though_its_time_is_over() {
    let mut world = worker();
    world.does(&["w1 cordon"]);
    world.runs(
        "w1",
        vec![pod("front", Kind::Evictable, Fate::Goes), pod("shop", Kind::Evictable, Fate::Stays)],
    );
    world.pass(1_000);
    assert_eq!(world.waits()["w1"], "DrainTimedOut");
    assert!(world.steps().contains(&"w1 evict front".to_owned()), "{:?}", world.steps());
}

#[test]
fn a_node_that_finalizers_hold_is_deleted_once_and_that_is_told() {
    let mut world = worker();
    world.node("w1").name = "held".to_owned();
    world.does(&["w1 cordon"]);
    world.does(&["w1 delete node"]);
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "DeletingNode");
    world.pass(301);
    assert!(world.reason("w1").to_string().contains("finalizers hold it"), "{}", world.reason("w1"));
}

#[test]
fn a_lost_one_waits_until_somebody_has_asked() {
    let mut world = World::running(1, 2);
    world.answers(true);
    world.mark_lost("w1");
    let status = world.cluster().status.get_or_insert_default();
    (status.kubeconfig_secret, status.observed_generation) = (Some("c-kubeconfig".to_owned()), Some(1));
    let mut fresh = world.clone();
    fresh.sight.workloads.clear();
    assert_eq!(fresh.waits()["w1"], "ClusterNotAnswering");
    world.is_silent();
    assert!(world.steps().contains(&"w1 delete Lost".to_owned()), "it was asked, and is dead too");
}
