//! What is told of a plan: every write, what it does to its machine, and of every other difference why it
//! waits.

use std::collections::BTreeSet;

use nico_crds::status::MachineLine;
use nico_render::report::{Action, Aim, ClusterReport, report};
use nico_render::workload::{Kind, nodes_as_told};
use nico_render::{ClusterKey, Observed, TokenState, drift};

use crate::asked::{Fate, pod};
use crate::world::{NAMESPACE, Spoil, World};

fn told(world: &World) -> ClusterReport {
    let mut inventory = world.inventory.clone();
    inventory.observed_at = Some(world.now);
    let observed = Observed::new(&inventory, &world.sight);
    report(&inventory.clusters[0], &world.desired(), &observed, &world.plan(), world.now)
}

/// Machine and action of each write to a configuration.
fn now(report: &ClusterReport) -> Vec<String> {
    let items = report.changes.iter().map(|change| &change.item);
    items.filter_map(|item| Some(format!("{} {:?}", item.machine.as_deref()?, item.action))).collect()
}

/// Machine, action and reason of what waits.
fn later(report: &ClusterReport) -> Vec<String> {
    let line = |waits: &nico_render::report::Waits| {
        let item = waits.item.as_ref();
        let machine = item.and_then(|item| item.machine.as_deref()).unwrap_or("-");
        let action = item.map(|item| format!("{:?}", item.action)).unwrap_or_default();
        format!("{machine} {action} {}", waits.reason)
    };
    report.waiting.iter().map(line).collect()
}

#[test]
fn a_new_cluster_wipes_the_head_now_and_everybody_else_later() {
    let report = told(&World::new(2, 1));
    assert_eq!(now(&report), ["a0 Install"]);
    assert_eq!(later(&report), ["a1 Install WaitingForBootstrap", "w0 Install WaitingForBootstrap"]);
    assert!(report.waiting.iter().all(|waits| waits.waits_for.as_deref() == Some("a0")));
    assert_eq!((report.summary.install, report.summary.wait, report.summary.now), (3, 2, 3));
    let orders: Vec<_> = report.changes.iter().map(|change| change.order).collect();
    assert_eq!(orders, [1, 2, 3], "what is remembered is told too");
    assert_eq!(
        report.changes[0].item.fields,
        ["status.selectedControlPlaneMachines", "status.selectedDataPlaneMachines"]
    );
}

#[test]
fn without_installations_no_disk_is_wiped() {
    let mut world = World::new(1, 1);
    world.switch_only();
    let report = told(&world);
    assert_eq!((now(&report), report.summary.install), (vec!["a0 Switch".to_owned()], 0));
    assert!(report.waiting.iter().all(|waits| waits.item.as_ref().is_some_and(|item| !item.wipes_disk)));
}

#[test]
fn new_content_comes_in_this_order_with_these_fields() {
    let mut world = World::running(1, 2);
    assert!(told(&world).is_at_rest());
    world.content("v2");
    let report = told(&world);
    assert_eq!(now(&report), ["w0 Switch"]);
    assert_eq!(later(&report), ["w1 Switch WaitingForMachine", "a0 Switch WaitingForEarlierRole"]);
    for waits in &report.waiting {
        let item = waits.item.as_ref().unwrap();
        assert!(item.fields.contains(&"spec.ref".to_owned()), "{:?}", item.fields);
        assert_eq!((item.aim, waits.waits_for.as_deref()), (Aim::Content, Some("w0")));
    }
    world.tick();
    let report = told(&world);
    let w0 = &report.under_way[0];
    assert_eq!(
        (w0.machine.as_str(), w0.reason, w0.overdue, w0.since),
        ("w0", "InFlight", false, Some(world.now))
    );
    assert_eq!(report.waiting[0].until, w0.until, "it waits until then at the most");
    assert!(w0.until.is_some());
}

#[test]
fn what_disturbs_no_machine_is_told_apart_from_what_does() {
    let mut world = World::running(1, 1);
    world.content("v2");
    // The one that waits loses a label meanwhile.
    world.nc("a0").metadata.labels.as_mut().unwrap().remove("app.kubernetes.io/managed-by");
    let report = told(&world);
    assert_eq!(now(&report), ["a0 Update", "w0 Switch"]);
    let label = "metadata.labels[app.kubernetes.io/managed-by]".to_owned();
    assert_eq!(report.changes[0].item.fields, std::slice::from_ref(&label));
    let waits = report.waiting[0].item.as_ref().unwrap();
    assert!(waits.action == Action::Switch && !waits.fields.contains(&label), "{waits:?}");
}

#[test]
fn a_machine_that_fails_is_named_with_what_nio_said() {
    let mut world = World::running(1, 2);
    world.content("bad");
    world.does(&["w0 Content"]);
    world.fail("w0", 3);
    let report = told(&world);
    let w0 = &report.under_way[0];
    assert!(w0.overdue && w0.reason == "Overdue", "{w0:?}");
    assert!(w0.message.contains("three times") && w0.message.contains("exit status 1"), "{}", w0.message);
    assert_eq!(later(&report), ["a0 Switch Frozen", "w1 Switch Frozen"]);
    assert!(report.waiting.iter().all(|waits| waits.waits_for.as_deref() == Some("w0")));
    let failure = report.failure.unwrap();
    assert!(failure.message.contains("w0"), "{failure:?}");
}

#[test]
fn an_installation_that_failed_wipes_again_with_new_content() {
    let mut world = World::new(1, 0);
    world.tick();
    world.pass(9000);
    world.content("v2");
    let report = told(&world);
    assert_eq!(now(&report), ["a0 Install"]);
    assert_eq!((report.under_way[0].action, report.under_way[0].overdue), (Action::Install, true));
    assert_eq!(report.summary.install, 1);
}

#[test]
fn removals_are_told_from_their_first_write_on() {
    let mut world = World::running(1, 3);
    world.counts(1, 1);
    let report = told(&world);
    assert!(now(&report).contains(&"w1 Remove".to_owned()), "{report:#?}");
    assert!(later(&report).contains(&"w2 Remove WaitingForRemoval".to_owned()), "{report:#?}");
    assert_eq!(report.summary.remove, 2);
}

#[test]
fn what_is_done_about_nodes_is_told_beforehand_and_while_it_lasts() {
    let mut world = World::running(3, 2);
    world.answers(true);
    world.counts(2, 1);
    let message = |report: &ClusterReport, machine: &str| {
        let of = |change: &&nico_render::report::Change| change.item.machine.as_deref() == Some(machine);
        report.changes.iter().find(of).map(|change| change.message.clone()).unwrap_or_default()
    };
    let report = told(&world);
    assert!(message(&report, "w1").contains("cordoned, drained and deleted"), "{report:#?}");
    world.until("a2 Leaving");
    world.runs("a2", vec![pod("front", Kind::Evictable, Fate::Stays)]);
    let report = told(&world);
    assert!(message(&report, "a2").contains("is cordoned"), "{report:#?}");
    assert!(later(&report).contains(&"a2 Remove Draining".to_owned()), "{report:#?}");
    assert!(world.tick().contains(&"a2 cordon".to_owned()));
    let report = told(&world);
    let change = report.changes.iter().find(|change| change.item.machine.as_deref() == Some("a2")).unwrap();
    assert_eq!(
        (change.item.kind, change.item.object.as_str(), change.item.aim),
        ("Node", "a2", Aim::Removal)
    );
    assert!(change.message.contains("shop/front"), "{}", change.message);
    assert!(!report.is_at_rest());
    // Nobody asks the cluster, but what was told of it is known.
    let mut offline = World::running(1, 2);
    let line = |name: &str| MachineLine {
        name: name.to_owned(),
        kubelet: Some("v1.34.1+k3s1".to_owned()),
        ..MachineLine::default()
    };
    offline.cluster().status.get_or_insert_default().machines = Some(["a0", "w0", "w1"].map(line).to_vec());
    offline.counts(1, 1);
    let as_told = nodes_as_told(&offline.inventory.clusters[0], offline.now);
    offline
        .sight
        .as_told
        .insert(ClusterKey { namespace: NAMESPACE.to_owned(), name: "c".to_owned() }, as_told);
    assert!(message(&told(&offline), "w1").contains("cordoned, drained and deleted"));
}

#[test]
fn a_pause_holds_every_difference_and_is_nothing_without_one() {
    let mut world = World::running(1, 2);
    world.spec().paused = Some(true);
    assert!(told(&world).is_at_rest());
    world.content("v2");
    world.counts(1, 1);
    let report = told(&world);
    assert_eq!(now(&report), Vec::<String>::new());
    assert_eq!(later(&report), ["-  Paused", "a0 Switch Paused", "w0 Switch Paused", "w1 Remove Paused"]);
}

#[test]
fn without_a_token_nothing_is_created_and_that_is_said_of_each() {
    let mut world = World::new(1, 0);
    let key = ClusterKey { namespace: NAMESPACE.to_owned(), name: "c".to_owned() };
    world.sight.tokens.insert(key, TokenState::Foreign);
    let report = told(&world);
    assert_eq!(now(&report), Vec::<String>::new());
    assert_eq!(later(&report), ["-  ForeignToken", "a0 Install ForeignToken"]);
}

/// Every configuration that differs is told of, whatever goes on.
#[test]
fn no_difference_is_left_out() {
    let spoils: [(&str, Spoil); 6] = [
        ("content", |world| world.content("v2")),
        ("fewer", |world| world.counts(1, 1)),
        ("lost", |world| world.mark_lost("w0")),
        ("unreachable", |world| {
            world.machine("w1").status.as_mut().unwrap().discoverable = Some(false);
            world.content("v2");
        }),
        ("deleted", |world| {
            let now = world.now;
            world.cluster().metadata.deletion_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now));
        }),
        ("paused", |world| {
            world.spec().paused = Some(true);
            world.counts(1, 1);
        }),
    ];
    for (what, spoil) in spoils {
        let mut world = World::running(2, 3);
        spoil(&mut world);
        for step in 0..12 {
            let report = told(&world);
            let waiting = report.waiting.iter().filter_map(|waits| waits.item.as_ref());
            let items = report.changes.iter().map(|change| &change.item).chain(waiting);
            let objects: BTreeSet<_> = items.map(|item| item.object.as_str()).collect();
            let observed = Observed::new(&world.inventory, &world.sight);
            for drift in drift(&world.inventory.clusters[0], &world.desired(), &observed) {
                let name = drift.configuration.as_str();
                assert!(objects.contains(name), "{what}, step {step}: {name} is not told of: {report:#?}");
            }
            assert!(
                report.waiting.iter().all(|waits| waits.reason != "NotYet"),
                "{what}, {step}: {report:#?}"
            );
            world.tick();
            world.apply_all();
            world.pass(if step % 2 == 0 { 40 } else { 4300 });
        }
    }
}
