//! What became true or false, and what of it is a warning.

use nico_crds::KubernetesClusterStatus;
use nico_crds::names::LOST;
use nico_render::TokenState;
use nico_render::status::{Transition, transitions};

use crate::scene::{Scene, after, key};

fn short(transitions: &[Transition]) -> Vec<String> {
    let one = |one: &Transition| {
        format!("{}={} {}{}", one.condition, one.status, one.reason, if one.warning { "!" } else { "" })
    };
    transitions.iter().map(one).collect()
}

/// From one telling to the next.
fn next(scene: &mut Scene, change: impl FnOnce(&mut Scene)) -> Vec<String> {
    let before = scene.world.inventory.clusters[0].status.clone().unwrap_or_default();
    change(scene);
    short(&transitions(&before, &scene.tell()))
}

#[test]
fn a_life_is_told_in_events() {
    let mut scene = Scene::planned(3, 1);
    scene.cluster(|cluster| cluster.status = None);
    assert_eq!(next(&mut scene, |_| {}), ["MachinesSelected=True Selected"]);
    let settle = |scene: &mut Scene| {
        scene.write();
        scene.world.nio();
        scene.clear_full_install();
    };
    assert_eq!(
        next(&mut scene, settle),
        [
            "Ready=True AllReady",
            "ControlPlaneReady=True AllReady",
            "DataPlaneReady=True AllReady",
            "RolledOut=True Proven"
        ]
    );
    assert!(next(&mut scene, |_| {}).is_empty());
    assert_eq!(
        next(&mut scene, |scene| scene.put_in_flight(10, after(-5))),
        ["Ready=False InFlight", "DataPlaneReady=False InFlight", "RolledOut=False InFlight"],
        "nothing is wrong"
    );
    let late = |scene: &mut Scene| scene.put_in_flight(1, after(-9000));
    assert_eq!(
        next(&mut scene, late),
        ["ControlPlaneReady=False Overdue!", "QuorumAtRisk=True ControlPlanesOut!"]
    );
    assert_eq!(
        next(&mut scene, |scene| {
            scene.world.nio();
            scene.clear_full_install();
            for machine in [1, 10] {
                scene.configuration(machine, |live| {
                    crate::scene::annotate(
                        &mut live.metadata,
                        nico_crds::names::WRITTEN_AT,
                        crate::scene::WRITTEN,
                    );
                });
            }
        }),
        [
            "Ready=True AllReady",
            "ControlPlaneReady=True AllReady",
            "DataPlaneReady=True AllReady",
            "RolledOut=True Proven",
            "QuorumAtRisk=False NoQuorumAtRisk"
        ]
    );
}

#[test]
fn what_is_wrong_is_a_warning() {
    let mut scene = Scene::settled(1, 1);
    let lose = |scene: &mut Scene| scene.lose_sight(10);
    assert_eq!(
        next(&mut scene, lose),
        ["Ready=False Unreachable!", "DataPlaneReady=False Unreachable!", "RolledOut=False RollingOut"]
    );
    let foreign = |scene: &mut Scene| {
        scene.sight.tokens.insert(key(), TokenState::Foreign);
    };
    assert_eq!(next(&mut scene, foreign), ["Conflict=True ForeignToken!"]);
    let pause = |scene: &mut Scene| scene.spec(|spec| spec.paused = Some(true));
    assert_eq!(next(&mut scene, pause), ["Paused=True Paused"]);
    let mut scene = Scene::settled(1, 1);
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().bootstrapped = Some(true));
    let told = next(&mut scene, |scene| scene.annotate_machine(0, LOST));
    assert!(
        told.contains(&"HeadLost=True HeadLost!".to_owned())
            && told.contains(&"Ready=False HeadLost!".to_owned()),
        "{told:?}"
    );
}

#[test]
fn nothing_came_from_nothing() {
    let nothing = KubernetesClusterStatus::default();
    assert!(transitions(&nothing, &nothing).is_empty());
    let told = Scene::settled(1, 1).look();
    assert!(transitions(&told, &told).is_empty());
}
