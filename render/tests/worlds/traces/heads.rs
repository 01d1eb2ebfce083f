//! The first control plane: replaced, lost, wiped, begun anew.

use nico_crds::names::{LOST, REBOOTSTRAP};

use super::{contents, control_planes, has_configuration, is_overdue, is_settled, runs, world};
use crate::genes::{Act, Edit};
use crate::model::contents::Trait;
use crate::model::nio::By;

#[test]
fn a_list_drops_the_head_before_anything_runs() {
    let setup = world(0, 0).spare(0, 'a').spare(1, 'a').content("a", Trait::Fails(vec![0]));
    let mut script = setup.spec(Edit::ListControlPlanes(vec![0])).begin();
    script.until("the head is overdue", |world| is_overdue(world, 0));
    script.edit(Edit::ListControlPlanes(vec![1]));
    script.until("NIO has cleaned it", |world| super::count(world, "nio: m00 is clean") == 1);
    // That NIO tells of its clean-up as of an apply does not mean that anything ever ran.
    script.assert(has_configuration(&script.world, 0), "it is not let go yet");
    script.world.tick();
    script.until("the other one has a configuration", |world| {
        assert!(!(has_configuration(world, 0) && has_configuration(world, 1)), "never both");
        has_configuration(world, 1)
    });
    script.until_done().ends_well();
    script.assert(script.count("begin anew") == 0, "no person is needed");
}

#[test]
fn a_list_drops_a_late_head_beside_others_that_are_late_too() {
    let setup = world(3, 0).all_at_once().content("a", Trait::Slow(vec![0, 1, 2], 2_755));
    let mut script = setup.spec(Edit::Deadline(600)).begin();
    script.until("all are overdue", |world| (0..3).all(|machine| is_overdue(world, machine)));
    script.edit(Edit::ListControlPlanes(vec![1, 2]));
    script.until("it is gone", |world| !has_configuration(world, 0));
    script.assert(control_planes(&script.world) == ["m01", "m02"], "the others go on without it");
    script.until_done().ends_well();
    script.assert(script.count("creates c0-m00") == 1, "it never comes back");
}

#[test]
fn control_planes_that_never_ran_leave_though_all_fail() {
    let mut script = world(3, 0).all_at_once().content("a", Trait::Fails(vec![0, 1, 2])).begin();
    script.until("all are overdue", |world| (0..3).all(|machine| is_overdue(world, machine)));
    script.edit(Edit::ControlPlanes(1));
    script.until("the head is alone", |world| !has_configuration(world, 1) && !has_configuration(world, 2));
    script.edit(Edit::Ref("z".to_owned())).until_done().ends_well();
}

#[test]
fn a_head_that_was_lost_comes_back() {
    let mut script = world(3, 0).begin();
    script.until_done().act(Act::MarkMachine { machine: 0, key: LOST, value: Some("true") }).passes(600);
    script.assert(control_planes(&script.world) == ["m01", "m02"], "another one is head");
    script.act(Act::MarkMachine { machine: 0, key: LOST, value: None }).until_done();
    script.assert(control_planes(&script.world) == ["m01", "m02", "m00"], "and stays it");
    script.ends_well();
}

#[test]
fn all_that_are_left_were_wiped_again() {
    let mut script = world(3, 0).begin();
    for machine in [1, 2] {
        script.applies(machine, By::Handler, &[(180, false)]).applies(machine, By::Timer, &[(460, false)]);
    }
    script.until("two were wiped again", |world| control_planes(world) == ["m00"]);
    script.act(Act::DeleteConfiguration { machine: 0 }).ends_well();
    script.assert(script.count("lets c0 begin anew") == 1, "a person begins anew on one that is free");
}

#[test]
fn a_list_drops_the_head_of_a_cluster_that_runs() {
    let mut script = world(0, 0).spare(0, 'a').spare(1, 'a').spec(Edit::ListControlPlanes(vec![0])).begin();
    script.until_done().edit(Edit::ListControlPlanes(vec![1]));
    script.until("the other one joins", |world| has_configuration(world, 1)).passes(20_000);
    script.assert(has_configuration(&script.world, 0), "the head stays");
    script.ends_well();
    script.assert(script.count("deletes") == 0, "nobody leaves");
}

#[test]
fn the_machine_of_the_head_is_seen_one_tick_late() {
    let mut script = world(0, 0).spare(1, 'a').spec(Edit::ListControlPlanes(vec![0, 1])).begin();
    script.passes(40);
    script.assert(script.count("creates") == 0, "nothing is made without it");
    script.act(Act::AddMachine { machine: 0, rack: 'a' }).until_done();
    let lines = script.world.told.clone().unwrap();
    let first = lines.iter().find(|line| line.contains("creates c0-")).unwrap();
    script.assert(first.contains("c0-m00"), "the first of the list is the head");
    script.ends_well();
}

#[test]
fn the_machine_object_of_the_head_goes_during_its_first_installation() {
    let mut script = world(1, 1).spare(1, 'a').begin();
    script.applies(0, By::Handler, &[(600, true)]).applies(0, By::Timer, &[(600, true)]);
    script.until("it is being installed", |world| super::wipes(world, 0) > 0).passes(60);
    script.act(Act::DeleteMachine { machine: 0 });
    script.until("another one is head", |world| {
        assert!(!(has_configuration(world, 0) && has_configuration(world, 1)), "never both");
        has_configuration(world, 1)
    });
    script.until_done().ends_well();
    script.assert(script.count("takes NIO's finalizer from c0-m00") == 1, "NIO never lets it go");
}

#[test]
fn the_configuration_of_an_only_head_is_deleted_by_hand() {
    let mut script = world(1, 1).spare(1, 'a').begin();
    script.until_done().act(Act::DeleteConfiguration { machine: 0 });
    script.until("it is gone", |world| !has_configuration(world, 0)).passes(10_000);
    script.assert(
        !has_configuration(&script.world, 0) && !has_configuration(&script.world, 1),
        "no head is made",
    );
    script.act(Act::MarkCluster { cluster: 0, key: REBOOTSTRAP, value: Some("m01") });
    script.until("it begins anew", |world| has_configuration(world, 1));
    script.until_done().ends_well();
}

#[test]
fn a_head_that_is_wiped_again() {
    let mut script = world(3, 0).spare(3, 'a').begin();
    // The timer begins once more on the handler's copy, and is done long after all seemed well.
    script.applies(0, By::Handler, &[(230, false)]).applies(0, By::Timer, &[(100, false), (3_500, false)]);
    script.until("two are settled", |world| is_settled(world, 0) && is_settled(world, 1));
    script.until("the head was wiped again", |world| {
        world.truth.machines["m00"].wipes == 3 && world.now > crate::run::BEGINNING + 3_800
    });
    script.passes(20_000).ends_well();
}

#[test]
fn a_lost_head_is_followed_by_a_settled_one() {
    let mut script = world(3, 1).spare(3, 'a').begin();
    script.until_done().act(Act::Dies { machine: 0 });
    script.passes(300).edit(Edit::Ref("z".to_owned())).passes(10_000);
    script.assert(
        contents(&script.world, 1) == 0 && contents(&script.world, 2) == 0,
        "no control plane beside an unreachable one",
    );
    script.act(Act::MarkMachine { machine: 0, key: LOST, value: Some("true") }).ends_well();
    script.assert(script.count("creates c0-m00") == 1, "it is never made anew");
    script.assert(runs(&script.world, 3, "z"), "another one takes its place, at the end");
}

#[test]
fn all_control_planes_are_lost() {
    let mut script = world(2, 1).begin();
    script.until_done();
    for machine in [0, 1] {
        script.act(Act::Dies { machine }).act(Act::MarkMachine { machine, key: LOST, value: Some("true") });
    }
    script.passes(20_000);
    script.assert(
        script.count("deletes") == 0 && script.count("creates c0-m00") == 1,
        "nothing is made or removed",
    );
    script.ends_well();
}
