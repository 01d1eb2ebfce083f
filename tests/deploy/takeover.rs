//! Applied over the Python operator, NICO takes its place, and there is no moment in which both run: with the real
//! controllers of Deployments, and a kubelet that is the test itself.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use nico_harness::{ControlPlane, Process, wait_until};
use serde_json::{Value, json};

use crate::support::{BOUND, OWN_NAME, OWN_NAMESPACE, get, kubectl, path, root};

const OLD: &str = "fixtures/python-operator.yaml";
const OLD_IMAGE: &str = "nico-operator:latest";

async fn control_plane() -> ControlPlane {
    let control_plane = ControlPlane::start_with(&[&root().join("fixtures/nio/python.yaml")]).await.unwrap();
    kubectl(&control_plane, &["create", "namespace", OWN_NAMESPACE]).await;
    control_plane
}

/// What makes pods of Deployments.
fn controllers(control_plane: &ControlPlane) -> Process {
    Process::start(root().join("tests/control-plane/bin/kube-controller-manager"), |command| {
        command
            .args(["--leader-elect=false", "--secure-port=0"])
            .arg("--controllers=deployment-controller,replicaset-controller")
            .arg("--kubeconfig")
            .arg(control_plane.kubeconfig_path());
    })
}

fn image(pod: &Pod) -> String {
    let containers = &pod.spec.as_ref().unwrap().containers;
    assert_eq!(containers.len(), 1);
    containers[0].image.clone().unwrap()
}

/// Waits until the pods are such.
async fn wait_pods(pods: &Api<Pod>, what: &str, are_those: impl Fn(&[Pod]) -> bool) -> Vec<Pod> {
    wait_until(what, BOUND, async || {
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        if are_those(&all) {
            Ok(all)
        } else {
            Err(format!("{:?}", all.iter().map(image).collect::<Vec<_>>()))
        }
    })
    .await
    .unwrap()
}

/// As the scheduler and the kubelet do it.
async fn run(pods: &Api<Pod>, pod: &Pod) {
    let name = pod.metadata.name.as_deref().unwrap();
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": name },
        "target": { "apiVersion": "v1", "kind": "Node", "name": "node" },
    });
    let _: Value = pods.create_subresource("binding", name, &PostParams::default(), &binding).await.unwrap();
    let status = json!({ "status": {
        "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
    } });
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_one_is_gone_before_the_new_ones_come() {
    let control_plane = control_plane().await;
    kubectl(&control_plane, &["apply", "-f", &path(OLD)]).await;
    let _controllers = controllers(&control_plane);
    let pods: Api<Pod> = Api::namespaced(control_plane.client().await, OWN_NAMESPACE);
    let old = wait_pods(&pods, "the old pod", |all| all.len() == 1).await.remove(0);
    assert_eq!(image(&old), OLD_IMAGE);
    run(&pods, &old).await;

    kubectl(&control_plane, &["apply", "-k", &path("deploy")]).await;
    let is_ending = |all: &[Pod]| all.iter().any(|pod| pod.metadata.deletion_timestamp.is_some());
    wait_pods(&pods, "the old pod to end", is_ending).await;
    wait_until("the controller to have seen it", BOUND, async || {
        let live = get(&control_plane, "deployment", OWN_NAME).await;
        let is_seen = live["status"]["observedGeneration"] == live["metadata"]["generation"];
        if is_seen { Ok(()) } else { Err("not yet") }
    })
    .await
    .unwrap();
    // It takes its time to end.
    let name = old.metadata.name.as_deref().unwrap();
    pods.delete(name, &DeleteParams::default().grace_period(0)).await.unwrap();
    let are_new = |all: &[Pod]| all.len() == 2 && all.iter().all(|pod| image(pod) != OLD_IMAGE);
    wait_pods(&pods, "the new pods", are_new).await;
    assert_came_after(&control_plane, name);
}

/// No pod was made between the first of all and the end of the old one.
fn assert_came_after(control_plane: &ControlPlane, old: &str) {
    let events = control_plane.audit();
    let on_pods = || events.iter().filter(|event| event.resource == "pods" && event.code < 300);
    let ended = |event: &&nico_harness::Event| {
        event.verb == "delete"
            && event.name.as_deref() == Some(old)
            && event.user == "admin"
            && event.request_object.as_ref().is_some_and(|options| options["gracePeriodSeconds"] == 0)
    };
    let ended = &on_pods().find(ended).expect("the test has ended it").received;
    let made: Vec<_> =
        on_pods().filter(|event| event.verb == "create" && event.subresource.is_none()).collect();
    assert_eq!(made.len(), 3, "{made:?}");
    assert!(made[1..].iter().all(|event| event.received > *ended), "{ended}: {made:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_old_one_stays() {
    let control_plane = control_plane().await;
    kubectl(&control_plane, &["apply", "-k", &path("deploy")]).await;
    let fresh = specs(&control_plane).await;
    kubectl(&control_plane, &["delete", "-k", &path("deploy")]).await;
    kubectl(&control_plane, &["create", "namespace", OWN_NAMESPACE]).await;
    kubectl(&control_plane, &["apply", "-f", &path(OLD)]).await;
    kubectl(&control_plane, &["apply", "-f", &path("install.yaml")]).await;
    assert_eq!(specs(&control_plane).await, fresh);
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

/// A server-side apply finds what the old one left in the server's defaults, and is refused whole: the old one is
/// to be deleted first.
#[tokio::test(flavor = "multi_thread")]
async fn server_side_it_is_refused_until_the_old_one_is_gone() {
    let control_plane = control_plane().await;
    kubectl(&control_plane, &["apply", "--server-side", "-f", &path(OLD)]).await;
    let install = path("install.yaml");
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", &install];
    let output = control_plane.kubectl(&apply).await;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains("rollingUpdate: Forbidden"), "{errors}");
    let live = get(&control_plane, "deployment", OWN_NAME).await;
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], OLD_IMAGE);

    let delete = ["delete", "deployment", OWN_NAME, "-n", OWN_NAMESPACE, "--cascade=foreground"];
    kubectl(&control_plane, &delete).await;
    kubectl(&control_plane, &apply).await;
    let live = get(&control_plane, "deployment", OWN_NAME).await;
    assert_eq!(live["spec"]["strategy"]["type"], "Recreate");
}
