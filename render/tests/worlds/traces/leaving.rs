//! Machines that leave, and those that are lost.

use nico_crds::names::{LOST, MEMBER_REMOVED};

use super::{contents, control_planes, has_configuration, is_overdue, runs, world};
use crate::genes::{Act, Edit};
use crate::model::contents::Trait;

fn lost(machine: u8) -> Act {
    Act::MarkMachine { machine, key: LOST, value: Some("true") }
}

#[test]
fn a_healthy_control_planes_machine_object_goes_while_another_is_dead() {
    let mut script = world(3, 0).spare(3, 'a').spare(4, 'a').begin();
    script.until_done().act(Act::Dies { machine: 2 }).passes(600);
    script.act(Act::DeleteMachine { machine: 1 }).passes(10_000);
    script.assert(has_configuration(&script.world, 1), "it may be a member, and stays");
    script.assert(!has_configuration(&script.world, 3), "nobody joins beside them");
    script.ends_well();
}

#[test]
fn a_lost_machine_whose_clean_up_fails_for_ever() {
    let mut script = world(1, 2).spare(12, 'b').begin();
    script.until_done().act(Act::CleanupFails { machine: 11 }).act(lost(11));
    script.until("it is deleted", |world| super::count(world, "deletes c0-m11") == 1);
    script.until("another one takes its place", |world| has_configuration(world, 12));
    script.passes(3_000);
    script.assert(script.count("takes NIO's finalizer") == 0, "NIO has its time");
    script.until("NICO lets it go", |world| super::count(world, "takes NIO's finalizer from c0-m11") == 1);
    script.ends_well();
}

#[test]
fn a_worker_that_fails_is_scaled_away_in_the_same_edit() {
    let mut script = world(1, 2).content("b", Trait::Fails(vec![11])).begin();
    script.until_done().edit(Edit::Ref("b".to_owned())).until("it is overdue", |world| is_overdue(world, 11));
    script.act(Act::Edit { cluster: 0, edit: Edit::Ref("z".to_owned()) });
    script.edit(Edit::Workers(1));
    script.until("it is gone", |world| !has_configuration(world, 11));
    script.until_done().ends_well();
    script.assert(runs(&script.world, 10, "z") && runs(&script.world, 0, "z"), "the others go on");
}

#[test]
fn a_leaving_control_plane_beside_an_overdue_one() {
    let mut script = world(3, 0).content("b", Trait::Fails(vec![1])).begin();
    script.until_done().edit(Edit::Ref("b".to_owned())).until("it is overdue", |world| is_overdue(world, 1));
    script.edit(Edit::ControlPlanes(2)).passes(5_000);
    script.assert(script.count("writes c0-m02 (Leaving") == 0, "nobody leaves beside it");
    script.edit(Edit::Ref("z".to_owned())).until("it is mended", |world| runs(world, 1, "z"));
    script.ends_well();
    script.assert(!has_configuration(&script.world, 2), "then it leaves");
    script.assert(contents(&script.world, 2) == 0, "and gets nothing new before");
}

#[test]
fn a_worker_leaves() {
    let mut script = world(1, 3).begin();
    script.until_done().edit(Edit::Workers(1));
    script.until("both are gone", |world| {
        let going = world
            .server
            .objects
            .configurations
            .values()
            .filter(|live| live.metadata.deletion_timestamp.is_some())
            .count();
        assert!(going <= 1, "one at a time");
        !has_configuration(world, 11) && !has_configuration(world, 12)
    });
    script.until_done().ends_well();
    script.assert(script.count("m11 is clean") == 1 && script.count("m12 is clean") == 1, "they are clean");
}

#[test]
fn a_worker_that_leaves_is_waited_for_while_it_cannot_be_reached() {
    let mut script = world(1, 2).begin();
    script.until_done().act(Act::Outage { machine: 11, seconds: 20_000 }).passes(300);
    script.edit(Edit::Workers(1)).passes(10_000);
    script.assert(has_configuration(&script.world, 11), "NIO would let it go as it is");
    script.until("it is gone", |world| !has_configuration(world, 11)).ends_well();
    script.assert(script.count("m11 is clean") == 1, "it is clean");
}

#[test]
fn a_control_plane_leaves() {
    let mut script = world(3, 0).begin();
    script.until_done().edit(Edit::ControlPlanes(2)).passes(5_000);
    script.assert(script.waits(2) == ["MemberNotRemoved"], "it waits until it is no member");
    script.act(Act::MarkConfiguration { machine: 2, key: MEMBER_REMOVED, value: Some("true") });
    script.until("it is gone", |world| !has_configuration(world, 2));
    script.until_done().ends_well();
}

#[test]
fn a_control_plane_that_was_lost_is_the_last_when_it_comes_back() {
    let mut script = world(3, 0).begin();
    script.until_done().act(lost(1)).passes(600);
    script.assert(control_planes(&script.world) == ["m00", "m02"], "it is out");
    script.act(Act::MarkMachine { machine: 1, key: LOST, value: None }).until_done();
    script.assert(control_planes(&script.world) == ["m00", "m02", "m01"], "appended");
    script.ends_well();
}

#[test]
fn a_lost_worker_and_one_that_returns() {
    let mut script = world(1, 2).spare(12, 'b').begin();
    script.until_done().act(Act::Outage { machine: 11, seconds: 30_000 }).passes(300).act(lost(11));
    script.until("another one takes its place", |world| has_configuration(world, 12));
    script.until("it is gone", |world| !has_configuration(world, 11));
    script
        .act(Act::MarkMachine { machine: 11, key: LOST, value: None })
        .edit(Edit::Workers(3))
        .passes(50_000);
    script.assert(!has_configuration(&script.world, 11), "it was not cleaned, and is not free");
    script.assert(super::wipes(&script.world, 11) == 2, "nor wiped");
}

#[test]
fn an_unreachable_control_plane_keeps_the_others() {
    for control_planes in [2, 3, 5] {
        let mut script = world(control_planes, 0).switches().begin();
        script.until_done().act(Act::Outage { machine: 1, seconds: 20_000 }).passes(300);
        script.edit(Edit::Ref("z".to_owned())).passes(15_000);
        let others = (0..control_planes).filter(|machine| *machine != 1);
        let touched = others.filter(|machine| contents(&script.world, *machine) > 0).count();
        script.assert(touched == 0, "no other control plane is touched");
        script.until_done().ends_well();
    }
}

#[test]
fn an_only_control_plane_that_cannot_be_reached() {
    let mut script = world(1, 0).begin();
    script.until_done().act(Act::Outage { machine: 0, seconds: 20_000 }).passes(300);
    script.edit(Edit::Ref("z".to_owned())).until_done().ends_well();
    script.assert(contents(&script.world, 0) == 1, "written to once");
}
