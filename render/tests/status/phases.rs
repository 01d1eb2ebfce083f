//! The phases, the numbers, and who keeps what.

use nico_crds::names::LOST;
use nico_crds::status::Phase;
use nico_render::Health;

use crate::scene::{Scene, after, deleting, find, line, says, short, state, time};

#[test]
fn a_new_cluster_is_provisioning() {
    let mut scene = Scene::planned(3, 2);
    let told = scene.tell();
    assert_eq!(told.phase, Some(Phase::Provisioning));
    assert_eq!(told.observed_generation, Some(1));
    assert_eq!(told.control_plane_ready.as_deref(), Some("0/3"));
    assert_eq!(told.data_plane_ready.as_deref(), Some("0/2"));
    assert_eq!(short(&told, "Ready"), "False/Waiting");
    assert_eq!(short(&told, "ControlPlaneReady"), "False/Provisioning");
    assert_eq!(short(&told, "DataPlaneReady"), "False/Waiting");
    assert_eq!(short(&told, "MachinesSelected"), "True/Selected");
    assert_eq!(short(&told, "RolledOut"), "False/WaitingForBootstrap");
    says(&told, "MachinesSelected", &["3 control planes, 2 workers", "m00: its DISK WILL BE WIPED"]);
    let types: Vec<_> = told.conditions.iter().flatten().map(|one| one.type_.as_str()).collect();
    assert_eq!(types, ["Ready", "ControlPlaneReady", "DataPlaneReady", "MachinesSelected", "RolledOut"]);
    for condition in told.conditions.iter().flatten() {
        assert_eq!(condition.last_transition_time.as_deref(), Some("2026-11-01T12:00:00Z"));
        assert_eq!(condition.observed_generation, Some(1));
    }
    let rollout = told.rollout.clone().unwrap();
    assert_eq!((rollout.progress.as_deref(), rollout.current), (Some("0/5"), None));
    assert!(rollout.waiting.unwrap()[0].starts_with("machine m01 waits for the first control plane, m00"));
}

#[test]
fn what_the_applier_remembers_is_not_told() {
    let told = Scene::settled(3, 2).look();
    assert_eq!(nico_render::Memory::remembered(&told), nico_render::Memory::default());
}

#[test]
fn the_control_plane_is_ready_before_the_workers_are() {
    let mut scene = Scene::planned(3, 2);
    scene.tell();
    scene.write();
    scene.world.nio();
    scene.clear_full_install();
    for worker in [10, 11] {
        scene.configuration(worker, |live| live.status = None);
    }
    let told = scene.at(after(60)).tell();
    assert_eq!(told.phase, Some(Phase::ControlPlaneReady));
    assert_eq!(told.control_plane_ready.as_deref(), Some("3/3"));
    assert_eq!(short(&told, "ControlPlaneReady"), "True/AllReady");
    assert_eq!(short(&told, "DataPlaneReady"), "False/Overdue", "late to join: no failure");
    says(&told, "DataPlaneReady", &["m10 (Overdue", "rollout.progressDeadlineSeconds", LOST]);
    let time = |type_: &str| find(&told, type_).unwrap().last_transition_time.clone().unwrap();
    assert_eq!(
        (time("ControlPlaneReady"), time("DataPlaneReady")),
        ("2026-11-01T12:01:00Z".to_owned(), "2026-11-01T12:00:00Z".to_owned())
    );
}

#[test]
fn ready_is_who_is_settled_current_and_healthy() {
    let told = Scene::settled(3, 2).look();
    assert_eq!(told.phase, Some(Phase::Ready));
    for type_ in ["Ready", "ControlPlaneReady", "DataPlaneReady"] {
        assert_eq!(short(&told, type_), "True/AllReady");
    }
    assert_eq!(short(&told, "RolledOut"), "True/Proven");
    says(&told, "RolledOut", &["5 of 5 machines are proven", "01234567", "not the commit", "spec.ref"]);
    let control_plane = told.control_plane.clone().unwrap();
    assert_eq!((control_plane.ready, control_plane.total), (3, 3));
    assert_eq!(control_plane.ready_machines.unwrap(), ["m00", "m01", "m02"]);
    let rollout = told.rollout.clone().unwrap();
    assert_eq!((rollout.progress.as_deref(), rollout.current, rollout.waiting), (Some("5/5"), None, None));
    assert_eq!(told.health_seen, None);
}

#[test]
fn a_cluster_without_workers_is_ready_too() {
    let told = Scene::settled(3, 0).look();
    assert_eq!((told.phase, told.data_plane_ready.as_deref()), (Some(Phase::Ready), Some("0/0")));
    assert_eq!(short(&told, "DataPlaneReady"), "True/NoneWanted");
}

#[test]
fn who_runs_older_content_is_ready_and_the_cluster_is_not() {
    let mut scene = Scene::settled(1, 2);
    scene.spec(|spec| spec.git_ref = Some("release-2".to_owned()));
    let told = scene.tell();
    assert_eq!((told.phase, told.data_plane_ready.as_deref()), (Some(Phase::ControlPlaneReady), Some("2/2")));
    assert_eq!(told.rollout.clone().unwrap().progress.as_deref(), Some("0/3"));
    assert_eq!(short(&told, "Ready"), "False/RollingOut");
    assert_eq!(short(&told, "DataPlaneReady"), "True/AllReady");
    assert!(short(&told, "RolledOut").starts_with("False/"));
    assert_eq!(state(&told, 10), "Settled");
    assert!(line(&told, 10).reason.is_some());
    // It is under way.
    scene.put_in_flight(10, after(-5));
    let told = scene.at(after(30)).tell();
    assert_eq!(state(&told, 10), "InFlight");
    assert_eq!(line(&told, 10).since.as_deref(), Some("2026-11-01T11:59:55Z"));
    assert_eq!(told.rollout.clone().unwrap().current.unwrap(), ["m10"]);
    assert_eq!(short(&told, "Ready"), "False/InFlight");
    assert_eq!(find(&told, "Ready").unwrap().last_transition_time.as_deref(), Some("2026-11-01T12:00:00Z"));
}

#[test]
fn once_ready_never_provisioning_again() {
    for way_there in ["at once", "by a failure", "by an error"] {
        let mut scene = Scene::settled(3, 2);
        match way_there {
            "by a failure" => {
                scene.put_in_flight(1, time("2026-11-01T00:00:00Z"));
                let told = scene.tell();
                assert_eq!(told.phase, Some(Phase::Failed));
            }
            "by an error" => {
                scene.spec(|spec| spec.git_repo = None);
                let told = scene.tell();
                assert_eq!(told.phase, Some(Phase::Failed));
                scene.spec(|spec| spec.git_repo = Some("https://git.example/fleet.git".to_owned()));
            }
            _ => {}
        }
        scene.put_in_flight(1, after(-5));
        for _ in 0..3 {
            let told = scene.tell();
            assert_eq!(told.phase, Some(Phase::ControlPlaneReady), "{way_there}");
            assert_eq!(short(&told, "ControlPlaneReady"), "False/InFlight");
            assert_eq!(told.control_plane_ready.as_deref(), Some("2/3"));
        }
    }
    // A cluster that was never ready is Provisioning after a failure.
    let mut scene = Scene::planned(3, 2);
    scene.spec(|spec| spec.git_repo = None);
    assert_eq!(scene.tell().phase, Some(Phase::Failed));
    scene.spec(|spec| spec.git_repo = Some("https://git.example/fleet.git".to_owned()));
    assert_eq!(scene.tell().phase, Some(Phase::Provisioning));
}

#[test]
fn what_the_python_operator_said_proves_nothing() {
    let mut scene = Scene::planned(3, 2);
    scene.cluster(|cluster| {
        cluster.status = serde_json::from_value(serde_json::json!({
            "phase": "Ready", "controlPlaneReady": "3/3", "kubeconfigSecret": "c0-kubeconfig",
            "conditions": [
                { "type": "Ready", "status": "True", "reason": "AllNodesReady", "lastTransitionTime": "2026-11-24T04:47:22.462731Z" },
                { "type": "KubeconfigAvailable", "status": "True" },
                { "type": "Reconciled", "status": "True" },
            ],
        }))
        .unwrap();
    });
    let told = scene.look();
    assert_eq!((told.phase, told.kubeconfig_secret.as_deref()), (Some(Phase::Provisioning), None));
    assert_eq!(
        (short(&told, "KubeconfigAvailable"), short(&told, "Reconciled")),
        ("-".to_owned(), "-".to_owned())
    );
    assert_eq!(short(&told, "Ready"), "False/Waiting");
}

#[test]
fn what_others_tell_here_stays() {
    let mut scene = Scene::settled(1, 0);
    scene.cluster(|cluster| {
        let status = cluster.status.as_mut().unwrap();
        status.kubeconfig_secret = Some("c0-kubeconfig".to_owned());
        status.health_seen = Some(true);
        for type_ in ["KubeconfigAvailable", "NodesHealthy", "ControlPlaneHealthy"] {
            status.conditions.as_mut().unwrap().push(nico_crds::status::ClusterCondition {
                type_: type_.to_owned(),
                status: Some("True".to_owned()),
                observed_generation: Some(7),
                ..Default::default()
            });
        }
    });
    let told = scene.look();
    assert_eq!((told.kubeconfig_secret.as_deref(), told.health_seen), (Some("c0-kubeconfig"), Some(true)));
    for type_ in ["KubeconfigAvailable", "NodesHealthy", "ControlPlaneHealthy"] {
        let condition = find(&told, type_).unwrap();
        assert_eq!((condition.status.as_deref(), condition.observed_generation), (Some("True"), Some(7)));
    }
}

#[test]
fn an_unreachable_machine_counts_as_not_ready() {
    let mut scene = Scene::settled(3, 2);
    scene.lose_sight(2);
    let told = scene.tell();
    assert_eq!(
        (told.phase, told.control_plane_ready.as_deref()),
        (Some(Phase::ControlPlaneReady), Some("2/3"))
    );
    assert_eq!(short(&told, "ControlPlaneReady"), "False/Unreachable");
    says(&told, "ControlPlaneReady", &["2 of 3 control planes are ready", "m02 (Unreachable", LOST]);
    // Also while NIO has not noticed it on the configuration, or has not looked at all.
    for discoverable in [Some(false), None] {
        let mut scene = Scene::settled(3, 2);
        scene.machine(2, |machine| machine.status.get_or_insert_default().discoverable = discoverable);
        assert_eq!(scene.look().control_plane_ready.as_deref(), Some("2/3"));
    }
}

#[test]
fn a_missing_machine_is_counted() {
    let mut scene = Scene::planned(1, 3);
    scene.machine(12, |machine| machine.status.get_or_insert_default().discoverable = Some(false));
    scene.write();
    scene.world.nio();
    scene.clear_full_install();
    let told = scene.tell();
    assert_eq!((told.phase, told.data_plane_ready.as_deref()), (Some(Phase::ControlPlaneReady), Some("2/3")));
    assert_eq!(short(&told, "MachinesSelected"), "False/TooFewMachines");
    assert_eq!(short(&told, "DataPlaneReady"), "False/TooFewMachines");
    assert_eq!(short(&told, "RolledOut"), "True/Proven");
    assert_eq!(told.rollout.clone().unwrap().progress.as_deref(), Some("3/3"));
    says(
        &told,
        "MachinesSelected",
        &["wanted 3, found 2", "m12: cannot join as worker: it is not discoverable"],
    );
}

#[test]
fn health_counts_once_it_is_asked() {
    let mut scene = Scene::settled(1, 2);
    for machine in [0, 10, 11] {
        scene.health(machine, Health::Ready);
    }
    let told = scene.tell();
    assert_eq!((told.phase, told.health_seen), (Some(Phase::Ready), Some(true)));
    scene.health(10, Health::Unknown);
    scene.health(11, Health::NotReady { why: "KubeletNotReady".to_owned() });
    let told = scene.at(after(60)).tell();
    assert_eq!((told.phase, told.data_plane_ready.as_deref()), (Some(Phase::ControlPlaneReady), Some("0/2")));
    assert_eq!(told.health_seen, Some(true), "once true, true for ever");
    assert_eq!(short(&told, "DataPlaneReady"), "False/NotReady");
    says(
        &told,
        "DataPlaneReady",
        &["m10 (HealthUnknown", "m11 (NotReady: its Node is not Ready: KubeletNotReady"],
    );
    assert!(!crate::scene::message(&told, "DataPlaneReady").contains("trigger"));
    assert_eq!(line(&told, 11).health.as_deref(), Some("NotReady"));
    assert_eq!(line(&told, 0).health.as_deref(), Some("Ready"));
    // For longer than the deadline.
    let told = scene.at(after(60 + 4201)).tell();
    assert_eq!(line(&told, 11).since.as_deref(), Some("2026-11-01T12:01:00Z"));
    says(&told, "DataPlaneReady", &["spec.rollout.trigger", LOST]);
}

#[test]
fn deletion_is_told_from_its_timestamp_on() {
    let mut scene = Scene::settled(3, 2);
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    let told = scene.tell();
    assert_eq!(told.phase, Some(Phase::Deleting));
    assert_eq!(
        (told.control_plane_ready.as_deref(), told.data_plane_ready.as_deref()),
        (Some("3/3"), Some("2/2"))
    );
    for type_ in ["Ready", "MachinesSelected", "RolledOut"] {
        assert_eq!(short(&told, type_), "False/Deleting");
    }
    says(
        &told,
        "Ready",
        &["it is being deleted", "m00, m01, m02, m10, m11", "goes when the workers are gone"],
    );
    assert_eq!(state(&told, 10), "Leaving");
    // Also where it cannot be rendered.
    scene.spec(|spec| spec.git_repo = None);
    assert_eq!(scene.tell().phase, Some(Phase::Deleting));
}

#[test]
fn five_phases_in_one_life() {
    let mut scene = Scene::planned(1, 1);
    let mut phases = vec![scene.tell().phase.unwrap()];
    scene.write();
    scene.world.nio();
    scene.clear_full_install();
    scene.put_in_flight(10, after(-5));
    phases.push(scene.tell().phase.unwrap());
    scene.put_in_flight(10, after(-9000));
    phases.push(scene.tell().phase.unwrap());
    scene.world.nio();
    scene.clear_full_install();
    // It was applied long before it was written, as it seems: it may have taken as long as the deadline.
    scene.configuration(10, |live| {
        crate::scene::annotate(&mut live.metadata, nico_crds::names::WRITTEN_AT, crate::scene::WRITTEN);
    });
    phases.push(scene.tell().phase.unwrap());
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    phases.push(scene.tell().phase.unwrap());
    let all = [Phase::Provisioning, Phase::ControlPlaneReady, Phase::Failed, Phase::Ready, Phase::Deleting];
    assert_eq!(phases, all);
}
