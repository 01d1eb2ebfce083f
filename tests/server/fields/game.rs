//! Random edits by other hands, random wishes of NICO: an apply changes what was said, and nothing else.

#![allow(clippy::arithmetic_side_effects, reason = "small numbers of our own")]

use std::collections::BTreeSet;

use nico_render::fields::managers::contests;
use nico_render::fields::{Kind, difference};
use serde_json::{Value, json};

use super::adoption::{is_of_a_map_left_behind, take_the_map_itself};
use super::desk::{Desk, Keep, OURS, apply_and_check, cluster, metadata_of, name, our_entry, owners};
use super::dice::{Dice, World, merge};
use super::rendered;
use super::truth::{self, State};

const ROUNDS: usize = 60;

/// The same of a body of the apply of a status, or of metadata.
fn of_cluster(part: &Value) -> Value {
    let mut body = cluster("home");
    body.as_object_mut().unwrap().remove("spec");
    merge(&mut body, part);
    body
}

fn configuration() -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "NixosConfiguration",
        "metadata": { "name": "home-a", "labels": { "nico.homystack.com/cluster": "home" } },
        "spec": {
            "gitRepo": "https://git.example/fleet.git", "flake": "#a", "onRemoveFlake": "#minimal",
            "fullInstall": false, "machineRef": { "name": "a" }, "credentialsRef": { "name": "x" },
            "additionalFiles": [{ "path": "cluster.nix", "valueType": "Inline", "inline": "{ }" }],
        },
    })
}

fn secret() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": { "token": "YQ==" },
        "metadata": { "name": "home-join-token", "labels": { "nico.homystack.com/cluster": "home" } },
    })
}

/// Whom an unforced apply would take fields from: manager and field, as the server says it.
async fn conflicts(desk: &Desk, subresource: Option<&str>, desired: &Value) -> BTreeSet<(String, String)> {
    match desk.apply_unforced(OURS, subresource, desired, Keep::Try).await {
        Ok(_) => BTreeSet::new(),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let causes = status.details.unwrap().causes.into_iter();
            let manager = |message: &str| message.split('"').nth(1).unwrap().to_owned();
            causes.map(|cause| (manager(&cause.message), cause.field)).collect()
        }
        Err(error) => panic!("{error}: {desired}"),
    }
}

/// What there was to see in a game: a property that was never tried is not tested.
#[derive(Default)]
struct Seen {
    same: usize,
    contested: usize,
    /// The last apply was refused for a map that is somebody else's.
    blocked: bool,
    kinds: BTreeSet<Kind>,
}

/// Somebody edits, somebody else applies, NICO wants something.
async fn play(desk: &Desk, world: &World, seed: u64) -> Seen {
    let (dice, mut seen) = (&mut Dice(seed), Seen::default());
    let mut desired = world.bases[0].clone();
    for round in 0..ROUNDS {
        if dice.one_in(2) {
            desired = world.desired(dice);
        }
        for _ in 0..dice.below(3) {
            interfere(desk, world, dice, &desired).await;
        }
        look(desk, world, &desired, &format!("seed {seed}, round {round}"), &mut seen).await;
        if dice.one_in(2) && !seen.blocked {
            apply_and_check(desk, world.subresource, &desired).await;
        }
    }
    seen
}

/// An edit, or an apply of something of the object.
async fn interfere(desk: &Desk, world: &World, dice: &mut Dice, of: &Value) {
    let by = dice.of(&["person", "program"]);
    if dice.one_in(3) {
        let mut body = json!({
            "apiVersion": of["apiVersion"], "kind": of["kind"], "metadata": { "name": name(of) },
        });
        merge(&mut body, &world.edit(dice, false));
        desk.apply(by, world.subresource, &body, Keep::Yes).await.unwrap();
    } else {
        desk.merge(by, of, world.subresource, &world.edit(dice, true)).await;
    }
}

/// Is what an apply would change, and whom it would take it from, what is said?
async fn look(desk: &Desk, world: &World, desired: &Value, round: &str, seen: &mut Seen) {
    let subresource = world.subresource;
    let before = desk.get(world.kind, name(desired)).await;
    let changes = difference(desired, &before, our_entry(&before, subresource));
    let after = desk.apply(OURS, subresource, desired, Keep::Try).await;
    seen.blocked = after.as_ref().is_err_and(is_of_a_map_left_behind);
    if seen.blocked {
        assert!(changes.iter().any(|change| change.path == "spec.credentialsRef.name"), "{changes:#?}");
        take_the_map_itself(desk, &before, &["person", "program"]).await;
        return;
    }
    let after = after.unwrap_or_else(|error| panic!("{error}: {desired}"));
    let what = format!("{round}\nwanted {desired}\nbefore {before}\nafter {after}");
    let (was, is) = (State::of(&before, subresource), State::of(&after, subresource));
    assert_eq!(changes.is_empty(), was.content() == is.content(), "{changes:#?}\n{what}");
    truth::hold(&changes, &was, &is, desired, &what);

    let managed = metadata_of(&before).managed_fields.unwrap();
    // Of what is only out of order nobody is asked.
    let told: BTreeSet<_> = contests(&changes, &managed, OURS)
        .into_iter()
        .filter(|contest| !truth::is_keyed(&before, contest.change.field()))
        .flat_map(|contest| {
            let field = truth::as_the_server_says(contest.change.field());
            contest.holders.into_iter().map(move |holder| (holder.manager, field.clone()))
        })
        .collect();
    let mut refused = conflicts(desk, subresource, desired).await;
    let of_value = changes.iter().filter(|change| change.kind == Kind::Changed);
    let of_value: Vec<_> = of_value.map(|change| truth::as_the_server_says(change.field())).collect();
    refused.retain(|(_, field)| of_value.contains(field));
    assert_eq!(told, refused, "{changes:#?}\n{what}");

    seen.same += usize::from(changes.is_empty());
    seen.contested += usize::from(!told.is_empty());
    seen.kinds.extend(changes.iter().map(|change| change.kind));
}

fn assert_all_was_seen(seen: &Seen) {
    assert!(seen.same > 3 && seen.kinds.len() == 3, "{} {:?}", seen.same, seen.kinds);
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_change_as_is_said() {
    let desk = Desk::new("configurations").await;
    let owners = owners(&desk).await;
    desk.apply(OURS, None, &configuration(), Keep::Yes).await.unwrap();
    let world = World { kind: "NixosConfiguration", subresource: None, owners, bases: vec![configuration()] };
    let seen = play(&desk, &world, 1).await;
    assert_all_was_seen(&seen);
    assert!(seen.contested > 3, "{}", seen.contested);
}

#[tokio::test(flavor = "multi_thread")]
async fn rendered_configurations_change_as_is_said() {
    let desk = Desk::new("rendered-change").await;
    let owners = owners(&desk).await;
    let mut cases = BTreeSet::new();
    let first_of_its_case = |object: &Value| cases.insert(name(object).split('.').next().unwrap().to_owned());
    let mut bases = rendered(&owners[0]);
    bases.retain(first_of_its_case);
    assert!(bases.len() > 12, "{}", bases.len());
    for base in &bases {
        desk.apply(OURS, None, base, Keep::Yes).await.unwrap();
    }
    let world = World { kind: "NixosConfiguration", subresource: None, owners, bases };
    assert_all_was_seen(&play(&desk, &world, 5).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_change_as_is_said() {
    let desk = Desk::new("secrets").await;
    let owners = owners(&desk).await;
    desk.apply(OURS, None, &secret(), Keep::Yes).await.unwrap();
    let world = World { kind: "Secret", subresource: None, owners, bases: vec![secret()] };
    assert_all_was_seen(&play(&desk, &world, 2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_changes_as_is_said() {
    let desk = Desk::new("status").await;
    let owners = owners(&desk).await;
    let bases = vec![of_cluster(&json!({ "status": { "phase": "Provisioning" } }))];
    let world = World { kind: "KubernetesCluster", subresource: Some("status"), owners, bases };
    let seen = play(&desk, &world, 3).await;
    assert_all_was_seen(&seen);
    assert!(seen.contested > 3, "{}", seen.contested);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_cluster_changes_as_is_said() {
    let desk = Desk::new("finalizers").await;
    let owners = owners(&desk).await;
    let bases = vec![of_cluster(&json!({ "metadata": { "finalizers": ["nico.homystack.com/a"] } }))];
    let world = World { kind: "KubernetesCluster", subresource: None, owners, bases };
    // What is contested here has no value of its own: everybody's finalizers are the same.
    assert_all_was_seen(&play(&desk, &world, 4).await);
}
