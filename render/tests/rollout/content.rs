//! Rule 3: new content, by budgets, roles and order.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::cluster::RolloutOrder;
use nico_crds::names::{CONFIRM_AT, WRITTEN_AT};
use nico_render::Health;
use nico_render::rollout::{Shortcoming, WaitReason};

use crate::world::{Spoil, World};

/// Applies what was written, as it goes on, and tells who was written to with whom.
fn waves(world: &mut World) -> Vec<String> {
    let mut waves = Vec::new();
    for _ in 0..20 {
        let wave = world.tick();
        world.pass(100);
        world.apply_all();
        world.pass(149);
        assert_eq!(
            world.steps(),
            Vec::<String>::new(),
            "minReadySeconds and half as long again are not over"
        );
        world.pass(1);
        if wave.is_empty() {
            return waves;
        }
        waves.push(wave.join(", "));
    }
    panic!("it never ends: {waves:#?}");
}

#[test]
fn workers_one_by_one_then_control_planes_one_by_one() {
    let mut world = World::running(3, 3);
    world.content("v2");
    let expected = ["w0 Content", "w1 Content", "w2 Content", "a0 Content", "a1 Content", "a2 Content"];
    assert_eq!(waves(&mut world), expected);
}

#[test]
fn control_planes_first_where_the_spec_says_so() {
    let mut world = World::running(2, 2);
    world.rollout().order = Some(RolloutOrder::ControlPlaneFirst);
    world.content("v2");
    assert_eq!(waves(&mut world), ["a0 Content", "a1 Content", "w0 Content", "w1 Content"]);
}

#[test]
fn as_many_workers_at_a_time_as_may_be_and_never_more_than_one_control_plane() {
    let pairs =
        ["w0 Content, w1 Content", "w2 Content, w3 Content", "w4 Content", "a0 Content", "a1 Content"];
    let singles =
        ["w0 Content", "w1 Content", "w2 Content", "w3 Content", "w4 Content", "a0 Content", "a1 Content"];
    let cases: [(IntOrString, &[&str]); 5] = [
        (IntOrString::Int(2), &pairs),
        (IntOrString::String("2".to_owned()), &pairs),
        (IntOrString::String("40%".to_owned()), &pairs),
        // Rounded down, and never less than one.
        (IntOrString::String("39%".to_owned()), &singles),
        (IntOrString::String("1%".to_owned()), &singles),
    ];
    for (max_unavailable, expected) in cases {
        let mut world = World::running(2, 5);
        world.rollout().max_unavailable = Some(max_unavailable.clone());
        world.content("v2");
        assert_eq!(waves(&mut world), expected, "{max_unavailable:?}");
    }
}

#[test]
fn it_is_noted_when_it_was_written() {
    let mut world = World::running(1, 0);
    world.content("v2");
    let now = world.now;
    world.does(&["a0 Content"]);
    assert_eq!(world.annotation("a0", WRITTEN_AT), Some(now.to_string()));
    assert_eq!(world.annotation("a0", CONFIRM_AT), None, "it replaced what was delivered");
}

#[test]
fn a_its_own_apply_ends_first() {
    let mut world = World::running(1, 1);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.content("v3");
    for step in ["not delivered", "delivered, not at rest", "not yet still"] {
        world.does(&[]);
        assert_eq!(world.waits()["w0"], "InFlight", "{step}");
        match step {
            "not delivered" => {
                world.pass(100);
                world.deliver("w0");
            }
            _ => world.handle("w0"),
        }
    }
    world.pass(149);
    world.does(&[]);
    world.pass(1);
    world.does(&["w0 Content"]);
}

#[test]
fn a_unless_it_is_overdue() {
    let mut world = World::running(1, 2);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.content("v3");
    world.pass(4200);
    world.does(&[]);
    world.pass(1);
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
}

#[test]
fn a_the_machine_that_is_waited_for_is_named_with_its_times() {
    let mut world = World::running(1, 2);
    world.content("v2");
    let written = world.now;
    world.does(&["w0 Content"]);
    let WaitReason::Machine { machine, lacks: Shortcoming::InFlight(flight) } = world.reason("w1") else {
        panic!("another reason")
    };
    assert_eq!(machine, "w0");
    assert_eq!(flight.since, Some(written));
    assert_eq!(
        flight.until,
        Some(written.checked_add(k8s_openapi::jiff::SignedDuration::from_secs(4200)).unwrap())
    );
    let text = world.reason("w1").to_string();
    world.pass(30);
    assert_eq!(world.reason("w1").to_string(), text, "it is stable over time");
    world.apply("w0");
    world.pass(1);
    assert_eq!(world.waits()["w1"], "MinReadyNotOver");
}

#[test]
fn a_blip_is_unsettled_and_not_in_flight() {
    let mut world = World::running(1, 2);
    world.content("v2");
    world.blip("w0");
    // It is delivered, reachable and not proven: only the unhealthy count against it.
    assert_eq!(world.steps(), ["w0 Content"]);
    world.blip("w1");
    assert_eq!(world.steps(), ["w0 Content"]);
    world.reachable("w1", false);
    world.does(&[]);
    assert_eq!(world.waits()["w0"], "WaitingForMachine");
}

#[test]
fn b_what_counts_against_a_settled_machine() {
    let spoils: [(&str, Spoil, &str); 4] = [
        ("unsettled", |world| world.blip("a1"), "WaitingForMachine"),
        ("unreachable", |world| world.reachable("a1", false), "WaitingForMachine"),
        ("not ready", |world| world.health("a1", not_ready()), "WaitingForMachine"),
        ("unknown", |world| world.health("a1", Health::Unknown), "HealthUnknown"),
    ];
    for (what, spoil, reason) in spoils {
        let mut world = World::running(2, 0);
        spoil(&mut world);
        // The other one goes first here, where it may.
        world.reachable("a0", true);
        world.content("v2");
        let waits = world.waits();
        assert_eq!(waits.get("a0"), Some(&reason), "{what}: {waits:?} {:?}", world.steps());
    }
}

fn not_ready() -> Health {
    Health::NotReady { why: "KubeletStopped".to_owned() }
}

#[test]
fn b_with_more_to_spend_one_of_them_may_be_unwell() {
    let mut world = World::running(1, 3);
    world.rollout().max_unavailable = Some(IntOrString::Int(2));
    world.reachable("w1", false);
    world.content("v2");
    // The unreachable one may be written to itself: it waits for one other only.
    world.does(&["w0 Content", "w1 Content"]);
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    assert_eq!(world.steps(), ["w2 Content"], "one is in flight, and it is the unhealthy one");
    world.blip("w0");
    assert_eq!(world.waits()["w2"], "WaitingForMachine");
}

#[test]
fn b_a_node_that_is_not_ready_can_only_become_better() {
    let mut world = World::running(3, 0);
    for name in ["a0", "a1", "a2"] {
        world.health(name, not_ready());
    }
    world.content("v2");
    assert_eq!(world.steps(), ["a0 Content"], "one at a time all the same");
    // Unreachable exempts nothing, and neither does what cannot be told.
    world.reachable("a0", false);
    assert_eq!(world.steps(), ["a1 Content"]);
    for name in ["a0", "a1", "a2"] {
        world.health(name, Health::Unknown);
    }
    assert_eq!(world.steps(), Vec::<String>::new());
}

#[test]
fn b_an_overdue_control_plane_that_serves_waits_for_the_unhealthy() {
    let overdue = || {
        let mut world = World::running(3, 0);
        world.content("bad");
        world.does(&["a0 Content"]);
        world.fail("a0", 3);
        world.content("v2");
        world
    };
    // Judged by proof alone nobody counts against what is overdue.
    let mut world = overdue();
    world.reachable("a1", false);
    assert_eq!(world.steps(), ["a0 Content"]);
    for (health, expected) in [
        (not_ready(), true),
        (Health::NotAsked, true),
        (Health::Ready, false),
        // It may be Ready: nobody knows.
        (Health::Unknown, false),
    ] {
        world.health("a0", health.clone());
        assert_eq!(world.steps() == ["a0 Content"], expected, "{health:?}");
    }
    // The unsettled do not count against it.
    let mut world = overdue();
    world.blip("a1");
    world.health("a0", Health::Ready);
    assert_eq!(world.steps(), ["a0 Content"]);
}

#[test]
fn b_an_overdue_worker_waits_for_nobody() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.tick();
    world.fail("w0", 3);
    world.content("v2");
    world.health("w0", Health::Ready);
    world.reachable("w1", false);
    assert_eq!(world.steps(), ["w0 Content"]);
}

#[test]
fn c_a_worker_that_is_behind_holds_the_control_planes() {
    let mut world = World::running(2, 2);
    world.content("v2");
    let WaitReason::EarlierRole { machine, lacks, .. } = world.reason("a0") else { panic!("another reason") };
    assert_eq!((machine.as_str(), lacks), ("w0", Shortcoming::Outdated));
    for name in ["w0", "w1"] {
        world.tick();
        world.pass(100);
        world.apply(name);
        world.pass(150);
    }
    world.blip("w1");
    let WaitReason::EarlierRole { machine, .. } = world.reason("a0") else { panic!("another reason") };
    assert_eq!(machine, "w1", "current, and unsettled");
    // It is NotReady: it can only become better.
    world.health("a1", not_ready());
    assert!(world.steps().contains(&"a1 Content".to_owned()));
}

#[test]
fn c_released_and_joining_workers_hold_nobody() {
    let mut world = World::running(1, 2);
    world.add_machine("w2");
    world.add_machine("w3");
    world.mark_lost("w1");
    world.counts(1, 2);
    let all = world.tick();
    assert!(all.contains(&"w1 delete Lost".to_owned()) && all.contains(&"w2 install".to_owned()), "{all:?}");
    world.settle_but(&["w1", "w2"]);
    assert!(!world.waits().contains_key("a0"), "{:?}", world.plan().waiting);
}

#[test]
fn joining_workers_count_in_nothing() {
    let mut world = World::running(1, 1);
    world.add_machine("w1");
    world.counts(1, 2);
    // The one that joins has the content of the day.
    world.does(&["w1 install", "w0 Content"]);
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&["a0 Content"]);
    world.pass(100);
    world.apply("a0");
    world.pass(150);
    world.content("v2");
    assert_eq!(world.steps(), ["w0 Content"]);
    assert_eq!(world.waits()["w1"], "Installing");
}

#[test]
fn a_joining_control_plane_counts() {
    let mut world = World::running(1, 0);
    world.add_machine("a1");
    world.counts(2, 0);
    world.does(&["a1 install"]);
    assert_eq!(world.waits()["a0"], "WaitingForMachine");
    world.pass(9000);
    assert_eq!(world.waits()["a0"], "Frozen");
}

#[test]
fn what_disturbs_no_machine_waits_for_none() {
    let mut world = World::running(2, 1);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.spec().credentials_ref = Some(nico_crds::cluster::SecretName { name: "git".to_owned() });
    world.does(&["a0 Metadata", "a1 Metadata", "w0 Metadata"]);
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "InFlight", "its handler has to look");
    world.handle("a0");
    assert_eq!(world.waits()["a0"], "WaitingForEarlierRole", "its content waits on");
}

#[test]
fn among_those_that_may_overdue_ones_come_first() {
    let mut world = World::running(1, 3);
    world.rollout().max_unavailable = Some(IntOrString::Int(3));
    world.content("bad");
    world.does(&["w0 Content", "w1 Content", "w2 Content"]);
    world.apply("w0");
    world.apply("w1");
    world.fail("w2", 3);
    world.rollout().max_unavailable = None;
    world.content("v2");
    world.pass(4300);
    assert_eq!(world.steps(), ["w2 Content"]);
    let mut more = world.clone();
    more.rollout().max_unavailable = Some(IntOrString::Int(2));
    assert_eq!(more.steps(), ["w2 Content", "w0 Content"]);
    world.tick();
    world.pass(100);
    world.apply("w2");
    world.pass(150);
    assert_eq!(world.steps(), ["w0 Content"]);
}

#[test]
fn readings_that_are_stale_advance_nothing() {
    let mut world = World::running(1, 2);
    world.content("v2");
    world.does(&["w0 Content"]);
    // The old commit and the old success are still there; the handler has ended, unreachable.
    world.handle("w0");
    world.pass(4000);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
    // A status of other files, as new as it may be.
    world.nc("w0").status.as_mut().unwrap().last_applied_time = Some(world.now.to_string());
    world.pass(100);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
}
