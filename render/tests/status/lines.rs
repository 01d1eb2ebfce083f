//! The lines of the machines: the state, why, since when.

use nico_crds::names::{LOST, WRITTEN_AT};
use nico_render::status::State;

use crate::scene::{
    HANDLED, LATER, Scene, WRITTEN, after, annotate, deleting, handle, line, says, short, state, time,
};

const NOW: &str = "2026-11-01T12:00:00Z";

/// The worker m10, after something happened to it: its state, a part of its reason, since when.
#[track_caller]
fn becomes(spoil: impl FnOnce(&mut Scene), state: &str, reason: &str, since: &str) {
    let mut scene = Scene::settled(3, 2);
    spoil(&mut scene);
    let told = scene.look();
    let line = line(&told, 10);
    assert_eq!((line.state.as_deref(), line.since.as_deref()), (Some(state), Some(since)), "{line:?}");
    let told = line.reason.as_deref().unwrap_or_default();
    assert!(told.contains(reason) && told.is_empty() == reason.is_empty(), "{state}: {told}");
}

/// Nothing was applied yet.
fn begin(scene: &mut Scene, full_install: bool) {
    scene.configuration(10, |live| {
        live.status = None;
        live.spec.full_install = Some(full_install);
        annotate(&mut live.metadata, WRITTEN_AT, "2026-11-01T11:30:00Z");
    });
}

#[test]
fn all_states_have_words_of_their_own() {
    for (place, state) in State::ALL.into_iter().enumerate() {
        assert_eq!(state as usize, place, "in their order, and none is left out");
        assert_eq!(State::from_word(state.word()), Some(state));
    }
    assert_eq!(State::ALL.last(), Some(&State::Settled), "the last is the best");
    assert_eq!(State::from_word("Ready"), None);
}

#[test]
fn what_nio_proves_has_a_word() {
    becomes(|_| {}, "Settled", "", "2026-11-01T00:00:00Z");
    let moved = |scene: &mut Scene| {
        scene.nio_status(10, |status| status.last_applied_time = Some(LATER.to_owned()));
    };
    becomes(moved, "Proven", "it was applied at", NOW);
    let blip = |scene: &mut Scene| scene.nio_status(10, |status| status.applied_commit = None);
    becomes(blip, "Delivered", "NIO has forgotten its commit", NOW);
    let in_flight = |scene: &mut Scene| scene.put_in_flight(10, after(-5));
    becomes(in_flight, "InFlight", "other files", "2026-11-01T11:59:55Z");
    let busy = |scene: &mut Scene| {
        scene.configuration(10, |live| {
            live.metadata.annotations.as_mut().unwrap().remove(HANDLED);
        });
    };
    becomes(busy, "InFlight", "NIO has not handled it yet", NOW);
    let late = |scene: &mut Scene| scene.put_in_flight(10, after(-9000));
    becomes(late, "Overdue", "progressDeadlineSeconds", "2026-11-01T10:40:00Z");
    let garbled =
        |scene: &mut Scene| scene.configuration(10, |live| annotate(&mut live.metadata, HANDLED, "{"));
    becomes(garbled, "Unknown", "cannot be read", NOW);
    becomes(|scene| begin(scene, false), "Joining", "it was never applied", "2026-11-01T11:30:00Z");
}

#[test]
fn what_happens_to_a_machine_has_a_word() {
    becomes(|scene| scene.lose_sight(10), "Unreachable", "NIO cannot log in", NOW);
    let rebooting = |scene: &mut Scene| {
        scene.lose_sight(10);
        begin(scene, true);
    };
    becomes(rebooting, "Installing", "it was never applied", "2026-11-01T11:30:00Z");
    becomes(|scene| scene.annotate_machine(10, LOST), "Lost", "it is marked as lost", NOW);
    let gone = |scene: &mut Scene| {
        scene.world.inventory.machines.retain(|machine| machine.metadata.name.as_deref() != Some("m10"));
    };
    becomes(gone, "Lost", "its Machine is gone", NOW);
    let going = |scene: &mut Scene| scene.configuration(10, |live| deleting(&mut live.metadata));
    becomes(going, "Leaving", "is being cleaned by NIO", "2026-11-01T11:00:00Z");
}

#[test]
fn since_is_since_it_was_first_seen_so() {
    let mut scene = Scene::settled(3, 2);
    scene.lose_sight(10);
    scene.tell();
    let told = scene.at(after(600)).tell();
    assert_eq!(line(&told, 10).since.as_deref(), Some("2026-11-01T12:00:00Z"));
    scene.machine(10, |machine| machine.status.get_or_insert_default().discoverable = Some(true));
    let told = scene.at(after(660)).tell();
    assert_eq!(state(&told, 10), "Delivered", "the commit is still forgotten");
    assert_eq!(line(&told, 10).since.as_deref(), Some("2026-11-01T12:11:00Z"));
}

#[test]
fn a_commit_is_told_only_if_it_is_one() {
    let mut scene = Scene::settled(1, 2);
    let told = scene.look();
    assert_eq!(line(&told, 0).commit.as_deref(), Some("0123456789012345678901234567890123456789"));
    scene.nio_status(10, |status| status.applied_commit = Some("https://user:pass@host".to_owned()));
    scene.nio_status(11, |status| status.applied_commit = None);
    let told = scene.look();
    assert_eq!((&line(&told, 10).commit, &line(&told, 11).commit), (&None, &None));
}

#[test]
fn each_machine_has_one_line() {
    let mut scene = Scene::settled(3, 2);
    scene.spec(|spec| spec.data_plane.as_mut().unwrap().machines = Some(vec!["m11".to_owned()]));
    let told = scene.look();
    let names: Vec<_> = told.machines.iter().flatten().map(|line| line.name.as_str()).collect();
    assert_eq!(names, ["m00", "m01", "m02", "m11", "m10"], "those that leave come last");
    assert_eq!((state(&told, 10), told.data_plane_ready.as_deref()), ("Leaving", Some("1/1")));
    assert_eq!(line(&told, 10).role.as_deref(), Some("worker"));
}

#[test]
fn a_disk_that_will_be_wiped_is_said_loudly() {
    let mut scene = Scene::planned(1, 1);
    scene.cluster(|cluster| cluster.status = None);
    let told = scene.look();
    assert_eq!(state(&told, 10), "Waiting");
    let reason = line(&told, 10).reason.as_deref().unwrap();
    assert!(reason.starts_with("ITS DISK WILL BE WIPED"), "{reason}");
}

/// Settled, then unreachable for a while, as it reboots, then installed anew.
#[test]
fn a_second_installation_after_it_was_settled_is_wiped_again() {
    for (machine, role) in [(1, "control plane"), (10, "worker")] {
        let mut scene = Scene::settled(3, 2);
        let told = scene.tell();
        assert_eq!(line(&told, machine).settled_at.as_deref(), Some("2026-11-01T00:00:00Z"));
        scene.lose_sight(machine);
        let told = scene.tell();
        assert_eq!(state(&told, machine), "Unreachable");
        assert_eq!(line(&told, machine).settled_at.as_deref(), Some("2026-11-01T00:00:00Z"), "remembered");
        scene.machine(machine, |machine| machine.status.get_or_insert_default().discoverable = Some(true));
        scene.world.nio();
        scene.nio_status(machine, |status| {
            status.has_full_install = Some(true);
            status.last_applied_time = Some("2026-11-01T10:00:00Z".to_owned());
        });
        let told = scene.at(after(9000)).tell();
        assert_eq!(
            (state(&told, machine), short(&told, "WipedAgain")),
            ("WipedAgain", "True/Reinstalled".to_owned())
        );
        says(&told, "WipedAgain", &[&format!("m{machine:02} ({role})")]);
        // NIO switches it: the disk stays wiped.
        scene.nio_status(machine, |status| {
            status.has_full_install = Some(false);
            status.last_applied_time = Some("2026-11-01T11:00:00Z".to_owned());
        });
        let told = scene.at(after(9060)).tell();
        assert_eq!(state(&told, machine), "WipedAgain");
        let counts = (told.control_plane_ready.as_deref(), told.data_plane_ready.as_deref());
        // A control plane has lost what made it a member; a worker is what it should be.
        let expected = if machine == 1 { (Some("2/3"), Some("2/2")) } else { (Some("3/3"), Some("2/2")) };
        assert_eq!(counts, expected);
        // It is remembered also while it leaves.
        scene.configuration(machine, |live| deleting(&mut live.metadata));
        let told = scene.tell();
        assert_eq!(
            (state(&told, machine), short(&told, "WipedAgain")),
            ("WipedAgain", "True/Reinstalled".to_owned())
        );
        let reason = line(&told, machine).reason.as_deref().unwrap();
        assert!(reason.contains("its disk was wiped; is being cleaned by NIO"), "{reason}");
        scene.configuration(machine, |live| live.metadata.deletion_timestamp = None);
        assert_eq!(state(&scene.tell(), machine), "WipedAgain");
        // It ends with the configuration.
        scene.configuration(machine, |live| {
            live.metadata.creation_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(time("2026-11-01T11:30:00Z")));
        });
        let told = scene.at(after(9120)).tell();
        assert_eq!((state(&told, machine), short(&told, "WipedAgain")), ("Settled", "-".to_owned()));
    }
}

#[test]
fn the_first_installation_is_not_wiped_again() {
    let mut scene = Scene::planned(1, 0);
    scene.tell();
    scene.write();
    scene.at(time(WRITTEN)).tell();
    scene.world.nio();
    scene.configuration(0, |live| {
        live.spec.full_install = Some(false);
        handle(live);
    });
    for seconds in [0, 60, 120] {
        let told = scene.at(after(seconds)).tell();
        assert_eq!((state(&told, 0), short(&told, "WipedAgain")), ("Settled", "-".to_owned()));
    }
    // Nor is the same time, told more exactly.
    scene.nio_status(0, |status| status.last_applied_time = Some("2026-11-01T00:00:00.5Z".to_owned()));
    assert_eq!(short(&scene.tell(), "WipedAgain"), "-");
}
