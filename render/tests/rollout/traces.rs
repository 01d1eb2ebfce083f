//! Stories that earlier wordings of the rules did not survive, and what must be so whatever happens.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::TEXT;
use nico_render::Health;
use nico_render::rollout::WaitReason;

use crate::world::World;

fn not_ready() -> Health {
    Health::NotReady { why: "KubeletStopped".to_owned() }
}

#[test]
fn an_unreachable_control_plane_lets_no_other_be_touched() {
    for count in [2, 3, 5] {
        let mut world = World::running(count, 0);
        let last = format!("a{}", count - 1);
        world.reachable(&last, false);
        world.content("v2");
        // It may be written to itself: nothing else is unwell.
        world.does(&[&format!("{last} Content")]);
        world.pass(9000);
        world.does(&[]);
        assert_eq!(world.waits()["a0"], "Frozen", "{count}");
        world.content("v3");
        world.does(&[&format!("{last} Content")]);
        assert_eq!(world.waits()["a0"], "WaitingForMachine", "{count}");
    }
}

#[test]
fn a_content_that_breaks_the_nodes_of_both_control_planes_is_replaced_one_by_one() {
    let mut world = World::running(2, 0);
    for name in ["a0", "a1"] {
        world.health(name, Health::Ready);
    }
    world.content("bad");
    world.does(&["a0 Content"]);
    world.pass(100);
    world.apply("a0");
    world.pass(150);
    world.health("a0", not_ready());
    world.does(&[]);
    // The other one was broken by something else.
    world.health("a1", not_ready());
    world.content("v2");
    world.does(&["a0 Content"]);
    world.does(&[]);
    assert_eq!(world.waits()["a1"], "WaitingForMachine");
    world.pass(100);
    world.apply("a0");
    world.health("a0", Health::Ready);
    world.pass(150);
    world.does(&["a1 Content"]);
}

#[test]
fn two_workers_that_failed_together_are_mended_one_after_the_other() {
    let mut world = World::running(1, 3);
    world.rollout().max_unavailable = Some(IntOrString::Int(2));
    world.content("bad");
    world.does(&["w0 Content", "w1 Content"]);
    world.fail("w0", 3);
    world.fail("w1", 3);
    // Attempts of both began after their content was written.
    let started = world.annotation("w1", crate::world::PROGRESS).unwrap();
    world.annotate("w0", crate::world::PROGRESS, &started);
    world.rollout().max_unavailable = Some(IntOrString::Int(1));
    world.content("v2");
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine");
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&["w1 Content"]);
    world.pass(100);
    world.apply("w1");
    world.pass(150);
    world.does(&["w2 Content"]);
}

#[test]
fn a_blip_on_a_settled_worker_while_another_one_is_overdue() {
    let mut world = World::running(1, 3);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    world.content("v2");
    world.blip("w1");
    world.reachable("w1", false);
    // What is overdue waits for nobody.
    world.does(&["w0 Content"]);
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    world.does(&["w1 Content"]);
    world.reachable("w1", true);
    world.pass(100);
    world.apply("w1");
    world.pass(150);
    world.does(&["w2 Content"]);
}

#[test]
fn a_healthy_control_plane_loses_its_machine_object_while_another_one_is_dead() {
    let mut world = World::running(3, 0);
    world.reachable("a1", false);
    world.delete_machine("a2");
    // It runs on, and the others need it: nothing goes by itself.
    world.does(&[]);
    assert_eq!(world.waits()["a2"], "MemberNotRemoved");
    assert_eq!(world.waits()["a0"], "WaitingForMachine");
    world.mark_lost("a1");
    world.does(&[]);
    world.say_removed("a1");
    world.does(&["a1 delete Lost"]);
    world.clean();
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "WaitingForMember");
    world.say_removed("a2");
    world.does(&["a0 Content", "a2 delete Lost"]);
}

#[test]
fn a_worker_that_fails_and_is_scaled_away_in_the_same_edit() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    world.spec().data_plane.get_or_insert_default().machines = Some(vec!["w1".to_owned()]);
    world.content("v2");
    world.does(&["w1 Content", "w0 Leaving"]);
    world.does(&["w0 delete Leaves"]);
}

#[test]
fn a_list_that_drops_the_head_of_a_cluster_that_runs() {
    let mut world = World::running(2, 0);
    world.spec().control_plane.machines = Some(vec!["a1".to_owned()]);
    world.does(&[]);
    let members = world.desired().members;
    let names: Vec<_> = members.iter().map(|member| member.machine.as_str()).collect();
    assert_eq!(names, ["a0", "a1"], "it stays, listed");
}

#[test]
fn the_heads_machine_is_seen_one_tick_late() {
    let mut world = World::new(2, 1);
    world.spec().control_plane.machines = Some(vec!["a0".to_owned(), "a1".to_owned()]);
    let machine = world.machine("a0").clone();
    world.delete_machine("a0");
    world.does(&[]);
    assert_eq!(world.waits()["a1"], "HeadAwaited");
    world.inventory.machines.push(std::sync::Arc::new(machine));
    world.does(&["a0 install"]);
}

#[test]
fn the_mending_fails_too() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    world.content("worse");
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["w1"], "WaitingForMachine", "it is tried on the one that has failed");
    world.fail("w0", 3);
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "Frozen");
    world.content("v2");
    world.does(&["w0 Content"]);
}

#[test]
fn one_control_plane_grows_to_two_while_a_content_breaks_the_api() {
    let mut world = World::running(1, 0);
    world.rollout().require_node_health = Some(RequireNodeHealth::Always);
    world.health("a0", Health::Ready);
    world.add_machine("a1");
    world.counts(2, 0);
    world.does(&["a1 install"]);
    world.health("a1", Health::Unknown);
    world.health("a0", Health::Unknown);
    world.pass(5000);
    world.content("v2");
    // The joining one can only become better, if it is no Node; that cannot be told.
    world.does(&[]);
    let WaitReason::Machine { machine, lacks } = world.reason("a0") else { panic!("another reason") };
    assert_eq!(machine, "a1");
    assert!(lacks.to_string().contains("lost"), "{lacks}");
    assert_eq!(world.waits()["a1"], "HealthUnknown");
    assert!(world.reason("a1").to_string().contains("rollout.requireNodeHealth: Never"));
    // A person says so: by proof alone it goes on.
    for name in ["a0", "a1"] {
        world.health(name, Health::NotAsked);
    }
    world.does(&["a1 Content"]);
}

#[test]
fn a_leaving_control_plane_beside_an_overdue_one() {
    let mut world = World::running(3, 0);
    world.content("bad");
    world.does(&["a0 Content"]);
    world.fail("a0", 3);
    world.counts(2, 0);
    assert_eq!(world.waits()["a2"], "WaitingForQuorum");
    world.content("v2");
    world.does(&["a0 Content"]);
    world.pass(100);
    world.apply("a0");
    world.pass(150);
    // The leaving one counts as it stands, and holds nobody.
    world.does(&["a1 Content"]);
    world.pass(100);
    world.apply("a1");
    world.pass(150);
    world.does(&[]);
    assert_eq!(world.waits()["a2"], "MemberNotRemoved");
}

#[test]
fn a_push_long_after_a_rollout_freezes_nothing() {
    let mut world = World::running(1, 2);
    world.pass(500_000);
    world.apply("w0");
    world.does(&[]);
    assert!(world.waits().is_empty());
    world.pass(30);
    world.content("v2");
    assert_eq!(world.waits()["w0"], "InFlight", "it has to stand still");
    world.pass(30);
    world.does(&["w0 Content"]);
}

/// A rollout of a cluster that is scaled meanwhile, killed after each write.
#[test]
fn killed_after_any_write_it_goes_on_as_if_it_had_not_been() {
    let story = |kill_after: usize| {
        let mut world = World::running(2, 2);
        world.add_machine("w2");
        world.counts(2, 3);
        world.content("v2");
        let (mut all, mut left) = (Vec::new(), Some(kill_after));
        for _ in 0..30 {
            let (wrote, was_killed) = world.tick_until(&mut left);
            all.extend(wrote);
            world.pass(if was_killed { 60 } else { 100 });
            if !was_killed {
                world.apply_all();
                world.pass(200);
            }
        }
        assert_eq!(world.steps(), Vec::<String>::new());
        all.retain(|step| step != "w2 ClearFullInstall");
        all
    };
    let unharmed = story(usize::MAX);
    assert_eq!(
        unharmed,
        ["w2 install", "w0 Content", "w1 Content", "a0 Content", "a1 Content"],
        "each once, one after the other"
    );
    for kill_after in 1..20 {
        assert_eq!(story(kill_after), unharmed, "killed after write {kill_after}");
    }
}

#[test]
fn another_layout_of_the_same_meaning_moves_nobody_in_the_middle_of_a_rollout() {
    let mut world = World::running(1, 2);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.pass(100);
    world.apply("w0");
    world.pass(150);
    let steps = world.steps();
    // Another version of this program wrote them otherwise.
    for name in ["a0", "w0", "w1"] {
        let file = &mut world.nc(name).spec.additional_files[0];
        file.inline = file.inline.as_ref().map(|text| format!("# Otherwise.\n{text}"));
        let hash = nico_render::files::hash(&world.nc(name).spec.additional_files).unwrap();
        world.annotate(name, TEXT, &hash);
        world.nc(name).status.as_mut().unwrap().additional_files_hash = Some(hash);
        world.handle(name);
    }
    assert_eq!(world.steps(), steps);
}
