//! Rule 5: what was written over undelivered content is written once more.

use nico_crds::names::CONFIRM_AT;
use nico_render::rollout::WaitReason;

use crate::world::World;

/// `bad` failed on the one worker, and `v2` was written over it and is settled.
fn mended() -> World {
    let mut world = World::running(1, 1);
    world.content("bad");
    world.tick();
    world.fail("w0", 3);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world
}

fn files(world: &World) -> String {
    world.find("w0").unwrap().spec.additional_files[0].inline.clone().unwrap()
}

#[test]
fn once_nios_time_out_has_passed_with_a_new_revision_and_only_once() {
    let mut world = mended();
    let before = files(&world);
    // The rest goes on meanwhile.
    world.does(&["a0 Content"]);
    world.pass(100);
    world.apply("a0");
    world.pass(7200 - 351);
    world.does(&[]);
    let WaitReason::Confirmation { at } = world.reason("w0") else { panic!("another reason") };
    world.pass(1);
    assert_eq!(at, world.now);
    world.does(&["w0 Confirmation"]);
    let after = files(&world);
    assert_ne!(before, after);
    let revision = |text: &str| text.lines().find(|line| line.contains("revision")).map(str::to_owned);
    assert_ne!(revision(&before), revision(&after));
    assert_eq!(world.annotation("w0", CONFIRM_AT), None);
    assert_eq!(world.settle(), Vec::<String>::new());
    assert_eq!(world.waits().len(), 0);
}

#[test]
fn only_once_it_is_settled() {
    let mut world = mended();
    world.tick();
    world.pass(9000);
    world.apply("a0");
    world.blip("w0");
    world.does(&[]);
    world.apply("w0");
    world.does(&[]);
    assert_eq!(world.waits()["w0"], "InFlight");
    world.pass(9000);
    world.does(&["w0 Confirmation"]);
}

#[test]
fn by_the_same_rules() {
    let mut world = mended();
    world.add_machine("w1");
    world.counts(1, 2);
    world.settle_but(&[]);
    // Two workers now, and it was confirmed meanwhile: once more from the beginning, with company.
    world.content("bad");
    world.tick();
    world.fail("w0", 3);
    world.content("v3");
    world.tick();
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&["w1 Content"]);
    world.pass(100);
    world.apply("w1");
    world.pass(9000);
    let mut unhealthy = world.clone();
    unhealthy.reachable("w1", false);
    unhealthy.apply("a0");
    assert_eq!(unhealthy.waits()["w0"], "WaitingForMachine");
    assert!(world.steps().contains(&"w0 Confirmation".to_owned()));
    let mut paused = world;
    paused.spec().paused = Some(true);
    assert_eq!(paused.steps(), Vec::<String>::new());
}

#[test]
fn what_replaces_delivered_content_inherits_what_is_pending() {
    let mut world = mended();
    let at = world.annotation("w0", CONFIRM_AT);
    assert!(at.is_some());
    world.content("v3");
    world.does(&["w0 Content"]);
    assert_eq!(world.annotation("w0", CONFIRM_AT), at);
    world.pass(100);
    world.apply("w0");
    assert!(world.settle().contains(&"w0 Confirmation".to_owned()));
}

#[test]
fn a_new_failure_begins_anew() {
    let mut world = mended();
    let first = world.annotation("w0", CONFIRM_AT);
    world.content("worse");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    world.content("v3");
    world.does(&["w0 Content"]);
    assert!(world.annotation("w0", CONFIRM_AT) > first);
}

#[test]
fn a_note_that_cannot_be_read_is_no_reason_never_to_confirm() {
    let mut world = mended();
    world.annotate("w0", CONFIRM_AT, "tomorrow");
    world.does(&["a0 Content"]);
    assert_eq!(world.waits()["w0"], "ConfirmationPending");
    world.pass(100);
    world.apply("a0");
    world.pass(7600);
    world.does(&["w0 Confirmation"]);
}

#[test]
fn an_old_content_that_ends_after_the_new_one_was_proven_advances_nothing() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.tick();
    let bad = world.find("w0").unwrap().spec.clone();
    world.fail("w0", 3);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.pass(40);
    world.apply("w0");
    world.pass(50);
    assert_eq!(world.waits()["w1"], "MinReadyNotOver");
    // The timer's apply of the old one ends: the status goes back, with success.
    let good = world.find("w0").unwrap().spec.clone();
    world.nc("w0").spec = bad;
    world.deliver("w0");
    world.nc("w0").spec = good;
    world.does(&["w0 Nudge"]);
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
    world.apply("w0");
    world.pass(200);
    world.does(&["w1 Content"]);
}
