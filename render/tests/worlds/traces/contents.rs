//! New contents, and what goes wrong with them.

use super::{contents, is_overdue, is_settled, reasons, runs, wipes, world};
use crate::genes::{Act, Edit};
use crate::model::contents::Trait;
use crate::model::nio::By;

fn to(content: &str) -> Edit {
    Edit::Ref(content.to_owned())
}

#[test]
fn two_control_planes_from_a_to_z() {
    let mut script = world(2, 0).begin();
    script.until_done().edit(to("z"));
    script.until("the head has it", |world| contents(world, 0) == 1);
    script.until("the other one has it", |world| {
        assert!(contents(world, 1) == 0 || is_settled(world, 0));
        contents(world, 1) == 1
    });
    script.until_done().ends_well();
    script.assert(
        contents(&script.world, 0) == 1 && contents(&script.world, 1) == 1,
        "each is written to once",
    );
}

#[test]
fn two_control_planes_whose_nodes_b_breaks() {
    let mut script = world(2, 0).content("b", Trait::Breaks(vec![0, 1])).asks().spec(Edit::NeverAsk).begin();
    script.until_done().edit(to("b")).until_done();
    script.edit(Edit::AlwaysAsk).edit(to("z"));
    script.until("both run z", |world| runs(world, 0, "z") && runs(world, 1, "z"));
    script.until_done().ends_well();
}

#[test]
fn two_workers_that_fail_are_mended_one_by_one() {
    let setup =
        world(1, 2).content("b", Trait::Fails(vec![10, 11])).spec(Edit::MaxUnavailable("2".to_owned()));
    let mut script = setup.begin();
    script.until_done().edit(to("b"));
    script.until("both are overdue", |world| is_overdue(world, 10) && is_overdue(world, 11));
    script.passes(10_000);
    script.assert(contents(&script.world, 0) == 0, "the control plane is not touched: the rollout is frozen");
    script.edit(Edit::MaxUnavailable("1".to_owned())).passes(10_000);
    script.assert(contents(&script.world, 0) == 0, "another budget does not thaw");
    script.edit(to("z"));
    script.until("the first one is mended", |world| {
        assert!(contents(world, 11) == 1 || is_settled(world, 10), "one by one");
        runs(world, 10, "z")
    });
    script.until_done().ends_well();
}

#[test]
fn a_blip_on_a_settled_worker_while_another_is_overdue() {
    let mut script = world(1, 2).content("b", Trait::Fails(vec![10])).begin();
    script.until_done().edit(to("b"));
    script.until("it is overdue", |world| is_overdue(world, 10));
    script.act(Act::Outage { machine: 11, seconds: 150 }).passes(5_000);
    script.assert(is_settled(&script.world, 11), "it recovers by itself");
    script.assert(contents(&script.world, 11) == 0 && contents(&script.world, 0) == 0, "frozen");
    script.edit(to("z")).until_done().ends_well();
}

#[test]
fn a_blip_and_a_push_long_after_a_rollout() {
    let mut script = world(1, 2).begin();
    script.until_done().passes(20_000);
    script.act(Act::Outage { machine: 10, seconds: 150 }).passes(300);
    script.assert(!is_overdue(&script.world, 10), "what was delivered is not overdue");
    script.passes(2_000).act(Act::Push).passes(100);
    script.assert(!is_overdue(&script.world, 10) && !is_overdue(&script.world, 0), "nor after a push");
    script.until_done();
    script.assert(
        (0..12).filter(|machine| contents(&script.world, *machine) > 0).count() == 0,
        "nothing was written",
    );
    script.ends_well();
}

#[test]
fn an_edit_while_a_joiner_installs() {
    let mut script = world(1, 1).begin();
    script.applies(10, By::Handler, &[(900, false)]).applies(10, By::Timer, &[(950, false)]);
    script.until("it is being installed", |world| wipes(world, 10) == 2);
    script.edit(to("z")).until("the head runs it", |world| runs(world, 0, "z"));
    script.assert(contents(&script.world, 10) == 0, "the joiner is left alone");
    script.assert(reasons(&script.world, "m10") == ["Installing"], "and it is said why");
    script.until_done().ends_well();
    script.assert(wipes(&script.world, 10) == 2, "NIO's own doubling, and no more");
    script.assert(contents(&script.world, 10) == 1, "written to once");
}

#[test]
fn a_slow_apply_of_b_ends_after_z_was_proven() {
    let mut script = world(1, 1).switches().begin();
    script.until_done();
    // The handler fails with b three times, and its timer's apply hangs.
    script.applies(10, By::Handler, &[(100, true), (100, true), (100, true), (100, true), (60, false)]);
    script.applies(10, By::Timer, &[(3_000, false)]);
    script.edit(to("b")).until("it is overdue", |world| is_overdue(world, 10));
    script.edit(to("z")).until("z is proven", |world| is_settled(world, 10) && runs(world, 10, "z"));
    script.until("b comes back", |world| runs(world, 10, "b"));
    script.passes(200);
    script.assert(script.count("writes c0-m10 (Nudge") == 1, "a nudge makes NIO look");
    script.until_done().ends_well();
    script.assert(runs(&script.world, 10, "z"), "z in the end");
    script.assert(script.count("writes c0-m10 (Confirmation") == 1, "confirmed once");
    script.assert(contents(&script.world, 0) == 1, "the others once");
}

#[test]
fn z_fails_too() {
    let setup = world(1, 2).content("b", Trait::Fails(vec![10])).content("z", Trait::Fails(vec![10]));
    let mut script = setup.begin();
    script.until_done().edit(to("b")).until("b is overdue", |world| is_overdue(world, 10));
    script.edit(to("z")).until("z is tried", |world| contents(world, 10) == 2);
    script.until("z is overdue", |world| is_overdue(world, 10));
    script.assert(
        contents(&script.world, 11) == 0 && contents(&script.world, 0) == 0,
        "nobody else is touched",
    );
    script.edit(to("y")).until_done().ends_well();
    script.assert(script.count("writes c0-m10 (Confirmation") == 1, "confirmed once, then quiet");
    script.assert(script.count("(Confirmation") == 1, "and nobody else");
}

#[test]
fn back_to_a_after_b_failed_half_way() {
    let mut script = world(1, 2).content("b", Trait::Fails(vec![10])).begin();
    script.until_done().edit(to("b")).until("b is overdue", |world| is_overdue(world, 10));
    script.edit(to("a")).until_done().ends_well();
    script.assert(runs(&script.world, 10, "a"), "restored");
    script.assert(contents(&script.world, 10) == 2, "b, and a again");
    script.assert(script.count("writes c0-m10 (Confirmation") == 1, "and confirmed");
    script.assert(contents(&script.world, 11) == 0 && contents(&script.world, 0) == 0, "no other is touched");
}

#[test]
fn one_control_plane_grows_to_two_while_b_breaks_the_api() {
    let setup = world(1, 0).spare(1, 'a').content("b", Trait::Downs(vec![0])).asks().spec(Edit::AlwaysAsk);
    let mut script = setup.begin();
    script.until_done();
    script.edit(to("b")).edit(Edit::ControlPlanes(2));
    script.until("b is there", |world| runs(world, 0, "b")).passes(8_000);
    script.assert(!super::has_configuration(&script.world, 1), "nobody joins what does not answer");
    script.edit(to("z")).until_done().ends_well();
    script.assert(runs(&script.world, 0, "z") && runs(&script.world, 1, "z"), "both run z");
}

#[test]
fn a_bad_text_over_a_running_installation() {
    let setup =
        world(1, 1).content("b", Trait::Fails(vec![10])).spec(Edit::Deadline(600)).spec(Edit::MinReady(30));
    let mut script = setup.begin();
    // The installation takes longer than the deadline.
    script.applies(10, By::Handler, &[(1_500, false)]).applies(10, By::Timer, &[(1_400, false)]);
    script.until("it is overdue", |world| is_overdue(world, 10));
    script.edit(to("b")).until("b is written over it", |world| contents(world, 10) == 1);
    script.passes(5_000).edit(to("z")).until_done().ends_well();
    script.assert(runs(&script.world, 10, "z"), "z in the end");
}

#[test]
fn a_machine_that_reboots_while_it_is_installed() {
    let mut script = world(1, 1).begin();
    script.applies(10, By::Handler, &[(900, false)]).applies(10, By::Timer, &[(900, false)]);
    script.until("the worker is being installed", |world| wipes(world, 10) > 0).passes(40);
    script.act(Act::Relabel { machine: 10, rack: 'c' });
    script.until("it cannot be reached", |world| {
        world.server.objects.machines["m10"]
            .status
            .as_ref()
            .is_some_and(|status| status.discoverable == Some(false))
    });
    script.passes(100);
    script.assert(script.count("writes c0-m10") == 0, "nothing is written to it");
    script.until("it is installed", |world| runs(world, 10, "a"));
    script.ends_well();
    script.assert(wipes(&script.world, 10) == 2, "NIO's own doubling, and no more");
}

#[test]
fn a_push_that_fails_long_after_the_next_content_was_applied() {
    let mut script = world(1, 0).begin();
    script.until_done().applies(0, By::Timer, &[(1_500, true)]).act(Act::Push).passes(200);
    script.edit(to("z")).until("z is there", |world| runs(world, 0, "z"));
    script.until_done().passes(2_000);
    script.assert(!runs(&script.world, 0, "z") && is_settled(&script.world, 0), "and no status shows it");
    script.ends_well();
    script.assert(script.count("a person misses m00") == 1, "a person does");
}

#[test]
fn a_clearing_while_every_attempt_fails() {
    for begin_anew in [true, false] {
        let setup = world(1, 0).content("b", Trait::Fails(vec![0])).spec(Edit::Deadline(600));
        let mut script = setup.begin();
        script.world.genes.attempts_begin_anew = begin_anew;
        script.applies(0, By::Handler, &[(640, false), (800, true)]);
        script.applies(0, By::Timer, &[(900, false), (540, true)]);
        script.until("it is overdue", |world| is_overdue(world, 0)).edit(to("b"));
        script.until("b is written over it", |world| contents(world, 0) == 1);
        script.until("it is cleared", |world| super::count(world, "(ClearFullInstall") == 1).passes(9_000);
        script.edit(Edit::Trigger("anew".to_owned()));
        script.until("b is written once more", |world| contents(world, 0) == 2).passes(9_000);
        script.edit(to("z")).until("z is written", |world| contents(world, 0) == 3);
        script.until_done().ends_well();
        script.assert(runs(&script.world, 0, "z"), "z in the end");
    }
}
