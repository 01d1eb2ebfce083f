//! A server with fleets of machines and clusters on it, and who acts there.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, ListParams, ObjectMeta, PostParams};
use kube::{Client, ResourceExt as _};
use nico_crds::cluster::{Bootstrap, InstallPolicy, Rollout};
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_harness::{ControlPlane, ServiceAccount};
use nico_render::Inventory;
use serde_json::Value;

use super::requests::{Bare, make};
use crate::fleet::{Layout, fleet};

const NICO: &str = "/apis/nico.homystack.com/v1alpha1";
const NIO: &str = "/apis/nio.homystack.com/v1alpha1";
/// Where the operator is installed.
pub const OWN_NAMESPACE: &str = "nico-operator-system";

/// A server of its own.
pub struct Site {
    pub control_plane: ControlPlane,
    /// The admin.
    pub admin: Client,
    /// The operator, with the rights that are delivered.
    pub account: ServiceAccount,
}

impl Site {
    pub async fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let definitions = [root.join("crds"), root.join("fixtures/nio/python.yaml")];
        let control_plane = ControlPlane::start_with(&[&definitions[0], &definitions[1]])
            .await
            .expect("`make control-plane-binaries` builds it");
        let admin = control_plane.client().await;
        control_plane.apply_yaml(&root.join("install.yaml")).await;
        let account = control_plane.service_account(OWN_NAMESPACE, "nico-operator").await;
        Self { control_plane, admin, account }
    }

    /// Puts so many clusters of so many machines into a namespace. NIO has found the machines.
    pub async fn put_fleet(&self, namespace: &str, clusters: usize, machines: usize) {
        put_namespace(&self.admin, namespace).await;
        let inventory = fleet(clusters, machines, Layout::OneNamespace);
        let (mut objects, mut statuses) = (Vec::new(), Vec::new());
        let collection = format!("{NIO}/namespaces/{namespace}/machines");
        for machine in &inventory.machines {
            let mut object = moved(&**machine, namespace);
            let status = object.as_object_mut().and_then(|object| object.remove("status"));
            objects.push(Bare::create(collection.clone(), &object));
            let path = format!("{collection}/{}", machine.name_any());
            statuses.push(Bare::status(&path, &status.expect("NIO has found it")));
        }
        make(&self.admin, objects).await;
        make(&self.admin, statuses).await;
        let collection = format!("{NICO}/namespaces/{namespace}/kubernetesclusters");
        let clusters = inventory.clusters.iter().map(|cluster| {
            let mut cluster = (**cluster).clone();
            cluster.metadata.uid = None;
            cluster.metadata.generation = None;
            cluster.spec.install_policy = Some(InstallPolicy::SwitchOnly);
            cluster.spec.rollout =
                Some(Rollout { bootstrap: Some(Bootstrap::AllAtOnce), ..Rollout::default() });
            Bare::create(collection.clone(), &moved(&cluster, namespace))
        });
        make(&self.admin, clusters.collect()).await;
    }

    /// What is in a namespace.
    pub async fn inventory(&self, namespace: &str) -> Inventory {
        let all = ListParams::default();
        let clusters: Api<KubernetesCluster> = Api::namespaced(self.admin.clone(), namespace);
        let machines: Api<Machine> = Api::namespaced(self.admin.clone(), namespace);
        let configurations: Api<NixosConfiguration> = Api::namespaced(self.admin.clone(), namespace);
        Inventory {
            clusters: shared(clusters.list(&all).await.expect("the clusters").items),
            machines: shared(machines.list(&all).await.expect("the machines").items),
            configurations: shared(configurations.list(&all).await.expect("the configurations").items),
            ..Inventory::default()
        }
    }

    /// The UIDs of the clusters of a namespace, by name.
    pub async fn cluster_uids(&self, namespace: &str) -> BTreeMap<String, String> {
        let clusters: Api<KubernetesCluster> = Api::namespaced(self.admin.clone(), namespace);
        let all = clusters.list(&ListParams::default()).await.expect("the clusters").items;
        all.iter().map(|cluster| (cluster.name_any(), cluster.uid().expect("it is stored"))).collect()
    }
}

fn shared<T>(objects: Vec<T>) -> Vec<Arc<T>> {
    objects.into_iter().map(Arc::new).collect()
}

async fn put_namespace(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    let namespace = Namespace { metadata, ..Namespace::default() };
    namespaces.create(&PostParams::default(), &namespace).await.expect("a new namespace");
}

fn moved(object: &impl serde::Serialize, namespace: &str) -> Value {
    let mut object = serde_json::to_value(object).expect("plain data");
    object["metadata"]["namespace"] = namespace.into();
    object
}
