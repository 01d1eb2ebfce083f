//! Fleets of machines, and clusters on them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use nico_crds::cluster::{MachineSelector, NodeGroup};
use nico_crds::machine::MachineStatus;
use nico_crds::{KubernetesCluster, KubernetesClusterSpec, Machine, MachineSpec};
use nico_render::{Inventory, render_all};

const CONTROL_PLANES: usize = 3;

/// Where the clusters are.
#[derive(Clone, Copy)]
pub enum Layout {
    /// A namespace a cluster.
    NamespaceEach,
    /// All in one.
    OneNamespace,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NamespaceEach => "a namespace a cluster",
            Self::OneNamespace => "one namespace",
        })
    }
}

/// So many clusters of so many machines.
pub fn fleet(clusters: usize, machines: usize, layout: Layout) -> Inventory {
    let mut inventory = Inventory::default();
    for number in 0..clusters {
        let namespace = match layout {
            Layout::NamespaceEach => format!("team-{number:03}"),
            Layout::OneNamespace => "fleet".to_owned(),
        };
        inventory.clusters.push(Arc::new(cluster(number, machines, &namespace)));
        inventory.machines.extend((0..machines).map(|place| Arc::new(machine(number, place, &namespace))));
    }
    inventory
}

fn cluster(number: usize, machines: usize, namespace: &str) -> KubernetesCluster {
    let group = |role: &str, count: usize| NodeGroup {
        machine_selector: Some(MachineSelector {
            match_labels: Some(labels(number, role)),
            match_expressions: None,
        }),
        count: i32::try_from(count).ok(),
        ..NodeGroup::default()
    };
    let mut cluster = KubernetesCluster::new(
        &format!("cluster-{number:03}"),
        KubernetesClusterSpec {
            git_repo: Some("https://git.example/fleet.git".to_owned()),
            configuration_subdir: Some(format!("clusters/{number}")),
            control_plane: group("control", CONTROL_PLANES),
            data_plane: Some(group("work", machines - CONTROL_PLANES)),
            ..KubernetesClusterSpec::default()
        },
    );
    cluster.metadata.namespace = Some(namespace.to_owned());
    cluster.metadata.uid = Some(format!("00000000-0000-4000-8000-{number:012}"));
    cluster.metadata.generation = Some(1);
    cluster
}

fn labels(number: usize, role: &str) -> BTreeMap<String, String> {
    let labels = [("fleet.example/cluster", number.to_string()), ("fleet.example/use", role.to_owned())];
    labels.map(|(key, value)| (key.to_owned(), value)).into()
}

fn machine(number: usize, place: usize, namespace: &str) -> Machine {
    let name = format!("rack-{number:03}-node-{place:04}");
    let role = if place < CONTROL_PLANES { "control" } else { "work" };
    Machine {
        metadata: ObjectMeta {
            name: Some(name.clone()),
            namespace: Some(namespace.to_owned()),
            labels: Some(labels(number, role)),
            ..ObjectMeta::default()
        },
        spec: MachineSpec {
            hostname: Some(format!("{name}.fleet.example")),
            ip_address: Some(format!("10.{number}.{}.{}", place / 256, place % 256)),
            ..MachineSpec::default()
        },
        status: Some(MachineStatus {
            discoverable: Some(true),
            has_configuration: Some(false),
            ..MachineStatus::default()
        }),
    }
}

/// The same fleet, with all that was rendered on the server.
pub fn live(inventory: &Inventory) -> Inventory {
    let mut running = inventory.clone();
    for (key, desired) in render_all(inventory) {
        let desired = desired.expect("the fleet is sound");
        let mut memory = desired.memory.clone();
        for configuration in desired.configurations {
            memory.applied_machines.insert(configuration.machine.clone(), configuration.name().to_owned());
            let mut object = configuration.object;
            object.metadata.uid = Some(format!("uid-{}", object.metadata.name.clone().unwrap_or_default()));
            object.metadata.generation = Some(1);
            running.configurations.push(Arc::new(object));
        }
        let same = |cluster: &&mut Arc<KubernetesCluster>| {
            cluster.metadata.name.as_ref() == Some(&key.name)
                && cluster.metadata.namespace.as_ref() == Some(&key.namespace)
        };
        if let Some(cluster) = running.clusters.iter_mut().find(same) {
            Arc::make_mut(cluster).status = Some(memory.as_status());
        }
    }
    running
}
