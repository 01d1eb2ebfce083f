//! What may end a cluster: the head, the token, the majority.

use nico_crds::names::{LOST, MEMBER_REMOVED, REBOOTSTRAP};
use nico_crds::status::Phase;
use nico_render::TokenState;

use crate::scene::{HANDLED, Scene, after, annotate, deleting, key, says, short};

#[test]
fn a_lost_head_without_successor_fails_the_cluster() {
    let mut scene = Scene::settled(1, 2);
    scene.cluster(|cluster| cluster.status.as_mut().unwrap().bootstrapped = Some(true));
    scene.annotate_machine(0, LOST);
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "HeadLost")), (Some(Phase::Failed), "True/HeadLost".to_owned()));
    assert_eq!(short(&told, "Ready"), "False/HeadLost");
    says(&told, "HeadLost", &["machine m00", REBOOTSTRAP]);
    // A wish that cannot be granted is answered.
    scene.cluster(|cluster| annotate(&mut cluster.metadata, REBOOTSTRAP, "m99"));
    says(&scene.tell(), "HeadLost", &["m99: cannot start the cluster anew"]);
    scene.cluster(|cluster| deleting(&mut cluster.metadata));
    assert_eq!(short(&scene.tell(), "HeadLost"), "-");
}

#[test]
fn a_lost_token_fails_the_cluster_once_it_runs() {
    let mut scene = Scene::settled(1, 1);
    scene.sight.tokens.insert(key(), TokenState::Absent);
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "TokenLost")), (Some(Phase::Failed), "True/TokenLost".to_owned()));
    says(&told, "TokenLost", &["\"c0-join-token\"", "restore it"]);
    // Nobody looks: it stays as it was told.
    scene.sight.tokens.clear();
    assert_eq!(short(&scene.tell(), "TokenLost"), "True/TokenLost");
    scene.sight.tokens.insert(key(), TokenState::Own { guessable: false });
    assert_eq!(short(&scene.tell(), "TokenLost"), "-");
    // Before it runs one is made.
    let mut scene = Scene::planned(1, 1);
    scene.sight.tokens.insert(key(), TokenState::Absent);
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "TokenLost")), (Some(Phase::Provisioning), "-".to_owned()));
}

#[test]
fn a_foreign_token_is_a_conflict() {
    let mut scene = Scene::planned(1, 1);
    scene.sight.tokens.insert(key(), TokenState::Foreign);
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "Conflict")), (Some(Phase::Failed), "True/ForeignToken".to_owned()));
    says(&told, "Conflict", &["\"c0-join-token\"", "remove it"]);
}

#[test]
fn a_guessable_token_is_told() {
    for state in [TokenState::Own { guessable: true }, TokenState::Unclaimed { guessable: true }] {
        let mut scene = Scene::settled(1, 1);
        scene.sight.tokens.insert(key(), state);
        let told = scene.tell();
        assert_eq!(
            (told.phase, short(&told, "TokenGuessable")),
            (Some(Phase::Ready), "True/MadeByFormerOperator".to_owned())
        );
        says(&told, "TokenGuessable", &["\"c0-join-token\"", "can be guessed"]);
    }
    assert_eq!(short(&Scene::settled(1, 1).look(), "TokenGuessable"), "-");
}

#[test]
fn the_majority_is_at_risk_when_one_more_would_take_it() {
    let risk = |control_planes: u8, out: u8| {
        let mut scene = Scene::settled(control_planes, 0);
        (1..=out).for_each(|machine| scene.lose_sight(machine));
        short(&scene.look(), "QuorumAtRisk")
    };
    for (control_planes, out, expected) in [
        (1, 0, "True/TooFewControlPlanes"),
        (2, 0, "True/TooFewControlPlanes"),
        (2, 1, "True/QuorumLost"),
        (3, 0, "-"),
        (3, 1, "True/ControlPlanesOut"),
        (3, 2, "True/QuorumLost"),
        (4, 1, "True/ControlPlanesOut"),
        (5, 1, "-"),
        (5, 2, "True/ControlPlanesOut"),
        (5, 3, "True/QuorumLost"),
    ] {
        assert_eq!(risk(control_planes, out), expected, "{out} of {control_planes}");
    }
}

#[test]
fn a_rollout_alone_puts_no_majority_at_risk() {
    let mut scene = Scene::settled(3, 0);
    scene.put_in_flight(1, after(-5));
    assert_eq!(short(&scene.look(), "QuorumAtRisk"), "-");
    scene.put_in_flight(1, after(-9000));
    let told = scene.look();
    assert_eq!(
        (told.phase, short(&told, "QuorumAtRisk")),
        (Some(Phase::Failed), "True/ControlPlanesOut".to_owned())
    );
}

#[test]
fn a_lost_control_plane_counts_until_it_is_said_to_be_no_member() {
    let mut scene = Scene::settled(3, 0);
    scene.annotate_machine(2, LOST);
    let told = scene.look();
    assert_eq!(short(&told, "QuorumAtRisk"), "True/ControlPlanesOut");
    says(&told, "QuorumAtRisk", &["1 of 3 control planes is out: m02"]);
    scene.configuration(2, |live| annotate(&mut live.metadata, MEMBER_REMOVED, "true"));
    let told = scene.look();
    assert_eq!(short(&told, "QuorumAtRisk"), "True/TooFewControlPlanes");
    says(&told, "QuorumAtRisk", &["with 2 control planes"]);
}

#[test]
fn a_cluster_that_begins_has_no_majority_yet() {
    let mut scene = Scene::planned(3, 0);
    scene.tell();
    scene.write();
    scene.world.nio();
    scene.clear_full_install();
    for machine in [1, 2] {
        scene.configuration(machine, |live| live.status = None);
    }
    assert_eq!(short(&scene.tell(), "QuorumAtRisk"), "-");
}

#[test]
fn an_overdue_machine_fails_the_cluster_and_is_named() {
    let mut scene = Scene::settled(3, 2);
    scene.put_in_flight(10, after(-9000));
    let told = scene.tell();
    assert_eq!((told.phase, short(&told, "Ready")), (Some(Phase::Failed), "False/Overdue".to_owned()));
    says(&told, "Ready", &["m10 (Overdue", "rollout.progressDeadlineSeconds", "spec.rollout.trigger", LOST]);
    assert_eq!(short(&told, "RolledOut"), "False/Overdue");
    // After the third failed attempt, long before the deadline.
    let mut scene = Scene::settled(3, 2);
    scene.put_in_flight(1, after(-300));
    scene.configuration(1, |live| {
        live.metadata.annotations.as_mut().unwrap().remove(HANDLED);
        let note =
            serde_json::json!({ "started": after(-290).to_string(), "retries": 3, "message": "build failed s3cr3t" });
        annotate(
            &mut live.metadata,
            "kopf.zalando.org/unified_nixos_configuration_handler",
            &note.to_string(),
        );
    });
    let told = scene.tell();
    assert_eq!(told.phase, Some(Phase::Failed));
    says(&told, "Ready", &["m01 (Overdue: NIO tried to apply it three times and failed: build failed"]);
    assert!(!serde_json::to_string(&told).unwrap().contains("s3cr3t"));
}
