//! What of a status asks something of a person, and in which order.

use std::sync::Arc;

use nico_crds::KubernetesClusterStatus;
use nico_crds::names::LOST;
use nico_crds::status::{ClusterCondition, MachineLine, Phase};
use nico_render::TokenState;
use nico_render::overview::{ClusterOverview, Freshness, overview};
use nico_render::status::Gravity;

use crate::scene::{Scene, after, deleting, key};

/// What is shown after it was told.
fn seen(scene: &mut Scene) -> ClusterOverview {
    scene.tell();
    overview(&scene.world.inventory.clusters[0])
}

/// As `HeadLost/HeadLost Critical`.
fn asks(overview: &ClusterOverview) -> Vec<String> {
    let all = overview.attention.iter();
    all.map(|one| format!("{}/{} {:?}", one.type_, one.reason.as_deref().unwrap_or("-"), one.severity))
        .collect()
}

fn of_status(phase: Phase, conditions: &[(&str, &str, &str, &str)]) -> Vec<String> {
    let condition = |(type_, status, reason, message): &(&str, &str, &str, &str)| ClusterCondition {
        type_: (*type_).to_owned(),
        status: Some((*status).to_owned()),
        reason: Some((*reason).to_owned()),
        message: Some((*message).to_owned()),
        ..ClusterCondition::default()
    };
    let mut scene = Scene::planned(1, 0);
    scene.cluster(|cluster| {
        cluster.status = Some(KubernetesClusterStatus {
            phase: Some(phase),
            conditions: Some(conditions.iter().map(condition).collect()),
            ..KubernetesClusterStatus::default()
        });
    });
    asks(&overview(&scene.world.inventory.clusters[0]))
}

#[test]
fn what_goes_its_way_asks_nothing() {
    let mut scene = Scene::planned(3, 2);
    assert!(asks(&seen(&mut scene)).is_empty(), "it begins");
    let mut scene = Scene::settled(3, 2);
    let all_well = seen(&mut scene);
    assert!(asks(&all_well).is_empty(), "{all_well:#?}");
    assert_eq!(all_well.freshness, Freshness::Current);
    let rollout = all_well.rollout.unwrap();
    assert_eq!((rollout.updated, rollout.total), (5, 5));
    let roles: Vec<_> =
        all_well.roles.iter().map(|role| (&*role.role, role.ready, role.machines.len())).collect();
    assert_eq!(roles, [("control-plane", Some(3), 3), ("worker", Some(2), 2)]);
    assert!(all_well.roles.iter().flat_map(|role| &role.machines).all(|machine| machine.severity.is_none()));
    scene.put_in_flight(10, after(-5));
    assert!(asks(&seen(&mut scene)).is_empty(), "it is applied");
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    let goes = seen(&mut scene);
    assert!(asks(&goes).is_empty() && goes.deleting_since.is_some(), "it goes: {goes:#?}");
}

#[test]
fn the_gravest_comes_first() {
    let mut scene = Scene::settled(3, 2);
    scene.lose_sight(10);
    scene.put_in_flight(1, after(-9000));
    scene.spec(|spec| spec.paused = Some(true));
    let trouble = seen(&mut scene);
    assert_eq!(
        asks(&trouble),
        [
            // It says what Ready says, and more.
            "ControlPlaneReady/Overdue Critical",
            "QuorumAtRisk/ControlPlanesOut Warning",
            "DataPlaneReady/Unreachable Warning",
            "Paused/Paused Note"
        ]
    );
    let of = |name: &str| {
        let mut all = trouble.roles.iter().flat_map(|role| &role.machines);
        all.find(|machine| machine.name == name).and_then(|machine| machine.severity)
    };
    assert_eq!([of("m01"), of("m10"), of("m00")], [Some(Gravity::Critical), Some(Gravity::Warning), None]);
}

#[test]
fn what_two_conditions_say_is_said_once_and_is_as_grave_as_the_graver() {
    let mut scene = Scene::settled(1, 1);
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().bootstrapped = Some(true));
    scene.annotate_machine(0, LOST);
    let told = asks(&seen(&mut scene));
    let expected =
        ["QuorumAtRisk/QuorumLost Critical", "HeadLost/HeadLost Critical", "ControlPlaneReady/Lost Warning"];
    assert_eq!(told, expected);
    let mut scene = Scene::settled(1, 1);
    scene.sight.tokens.insert(key(), TokenState::Foreign);
    assert_eq!(asks(&seen(&mut scene))[0], "Conflict/ForeignToken Critical");
    // Not Failed, it only sums up what is missing.
    let mut scene = Scene::settled(1, 1);
    scene.lose_sight(10);
    let told = asks(&seen(&mut scene));
    assert_eq!(told[0], "DataPlaneReady/Unreachable Warning");
    assert!(!told.iter().any(|one| one.starts_with("Ready/")), "{told:?}");
}

#[test]
fn how_grave_it_is_depends_on_why() {
    for (condition, expected) in [
        (("QuorumAtRisk", "True", "QuorumLost", ""), "Critical"),
        (("QuorumAtRisk", "True", "ControlPlanesOut", ""), "Warning"),
        (("QuorumAtRisk", "True", "TooFewControlPlanes", ""), "Note"),
        (("QuorumAtRisk", "False", "", ""), ""),
        (("ControlPlaneHealthy", "Unknown", "NotAnswering", ""), "Critical"),
        (("ControlPlaneHealthy", "Unknown", "NoKubeconfig", ""), ""),
        (("ControlPlaneHealthy", "False", "NotReady", ""), "Warning"),
        (("NodesHealthy", "False", "Pressure", ""), "Warning"),
        (("NodesHealthy", "True", "AllReady", ""), ""),
        (("KubeconfigAvailable", "True", "Available", ""), ""),
        (("KubeconfigAvailable", "True", "NotRenewed", ""), "Warning"),
        (("KubeconfigAvailable", "False", "WaitingForControlPlane", ""), ""),
        (("KubeconfigAvailable", "False", "HostKeyChanged", ""), "Warning"),
        (("MachinesSelected", "False", "TooFewMachines", ""), "Warning"),
        (("ControlPlaneReady", "False", "Provisioning", ""), ""),
        (("RolledOut", "False", "Overdue", ""), ""),
        (("WipedAgain", "True", "Reinstalled", ""), "Critical"),
        (("TokenGuessable", "True", "MadeByFormerOperator", ""), "Note"),
        (("CommitsDiffer", "False", "DifferOfLate", ""), ""),
        (("CommitsDiffer", "True", "Differ", ""), "Warning"),
        // One that a newer NICO may tell.
        (("MoonIsFull", "False", "NotYet", ""), "Note"),
    ] {
        let told = of_status(Phase::ControlPlaneReady, &[condition]);
        let expected: Vec<_> = Some(expected).filter(|word| !word.is_empty()).into_iter().collect();
        let words: Vec<_> = told.iter().filter_map(|one| Some(one.rsplit_once(' ')?.1)).collect();
        assert_eq!(words, expected, "{condition:?}");
    }
    let silent = ("ControlPlaneHealthy", "Unknown", "NotAnswering", "");
    assert!(of_status(Phase::Deleting, &[silent]).is_empty(), "of a cluster that goes nothing is expected");
    let ready = ("Ready", "False", "NoGitRepo", "there is none");
    assert_eq!(
        of_status(Phase::Failed, &[("MoonIsFull", "True", "", ""), ready]),
        ["Ready/NoGitRepo Critical", "MoonIsFull/ Note"]
    );
}

#[test]
fn what_is_old_is_told_to_be() {
    let mut scene = Scene::planned(1, 1);
    scene.cluster(|cluster| cluster.status = None);
    let cluster = |scene: &Scene| Arc::clone(&scene.world.inventory.clusters[0]);
    assert_eq!(overview(&cluster(&scene)).freshness, Freshness::Untold);
    // The applier remembers something before anything is told.
    let memory = KubernetesClusterStatus { bootstrapped: Some(true), ..KubernetesClusterStatus::default() };
    scene.cluster(|cluster| cluster.status = Some(memory));
    assert_eq!(overview(&cluster(&scene)).freshness, Freshness::Untold);
    assert_eq!(seen(&mut scene).freshness, Freshness::Current);
    scene.spec(|spec| spec.paused = Some(true));
    let behind = overview(&cluster(&scene));
    assert_eq!(
        (behind.freshness, behind.generation, behind.observed_generation),
        (Freshness::Behind, Some(2), Some(1))
    );
    scene.cluster(|cluster| cluster.metadata.generation = Some(0));
    assert_eq!(overview(&cluster(&scene)).freshness, Freshness::Behind, "it was restored from elsewhere");
    scene.cluster(|cluster| cluster.metadata.generation = None);
    assert_eq!(overview(&cluster(&scene)).freshness, Freshness::Current);
}

#[test]
fn whatever_stands_there_is_told_as_it_is() {
    let mut scene = Scene::settled(1, 0);
    let odd = MachineLine {
        name: "odd".to_owned(),
        role: Some("oracle".to_owned()),
        state: Some("Dreaming".to_owned()),
        since: Some("yesterday".to_owned()),
        ..MachineLine::default()
    };
    let bare = MachineLine { name: "bare".to_owned(), ..MachineLine::default() };
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().machines = Some(vec![odd, bare]));
    let told = overview(&scene.world.inventory.clusters[0]);
    let roles: Vec<_> = told.roles.iter().map(|role| (&*role.role, role.machines.len())).collect();
    assert_eq!(roles, [("control-plane", 0), ("worker", 0), ("oracle", 1), ("", 1)]);
    let odd = &told.roles[2].machines[0];
    assert_eq!((odd.severity, odd.since), (Some(Gravity::Warning), None), "what cannot be told is not well");
    assert_eq!(told.roles[3].machines[0].severity, None);
}
