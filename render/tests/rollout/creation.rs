//! Rule 2: new configurations.

use nico_crds::cluster::Bootstrap;
use nico_crds::names::{REBOOTSTRAP, WRITTEN_AT};
use nico_render::Observed;
use nico_render::rollout::{WaitReason, rollout};
use nico_render::workload::Member;

use crate::world::{Spoil, World};

/// `a0` runs and is settled; what comes next has just been created.
fn with_company(control_planes: i32, workers: i32) -> World {
    let mut world = World::new(control_planes, workers);
    world.tick();
    world.install("a0");
    world.tick();
    world
}

#[test]
fn the_head_alone_then_all_workers_and_control_planes_one_by_one() {
    let mut world = World::new(3, 2);
    world.does(&["a0 install"]);
    assert_eq!(world.waits()["a1"], "WaitingForBootstrap");
    assert_eq!(world.waits()["w0"], "WaitingForBootstrap");
    world.pass(100);
    world.apply("a0");
    world.does(&["a0 ClearFullInstall"]);
    world.handle("a0");
    world.pass(149);
    world.does(&[]);
    world.pass(1);
    world.does(&["a1 install", "w0 install", "w1 install"]);
    assert_eq!(world.waits()["a2"], "WaitingForControlPlane");
    world.pass(100);
    world.apply("a1");
    world.does(&["a1 ClearFullInstall"]);
    world.handle("a1");
    world.pass(149);
    assert_eq!(world.waits()["a2"], "WaitingForControlPlane");
    world.pass(1);
    world.does(&["a2 install"]);
}

#[test]
fn it_is_noted_when_it_was_written() {
    let mut world = World::new(1, 0);
    world.tick();
    assert_eq!(world.annotation("a0", WRITTEN_AT).as_deref(), Some("2026-11-24T12:00:00Z"));
}

#[test]
fn a_head_with_company_that_loses_its_proof_holds_no_worker_back() {
    let mut world = with_company(1, 1);
    world.blip("a0");
    world.add_machine("w1");
    world.counts(1, 2);
    // It follows itself: what it lost is no reason to wait, as nobody is unhealthy.
    world.does(&["w1 install", "a0 Content"]);
}

#[test]
fn without_company_it_has_to_be_settled() {
    let mut world = World::new(1, 1);
    world.tick();
    world.install("a0");
    world.blip("a0");
    world.does(&[]);
    assert_eq!(world.waits()["w0"], "WaitingForBootstrap");
}

#[test]
fn all_at_once_only_where_nothing_is_installed() {
    let mut world = World::new(3, 1);
    world.rollout().bootstrap = Some(Bootstrap::AllAtOnce);
    assert_eq!(world.steps(), ["a0 install"]);
    world.switch_only();
    assert_eq!(world.steps(), ["a0 create", "a1 create", "a2 create", "w0 create"]);
    // Once it runs, further control planes come one by one.
    let mut world = World::running(1, 0);
    world.rollout().bootstrap = Some(Bootstrap::AllAtOnce);
    world.switch_only();
    world.add_machine("a1");
    world.add_machine("a2");
    world.counts(3, 0);
    assert_eq!(world.steps(), ["a1 create"]);
}

#[test]
fn a_late_worker_holds_nobody_back_and_freezes_nothing() {
    let mut world = with_company(1, 1);
    world.pass(5000);
    world.add_machine("a1");
    world.add_machine("w1");
    world.counts(2, 2);
    // It is overdue, and gets the new lists at once.
    world.does(&["a1 install", "w1 install", "w0 Content"]);
    world.install("a1");
    world.content("v2");
    // The others get it, the late one too.
    let all = world.settle();
    for expected in ["a0 Content", "a1 Content", "w0 Content"] {
        assert!(all.iter().any(|step| step == expected), "{all:?}");
    }
}

#[test]
fn a_control_plane_joins_when_all_others_are_settled_healthy_and_current_but_for_the_lists() {
    let ready = || {
        let mut world = World::running(2, 0);
        world.add_machine("a2");
        world.counts(3, 0);
        world
    };
    assert_eq!(ready().steps().first().unwrap(), "a2 install");
    let spoils: [(&str, Spoil); 5] = [
        ("unsettled", |world| world.blip("a1")),
        ("unreachable", |world| world.reachable("a1", false)),
        ("not ready", |world| world.health("a1", not_ready())),
        ("unknown", |world| world.health("a1", nico_render::Health::Unknown)),
        ("outdated", |world| world.content("v2")),
    ];
    for (what, spoil) in spoils {
        let mut world = ready();
        spoil(&mut world);
        assert_eq!(world.waits().get("a2"), Some(&"WaitingForControlPlane"), "{what}");
    }
}

fn not_ready() -> nico_render::Health {
    nico_render::Health::NotReady { why: "KubeletStopped".to_owned() }
}

#[test]
fn a_released_one_that_may_be_a_member_counts() {
    let mut world = World::running(2, 0);
    world.add_machine("a2");
    world.mark_lost("a1");
    assert_eq!(world.waits()["a2"], "WaitingForControlPlane");
    world.say_removed("a1");
    assert!(world.steps().contains(&"a2 install".to_owned()));
}

#[test]
fn a_joining_control_plane_counts_unless_it_is_overdue_and_seen_to_be_no_member() {
    let mut world = World::running(1, 0);
    world.add_machine("a1");
    world.counts(2, 0);
    world.does(&["a1 install"]);
    world.pass(4201);
    world.add_machine("a2");
    world.counts(3, 0);
    let WaitReason::ControlPlane { machine, lacks } = world.reason("a2") else { panic!("another reason") };
    assert_eq!(machine, "a1");
    assert!(lacks.contains("nico.homystack.com/lost: \"true\""), "{lacks}");
    // It may have become one before it had a Node; where its Node tells, that counts.
    let has = |world: &World| world.steps().contains(&"a2 install".to_owned());
    world.answers(true);
    assert!(!has(&world), "it is one");
    world.node("a1").member = None;
    assert!(!has(&world), "who knows?");
    world.node("a1").member = Some(Member::Removed { name: "a1-1".to_owned() });
    assert!(has(&world), "it was removed");
    world.is_silent();
    assert!(!has(&world), "who knows?");
    world.say_removed("a1");
    assert!(has(&world), "somebody says so");
}

#[test]
fn a_former_head_goes_first() {
    let mut world = World::new(0, 1);
    world.spec().control_plane.machines = Some(vec!["a0".to_owned()]);
    world.add_machine("a0");
    world.add_machine("a1");
    world.does(&["a0 install"]);
    world.fail("a0", 3);
    world.spec().control_plane.machines = Some(vec!["a1".to_owned()]);
    world.does(&["a0 Leaving"]);
    assert_eq!(world.waits()["a1"], "WaitingForFormerHead");
    assert_eq!(world.waits()["w0"], "WaitingForFormerHead");
    world.does(&["a0 delete Leaves"]);
    world.does(&[]);
    world.clean();
    world.does(&["a1 install"]);
}

#[test]
fn once_it_runs_no_empty_machine_is_put_at_the_head() {
    let mut world = World::running(1, 1);
    world.inventory.configurations.retain(|live| live.metadata.name.as_deref() != Some("c-a0"));
    world.machine("a0").status.as_mut().unwrap().has_configuration = Some(false);
    world.add_machine("a1");
    world.does(&[]);
    assert_eq!(world.waits().get("a0"), Some(&"HeadLost"));
    world.cluster().metadata.annotations = Some([(REBOOTSTRAP.to_owned(), "a0".to_owned())].into());
    assert_eq!(world.steps().first().unwrap(), "a0 create");
    // Only a person may want that, whatever was rendered.
    let desired = world.desired();
    world.cluster().metadata.annotations = None;
    let observed = Observed::new(&world.inventory, &world.sight);
    let plan = rollout(&world.inventory.clusters[0], &desired, &observed, world.now);
    assert!(plan.waiting.iter().any(|waiting| waiting.reason == WaitReason::HeadLost), "{:?}", plan.waiting);
}

#[test]
fn what_cannot_join_is_named() {
    let mut world = World::new(1, 2);
    world.machine("w1").status.as_mut().unwrap().has_configuration = Some(true);
    assert_eq!(world.waits()["w1"], "AlreadyConfigured");
    world.spec().control_plane.machines = Some(vec!["a7".to_owned(), "a0".to_owned()]);
    assert_eq!(world.waits()["a0"], "HeadAwaited");
}
