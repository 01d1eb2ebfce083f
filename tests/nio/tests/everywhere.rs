//! All namespaces at once, on an API server of its own: machines of the same name are told apart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use nico_crds::{Machine, NixosConfiguration};
use nico_harness::{ControlPlane, Namespace, wait_until};
use nio_stand_in::{Actor, Kind, Nio, Scope, Settings};
use serde_json::{Value, json};

const BOUND: Duration = Duration::from_mins(1);
const MACHINES: usize = 8;

fn machine(name: &str) -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "Machine",
        "metadata": { "name": name },
        "spec": { "hostname": name, "sshUser": "root" },
    })
}

fn configuration(machine: &str) -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "NixosConfiguration",
        "metadata": { "name": format!("home-{machine}") },
        "spec": {
            "gitRepo": "https://git.example/fleet.git",
            "flake": format!("#{machine}"),
            "fullInstall": true,
            "machineRef": { "name": machine },
        },
    })
}

#[tokio::test]
async fn all_are_served_and_told_apart() {
    let control_plane = ControlPlane::shared().await;
    let client = control_plane.client().await;
    let nio = Nio::start(client.clone(), Scope::All, Settings::default());
    let (first, second) = (control_plane.namespace("first").await, control_plane.namespace("second").await);
    let names: Vec<String> = (1..=MACHINES).map(|number| format!("node-{number}")).collect();
    nio.control.lose("node-1");
    nio.control.find(&format!("{second}/node-1"));
    for namespace in [&first, &second] {
        let machines: Api<Machine> = Api::namespaced(client.clone(), namespace.name());
        let configurations: Api<NixosConfiguration> = Api::namespaced(client.clone(), namespace.name());
        for name in &names {
            let machine = serde_json::from_value(machine(name)).unwrap();
            machines.create(&PostParams::default(), &machine).await.unwrap();
            let configuration = serde_json::from_value(configuration(name)).unwrap();
            configurations.create(&PostParams::default(), &configuration).await.unwrap();
        }
    }
    let log = wait_until("all to be installed twice", BOUND, async || {
        let log = nio.control.log();
        let by = |namespace: &Namespace, name: &str, actor| {
            let wipes = log.in_namespace(namespace.name()).runs_of(name, Kind::Wipe);
            wipes.iter().any(|wipe| wipe.start.actor == actor && wipe.succeeded())
        };
        let lacks: Vec<String> = [&first, &second]
            .into_iter()
            .flat_map(|namespace| names.iter().map(move |name| (namespace, name)))
            .filter(|(namespace, name)| **namespace == second || *name != "node-1")
            .filter(|(namespace, name)| {
                ![Actor::Handler, Actor::Timer].into_iter().all(|actor| by(namespace, name, actor))
            })
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect();
        if lacks.is_empty() { Ok(log) } else { Err(lacks.join(", ")) }
    })
    .await
    .unwrap();

    let (first, second) = (log.in_namespace(first.name()), log.in_namespace(second.name()));
    assert_eq!(second.machines(), names.iter().cloned().collect());
    let without_lost: BTreeSet<String> = names.iter().skip(1).cloned().collect();
    let applied: BTreeSet<String> = first.order().into_iter().collect();
    assert_eq!(applied, without_lost);
    for name in &without_lost {
        assert_eq!(first.installations(name), 1, "{name}");
    }
    assert!(second.overlapping() > 1, "nothing makes one wait for the other");
    nio.stop().await;
}
