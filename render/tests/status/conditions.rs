//! The conditions that ask a person, and when their times move.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, Time};
use nico_crds::names::{CLEANUP_FINALIZER, FORCE_DELETE, KOPF_FINALIZER, LOST, MEMBER_REMOVED};
use nico_crds::status::Phase;

use crate::scene::{Scene, after, annotate, deleting, find, line, message, says, short};

fn moved(scene: &Scene, type_: &str) -> String {
    find(&scene.look(), type_).unwrap().last_transition_time.clone().unwrap()
}

#[test]
fn the_time_of_a_condition_moves_with_its_status_alone() {
    let mut scene = Scene::settled(3, 2);
    scene.lose_sight(10);
    assert_eq!(scene.at(after(60)).tell().phase, Some(Phase::ControlPlaneReady));
    assert_eq!(moved(&scene, "DataPlaneReady"), "2026-11-01T12:01:00Z");
    // Another reason, another generation: the same time.
    scene.put_in_flight(10, after(0));
    scene.machine(10, |machine| machine.status.get_or_insert_default().discoverable = Some(true));
    scene.spec(|spec| spec.rollout.get_or_insert_default().min_ready_seconds = Some(61));
    let told = scene.at(after(120)).tell();
    assert_eq!(short(&told, "DataPlaneReady"), "False/InFlight");
    let condition = find(&told, "DataPlaneReady").unwrap();
    assert_eq!(condition.last_transition_time.as_deref(), Some("2026-11-01T12:01:00Z"));
    assert_eq!(condition.observed_generation, Some(2));
    assert_eq!(
        find(&told, "ControlPlaneReady").unwrap().last_transition_time.as_deref(),
        Some("2026-11-01T12:00:00Z")
    );
    assert_eq!(find(&told, "ControlPlaneReady").unwrap().observed_generation, Some(2));
}

#[test]
fn a_time_that_was_told_otherwise_becomes_whole_seconds() {
    for (before, expected) in [
        ("2026-10-01T04:47:22.462731Z", "2026-10-01T04:47:22Z"),
        ("2026-10-01T06:47:22+02:00", "2026-10-01T04:47:22Z"),
        ("yesterday", "2026-11-01T12:00:00Z"),
    ] {
        let mut scene = Scene::settled(1, 0);
        scene.cluster(|cluster| {
            let conditions = cluster.status.as_mut().unwrap().conditions.as_mut().unwrap();
            conditions[0].last_transition_time = Some(before.to_owned());
        });
        assert_eq!(moved(&scene, "Ready"), expected);
    }
}

#[test]
fn paused_is_said() {
    let mut scene = Scene::settled(1, 1);
    scene.spec(|spec| spec.paused = Some(true));
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "Paused")), (Some(Phase::Ready), "True/Paused".to_owned()));
    says(&told, "Paused", &["spec.paused"]);
    scene.spec(|spec| spec.paused = Some(false));
    assert_eq!(short(&scene.tell(), "Paused"), "-");
}

#[test]
fn a_field_that_another_applier_holds_is_a_conflict() {
    let mut scene = Scene::settled(1, 1);
    let uid = scene.world.inventory.configurations[0].metadata.uid.clone().unwrap();
    let theirs = ManagedFieldsEntry {
        manager: Some("argo".to_owned()),
        operation: Some("Apply".to_owned()),
        fields_type: Some("FieldsV1".to_owned()),
        fields_v1: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1(
            serde_json::json!({ "f:spec": { "f:onRemoveFlake": {} } }),
        )),
        ..ManagedFieldsEntry::default()
    };
    let ownership = std::sync::Arc::make_mut(scene.sight.ownership.get_mut(&uid).unwrap());
    ownership.others = vec![theirs];
    scene.configuration(0, |live| {
        live.spec.on_remove_flake = Some("#theirs".to_owned());
        crate::scene::handle(live);
    });
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "Conflict")), (Some(Phase::Failed), "True/Conflict".to_owned()));
    assert_eq!(short(&told, "Ready"), "False/Conflict");
    says(&told, "Conflict", &["argo", "spec.onRemoveFlake", "managedFields"]);
    // Without a plan it cannot be told, and stays.
    scene.unplanned = true;
    assert_eq!(short(&scene.look(), "Conflict"), "True/Conflict");
    scene.unplanned = false;
    std::sync::Arc::make_mut(scene.sight.ownership.get_mut(&uid).unwrap()).others.clear();
    assert_eq!(short(&scene.look(), "Conflict"), "-");
}

#[test]
fn a_name_that_somebody_has_is_a_conflict() {
    let mut scene = Scene::planned(1, 1);
    scene.world.inventory.configurations = vec![std::sync::Arc::new(crate::world::foreign("c0-m10", 3))];
    let told = scene.tell();
    assert_eq!(
        (told.phase, short(&told, "Conflict")),
        (Some(Phase::Provisioning), "True/NameTaken".to_owned())
    );
    says(&told, "Conflict", &["m10", "\"c0-m10\"", "Deployment \"other\""]);
    assert_eq!(short(&told, "MachinesSelected"), "False/TooFewMachines");
}

#[test]
fn a_machine_that_was_not_cleaned_is_named() {
    let mut scene = Scene::settled(1, 2);
    scene.spec(|spec| spec.data_plane.as_mut().unwrap().machines = Some(vec!["m11".to_owned()]));
    scene.world.inventory.configurations.retain(|live| live.metadata.name.as_deref() != Some("c0-m10"));
    let told = scene.tell();
    assert_eq!(short(&told, "NotCleaned"), "True/NotCleaned");
    says(&told, "NotCleaned", &["machine m10", "reinstall-for"]);
}

#[test]
fn deletion_says_for_whom_it_waits() {
    let mut scene = Scene::settled(3, 2);
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    assert_eq!(short(&scene.look(), "DeletionWaiting"), "-", "nobody is waited for");
    scene.lose_sight(10);
    let told = scene.tell();
    assert_eq!(short(&told, "DeletionWaiting"), "True/DeletionWaiting");
    says(&told, "DeletionWaiting", &["machine m10", LOST, FORCE_DELETE]);
    assert!(!message(&told, "DeletionWaiting").contains("m11"));
    scene.spec(|spec| spec.paused = Some(true));
    let told = scene.tell();
    assert_eq!(
        (short(&told, "DeletionWaiting"), short(&told, "Paused")),
        ("True/Paused".to_owned(), "True/Paused".to_owned())
    );
    says(&told, "DeletionWaiting", &["spec.paused", FORCE_DELETE]);
    scene.cluster(|cluster| annotate(&mut cluster.metadata, FORCE_DELETE, "true"));
    assert_eq!(short(&scene.tell(), "DeletionWaiting"), "-");
}

#[test]
fn removal_says_for_whom_it_waits() {
    let mut scene = Scene::settled(3, 2);
    scene.lose_sight(10);
    scene.spec(|spec| {
        spec.control_plane.machines = Some(vec!["m00".to_owned(), "m01".to_owned()]);
        spec.data_plane.as_mut().unwrap().machines = Some(vec!["m11".to_owned()]);
    });
    let told = scene.tell();
    assert_eq!(short(&told, "RemovalWaiting"), "True/Unreachable");
    says(&told, "RemovalWaiting", &["machine m10", LOST, "machine m02", MEMBER_REMOVED]);
    assert!(line(&told, 10).reason.as_deref().unwrap().contains(LOST));
    assert_eq!(short(&told, "RolledOut").split('/').next(), Some("False"));
}

#[test]
fn a_control_plane_that_leaves_says_whom_the_others_wait_for() {
    let mut scene = Scene::settled(4, 0);
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().bootstrapped = Some(true));
    scene.configuration(3, |live| annotate(&mut live.metadata, MEMBER_REMOVED, "true"));
    scene.spec(|spec| spec.control_plane.machines = Some(["m00", "m01", "m02"].map(str::to_owned).into()));
    // The others run without it already.
    let leaving = scene.world.inventory.configurations.iter().find(|live| live.machine() == Some("m03"));
    let leaving = std::sync::Arc::clone(leaving.unwrap());
    scene.write();
    scene.world.inventory.configurations.push(leaving);
    scene.world.nio();
    scene.clear_full_install();
    // Another one cannot be reached: that asks for somebody.
    scene.machine(1, |machine| machine.status.get_or_insert_default().discoverable = Some(false));
    let told = scene.look();
    assert_eq!(short(&told, "RemovalWaiting").split('/').next(), Some("True"), "{:?}", told.rollout);
    says(&told, "RemovalWaiting", &["m03", "m01", LOST]);
    // It is in flight: that passes.
    scene.machine(1, |machine| machine.status.get_or_insert_default().discoverable = Some(true));
    scene.put_in_flight(1, after(-5));
    let told = scene.look();
    assert!(
        told.rollout
            .clone()
            .unwrap()
            .waiting
            .unwrap()
            .iter()
            .any(|waits| waits.contains("machine m03 leaves once"))
    );
    assert_eq!(short(&told, "RemovalWaiting"), "-");
}

#[test]
fn commits_differ_only_after_a_while() {
    let mut scene = Scene::settled(1, 2);
    assert_eq!(short(&scene.tell(), "CommitsDiffer"), "-");
    scene.nio_status(10, |status| status.applied_commit = Some("beef".to_owned()));
    let told = scene.at(after(60)).tell();
    assert_eq!(
        (told.phase, short(&told, "CommitsDiffer")),
        (Some(Phase::Ready), "False/DifferOfLate".to_owned())
    );
    let told = scene.at(after(60 + 4200)).tell();
    assert_eq!(short(&told, "CommitsDiffer"), "False/DifferOfLate", "the last moment");
    assert_eq!(moved(&scene, "CommitsDiffer"), "2026-11-01T12:01:00Z");
    let told = scene.at(after(60 + 4201)).tell();
    assert_eq!(short(&told, "CommitsDiffer"), "True/Differ");
    says(&told, "CommitsDiffer", &["beef on m10", "on m00, m11", "rollout.progressDeadlineSeconds"]);
    assert_eq!(short(&scene.at(after(9000)).tell(), "CommitsDiffer"), "True/Differ");
    scene.nio_status(10, |status| status.applied_commit = None);
    assert_eq!(short(&scene.tell(), "CommitsDiffer"), "-", "what is forgotten differs from nothing");
}

#[test]
fn adoption_says_what_is_out_of_date_and_what_waits() {
    let mut scene = Scene::settled(1, 2);
    // Adopted at this generation, and a worker more was asked for before.
    scene.spec(|spec| spec.data_plane.as_mut().unwrap().machines = Some(vec!["m10".to_owned()]));
    scene.cluster(|cluster| {
        cluster.status.as_mut().unwrap().adopted_generation = cluster.metadata.generation;
    });
    let told = scene.tell();
    assert_eq!(short(&told, "StaleSinceAdoption"), "True/PendingAtAdoption");
    says(&told, "StaleSinceAdoption", &["leaving [m11]", "accept-pending"]);
}

#[test]
fn the_old_operator_is_told_of() {
    let mut scene = Scene::settled(1, 0);
    let entry = ManagedFieldsEntry {
        manager: Some("kopf".to_owned()),
        time: Some(Time(scene.now)),
        ..ManagedFieldsEntry::default()
    };
    scene.cluster(|cluster| {
        cluster.metadata.finalizers = Some(vec![CLEANUP_FINALIZER.to_owned(), KOPF_FINALIZER.to_owned()]);
        cluster.metadata.managed_fields = Some(vec![entry]);
    });
    let told = scene.tell();
    assert_eq!(short(&told, "OldOperatorRunning"), "True/OldOperatorRunning");
    says(&told, "OldOperatorRunning", &["stop it"]);
}

#[test]
fn at_most_ten_are_named() {
    let mut scene = Scene::settled(1, 9);
    for machine in 10..19 {
        scene.lose_sight(machine);
    }
    let told = scene.look();
    says(&told, "DataPlaneReady", &["m18 ("]);
    let mut scene = Scene::planned(1, 12);
    scene.tell();
    let told = scene.look();
    says(&told, "DataPlaneReady", &["m19 (", "; and 2 more"]);
    let waiting = told.rollout.unwrap().waiting.unwrap();
    assert_eq!((waiting.len(), waiting[10].as_str()), (11, "and 2 more"));
    assert!(!told.conditions.iter().flatten().any(|one| one.message.as_ref().unwrap().contains("m20 (")));
}
