//! What the tests share: a namespace with machines, a stand-in for NIO, and the operator.

use std::path::Path;
use std::time::Duration;

use kube::Client;
use nico_harness::{ControlPlane, Namespace, Process, ServiceAccount, wait_until};
use nio_stand_in::{Control, Nio, Scope, Settings};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// For what takes a moment on an idle machine.
pub const BOUND: Duration = Duration::from_mins(2);
pub const CONFIGURATIONS: &str = "nixosconfigurations";
/// Where the operator is installed, and its `ServiceAccount`, `ClusterRole` and Deployment.
pub const OWN_NAMESPACE: &str = "nico-operator-system";
pub const OWN_NAME: &str = "nico-operator";
/// Who it is to the API server.
pub const OWN_USER: &str = "system:serviceaccount:nico-operator-system:nico-operator";
/// What installs it.
pub const INSTALL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/install.yaml");

/// A namespace, and who acts in it.
pub struct Stage<'a> {
    pub control_plane: &'a ControlPlane,
    pub namespace: Namespace,
    pub client: Client,
    settings: Settings,
    control: Control,
    nio: Option<Nio>,
}

/// The `ServiceAccount` that the operator runs with, as what is delivered installs it.
pub async fn operators_account(control_plane: &ControlPlane) -> ServiceAccount {
    control_plane.apply_yaml(Path::new(INSTALL)).await;
    control_plane.service_account(OWN_NAMESPACE, OWN_NAME).await
}

/// The same on the shared control plane, once.
pub async fn shared_account() -> &'static ServiceAccount {
    static ACCOUNT: OnceCell<ServiceAccount> = OnceCell::const_new();
    ACCOUNT.get_or_init(async || operators_account(ControlPlane::shared().await).await).await
}

impl Stage<'static> {
    /// On the shared control plane.
    pub async fn new(prefix: &str) -> Self {
        Stage::on(ControlPlane::shared().await, prefix).await
    }

    /// The same with a NIO of another pace.
    pub async fn with(prefix: &str, settings: Settings) -> Self {
        Stage::at_pace(ControlPlane::shared().await, prefix, settings).await
    }
}

impl<'a> Stage<'a> {
    pub async fn on(control_plane: &'a ControlPlane, prefix: &str) -> Self {
        Self::at_pace(control_plane, prefix, Settings::default()).await
    }

    async fn at_pace(control_plane: &'a ControlPlane, prefix: &str, settings: Settings) -> Self {
        let namespace = control_plane.namespace(prefix).await;
        let client = control_plane.client().await;
        let control = Control::new();
        let mut stage = Self { control_plane, namespace, client, settings, control, nio: None };
        stage.start_nio();
        stage
    }

    /// NIO goes on where it was stopped: the machines are as they were left.
    pub fn start_nio(&mut self) {
        let scope = Scope::namespace(self.namespace.name());
        let nio = Nio::start_in(self.client.clone(), scope, self.settings.clone(), self.control.clone());
        self.nio = Some(nio);
    }

    /// NIO stops at once, as in a crash.
    pub async fn stop_nio(&mut self) {
        if let Some(nio) = self.nio.take() {
            nio.stop().await;
        }
    }

    /// Starts the operator for this namespace alone, with the rights that are delivered.
    pub async fn operator(&self) -> Process {
        self.operator_with(&shared_account().await.kubeconfig(), &[])
    }

    /// The same with another kubeconfig, and more arguments.
    pub fn operator_with(&self, kubeconfig: &Path, more: &[&str]) -> Process {
        Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
            command
                .args(["run", "--namespace", self.namespace.name(), "--interval", "1s"])
                .args(["--metrics-port", "0", "--metrics-bind-address", "127.0.0.1"])
                .args(more)
                .arg("--kubeconfig")
                .arg(kubeconfig)
                .env_remove("KUBECONFIG")
                .env_remove("RUST_LOG");
        })
    }

    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Lets the operator's account hold a Lease in this namespace, so that tests do not meet in one.
    pub async fn allow_lease(&self) {
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": { "name": "lease" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease" },
            "subjects": [{ "kind": "ServiceAccount", "name": OWN_NAME, "namespace": OWN_NAMESPACE }],
        });
        let rules = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": { "name": "lease" },
            "rules": [{ "apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update"] }],
        });
        self.put(&[rules, role]).await;
    }

    /// Machines `node-1` to `node-<count>`, the first three in rack a, the others in rack b; NIO finds them.
    pub async fn machines(&self, count: usize) {
        self.racks(count.min(3), count.saturating_sub(3)).await;
    }

    /// The same with so many in each rack: those in rack a come first.
    pub async fn racks(&self, a: usize, b: usize) {
        let count = a + b;
        let rack = |number| if number <= a { "a" } else { "b" };
        let machines: Vec<_> =
            (1..=count).map(|number| machine(&format!("node-{number}"), rack(number))).collect();
        self.put(&machines).await;
        for number in 1..=count {
            self.wait(&format!("node-{number} to be found"), async || {
                let status = self.get("machine", &format!("node-{number}")).await["status"].clone();
                (status["discoverable"] == true).then_some(()).ok_or(status.to_string())
            })
            .await;
        }
    }

    /// Puts objects there, as a person would.
    pub async fn put(&self, objects: &[Value]) {
        put_in(self.control_plane, self.namespace.name(), objects).await;
    }

    /// Runs kubectl in the namespace; it must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let mut whole = vec!["-n", self.namespace.name()];
        whole.extend(arguments);
        let output = self.control_plane.kubectl(&whole).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Changes an object by a merge patch, under the name of a manager.
    pub async fn patch(&self, kind: &str, name: &str, manager: &str, patch: &Value) {
        let (manager, patch) = (format!("--field-manager={manager}"), patch.to_string());
        self.kubectl(&["patch", kind, name, "--type=merge", &manager, "-p", &patch]).await;
    }

    pub async fn annotate(&self, kind: &str, name: &str, annotation: &str) {
        self.kubectl(&["annotate", kind, name, "--overwrite", annotation]).await;
    }

    /// One object; null if there is none.
    pub async fn get(&self, kind: &str, name: &str) -> Value {
        let text = self.kubectl(&["get", kind, name, "--ignore-not-found", "-o", "json"]).await;
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The objects of a kind, by name.
    pub async fn list(&self, kind: &str) -> Vec<Value> {
        let text = self.kubectl(&["get", kind, "-o", "json"]).await;
        serde_json::from_str::<Value>(&text).unwrap()["items"].as_array().unwrap().clone()
    }

    /// The names of the configurations.
    pub async fn configurations(&self) -> Vec<String> {
        names(&self.list(CONFIGURATIONS).await)
    }

    /// Waits for something; the last reason why it is not so is told.
    pub async fn wait<T, E: std::fmt::Display>(
        &self,
        what: &str,
        condition: impl AsyncFnMut() -> Result<T, E>,
    ) -> T {
        wait_until(what, BOUND, condition).await.unwrap()
    }

    /// Waits until all these configurations are there, have no `fullInstall`, and are proven to run.
    pub async fn wait_installed(&self, count: usize) -> Vec<Value> {
        self.wait(&format!("{count} configurations to be installed"), async || {
            let all = self.list(CONFIGURATIONS).await;
            let lacking: Vec<_> = all.iter().filter_map(lacks).collect();
            if all.len() == count && lacking.is_empty() {
                Ok(all)
            } else {
                Err(format!("{} there; {}", all.len(), lacking.join("; ")))
            }
        })
        .await
    }

    /// Waits until the configuration of a machine is there, and is proven to run.
    pub async fn wait_installed_of(&self, machine: &str) -> Value {
        self.wait(&format!("{machine} to be installed"), async || {
            let all = self.list(CONFIGURATIONS).await;
            let found = all.into_iter().find(|one| one["spec"]["machineRef"]["name"] == machine);
            let found = found.ok_or_else(|| "it has none".to_owned())?;
            lacks(&found).map_or(Ok(found), Err)
        })
        .await
    }

    /// Waits until nothing of these kinds is left.
    pub async fn wait_gone(&self, kinds: &str) {
        self.wait(&format!("all {kinds} to be gone"), async || {
            let left = self.list(kinds).await;
            if left.is_empty() { Ok(()) } else { Err(format!("{:?}", names(&left))) }
        })
        .await;
    }

    /// Waits for a condition of a cluster to be true, and returns its message.
    pub async fn wait_condition(&self, cluster: &str, type_: &str) -> String {
        self.wait(&format!("the condition {type_}"), async || {
            let status = self.get("kubernetescluster", cluster).await["status"].clone();
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let found = conditions.iter().find(|one| one["type"] == type_ && one["status"] == "True");
            found
                .map(|one| one["message"].as_str().unwrap_or_default().to_owned())
                .ok_or_else(|| format!("{conditions:?}"))
        })
        .await
    }

    /// What the events on a cluster say, as `reason: note`.
    pub async fn events(&self) -> Vec<String> {
        let events = self.list("events.v1.events.k8s.io").await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        events.iter().map(|event| format!("{}: {}", text(&event["reason"]), text(&event["note"]))).collect()
    }
}

/// What keeps a configuration from being installed and proven.
fn lacks(configuration: &Value) -> Option<String> {
    let name = configuration["metadata"]["name"].as_str().unwrap_or_default();
    let status = &configuration["status"];
    if configuration["spec"]["fullInstall"] == true {
        return Some(format!("{name} has fullInstall"));
    }
    let hash = &configuration["metadata"]["annotations"]["nico.homystack.com/text"];
    (status["additionalFilesHash"] != *hash || !status["appliedCommit"].is_string())
        .then(|| format!("{name} is not proven: {status}"))
}

pub fn names(objects: &[Value]) -> Vec<String> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

pub fn machine(name: &str, rack: &str) -> Value {
    json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "Machine",
        "metadata": { "name": name, "labels": { "rack": rack } },
        "spec": { "hostname": format!("{name}.example"), "sshUser": "root" },
    })
}

/// A cluster of so many control planes in rack a and workers in rack b, that does not wait for long.
pub fn cluster(name: &str, control_planes: usize, workers: usize, spec: &Value) -> Value {
    let mut whole = json!({
        "gitRepo": "https://git.example/fleet.git",
        "controlPlane": { "count": control_planes, "machineSelector": { "matchLabels": { "rack": "a" } } },
        "dataPlane": { "count": workers, "machineSelector": { "matchLabels": { "rack": "b" } } },
        "rollout": { "minReadySeconds": 1, "progressDeadlineSeconds": 60 },
    });
    for (field, value) in spec.as_object().unwrap() {
        whole[field] = value.clone();
    }
    json!({
        "apiVersion": "nico.homystack.com/v1alpha1",
        "kind": "KubernetesCluster",
        "metadata": { "name": name },
        "spec": whole,
    })
}

async fn put_in(control_plane: &ControlPlane, namespace: &str, objects: &[Value]) {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), list.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let output = control_plane.kubectl(&["apply", "-n", namespace, "-f", path]).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
