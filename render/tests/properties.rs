//! What must hold over random inventories, and over random sequences of specs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

#[path = "support/world.rs"]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nico_crds::names::Role;
use nico_render::{ClusterKey, Desired};
use proptest::prelude::*;
use world::{MachineGene, World, machine, machines, spec, worlds};

const CASES: u32 = 10_000;

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

/// Everything that a rendering says, as one text.
fn everything(desired: &BTreeMap<ClusterKey, Desired>) -> String {
    let mut said: Vec<String> = Vec::new();
    for (key, desired) in desired {
        said.push(format!("{key} {:?} {:?}", desired.members, desired.memory));
        said.push(desired.cluster_nix.clone());
        let objects = desired.configurations.iter().map(|configuration| &configuration.object);
        said.extend(objects.map(|object| serde_json::to_string(object).unwrap()));
        said.extend(desired.diagnostics.iter().map(ToString::to_string));
    }
    said.join("\n")
}

fn head(desired: &Desired) -> Option<&str> {
    let first = desired.members.first().filter(|member| member.role == Role::ControlPlane)?;
    // Where nothing can be created nobody is head yet.
    desired
        .configurations
        .iter()
        .any(|configuration| configuration.machine == first.machine)
        .then_some(&first.machine)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_the_inventory_never_shows(world in worlds(), seed in any::<u64>()) {
        let before = everything(&world.render());
        let mut shuffled = world.clone();
        let turn = usize::try_from(seed % 13).unwrap();
        let inventory = &mut shuffled.inventory;
        inventory.machines.reverse();
        let by = turn % inventory.machines.len().max(1);
        inventory.machines.rotate_left(by);
        inventory.clusters.reverse();
        inventory.configurations.reverse();
        prop_assert_eq!(before, everything(&shuffled.render()));
    }

    #[test]
    fn one_cluster_is_rendered_as_among_all(mut world in worlds(), applied in any::<bool>()) {
        let first = world.render();
        if applied {
            world.write(&first);
            world.nio();
        }
        let all = world.render();
        for cluster in &world.inventory.clusters {
            let alone = nico_render::render(cluster, &world.inventory).unwrap();
            let key = alone.cluster.clone();
            let among = BTreeMap::from([(key.clone(), all[&key].clone())]);
            prop_assert_eq!(everything(&BTreeMap::from([(key, alone)])), everything(&among));
        }
    }

    #[test]
    fn who_is_told_of_the_choice_is_told_what_becomes_of_it(mut world in worlds(), written in any::<bool>()) {
        if written {
            world.write(&world.render());
        }
        let said = nico_render::render_each(&world.inventory, |rendering| {
            let mut chosen = Vec::new();
            let desired = rendering.render_telling(&mut |role, count| chosen.push((role, count))).unwrap();
            (desired, chosen)
        });
        for (desired, chosen) in said.into_values() {
            let of = |role| desired.members.iter().filter(|member| member.role == role).count();
            let wanted = Role::ALL.map(|role| (role, of(role)));
            prop_assert_eq!(&chosen[chosen.len() - wanted.len()..], wanted);
            prop_assert!(chosen.chunks(2).all(|two| two[0].0 == Role::ControlPlane && two[1].0 == Role::Worker));
        }
    }

    #[test]
    fn rendering_again_changes_nothing(mut world in worlds()) {
        let first = world.render();
        world.write(&first);
        let second = world.render();
        for (key, desired) in &second {
            let members: Vec<_> = first[key].members.iter().map(|member| &member.machine).collect();
            prop_assert_eq!(members, desired.members.iter().map(|member| &member.machine).collect::<Vec<_>>());
            prop_assert_eq!(first[key].configurations.len(), desired.configurations.len());
            for (before, after) in first[key].configurations.iter().zip(&desired.configurations) {
                prop_assert!(after.keeps_files);
                prop_assert_eq!(&before.object, &after.object);
            }
        }
    }

    #[test]
    fn new_machines_move_nobody(mut world in worlds(), more in machines(), applied in any::<bool>()) {
        let first = world.render();
        world.write(&first);
        if applied {
            world.nio();
        }
        let before = world.render();
        let known: BTreeSet<_> = world.inventory.machines.iter().map(|machine| machine.metadata.name.clone()).collect();
        let fresh = more.iter().map(|gene| MachineGene { marked: 9, ..gene.clone() }).map(|gene| Arc::new(machine(&gene)));
        world.inventory.machines.extend(fresh.filter(|machine| !known.contains(&machine.metadata.name)));
        let after = world.render();
        for (key, before) in &before {
            let members: BTreeSet<_> = after[key].members.iter().map(|member| (&member.machine, member.role)).collect();
            for member in &before.members {
                prop_assert!(members.contains(&(&member.machine, member.role)), "{} left {key}", member.machine);
            }
            if let Some(head_before) = head(before) {
                prop_assert_eq!(Some(head_before), head(&after[key]));
            }
        }
    }

    /// S20: another version of this program wrote the same meaning in another layout.
    #[test]
    fn another_layout_of_the_same_meaning_stays(mut world in worlds(), applied in any::<bool>()) {
        let first = world.render();
        world.write(&first);
        for live in world.inventory.configurations.iter_mut().map(Arc::make_mut) {
            for file in &mut live.spec.additional_files {
                // None of these strings holds two blanks in a row.
                file.inline = file.inline.take().map(|text| format!("# Otherwise.\n{}", text.replace("  ", "\t ")));
            }
            if let Some(hash) = nico_render::files::hash(&live.spec.additional_files) {
                live.metadata.annotations.get_or_insert_default().insert(nico_crds::names::TEXT.to_owned(), hash);
            }
        }
        if applied {
            world.nio();
        }
        for desired in world.render().values() {
            for configuration in &desired.configurations {
                let live = world.inventory.configurations.iter().find(|live| live.metadata.name.as_deref() == Some(configuration.name())).unwrap();
                prop_assert!(configuration.keeps_files);
                prop_assert_eq!(&configuration.object.spec.additional_files, &live.spec.additional_files);
                prop_assert_eq!(configuration.object.annotation(nico_crds::names::TEXT), live.annotation(nico_crds::names::TEXT));
            }
        }
    }

    #[test]
    fn no_machine_and_no_name_is_given_twice(mut world in worlds(), specs in prop::collection::vec(spec(), 0..4)) {
        for gene in std::iter::once(None).chain(specs.iter().map(Some)) {
            if let Some(gene) = gene {
                world.edit(0, gene);
            }
            let desired = world.render();
            let foreign: Vec<_> = world.inventory.configurations.iter().filter(|live| live.metadata.owner_references.as_ref().is_some_and(|owners| owners[0].kind != "KubernetesCluster")).cloned().collect();
            let mut machines: BTreeSet<_> = foreign.iter().filter_map(|live| live.machine()).map(str::to_owned).collect();
            let mut names: BTreeSet<_> = foreign.iter().filter_map(|live| live.metadata.name.clone()).collect();
            for desired in desired.values() {
                for configuration in &desired.configurations {
                    prop_assert!(machines.insert(configuration.machine.clone()), "{} twice", configuration.machine);
                    prop_assert!(names.insert(configuration.name().to_owned()), "{} twice", configuration.name());
                }
            }
            world.write(&desired);
        }
    }

    #[test]
    fn no_text_is_ever_written_twice(
        mut world in worlds(),
        edits in prop::collection::vec((0..2_usize, spec(), any::<bool>()), 1..6),
    ) {
        let back = edits.clone().into_iter().rev();
        for (number, gene, applied) in edits.clone().into_iter().chain(back) {
            let desired = world.render();
            world.write(&desired);
            if applied {
                world.nio();
            }
            world.edit(number, &gene);
        }
        let desired = world.render();
        world.write(&desired);
        for (uid, texts) in &world.texts {
            let distinct: BTreeSet<_> = texts.iter().collect();
            prop_assert_eq!(distinct.len(), texts.len(), "{} got a text twice", uid);
        }
    }

    #[test]
    fn members_stay_while_the_spec_has_room(mut world in worlds(), gene in spec()) {
        let first = world.render();
        world.write(&first);
        world.nio();
        let before = world.render();
        // The same spec again, whatever the machines look like now.
        for machine in world.inventory.machines.iter_mut().map(Arc::make_mut) {
            machine.metadata.labels = None;
            if let Some(status) = &mut machine.status {
                status.discoverable = Some(gene.endpoint);
            }
        }
        let after = world.render();
        for (key, before) in &before {
            // Others may join, now that they can be reached.
            let order = |desired: &Desired, role: Role| {
                let members = desired.members.iter().filter(|member| member.role == role);
                members.map(|member| member.machine.clone()).collect::<Vec<_>>()
            };
            for role in Role::ALL {
                let kept: Vec<_> = order(&after[key], role).into_iter().filter(|machine| order(before, role).contains(machine)).collect();
                prop_assert_eq!(order(before, role), kept);
            }
        }
    }

    #[test]
    fn a_disk_is_wiped_only_when_its_machine_shows_no_sign_of_use(mut world in worlds(), gene in spec()) {
        for _ in 0..2 {
            let desired = world.render();
            for desired in desired.values() {
                for configuration in desired.configurations.iter().filter(|configuration| configuration.object.spec.full_install == Some(true)) {
                    let machine = world.inventory.machines.iter().find(|machine| machine.metadata.name.as_ref() == Some(&configuration.machine)).unwrap();
                    let annotations = machine.metadata.annotations.clone().unwrap_or_default();
                    let asked = annotations.get(nico_crds::names::REINSTALL_FOR) == Some(&desired.cluster.name);
                    let status = machine.status.clone().unwrap();
                    let used = status.has_configuration == Some(true) || status.applied_configuration.is_some() || annotations.contains_key(nico_crds::names::FULL_INSTALLATION_APPLIED);
                    prop_assert!(asked || !used, "{} would be wiped", configuration.machine);
                    prop_assert!(configuration.is_new || !configuration.object.shows_an_apply());
                }
            }
            world.write(&desired);
            world.nio();
            // After the first evidence of an apply it never stays, and never comes back.
            for desired in world.render().values() {
                for configuration in desired.configurations.iter().filter(|configuration| !configuration.is_new) {
                    let live = world.inventory.configurations.iter().find(|live| live.metadata.name.as_deref() == Some(configuration.name())).unwrap();
                    prop_assert!(!live.shows_an_apply() || configuration.object.spec.full_install == Some(false));
                }
            }
            world.edit(0, &gene);
        }
    }
}

#[test]
fn the_worlds_are_rich_enough_to_mean_something() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut configured, mut wiped, mut short) = (0, 0, 0);
    for _ in 0..500 {
        let world: World = worlds().new_tree(&mut runner).unwrap().current();
        let desired = world.render();
        configured += usize::from(desired.values().any(|desired| desired.configurations.len() > 2));
        wiped += usize::from(
            desired
                .values()
                .flat_map(|desired| &desired.configurations)
                .any(nico_render::DesiredConfiguration::wipes_disk),
        );
        short += usize::from(desired.values().any(|desired| !desired.diagnostics.is_empty()));
    }
    assert!(configured > 50 && wiped > 50 && short > 50, "{configured} {wiped} {short}");
}
