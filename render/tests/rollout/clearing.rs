//! Rule 1: the clearing of `fullInstall`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use k8s_openapi::jiff::SignedDuration;
use nico_crds::names::{LEAVING, WRITTEN_AT};

use crate::world::{PROGRESS, Spoil, World};

/// The head is being installed, and nothing is known of it yet.
fn installing() -> World {
    let mut world = World::new(1, 1);
    world.does(&["a0 install"]);
    world
}

#[test]
fn at_the_first_evidence_alone_and_nothing_before_it() {
    let mut world = installing();
    world.content("v2");
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "Installing");
    world.pass(300);
    world.deliver("a0");
    world.does(&["a0 ClearFullInstall"]);
    assert_eq!(world.find("a0").unwrap().spec.full_install, Some(false));
}

#[test]
fn one_field_is_written_and_nothing_else() {
    let mut world = installing();
    world.pass(300);
    world.deliver("a0");
    world.content("v2");
    let before = world.find("a0").unwrap().clone();
    assert_eq!(world.waits()["a0"], "WaitingForClearing");
    world.tick();
    let mut after = world.find("a0").unwrap().clone();
    after.spec.full_install = Some(true);
    assert_eq!((before.spec, before.metadata.annotations), (after.spec, after.metadata.annotations));
}

#[test]
fn whatever_else_waits() {
    let spoils: [(&str, Spoil); 5] = [
        ("paused", |world| world.spec().paused = Some(true)),
        ("unreachable", |world| world.reachable("a0", false)),
        ("in deletion", |world| {
            let now = world.now;
            world.nc("a0").metadata.deletion_timestamp = Some(Time(now));
        }),
        ("the cluster is in deletion", |world| {
            let now = world.now;
            world.cluster().metadata.deletion_timestamp = Some(Time(now));
        }),
        ("lost", |world| world.mark_lost("a0")),
    ];
    for (what, spoil) in spoils {
        let mut world = installing();
        world.pass(300);
        world.deliver("a0");
        spoil(&mut world);
        assert_eq!(world.steps().first().map(String::as_str), Some("a0 ClearFullInstall"), "{what}");
    }
}

#[test]
fn while_frozen_too() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.tick();
    world.fail("w0", 3);
    world.counts(1, 3);
    world.add_machine("w2");
    world.does(&["w2 install", "w0 Content"]);
    world.pass(300);
    world.deliver("w2");
    assert_eq!(world.waits()["w1"], "Frozen");
    world.does(&["w2 ClearFullInstall"]);
}

#[test]
fn while_an_installation_may_be_running_nothing_is_corrected() {
    let mut world = installing();
    world.content("v2");
    world.spec().credentials_ref = Some(nico_crds::cluster::SecretName { name: "git".to_owned() });
    world.reachable("a0", false);
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "Installing");
    // It is given up: it may be corrected, and is still to be installed.
    world.reachable("a0", true);
    world.fail("a0", 3);
    world.does(&["a0 Content"]);
    assert_eq!(world.find("a0").unwrap().spec.full_install, Some(true));
}

/// A bad text was written over a failing installation; then the timer's copy of the first one ended well.
fn installed_by_a_copy() -> World {
    let mut world = installing();
    world.fail("a0", 3);
    let copy = world.find("a0").unwrap().spec.clone();
    world.content("bad");
    world.does(&["a0 Content"]);
    let bad = world.nc("a0").spec.clone();
    world.nc("a0").spec = copy;
    world.deliver("a0");
    world.nc("a0").spec = bad;
    world.does(&["a0 ClearFullInstall"]);
    world.content("v2");
    world
}

#[test]
fn no_content_until_the_handler_is_at_rest_with_it() {
    let mut world = installed_by_a_copy();
    // It is overdue, so nothing but the clearing holds it.
    world.pass(4300);
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "WaitingForClearing");
    world.handle("a0");
    assert_eq!(world.steps(), ["a0 Content"]);
}

#[test]
fn or_until_an_attempt_begun_after_it_has_failed() {
    let mut world = installed_by_a_copy();
    let mut anew = world.clone();
    anew.fail("a0", 3);
    assert_eq!(anew.steps(), ["a0 Content"]);
    // Of attempts that began before it, it is counted when the last one can have begun.
    let note = |started: &str, retries: u64, delayed: &str| {
        format!("{{\"started\":\"{started}\",\"delayed\":\"{delayed}\",\"retries\":{retries}}}")
    };
    let cleared = world.now;
    let at = |seconds: i64| cleared.checked_add(SignedDuration::from_secs(seconds)).unwrap().to_string();
    world.pass(9000);
    for (started, retries, due, waits) in [
        (-60, 1, 3660, true),
        (-60, 1, 3661, false),
        (-60, 2, 60, true),
        (-59, 2, 60, false),
        (-179, 3, 60, true),
        (-179, 4, 60, false),
        (1, 0, 9000, true),
    ] {
        world.annotate("a0", PROGRESS, &note(&at(started), retries, &at(due)));
        let waiting = world.waits().get("a0") == Some(&"WaitingForClearing");
        assert_eq!(waiting, waits, "{started} {retries} {due}");
    }
    world.annotate("a0", PROGRESS, &note(&at(-60), 3, &at(60)));
    assert_eq!(world.steps(), ["a0 Content"]);
}

#[test]
fn what_was_never_to_be_installed_waits_for_no_clearing() {
    let mut world = World::new(1, 0);
    world.switch_only();
    world.does(&["a0 create"]);
    world.deliver("a0");
    world.annotate("a0", WRITTEN_AT, "2026-11-24T11:00:00Z");
    world.content("v2");
    world.nc("a0").status.as_mut().unwrap().additional_files_hash = Some("other".to_owned());
    world.pass(4300);
    assert_eq!(world.steps(), ["a0 Content"]);
}

#[test]
fn nothing_is_deleted_before_it_is_cleared() {
    let mut world = installing();
    world.pass(300);
    world.deliver("a0");
    world.cluster().metadata.deletion_timestamp = Some(Time(world.now));
    world.does(&["a0 ClearFullInstall"]);
    world.does(&["a0 delete ClusterDeleted"]);
    let mut leaves = installing();
    leaves.counts(0, 0);
    leaves.fail("a0", 3);
    leaves.deliver("a0");
    leaves.annotate("a0", LEAVING, "2026-11-24T12:00:00Z");
    leaves.does(&["a0 ClearFullInstall"]);
}

#[test]
fn what_is_to_be_cleared_counts_as_in_flight() {
    let mut world = World::new(2, 0);
    world.tick();
    world.pass(100);
    world.apply("a0");
    // NICO was away for long: it is settled, and not cleared.
    world.pass(9000);
    world.does(&["a0 ClearFullInstall"]);
    assert_eq!(world.waits()["a1"], "WaitingForBootstrap");
    world.handle("a0");
    world.does(&["a1 install"]);
}

#[test]
fn that_it_runs_is_remembered_also_while_paused() {
    let mut world = installing();
    world.spec().paused = Some(true);
    world.pass(300);
    world.deliver("a0");
    world.does(&["a0 ClearFullInstall"]);
    let status = world.cluster().status.clone().unwrap();
    assert_eq!(status.bootstrapped, Some(true));
    assert_eq!(status.selected_control_plane_machines, Some(vec!["a0".to_owned()]));
    // Nothing else of it is written.
    world.counts(3, 3);
    assert!(world.plan().steps.is_empty());
}
