//! Lost machines, and the head.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use nico_crds::names::{REBOOTSTRAP, WRITTEN_AT};
use nico_render::rollout::WaitReason;
use serde_json::{Value, json};

use crate::world::World;

#[test]
fn a_lost_worker_goes_at_once_though_unreachable_and_a_replacement_joins() {
    let mut world = World::running(1, 2);
    world.add_machine("w2");
    world.reachable("w1", false);
    world.mark_lost("w1");
    world.does(&["w2 install", "w0 Content", "w1 delete Lost"]);
    assert_eq!(world.waits()["w1"], "LettingGo");
    world.clean();
    world.machine("w1").status.as_mut().unwrap().has_configuration = Some(true);
    world.settle();
    assert_eq!(world.names(), ["a0", "w0", "w2"]);
    // It returns: it is not free.
    world.reachable("w1", true);
    world.machine("w1").metadata.annotations = None;
    world.counts(1, 3);
    world.does(&[]);
    assert_eq!(world.waits()["w1"], "NotCleaned");
}

#[test]
fn a_worker_whose_machine_object_is_gone_is_lost_and_nio_lets_it_never_go() {
    let mut world = World::running(1, 2);
    world.delete_machine("w1");
    world.does(&["w0 Content", "w1 delete Lost"]);
    world.does(&["w1 release"]);
    assert_eq!(world.names(), ["a0", "w0"]);
}

#[test]
fn a_lost_one_whose_clean_up_fails_for_ever_is_let_go_after_the_deadline() {
    let mut world = World::running(1, 2);
    world.mark_lost("w1");
    world.does(&["w0 Content", "w1 delete Lost"]);
    world.apply("w0");
    world.pass(4200);
    world.does(&["a0 Content"]);
    assert_eq!(world.waits()["w1"], "LettingGo");
    world.pass(1);
    world.does(&["w1 release"]);
}

#[test]
fn a_machine_that_is_cleaned_for_ever_and_not_lost_is_waited_for() {
    let mut world = World::running(1, 2);
    world.counts(1, 1);
    world.tick();
    world.tick();
    world.apply("w0");
    world.pass(9000);
    world.does(&["a0 Content"]);
    assert_eq!(world.waits()["w1"], "LettingGo");
}

#[test]
fn a_lost_control_plane_stays_and_counts_until_it_is_no_member() {
    let mut world = World::running(3, 0);
    world.add_machine("a3");
    world.mark_lost("a2");
    world.does(&[]);
    assert_eq!(world.waits()["a2"], "MemberNotRemoved");
    assert_eq!(world.waits()["a0"], "WaitingForMember");
    assert_eq!(world.waits()["a3"], "WaitingForControlPlane");
    let WaitReason::ControlPlane { machine, .. } = world.reason("a3") else { panic!("another reason") };
    assert_eq!(machine, "a2");
    world.say_removed("a2");
    // The replacement comes after, and then counts like any other.
    world.does(&["a3 install", "a2 delete Lost"]);
    assert_eq!(world.waits()["a0"], "WaitingForMachine");
    world.clean();
    world.install("a3");
    world.settle();
    assert_eq!(world.names(), ["a0", "a1", "a3"]);
}

#[test]
fn a_control_plane_whose_machine_object_comes_back_goes_on() {
    let mut world = World::running(3, 0);
    let machine = world.machine("a2").clone();
    world.delete_machine("a2");
    world.does(&[]);
    world.inventory.machines.push(std::sync::Arc::new(machine));
    world.does(&[]);
    assert!(world.waits().is_empty(), "{:?}", world.waits());
}

#[test]
fn a_leaving_one_that_waits_does_not_hold_it_up() {
    let mut world = World::running(4, 0);
    world.counts(3, 0);
    world.settle();
    assert_eq!(world.waits()["a3"], "MemberNotRemoved");
    world.mark_lost("a2");
    world.say_removed("a2");
    assert!(world.steps().contains(&"a2 delete Lost".to_owned()));
}

#[test]
fn a_lost_head_is_succeeded_by_the_next_settled_one() {
    let mut world = World::running(3, 0);
    world.mark_lost("a0");
    world.blip("a1");
    world.tick();
    let members = world.desired().members;
    assert_eq!(members[0].machine, "a2");
    world.say_removed("a0");
    let all = world.settle();
    assert!(all.contains(&"a0 delete Lost".to_owned()), "{all:?}");
    assert!(!all.iter().any(|step| step.starts_with("a0 ") && step.ends_with("install")), "{all:?}");
    assert_eq!(world.names(), ["a1", "a2"]);
}

#[test]
fn who_was_told_to_be_no_member_succeeds_nobody() {
    let mut world = World::running(3, 0);
    world.tell_members(&[("a0", Some(true)), ("a1", Some(false)), ("a2", None)]);
    world.mark_lost("a0");
    assert_eq!(world.desired().members[0].machine, "a2");
    let mut none = World::running(2, 0);
    none.tell_members(&[("a0", Some(true)), ("a1", Some(false))]);
    none.mark_lost("a0");
    let desired = none.desired();
    assert!(desired.head_lost);
    let told: Vec<_> = desired.diagnostics.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.contains("said of a1 that it is none")), "{told:?}");
    none.tell_members(&[("a0", Some(true)), ("a1", Some(true))]);
    assert_eq!(none.desired().members[0].machine, "a1");
}

/// The head is lost, and the other one is not settled.
fn head_lost() -> World {
    let mut world = World::running(2, 2);
    world.reachable("a0", false);
    world.mark_lost("a0");
    world.blip("a1");
    world
}

#[test]
fn where_nobody_can_succeed_nothing_is_created_or_removed_and_content_goes_on() {
    let mut world = head_lost();
    world.add_machine("w2");
    world.counts(2, 3);
    world.mark_lost("w1");
    world.content("v2");
    world.does(&["w0 Content"]);
    assert!(world.desired().head_lost);
    assert_eq!(world.waits()["w1"], "HeadLost");
    assert_eq!(world.waits()["a0"], "HeadLost");
    let words = world.reason("a0").to_string();
    assert!(words.contains("nico.homystack.com/rebootstrap: <machine>"), "{words}");
    world.content("v3");
    world.settle_but(&["a1"]);
    assert!(world.names().contains(&"a0".to_owned()) && world.names().contains(&"w1".to_owned()));
}

#[test]
fn a_person_lets_it_begin_anew() {
    let mut world = head_lost();
    world.cluster().metadata.annotations = Some([(REBOOTSTRAP.to_owned(), "a1".to_owned())].into());
    world.say_removed("a0");
    world.does(&["w0 Content", "a0 delete Lost"]);
    assert_eq!(world.desired().members[0].machine, "a1");
    world.clean();
    assert!(world.settle().contains(&"a1 Content".to_owned()));
}

#[test]
fn all_control_planes_lost() {
    let mut world = World::running(2, 1);
    for name in ["a0", "a1"] {
        world.reachable(name, false);
        world.mark_lost(name);
    }
    world.add_machine("a2");
    // The head stays listed, the other one not.
    world.does(&["w0 Content"]);
    assert_eq!(world.waits()["a0"], "HeadLost");
    world.cluster().metadata.annotations = Some([(REBOOTSTRAP.to_owned(), "a2".to_owned())].into());
    world.counts(3, 1);
    let members = world.desired().members;
    assert_eq!(members.iter().filter(|member| member.machine == "a2").count(), 1);
    world.does(&["a2 install"]);
}

#[test]
fn an_only_heads_configuration_deleted_by_hand() {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    let mut world = World::running(1, 1);
    let now = world.now;
    world.nc("a0").metadata.deletion_timestamp = Some(Time(now));
    world.does(&[]);
    world.clean();
    world.does(&[]);
    assert_eq!(world.waits()["a0"], "HeadLost");
    world.cluster().metadata.annotations = Some([(REBOOTSTRAP.to_owned(), "a0".to_owned())].into());
    assert_eq!(world.steps().first().unwrap(), "a0 create");
}

#[test]
fn the_heads_machine_is_deleted_during_its_first_installation() {
    let mut world = World::new(1, 0);
    world.does(&["a0 install"]);
    world.add_machine("a1");
    world.delete_machine("a0");
    world.does(&["a0 delete Lost"]);
    assert_eq!(world.waits()["a1"], "WaitingForFormerHead");
    world.does(&["a0 release"]);
    world.does(&["a1 install"]);
}

#[test]
fn a_lost_one_is_never_written_to_nor_waited_for() {
    let mut world = World::running(1, 2);
    world.content("v2");
    world.does(&["w0 Content"]);
    world.mark_lost("w0");
    let wrote = world.tick();
    assert_eq!(wrote, ["w1 Content", "w0 delete Lost"]);
}

#[test]
fn a_control_plane_whose_disk_was_wiped_after_it_was_settled_is_lost_where_another_one_is_whole() {
    let mut world = World::running(3, 1);
    world.tell_settled();
    world.pass(9000);
    world.wipe("a0");
    let members = world.desired().members;
    assert_eq!(members[0].machine, "a1", "as a head it would start a second cluster");
    assert_eq!(world.waits()["a0"], "MemberNotRemoved");
    world.does(&["w0 Content"]);
    // Nobody is settled any more: it is not brought back for that.
    let mut blips = world.clone();
    blips.blip("a1");
    blips.blip("a2");
    assert_eq!(blips.desired().members[0].machine, "a1");
    world.say_removed("a0");
    world.does(&["a0 delete Lost"]);
    assert!(
        world.clone().settle().iter().any(|step| step == "a0 create"),
        "cleaned, it joins as the last one"
    );
}

#[test]
fn where_no_other_one_is_whole_it_stays() {
    let mut world = World::running(2, 0);
    world.tell_settled();
    world.pass(9000);
    let mut alone = world.clone();
    alone.wipe("a0");
    alone.blip("a1");
    assert_eq!(alone.desired().members[0].machine, "a0");
    assert_eq!(alone.steps(), Vec::<String>::new());
    world.wipe("a0");
    world.wipe("a1");
    world.pass(9000);
    assert_eq!(world.desired().members.len(), 2, "both were wiped");
}

#[test]
fn an_installation_that_was_settled_with_is_no_wipe() {
    let mut world = World::new(2, 0);
    world.tick();
    world.install("a0");
    world.tell_settled();
    world.tick();
    world.install("a1");
    world.tell_settled();
    world.pass(9000);
    assert_eq!(world.desired().members.len(), 2);
    // A switch, by a push.
    world.apply("a0");
    world.pass(9000);
    assert_eq!(world.desired().members[0].machine, "a0");
}

/// What the API server holds of who wrote into the status: NICO's two hands, and of the first what it owns.
fn managed(own: &Value) -> Vec<ManagedFieldsEntry> {
    let entry = |manager: &str, fields: &Value| json!({ "manager": manager, "operation": "Apply", "subresource": "status", "fieldsV1": { "f:status": fields } });
    let told = entry("nico-status", &json!({ "f:phase": {} }));
    serde_json::from_value(json!([entry("nico", own), told])).unwrap()
}

/// The order of three control planes whose list is turned round.
fn turned(own: &Value) -> (World, Vec<String>) {
    let mut world = World::running(3, 0);
    world.cluster().metadata.managed_fields = Some(managed(own));
    let status = world.cluster().status.as_mut().unwrap();
    status.selected_control_plane_machines.as_mut().unwrap().reverse();
    let order = world.desired().members.into_iter().map(|member| member.machine).collect();
    (world, order)
}

#[test]
fn a_list_that_somebody_else_wrote_moves_nobody() {
    let only_one = json!({ "f:bootstrapped": {}, "f:selectedDataPlaneMachines": {} });
    for own in [json!({ "f:bootstrapped": {} }), only_one] {
        let (mut world, order) = turned(&own);
        assert_eq!(order, ["a0", "a1", "a2"]);
        assert_eq!(world.tick(), Vec::<String>::new());
        let list = world.cluster().status.as_ref().unwrap().selected_control_plane_machines.clone();
        assert_eq!(list.unwrap(), ["a0", "a1", "a2"], "and it is set right");
    }
}

#[test]
fn a_list_that_nico_wrote_is_the_newer_word() {
    let own = json!({ "f:selectedControlPlaneMachines": {}, "f:selectedDataPlaneMachines": {} });
    assert_eq!(turned(&own).1, ["a2", "a1", "a0"]);
}

#[test]
fn a_time_that_nobody_can_read_is_taken_off() {
    let mut world = World::running(1, 1);
    world.annotate("w0", WRITTEN_AT, "yesterday");
    world.does(&["w0 Metadata"]);
    assert_eq!(world.annotation("w0", WRITTEN_AT), None);
    assert_eq!(world.settle(), Vec::<String>::new());
    assert_eq!(world.waits().len(), 0);
}
