//! What cannot be rendered: said, and no total shrinks by it.

use std::sync::Arc;

use nico_crds::status::Phase;

use crate::scene::{Scene, find, says, short, state};

#[test]
fn what_cannot_be_rendered_has_failed_and_keeps_its_numbers() {
    let mut scene = Scene::settled(3, 2);
    scene.spec(|spec| spec.git_repo = None);
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "Ready")), (Some(Phase::Failed), "False/NoGitRepo".to_owned()));
    says(&told, "Ready", &["spec.gitRepo is missing"]);
    assert_eq!(
        (told.control_plane_ready.as_deref(), told.data_plane_ready.as_deref()),
        (Some("3/3"), Some("2/2"))
    );
    assert_eq!(short(&told, "ControlPlaneReady"), "True/AllReady");
    assert_eq!(short(&told, "MachinesSelected"), "Unknown/NoGitRepo");
    assert_eq!(short(&told, "RolledOut"), "Unknown/NoGitRepo");
    assert_eq!(state(&told, 10), "Settled");
    let rollout = told.rollout.clone().unwrap();
    assert_eq!(rollout.progress.as_deref(), Some("0/5"));
    assert!(rollout.waiting.unwrap()[0].contains("spec.gitRepo"));
    assert_eq!(scene.tell(), told);
}

#[test]
fn a_total_never_shrinks_by_an_error() {
    let mut scene = Scene::settled(3, 2);
    // Two were missing before, and what is remembered is lost.
    scene.cluster(|cluster| {
        let status = cluster.status.as_mut().unwrap();
        status.control_plane.as_mut().unwrap().total = 5;
        status.selected_data_plane_machines = None;
    });
    scene.spec(|spec| spec.git_repo = None);
    let told = scene.tell();
    assert_eq!(
        (told.control_plane_ready.as_deref(), told.data_plane_ready.as_deref()),
        (Some("3/5"), Some("0/2"))
    );
    assert_eq!(told.rollout.unwrap().total, 5);
}

#[test]
fn what_only_a_rendering_tells_stays() {
    let mut scene = Scene::settled(1, 2);
    scene.spec(|spec| spec.data_plane.as_mut().unwrap().machines = Some(vec!["m11".to_owned()]));
    scene.world.inventory.configurations.retain(|live| live.metadata.name.as_deref() != Some("c0-m10"));
    let before = scene.tell();
    assert_eq!(short(&before, "NotCleaned"), "True/NotCleaned");
    scene.spec(|spec| spec.git_repo = None);
    let told = scene.tell();
    assert_eq!(find(&told, "NotCleaned"), find(&before, "NotCleaned"));
}

#[test]
fn an_object_that_is_there_twice_is_said() {
    let mut scene = Scene::settled(1, 1);
    let twice = Arc::clone(&scene.world.inventory.machines[0]);
    scene.world.inventory.machines.push(twice);
    let told = scene.look();
    assert_eq!((told.phase, short(&told, "Ready")), (Some(Phase::Failed), "False/ObjectTwice".to_owned()));
}

#[test]
fn a_machine_that_cannot_be_told_is_not_ready() {
    let mut scene = Scene::settled(1, 2);
    scene.world.inventory.machines.retain(|machine| machine.metadata.name.as_deref() != Some("m10"));
    scene.spec(|spec| spec.git_repo = None);
    let told = scene.look();
    assert_eq!((state(&told, 10), told.data_plane_ready.as_deref()), ("Lost", Some("1/2")));
}
