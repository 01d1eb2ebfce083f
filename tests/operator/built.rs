//! The cluster that was built, as objects on a second real API server: its Nodes, what runs on them, and its budgets;
//! and who plays the kubelets and the distribution there.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::{Node, Pod, ServiceAccount as Account};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use nico_harness::{ControlPlane, Process, ServiceAccount};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// A cluster, or what one scene has of it.
pub struct Built {
    /// Who NICO is there.
    pub account: ServiceAccount,
    pub namespace: String,
    pub client: Client,
    held: Arc<Mutex<BTreeSet<String>>>,
    _kubelets: Player,
}

/// The one of this process, with the controller that counts what budgets allow. Nobody kills it.
pub async fn shared() -> Arc<ControlPlane> {
    static SHARED: OnceCell<(Arc<ControlPlane>, Process)> = OnceCell::const_new();
    let start = async || {
        let plane = ControlPlane::start().await.unwrap();
        let controller = plane.controller("disruption-controller");
        (Arc::new(plane), controller)
    };
    SHARED.get_or_init(start).await.0.clone()
}

impl Built {
    pub async fn new(plane: Arc<ControlPlane>, prefix: &str) -> Self {
        let client = plane.client().await;
        let account = plane.service_account("kube-system", prefix).await;
        let binding = json!({
            "metadata": { "name": prefix },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "ServiceAccount", "name": prefix, "namespace": "kube-system" }],
        });
        create::<ClusterRoleBinding>(&Api::all(client.clone()), &binding).await;
        let namespace = plane.namespace("shop").await.name().to_owned();
        let of_pods = json!({ "metadata": { "name": "default" } });
        create::<Account>(&Api::namespaced(client.clone(), &namespace), &of_pods).await;
        let held = Arc::<Mutex<BTreeSet<String>>>::default();
        let kubelets = kubelets(Api::namespaced(client.clone(), &namespace), held.clone());
        Self { account, namespace, client, held, _kubelets: kubelets }
    }

    pub fn nodes(&self) -> Api<Node> {
        Api::all(self.client.clone())
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// What a kubelet writes, or the controller that misses it.
    pub async fn node(&self, name: &str, kubelet: &str, ready: bool) {
        let node = json!({ "metadata": { "name": name } });
        create(&self.nodes(), &node).await;
        let (status, reason) =
            if ready { ("True", "KubeletReady") } else { ("Unknown", "NodeStatusUnknown") };
        let status = json!({ "status": {
            "conditions": [{ "type": "Ready", "status": status, "reason": reason }],
            "nodeInfo": {
                "kubeletVersion": kubelet, "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "",
                "systemUUID": "",
            },
        } });
        self.nodes().patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }

    /// What a distribution with an etcd of its own notes on the Node of a member.
    pub async fn join(&self, node: &str) {
        annotate(&self.nodes(), node, &json!({ "etcd.k3s.cattle.io/node-name": format!("{node}-0a1b2c3d") }))
            .await;
    }

    /// A pod that runs on a Node.
    pub async fn pod(&self, name: &str, node: &str, more: &Value) {
        let mut pod = json!({
            "metadata": { "name": name, "labels": { "app": name } },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "image": "example/image" }] },
        });
        for (field, value) in more.as_object().unwrap() {
            pod["metadata"][field] = value.clone();
        }
        create(&self.pods(), &pod).await;
        self.phase(name, "Running").await;
    }

    /// The metadata of a pod that belongs to an object of this kind. Nobody plays its controller.
    pub async fn owned<K>(&self) -> Value
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned,
        K: serde::Serialize + std::fmt::Debug,
    {
        let labels = json!({ "owned": "so" });
        let template = json!({
            "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "example/image" }] },
        });
        let owner = json!({
            "metadata": { "name": "owner" },
            "spec": { "selector": { "matchLabels": labels }, "template": template },
        });
        let api: Api<K> = Api::namespaced(self.client.clone(), &self.namespace);
        create(&api, &owner).await;
        json!({ "ownerReferences": [api.get("owner").await.unwrap().controller_owner_ref(&())] })
    }

    pub async fn phase(&self, pod: &str, phase: &str) {
        let status =
            json!({ "status": { "phase": phase, "conditions": [{ "type": "Ready", "status": "True" }] } });
        self.pods().patch_status(pod, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }

    /// A budget that keeps so many pods of this name.
    pub async fn budget(&self, name: &str, app: &str, keeps: u32) {
        let budget = json!({
            "metadata": { "name": name },
            "spec": { "minAvailable": keeps, "selector": { "matchLabels": { "app": app } } },
        });
        let api: Api<PodDisruptionBudget> = Api::namespaced(self.client.clone(), &self.namespace);
        create(&api, &budget).await;
    }

    pub async fn drop_budget(&self, name: &str) {
        let api: Api<PodDisruptionBudget> = Api::namespaced(self.client.clone(), &self.namespace);
        api.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// The kubelet does not end this pod.
    pub fn hold(&self, pod: &str) {
        self.held.lock().unwrap().insert(pod.to_owned());
    }

    /// Now it does.
    pub async fn release(&self, pod: &str) {
        self.held.lock().unwrap().remove(pod);
        end(&self.pods(), pod).await;
    }

    /// The names of the pods that are there.
    pub async fn running(&self) -> Vec<String> {
        let pods = self.pods().list(&kube::api::ListParams::default()).await.unwrap();
        pods.items.into_iter().filter_map(|pod| pod.metadata.name).collect()
    }

    /// What stands on a Node; null if there is none.
    pub async fn noted(&self, node: &str) -> Value {
        let node = self.nodes().get_opt(node).await.unwrap();
        node.map(|node| json!({ "notes": node.metadata.annotations, "spec": node.spec })).unwrap_or_default()
    }

    /// k3s removes the members that it is asked to, until this is dropped.
    pub fn distribution(&self, nodes: &[String]) -> Player {
        let (api, nodes) = (self.nodes(), nodes.to_vec());
        let watched = api.clone();
        follow(watched, move |node: Node| {
            let (api, nodes) = (api.clone(), nodes.clone());
            async move {
                let name = node.metadata.name.clone().unwrap_or_default();
                let notes = node.metadata.annotations.unwrap_or_default();
                let is_asked = notes.get("etcd.k3s.cattle.io/remove").is_some_and(|asked| asked == "true");
                let Some(member) = notes.get("etcd.k3s.cattle.io/node-name") else { return };
                if nodes.contains(&name) && is_asked {
                    let notes = json!({
                        "etcd.k3s.cattle.io/removed-node-name": member, "etcd.k3s.cattle.io/node-name": null,
                    });
                    annotate(&api, &name, &notes).await;
                }
            }
        })
    }
}

/// Who acts on what others write, until this is dropped.
pub struct Player(JoinHandle<()>);

impl Drop for Player {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Pods that are to end do.
fn kubelets(pods: Api<Pod>, held: Arc<Mutex<BTreeSet<String>>>) -> Player {
    let watched = pods.clone();
    follow(watched, move |pod: Pod| {
        let (pods, held) = (pods.clone(), held.clone());
        async move {
            let name = pod.metadata.name.unwrap_or_default();
            let is_held = held.lock().unwrap().contains(&name);
            if pod.metadata.deletion_timestamp.is_some() && !is_held {
                end(&pods, &name).await;
            }
        }
    })
}

/// Acts on each object, as it is and as it becomes. Where nobody answers it tries again.
fn follow<K, F>(api: Api<K>, act: impl Fn(K) -> F + Send + Sync + 'static) -> Player
where
    K: Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
    F: Future<Output = ()> + Send,
{
    Player(tokio::spawn(async move {
        loop {
            if let Ok(events) = api.watch(&WatchParams::default(), "0").await {
                let mut events = pin!(events);
                while let Ok(Some(event)) = events.try_next().await {
                    if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                        act(object).await;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }))
}

/// As a kubelet does once nothing of it runs any more. It may be gone.
async fn end(pods: &Api<Pod>, name: &str) {
    let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
    let _ = pods.delete(name, &at_once).await;
}

pub async fn annotate(nodes: &Api<Node>, node: &str, notes: &Value) {
    let patch = json!({ "metadata": { "annotations": notes } });
    nodes.patch(node, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
}

/// Unless it is there.
pub async fn create<K>(api: &Api<K>, object: &Value)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + serde::Serialize + std::fmt::Debug,
{
    let object = serde_json::from_value(object.clone()).unwrap();
    match api.create(&PostParams::default(), &object).await {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => panic!("{error}"),
    }
}
