//! The health of the Nodes, as objects on a second real API server: it is told, and the rollout goes by it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use nico_harness::{ControlPlane, Process, Server};
use serde_json::{Value, json};

use crate::fleet::{HOME, line};
use crate::judged::{applied, assert_at_once};
use crate::stage::cluster;
use crate::visits::Visits;

/// A control plane `node-1` that is visited, workers `node-2` and `node-3`, and a Node for each.
struct Scene {
    visits: Visits<'static>,
    operator: Process,
    nodes: Api<Node>,
}

impl Scene {
    async fn new(workload: Arc<ControlPlane>, prefix: &str, address: [u8; 4]) -> Self {
        let nodes = Api::all(workload.client().await);
        let visits = Visits::to(workload, prefix, address).await;
        let hour = SignedDuration::from_hours(1);
        let kubeconfig = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
        visits.lay_kubeconfig("file", kubeconfig, "https://127.0.0.1");
        let operator = visits.operator(&[]).await;
        let scene = Self { visits, operator, nodes };
        for name in ["node-1", "node-2", "node-3"] {
            let address =
                if name == "node-1" { json!({}) } else { json!({ "hostname": format!("{name}.example") }) };
            scene.visits.stage.put(&[scene.visits.machine(name, &address)]).await;
            scene.node(name, "True").await;
        }
        let spec = json!({
            "controlPlane": { "machines": ["node-1"] },
            "dataPlane": { "machines": ["node-2", "node-3"] },
            "installPolicy": "SwitchOnly",
            "rollout": { "bootstrap": "AllAtOnce", "minReadySeconds": 1, "progressDeadlineSeconds": 600 },
            "kubeconfig": { "path": scene.visits.file("file") },
        });
        scene.visits.stage.put(&[cluster(HOME, 1, 2, &spec)]).await;
        scene
    }

    /// What a kubelet, or the controller that misses it, would write.
    async fn node(&self, name: &str, ready: &str) {
        let node = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
        match self.nodes.create(&PostParams::default(), &node).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_already_exists() => {}
            Err(error) => panic!("{error}"),
        }
        let reason = if ready == "True" { "KubeletReady" } else { "NodeStatusUnknown" };
        let status = json!({ "status": {
            "conditions": [{ "type": "Ready", "status": ready, "reason": reason }],
            "nodeInfo": {
                "kubeletVersion": "v1.34.1", "architecture": "", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "", "osImage": "",
                "systemUUID": "",
            },
        } });
        self.nodes.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
    }

    async fn status(&self) -> Value {
        self.visits.stage.get("kubernetescluster", HOME).await["status"].clone()
    }

    /// Waits for a condition to have this status, and returns its message.
    async fn wait_condition(&self, type_: &str, wanted: &str) -> String {
        self.visits
            .stage
            .wait(&format!("{type_} to be {wanted}"), async || {
                let conditions = self.status().await["conditions"].as_array().cloned().unwrap_or_default();
                let found = conditions.into_iter().find(|one| one["type"] == type_).unwrap_or_default();
                if found["status"] == wanted {
                    Ok(found["message"].as_str().unwrap_or_default().to_owned())
                } else {
                    Err(found)
                }
            })
            .await
    }

    async fn edit(&self, spec: Value) {
        self.visits.stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": spec })).await;
    }

    /// The operator has seen the spec as it is now, and gone over it so many times more.
    async fn passes(&self, count: u64) {
        let live = self.visits.stage.get("kubernetescluster", HOME).await;
        let generation = live["metadata"]["generation"].clone();
        self.visits
            .stage
            .wait("it to have seen the spec", async || {
                let status = self.status().await;
                if status["observedGeneration"] == generation { Ok(()) } else { Err(status) }
            })
            .await;
        crate::quiet::passes(&self.visits.stage, &self.operator, count).await;
    }

    /// Waits until so many of the three are proven to run what the spec says now.
    async fn wait_updated(&self, count: usize) {
        self.visits
            .stage
            .wait(&format!("{count} to be updated"), async || {
                let live = self.visits.stage.get("kubernetescluster", HOME).await;
                let status = &live["status"];
                let is_seen = status["observedGeneration"] == live["metadata"]["generation"];
                if is_seen && status["rollout"]["updated"] == count {
                    Ok(())
                } else {
                    Err(status["rollout"].clone())
                }
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_not_ready_holds_up_the_next_and_an_api_that_is_gone_holds_up_all() {
    let mut workload = ControlPlane::start().await.unwrap();
    let servers = workload.servers();
    let scene = Scene::new(Arc::new(workload), "health", [127, 0, 4, 31]).await;
    let message = scene.wait_condition("NodesHealthy", "True").await;
    assert!(message.contains("3 of 3") && message.contains("v1.34.1"), "{message}");
    // At its own address, by the name that every API server's certificate bears.
    scene.wait_condition("ControlPlaneHealthy", "True").await;
    let status = scene.status().await;
    assert_eq!(status["healthSeen"], true);
    assert_eq!(line(&status, "node-2")["health"], "Ready", "{status}");
    assert_eq!(line(&status, "node-2")["kubelet"], "v1.34.1");

    scene.node("node-3", "Unknown").await;
    let message = scene.wait_condition("NodesHealthy", "False").await;
    assert!(message.contains("node-3") && message.contains("NodeStatusUnknown"), "{message}");
    let log = scene.visits.stage.control().log();
    let mark = log.mark();
    let since = || scene.visits.stage.control().log().since(mark);
    scene.edit(json!({ "ref": "next" })).await;
    scene.wait_updated(1).await;
    scene.passes(3).await;
    assert_eq!(since().order(), ["node-3"], "the sick one may be touched, and nobody beside it");
    let waiting = scene.status().await["rollout"]["waiting"].to_string();
    assert!(waiting.contains("node-3"), "{waiting}");

    scene.node("node-3", "True").await;
    scene.wait_updated(3).await;
    assert_eq!(since().order(), ["node-3", "node-2", "node-1"]);
    assert_at_once(&since(), 1);

    servers.kill(Server::ApiServer).await;
    scene.wait_condition("NodesHealthy", "Unknown").await;
    scene.wait_condition("ControlPlaneHealthy", "Unknown").await;
    let mark = scene.visits.stage.control().log().mark();
    let since = || scene.visits.stage.control().log().since(mark);
    scene.edit(json!({ "ref": "after" })).await;
    scene.passes(5).await;
    assert!(applied(&since()).is_empty(), "nobody is touched: {:?}", applied(&since()));
    let status = scene.status().await;
    assert_ne!(status["phase"], "Failed", "{status}");
    let waiting = status["rollout"]["waiting"].to_string();
    assert!(waiting.contains("requireNodeHealth: Never"), "{waiting}");

    scene.edit(json!({ "rollout": { "requireNodeHealth": "Never" } })).await;
    scene.wait_updated(3).await;
    assert_eq!(since().order(), ["node-2", "node-3", "node-1"]);

    servers.start_again(Server::ApiServer).await;
    scene.wait_condition("NodesHealthy", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_rest_who_is_asked_is_the_cluster_and_nothing_is_written() {
    let workload = Arc::new(ControlPlane::start().await.unwrap());
    let scene = Scene::new(workload, "atrest", [127, 0, 4, 32]).await;
    scene.wait_condition("NodesHealthy", "True").await;
    scene.wait_condition("Ready", "True").await;
    let (stage, operator) = (&scene.visits.stage, &scene.operator);
    crate::quiet::calm(stage, operator).await;
    let before = scene.visits.workload.audit().len();
    let from = stage.control_plane.audit_mark().await;
    crate::quiet::passes(stage, operator, 20).await;
    let to = stage.control_plane.audit_mark().await;
    let asked = crate::quiet::asked(stage, from, to);
    assert!(asked.is_empty(), "{asked:?}");
    let asked = scene.visits.workload.audit().split_off(before);
    let writes: Vec<_> = asked.iter().filter(|event| event.is_write() && event.user == "admin").collect();
    assert!(writes.is_empty(), "{writes:?}");
    let lists = asked.iter().filter(|event| event.resource == "nodes" && event.verb == "list").count();
    assert!(lists >= 10, "it is asked all the while: {lists}");
}
