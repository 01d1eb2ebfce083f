//! Rule 4: frozen, and what thaws.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_render::rollout::WaitReason;

use crate::world::{Spoil, World};

/// `w0` fails on `bad`; two workers may be disturbed at a time.
fn frozen() -> World {
    let mut world = World::running(2, 4);
    world.rollout().max_unavailable = Some(IntOrString::Int(2));
    world.content("bad");
    world.does(&["w0 Content", "w1 Content"]);
    world.fail("w0", 3);
    world.apply("w1");
    world.pass(400);
    world
}

#[test]
fn nobody_else_gets_what_failed() {
    let mut world = frozen();
    world.does(&[]);
    for name in ["w2", "w3", "a0", "a1"] {
        let WaitReason::Frozen { machine, said, .. } = world.reason(name) else { panic!("another reason") };
        assert_eq!(machine, "w0");
        assert_eq!(said.as_deref(), Some("Command failed with exit status 1"));
    }
    let words = world.reason("w2").to_string();
    assert!(words.contains("NIO tried to apply it three times and failed"), "{words}");
    assert!(words.contains("nico.homystack.com/lost: \"true\""), "{words}");
    world.pass(30);
    assert_eq!(world.reason("w2").to_string(), words, "it is stable over time");
}

#[test]
fn after_the_third_attempt_or_the_deadline() {
    for (what, expected) in [("two", false), ("three", true), ("late", true)] {
        let mut world = World::running(1, 2);
        world.content("bad");
        world.does(&["w0 Content"]);
        match what {
            "late" => world.pass(4201),
            "two" => world.fail("w0", 2),
            _ => world.fail("w0", 3),
        }
        let frozen = world.waits()["w1"] == "Frozen";
        assert_eq!(frozen, expected, "{what}");
    }
}

#[test]
fn a_change_of_a_budget_thaws_nothing() {
    let mut world = frozen();
    world.rollout().max_unavailable = Some(IntOrString::String("100%".to_owned()));
    world.does(&[]);
    assert_eq!(world.waits()["w2"], "Frozen");
}

#[test]
fn a_change_of_a_count_or_of_the_inventory_thaws_nothing() {
    let changes: [(&str, Spoil); 3] = [
        ("more", |world| {
            world.add_machine("w4");
            world.counts(2, 5);
        }),
        ("fewer", |world| world.counts(2, 3)),
        ("another address", |world| world.machine("a0").spec.hostname = Some("moved.example".to_owned())),
    ];
    for (what, change) in changes {
        for late in [false, true] {
            let mut world = frozen();
            if late {
                world.pass(9000);
            }
            change(&mut world);
            let wrote = world.tick();
            assert!(
                wrote.contains(&"w0 Content".to_owned()),
                "{what}: it is exempt, and gets the lists: {wrote:?}"
            );
            for step in ["at once", "its attempts begin anew", "much later"] {
                assert_eq!(world.waits()["w2"], "Frozen", "{what}, {late}, {step}");
                let wrote = world.tick();
                let contents = wrote.iter().filter(|step| step.ends_with(" Content")).count();
                assert_eq!(contents, 0, "{what}, {late}, {step}: {wrote:?}");
                match step {
                    "at once" => world.fail("w0", 1),
                    _ => world.pass(9000),
                }
            }
        }
    }
}

#[test]
fn its_delivery_thaws() {
    let mut world = frozen();
    world.apply("w0");
    world.pass(9000);
    // The pair of workers is not yet whole: what was overdue has to stand still.
    assert_eq!(world.steps(), ["w2 Content", "w3 Content"]);
}

#[test]
fn its_release_thaws() {
    let mut lost = frozen();
    lost.mark_lost("w0");
    let wrote = lost.tick();
    assert!(wrote.contains(&"w1 Content".to_owned()), "{wrote:?}");
    // Scaled away by name: the newest, which is another one, stays.
    let mut scaled = frozen();
    let listed = ["w1", "w2", "w3"].map(str::to_owned).to_vec();
    scaled.spec().data_plane.get_or_insert_default().machines = Some(listed);
    let wrote = scaled.tick();
    assert!(
        wrote.contains(&"w0 Leaving".to_owned()) && wrote.contains(&"w1 Content".to_owned()),
        "{wrote:?}"
    );
}

#[test]
fn another_content_thaws_and_goes_to_what_failed_first() {
    let mut world = frozen();
    world.content("v2");
    // As many as may be: the one that failed, and the next one.
    world.does(&["w0 Content", "w1 Content"]);
    assert_eq!(world.waits()["w2"], "WaitingForMachine");
}

#[test]
fn the_old_content_again_is_another_content() {
    let mut world = frozen();
    world.content("v1");
    // A proven, B failing here, back to A: only those that B may have touched are written to.
    let wrote = world.tick();
    assert_eq!(wrote, ["w0 Content", "w1 Content"]);
    world.apply("w1");
    world.apply("w0");
    world.pass(3000);
    assert_eq!(world.settle(), ["w0 Confirmation"]);
}

#[test]
fn an_overdue_control_plane_freezes_too() {
    let mut world = World::running(3, 0);
    world.content("bad");
    world.does(&["a0 Content"]);
    world.fail("a0", 3);
    world.does(&[]);
    assert_eq!(world.waits()["a1"], "Frozen");
}

#[test]
fn what_was_delivered_once_is_never_overdue() {
    // A push breaks everything, long after a rollout.
    let mut world = World::running(1, 2);
    world.pass(100_000);
    world.blip("w0");
    world.content("v2");
    assert_eq!(world.steps(), ["w0 Content"]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
}

#[test]
fn attempts_that_a_faster_clock_noted_before_are_not_the_new_contents() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    // Another replica goes on, a quarter of an hour behind NIO.
    world.pass(-900);
    world.content("good");
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine", "another content thaws");
    world.pass(1100);
    world.fail("w0", 3);
    assert_eq!(world.waits()["w1"], "Frozen", "its own failures count");
}

#[test]
fn a_note_from_a_far_future_defers_no_deadline() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.pass(7200);
    world.fail("w0", 3);
    world.pass(-7200);
    world.content("good");
    world.does(&["w0 Content"]);
    let noted = world.annotation("w0", nico_crds::names::WRITTEN_AT);
    assert_eq!(noted, Some(world.now.to_string()));
}
