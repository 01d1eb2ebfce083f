//! The plans of many small clusters, beside serialising the objects that they are about: at rest, and in the
//! middle of a rollout.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use nico_crds::configuration::{NioCondition, NixosConfigurationStatus};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::{Plan, rollout};
use nico_render::{
    ClusterKey, Desired, Inventory, Observed, Ownership, Sight, TokenState, fields, files, render_all,
};
use serde_json::json;

use crate::by_the_crate;
use crate::fleet::{Layout, fleet, live};
use crate::timing::{self, side_by_side};

const CLUSTERS: usize = 1000;
const MACHINES: usize = 10;
/// So many machines of each cluster have the new content in the middle of a rollout.
const DONE: usize = 4;
const HANDLED: &str = "kopf.zalando.org/last-handled-configuration";

/// What is observed, and what is wanted.
struct Scene {
    inventory: Inventory,
    sight: Sight,
    desired: Vec<(Arc<KubernetesCluster>, Desired)>,
    now: Timestamp,
}

pub fn planning() {
    println!(
        "Planning {CLUSTERS} clusters of {MACHINES} machines, beside serialising their finished objects:"
    );
    let rest = Scene::of(settled(&live(&fleet(CLUSTERS, MACHINES, Layout::NamespaceEach))));
    let steps = rest.measure("at rest");
    assert_eq!(steps, 0, "at rest there is nothing to do");
    let rollout = Scene::of(half_way(&rest));
    let steps = rollout.measure("in the middle of a rollout");
    assert_eq!(steps, CLUSTERS, "one machine of each is next");
}

impl Scene {
    fn of(inventory: Inventory) -> Self {
        let now = at("2026-11-24T12:00:00Z");
        let inventory = Inventory { observed_at: Some(now), ..inventory };
        let mut sight = Sight::default();
        for live in &inventory.configurations {
            let own = Some(fields::owned(&json!({ "metadata": own_metadata(live), "spec": live.spec })));
            let ownership = Ownership { own, ..Ownership::default() };
            sight.ownership.insert(live.metadata.uid.clone().unwrap_or_default(), Arc::new(ownership));
        }
        let mut rendered = render_all(&inventory);
        let token = |cluster: &Arc<KubernetesCluster>| {
            (ClusterKey::of(cluster), TokenState::Own { guessable: false })
        };
        sight.tokens = inventory.clusters.iter().map(token).collect();
        let desired = inventory.clusters.iter().map(|cluster| {
            let desired = rendered.remove(&ClusterKey::of(cluster)).expect("each is rendered");
            (cluster.clone(), desired.expect("the fleet is sound"))
        });
        let desired = desired.collect();
        Self { inventory, sight, desired, now }
    }

    fn plans(&self) -> Vec<Plan> {
        let observed = Observed::new(&self.inventory, &self.sight);
        let plan = |(cluster, desired): &(Arc<KubernetesCluster>, Desired)| {
            rollout(cluster, desired, &observed, self.now)
        };
        self.desired.iter().map(plan).collect()
    }

    /// How many writes it comes to.
    fn measure(&self, name: &str) -> usize {
        let objects: Vec<NixosConfiguration> =
            self.inventory.configurations.iter().map(|live| (**live).clone()).collect();
        println!("  {name}:");
        let (plan, serialise) = side_by_side(|| self.plans(), || by_the_crate(&objects));
        println!("    {}", timing::ratio(&plan, &serialise));
        let (plan, render) = side_by_side(|| self.plans(), || render_all(&self.inventory));
        println!("    beside rendering them: {}", timing::ratio(&plan, &render));
        self.plans().iter().map(|plan| plan.steps.len()).sum()
    }
}

/// What NICO applied of the metadata.
fn own_metadata(live: &NixosConfiguration) -> serde_json::Value {
    let metadata = &live.metadata;
    let own = |(key, _): &(&String, &String)| key.starts_with("nico.homystack.com/");
    let annotations: std::collections::BTreeMap<_, _> =
        metadata.annotations.iter().flatten().filter(own).collect();
    json!({ "annotations": annotations, "labels": metadata.labels, "ownerReferences": metadata.owner_references })
}

/// NIO has applied everything, long ago.
fn settled(running: &Inventory) -> Inventory {
    let mut inventory = running.clone();
    for live in inventory.configurations.iter_mut().map(Arc::make_mut) {
        live.spec.full_install = Some(false);
        live.metadata.creation_timestamp = Some(Time(at("2026-11-01T00:00:00Z")));
        apply(live);
    }
    for cluster in inventory.clusters.iter_mut().map(Arc::make_mut) {
        cluster.metadata.finalizers = Some(vec!["nico.homystack.com/cleanup".to_owned()]);
        cluster.status.get_or_insert_default().bootstrapped = Some(true);
    }
    inventory
}

fn apply(live: &mut NixosConfiguration) {
    live.status = Some(NixosConfigurationStatus {
        applied_commit: Some("61d63c7b4b2b7da96a70aee111c952dc39159fce".to_owned()),
        last_applied_time: Some("2026-11-01T00:05:00Z".to_owned()),
        additional_files_hash: files::hash(&live.spec.additional_files),
        has_full_install: Some(false),
        conditions: vec![NioCondition {
            type_: "Applied".to_owned(),
            status: "True".to_owned(),
            reason: "Success".to_owned(),
            ..NioCondition::default()
        }],
        ..NixosConfigurationStatus::default()
    });
    let note = json!({ "spec": live.spec }).to_string();
    live.metadata.annotations.get_or_insert_default().insert(HANDLED.to_owned(), note);
}

/// A new `ref`, which the first workers run already.
fn half_way(rest: &Scene) -> Inventory {
    let mut inventory = rest.inventory.clone();
    for cluster in inventory.clusters.iter_mut().map(Arc::make_mut) {
        cluster.spec.git_ref = Some("next".to_owned());
    }
    let wanted: std::collections::BTreeMap<_, _> = render_all(&inventory)
        .into_iter()
        .flat_map(|(key, desired)| {
            let desired = desired.expect("the fleet is sound");
            let workers =
                desired.configurations.into_iter().filter(|one| one.role == nico_crds::names::Role::Worker);
            workers.take(DONE).map(move |one| ((key.namespace.clone(), one.name().to_owned()), one.object))
        })
        .collect();
    for live in inventory.configurations.iter_mut().map(Arc::make_mut) {
        let metadata = &live.metadata;
        let key = (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default());
        if let Some(object) = wanted.get(&key) {
            live.spec = object.spec.clone();
            live.metadata.annotations.clone_from(&object.metadata.annotations);
            apply(live);
        }
    }
    inventory
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time of our own")
}
