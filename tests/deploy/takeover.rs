//! Applied over the Python operator, NICO takes its place, and there is no moment in which both run: with the real
//! scheduler and the real controllers of Deployments, and a kubelet that is the test itself.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use nico_harness::{ControlPlane, Event, Process, wait_until};
use serde_json::{Value, json};

use crate::support::{BOUND, OWN_NAME, OWN_NAMESPACE, get, kubectl, path, root};

const OLD: &str = "fixtures/python-operator.yaml";
const OLD_IMAGE: &str = "nico-operator:latest";
/// How `kubectl apply` is called.
const CLIENT_SIDE: &[&str] = &["apply"];
const SERVER_SIDE: &[&str] = &["apply", "--server-side"];
const BY_FORCE: &[&str] = &["apply", "--server-side", "--force-conflicts"];
const CREATE: &[&str] = &["create"];
/// As Flux and Argo CD do it: under a name of its own, by force.
const GITOPS: &[&str] = &["apply", "--server-side", "--force-conflicts", "--field-manager=gitops"];

async fn control_plane() -> ControlPlane {
    let control_plane = ControlPlane::start_with(&[&root().join("fixtures/nio/python.yaml")]).await.unwrap();
    kubectl(&control_plane, &["create", "namespace", OWN_NAMESPACE]).await;
    control_plane
}

async fn apply(control_plane: &ControlPlane, how: &[&str], file: &str) {
    kubectl(control_plane, &[how, &["-f", &path(file)]].concat()).await;
}

/// What makes pods of Deployments, and gives them nodes.
async fn controllers(control_plane: &ControlPlane) -> [Process; 2] {
    let start = |program: &str, arguments: &[&str]| {
        Process::start(root().join("tests/control-plane/bin").join(program), |command| {
            command.args(["--leader-elect=false", "--secure-port=0"]).args(arguments);
            command.arg("--kubeconfig").arg(control_plane.kubeconfig_path());
        })
    };
    let manager = ["--controllers=deployment-controller,replicaset-controller"];
    let processes = [
        start("kube-controller-manager", &manager),
        start("kube-scheduler", &["--authentication-skip-lookup"]),
    ];
    // Two, so that a node of its own is no way out.
    for name in ["one", "two"] {
        node(control_plane, name).await;
    }
    processes
}

/// As the kubelet tells of it.
async fn node(control_plane: &ControlPlane, name: &str) {
    let nodes: Api<Node> = Api::all(control_plane.client().await);
    let labels = json!({ "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" });
    let node = json!({ "metadata": { "name": name, "labels": labels } });
    nodes.create(&PostParams::default(), &serde_json::from_value(node).unwrap()).await.unwrap();
    let room = json!({ "cpu": "4", "memory": "8Gi", "pods": "20" });
    let status = json!({ "status": {
        "capacity": room, "allocatable": room, "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    // A new one is tainted until a controller, which is not there, has seen that it is ready.
    let untainted = Patch::Merge(json!({ "spec": { "taints": null } }));
    nodes.patch(name, &PatchParams::default(), &untainted).await.unwrap();
    nodes.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

fn name(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap()
}

fn is_old(pod: &Pod) -> bool {
    let containers = &pod.spec.as_ref().unwrap().containers;
    assert_eq!(containers.len(), 1);
    containers[0].image.as_deref() == Some(OLD_IMAGE)
}

fn is_bound(pod: &Pod) -> bool {
    pod.spec.as_ref().unwrap().node_name.is_some()
}

/// The scheduler has found no node for it, because of a pod that is there.
fn is_kept_away(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let mut messages = conditions.filter_map(|condition| condition.message.as_deref());
    !is_bound(pod) && messages.any(|message| message.contains("didn't match pod anti-affinity rules"))
}

/// Waits until the old pods and the new ones are such.
async fn wait_pods(pods: &Api<Pod>, what: &str, are_those: impl Fn(&[Pod], &[Pod]) -> bool) -> Vec<Pod> {
    wait_until(what, BOUND, async || {
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        let (old, new): (Vec<_>, Vec<_>) = all.iter().cloned().partition(is_old);
        if are_those(&old, &new) {
            return Ok(all);
        }
        let told = |pod: &Pod| format!("{} old {} bound {}", name(pod), is_old(pod), is_bound(pod));
        Err(format!("{:?}", all.iter().map(told).collect::<Vec<_>>()))
    })
    .await
    .unwrap()
}

/// As the kubelet does it.
async fn run(pods: &Api<Pod>, pod: &Pod) {
    let status = json!({ "status": {
        "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    pods.patch_status(&name(pod), &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

/// The same of those that are to end: it takes its time.
async fn end(pods: &Api<Pod>, these: &[String]) {
    for pod in these {
        pods.delete(pod, &DeleteParams::default().grace_period(0)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_one_is_gone_before_the_new_ones_come() {
    // In the second way kubectl applies twice, since it takes over what was its own on the client's side.
    for (old, new) in [(CLIENT_SIDE, CLIENT_SIDE), (CLIENT_SIDE, BY_FORCE), (SERVER_SIDE, SERVER_SIDE)] {
        takes_the_place(old, new).await;
    }
}

async fn takes_the_place(old: &[&str], new: &[&str]) {
    let control_plane = control_plane().await;
    let _controllers = controllers(&control_plane).await;
    let pods: Api<Pod> = Api::namespaced(control_plane.client().await, OWN_NAMESPACE);
    apply(&control_plane, old, OLD).await;
    let first = wait_pods(&pods, "the old pod", |old, _| matches!(old, [pod] if is_bound(pod))).await;
    run(&pods, &first[0]).await;

    apply(&control_plane, new, "install.yaml").await;
    let is_ending = |pod: &Pod| pod.metadata.deletion_timestamp.is_some();
    let wait = |old: &[Pod], new: &[Pod]| {
        !old.is_empty() && old.iter().all(is_ending) && new.len() == 2 && new.iter().all(is_kept_away)
    };
    let both = wait_pods(&pods, "the new pods to wait for the old one to end", wait).await;
    let old: Vec<_> = both.iter().filter(|pod| is_old(pod)).map(name).collect();
    end(&pods, &old).await;
    let came = |old: &[Pod], new: &[Pod]| old.is_empty() && new.len() == 2 && new.iter().all(is_bound);
    wait_pods(&pods, "the new pods", came).await;
    assert_came_after(&control_plane, &old).await;
}

/// No other pod was given a node before these were gone.
async fn assert_came_after(control_plane: &ControlPlane, old: &[String]) {
    let is_of = |event: &Event| event.name.as_ref().is_some_and(|name| old.contains(name));
    let is_end = |event: &&Event| {
        let options = event.request_object.as_ref();
        event.verb == "delete"
            && is_of(event)
            && options.is_some_and(|options| options["gracePeriodSeconds"] == 0)
    };
    let is_begin = |event: &&Event| event.subresource.as_deref() == Some("binding") && !is_of(event);
    wait_until("the audit log to tell of both", BOUND, async || {
        let events = control_plane.audit();
        let on_pods = || events.iter().filter(|event| event.resource == "pods" && event.code < 300);
        let ends: Vec<_> = on_pods().filter(is_end).collect();
        let begins: Vec<_> = on_pods().filter(is_begin).collect();
        if ends.len() < old.len() || begins.len() < 2 {
            return Err(format!("{ends:?}; {begins:?}"));
        }
        let last = ends.iter().map(|event| &event.received).max();
        assert!(begins.iter().all(|begin| Some(&begin.received) > last), "{last:?}: {begins:?}");
        Ok(())
    })
    .await
    .unwrap();
}

/// Where the same hand applies what it applied before; and kubectl takes over what was applied on the client's side.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_old_one_stays() {
    let control_plane = control_plane().await;
    apply(&control_plane, CLIENT_SIDE, "install.yaml").await;
    let fresh = specs(&control_plane).await;
    for (old, new) in [
        (CLIENT_SIDE, CLIENT_SIDE),
        (CLIENT_SIDE, BY_FORCE),
        (SERVER_SIDE, SERVER_SIDE),
        (SERVER_SIDE, BY_FORCE),
        (CLIENT_SIDE, GITOPS),
    ] {
        anew(&control_plane, old).await;
        apply(&control_plane, new, "install.yaml").await;
        assert_eq!(specs(&control_plane).await, fresh, "{new:?} over {old:?}");
        // And once more.
        apply(&control_plane, new, "install.yaml").await;
        assert_eq!(specs(&control_plane).await, fresh, "{new:?} over {old:?}");
    }
}

/// Another hand leaves the fields alone that it does not know: the pages name them.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_hand_wrote_and_nico_leaves_out_stays() {
    let control_plane = control_plane().await;
    for (old, new) in [(SERVER_SIDE, GITOPS), (SERVER_SIDE, CLIENT_SIDE), (CREATE, BY_FORCE)] {
        anew(&control_plane, old).await;
        apply(&control_plane, new, "install.yaml").await;
        let spec = get(&control_plane, "deployment", OWN_NAME).await["spec"].take();
        assert_eq!(spec["strategy"]["rollingUpdate"], json!({ "maxSurge": 0, "maxUnavailable": "100%" }));
        let container = &spec["template"]["spec"]["containers"][0];
        assert!(container["image"].as_str().unwrap().starts_with("ghcr.io/homystack/nico:"), "{container}");
        let variables: Vec<_> = container["env"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(variables, ["KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "METRICS_PORT"]);
        assert_eq!(container["resources"]["limits"]["cpu"], "500m");
    }
}

/// Without force the server gives no field to another hand, and says which: the old one runs on, alone.
#[tokio::test(flavor = "multi_thread")]
async fn without_force_what_others_wrote_is_not_taken() {
    let control_plane = control_plane().await;
    for (old, manager, field) in [
        (CLIENT_SIDE, "kubectl-client-side-apply", ".spec.strategy.rollingUpdate"),
        (CREATE, "kubectl-create", ".spec.versions"),
        (GITOPS, "gitops", ".spec.versions"),
    ] {
        anew(&control_plane, old).await;
        let output = control_plane.kubectl(&[SERVER_SIDE, &["-f", &path("install.yaml")]].concat()).await;
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{errors}");
        for words in [&format!("conflicts with \"{manager}\""), field, "--force-conflicts"] {
            assert!(errors.contains(words), "{words}: {errors}");
        }
        let live = get(&control_plane, "deployment", OWN_NAME).await;
        assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], OLD_IMAGE, "{old:?}");
        apply(&control_plane, BY_FORCE, "install.yaml").await;
    }
}

/// The Python operator, and nothing else.
async fn anew(control_plane: &ControlPlane, how: &[&str]) {
    let delete =
        ["delete", "--ignore-not-found", "-f", &path("install.yaml"), "-l", "app.kubernetes.io/name=nico"];
    kubectl(control_plane, &delete).await;
    kubectl(control_plane, &["delete", "crd", "kubernetesclusters.nico.homystack.com", "--ignore-not-found"])
        .await;
    kubectl(control_plane, &["create", "namespace", OWN_NAMESPACE]).await;
    apply(control_plane, how, OLD).await;
}

/// What is asked for of each object that both have.
async fn specs(control_plane: &ControlPlane) -> Vec<Value> {
    let mut specs = Vec::new();
    for kind in ["deployment", "clusterrole", "clusterrolebinding"] {
        let mut object = get(control_plane, kind, OWN_NAME).await;
        for field in ["metadata", "status"] {
            object.as_object_mut().unwrap().remove(field);
        }
        specs.push(object);
    }
    specs
}
