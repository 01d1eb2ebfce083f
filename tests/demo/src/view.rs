//! What is there at a moment: on the API server, and on the machines.

use std::collections::BTreeMap;

use kube::api::{DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use nio_stand_in::Log;
use serde_json::Value;

/// What the cluster is called, and where it is.
pub const HOME: &str = "home";
const NAMESPACE: &str = "default";

/// At a moment.
pub struct View {
    /// Null where there is none.
    pub cluster: Value,
    /// By machine.
    pub configurations: BTreeMap<String, Value>,
    /// By name.
    pub machines: BTreeMap<String, Value>,
    /// The names of the Secrets.
    pub secrets: Vec<String>,
    /// What has truly been done to machines.
    pub log: Log,
}

impl View {
    /// Asks the server.
    pub async fn of(client: &Client, log: Log) -> Result<Self, kube::Error> {
        let nico = |kind| of_kind(client, "nico.homystack.com", kind);
        let nio = |kind| of_kind(client, "nio.homystack.com", kind);
        let cluster = nico("KubernetesCluster").get_opt(HOME).await?.map(value).unwrap_or_default();
        let configurations = nio("NixosConfiguration").list(&ListParams::default()).await?;
        let machines = nio("Machine").list(&ListParams::default()).await?;
        let core = ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Secret"));
        let secrets: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, &core);
        // What is in them is nobody's business.
        let secrets = secrets.list_metadata(&ListParams::default()).await?;
        let by = |pointer: &'static str, all: Vec<DynamicObject>| {
            all.into_iter().map(value).map(|object| (text(object.pointer(pointer)), object)).collect()
        };
        Ok(Self {
            cluster,
            configurations: by("/spec/machineRef/name", configurations.items),
            machines: by("/metadata/name", machines.items),
            secrets: secrets.items.into_iter().filter_map(|secret| secret.metadata.name).collect(),
            log,
        })
    }

    /// The line of a machine in the cluster's status; null if there is none.
    pub fn line(&self, machine: &str) -> &Value {
        let lines = self.cluster["status"]["machines"].as_array();
        lines.into_iter().flatten().find(|line| line["name"] == machine).unwrap_or(&Value::Null)
    }

    /// A condition of the cluster's; null if there is none.
    pub fn condition(&self, type_: &str) -> &Value {
        let conditions = self.cluster["status"]["conditions"].as_array();
        conditions.into_iter().flatten().find(|one| one["type"] == type_).unwrap_or(&Value::Null)
    }

    /// The phase, of the spec as it is now.
    pub fn phase(&self) -> Option<&str> {
        let status = &self.cluster["status"];
        let is_new = status["observedGeneration"] == self.cluster["metadata"]["generation"];
        status["phase"].as_str().filter(|_| is_new)
    }

    /// Whether every one of so many members runs what the spec says now; why not.
    pub fn is_whole(&self, members: usize) -> Result<(), String> {
        let status = &self.cluster["status"];
        if self.phase() == Some("Ready") && self.configurations.len() == members {
            return Ok(());
        }
        let count = self.configurations.len();
        Err(format!("phase {}, {count} configurations; {}", status["phase"], self.condition("Ready")))
    }
}

fn of_kind(client: &Client, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1alpha1", kind));
    Api::namespaced_with(client.clone(), NAMESPACE, &resource)
}

fn value(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Empty where there is none.
pub fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}
