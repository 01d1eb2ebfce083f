//! What the tests of the kubeconfig share: machines that an sshd stands for, clusters on them, and a second API server
//! that is the cluster which runs there.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use nico_harness::{ControlPlane, Namespace, Passage, Process, ServiceAccount, Sshd};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::stage::{Stage, cluster, shared_account};

/// The Secret with the key of all machines.
pub const KEY: &str = "machines";

/// A namespace whose machines can be visited at one address.
pub struct Visits<'a> {
    pub stage: Stage<'a>,
    pub workload: Arc<ControlPlane>,
    pub sshd: Sshd,
    pub address: Ipv4Addr,
    passage: Option<Passage>,
}

/// The API server that the kubeconfigs lead to, for tests that look at no Nodes.
pub async fn workload() -> Arc<ControlPlane> {
    static WORKLOAD: OnceCell<Arc<ControlPlane>> = OnceCell::const_new();
    WORKLOAD.get_or_init(async || Arc::new(ControlPlane::start().await.unwrap())).await.clone()
}

impl Visits<'static> {
    /// Each test has an address of its own.
    pub async fn new(prefix: &str, address: [u8; 4]) -> Self {
        Self::to(workload().await, prefix, address).await
    }

    pub async fn to(workload: Arc<ControlPlane>, prefix: &str, address: [u8; 4]) -> Self {
        Self::on(Stage::new(prefix).await, workload, address).await
    }
}

impl<'a> Visits<'a> {
    pub async fn on(stage: Stage<'a>, workload: Arc<ControlPlane>, address: [u8; 4]) -> Self {
        let address = Ipv4Addr::from(address);
        let sshd = Sshd::start(address).await;
        let passage = Some(Passage::open(address, workload.port()).await);
        let visits = Self { stage, workload, sshd, address, passage };
        visits.put_key(KEY, &visits.sshd.key()).await;
        visits
    }

    pub fn namespace(&self) -> &Namespace {
        &self.stage.namespace
    }

    /// Nothing that the machine serves can be reached any more, but its sshd.
    pub fn close(&mut self) {
        self.passage = None;
    }

    /// Starts the operator.
    pub async fn operator(&self, more: &[&str]) -> Process {
        self.operator_as(shared_account().await, "3s", more)
    }

    /// The same as somebody else, and with another limit for each step of a visit.
    pub fn operator_as(&self, account: &ServiceAccount, timeout: &str, more: &[&str]) -> Process {
        // Whatever the address: all that listen there do so at the same port.
        let config = self.file("client");
        std::fs::write(&config, format!("Host *\n  Port {}\n", self.sshd.port())).unwrap();
        let mut arguments = vec!["--ssh-config", config.to_str().unwrap(), "--ssh-timeout", timeout];
        arguments.extend(more);
        self.stage.operator_with(&account.kubeconfig(), &arguments)
    }

    /// A Secret with an SSH key.
    pub async fn put_key(&self, name: &str, key: &str) {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "type": "kubernetes.io/ssh-auth",
            "stringData": { "ssh-privatekey": key },
        });
        self.stage.put(&[secret]).await;
    }

    /// A Machine at the sshd's address.
    pub fn machine(&self, name: &str, spec: &Value) -> Value {
        let mut whole = json!({
            "hostname": self.address.to_string(), "sshUser": "root",
            "sshKeySecretRef": { "name": KEY, "namespace": self.namespace().name() },
        });
        for (field, value) in spec.as_object().unwrap() {
            whole[field] = value.clone();
        }
        json!({
            "apiVersion": "nio.homystack.com/v1alpha1", "kind": "Machine",
            "metadata": { "name": name, "labels": { "rack": name } }, "spec": whole,
        })
    }

    /// A cluster of one machine, which has its kubeconfig in this file.
    pub fn cluster(&self, name: &str, machine: &str, file: &str) -> Value {
        let spec = json!({
            "controlPlane": { "machines": [machine] },
            "dataPlane": { "machines": [] },
            "installPolicy": "SwitchOnly",
            "rollout": { "bootstrap": "AllAtOnce", "minReadySeconds": 1, "progressDeadlineSeconds": 600 },
            "kubeconfig": { "path": self.file(file) },
        });
        cluster(name, 1, 0, &spec)
    }

    /// Where a file lies on the machines.
    pub fn file(&self, name: &str) -> PathBuf {
        self.sshd.folder().join(name)
    }

    /// Lays a file there.
    pub fn lay(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), text).unwrap();
    }

    /// Lays a kubeconfig there that has this server.
    pub fn lay_kubeconfig(&self, name: &str, mut kubeconfig: Value, server: &str) {
        kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("{server}:{}", self.workload.port()));
        self.lay(name, serde_yaml::to_string(&kubeconfig).unwrap());
    }

    /// Waits for the condition `KubeconfigAvailable` of a cluster to have this reason, and returns its message.
    pub async fn wait_reason(&self, cluster: &str, reason: &str) -> String {
        self.stage
            .wait(&format!("{cluster} to be {reason}"), async || {
                let status = self.stage.get("kubernetescluster", cluster).await["status"].clone();
                let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
                let found = conditions.into_iter().find(|one| one["type"] == "KubeconfigAvailable");
                let found = found.unwrap_or_default();
                if found["reason"] == reason {
                    Ok(found["message"].as_str().unwrap_or_default().to_owned())
                } else {
                    Err(format!("{found}, {}", status["phase"]))
                }
            })
            .await
    }

    /// The Secret with the kubeconfig of a cluster; null if there is none.
    pub async fn secret(&self, cluster: &str) -> Value {
        self.stage.get("secret", &format!("{cluster}-kubeconfig")).await
    }

    /// What is in it.
    pub async fn stored(&self, cluster: &str) -> String {
        let secret = self.secret(cluster).await;
        let bytes: k8s_openapi::ByteString =
            serde_json::from_value(secret["data"]["kubeconfig"].clone()).unwrap();
        String::from_utf8(bytes.0).unwrap()
    }

    /// Changes something that brings the errand up again: what a person would do who mended something.
    pub async fn again(&self, cluster: &str, trigger: &str) {
        let patch = json!({ "spec": { "rollout": { "drainTimeoutSeconds": trigger.len() + 300 } } });
        self.stage.patch("kubernetescluster", cluster, "person", &patch).await;
    }
}

/// Waits until somebody comes, who is told nothing as long as what is returned lives.
pub async fn visited(silent: &TcpListener) -> TcpStream {
    let silent = silent.try_clone().unwrap();
    tokio::task::spawn_blocking(move || silent.accept().unwrap().0).await.unwrap()
}
