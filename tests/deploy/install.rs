//! What is delivered, on a real API server.

use nico_harness::ControlPlane;
use serde_json::{Value, json};

use crate::support::{OWN_NAME, OWN_NAMESPACE, get, installed, kubectl, path, root};

/// A control plane that knows NIO's kinds and not NICO's.
async fn control_plane() -> ControlPlane {
    ControlPlane::start_with(&[&root().join("fixtures/nio/python.yaml")]).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_accepted_without_a_warning_and_removed_without_the_clusters() {
    let control_plane = control_plane().await;
    let install = path("install.yaml");
    for arguments in [
        ["apply", "--validate=strict", "-k", &path("deploy")],
        // The same once more.
        ["apply", "--validate=strict", "-f", &install],
    ] {
        let (_, warnings) = kubectl(&control_plane, &arguments).await;
        assert_eq!(warnings, "", "{arguments:?}");
    }
    let again = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", &install];
    kubectl(&control_plane, &again).await;
    one_pod_is_admitted(&control_plane).await;

    let cluster = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(cluster.path(), serde_json::to_string(&home()).unwrap()).unwrap();
    kubectl(&control_plane, &["apply", "-f", cluster.path().to_str().unwrap()]).await;
    kubectl(&control_plane, &["delete", "-f", &install, "-l", "app.kubernetes.io/name=nico"]).await;
    let left =
        ["get", "ns,clusterroles,clusterrolebindings", "-l", "app.kubernetes.io/name=nico", "-o", "name"];
    assert_eq!(kubectl(&control_plane, &left).await.0, "");
    let clusters = ["get", "kubernetesclusters", "-A", "-o", "name"];
    let clusters = kubectl(&control_plane, &clusters).await.0;
    assert_eq!(clusters, "kubernetescluster.nico.homystack.com/home\n");
}

/// The namespace refuses what is not as restricted as it asks for: there are no controllers here that would try.
async fn one_pod_is_admitted(control_plane: &ControlPlane) {
    let deployment = get(control_plane, "deployment", OWN_NAME).await;
    let mut pod = deployment["spec"]["template"].clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    pod["metadata"]["name"] = json!("admitted");
    try_pod(control_plane, &pod).await.unwrap();
    // And one that is not so is refused: the namespace does ask.
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let refused = try_pod(control_plane, &pod).await.unwrap_err();
    assert!(refused.contains("violates PodSecurity \"restricted"), "{refused}");
}

async fn try_pod(control_plane: &ControlPlane, pod: &Value) -> Result<(), String> {
    let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
    std::fs::write(file.path(), pod.to_string()).unwrap();
    let path = file.path().to_str().unwrap();
    let create = ["create", "--dry-run=server", "-n", OWN_NAMESPACE, "-f", path];
    let output = control_plane.kubectl(&create).await;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn home() -> Value {
    json!({
        "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster",
        "metadata": { "name": "home", "namespace": "default" },
        "spec": {
            "gitRepo": "https://git.example/fleet.git",
            "controlPlane": { "machines": ["node-1"] }, "dataPlane": { "machines": [] },
        },
    })
}

/// What is selected by label is what is labelled so.
#[test]
fn services_budgets_and_policies_select_the_pods() {
    let deployment = installed("Deployment");
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let selectors = [
        deployment["spec"]["selector"]["matchLabels"].clone(),
        installed("Service")["spec"]["selector"].clone(),
        installed("PodDisruptionBudget")["spec"]["selector"]["matchLabels"].clone(),
        installed("NetworkPolicy")["spec"]["podSelector"]["matchLabels"].clone(),
    ];
    for selector in selectors {
        let selector = selector.as_object().unwrap().clone();
        assert!(!selector.is_empty());
        assert!(selector.iter().all(|(label, value)| labels[label] == *value), "{selector:?}");
    }
}
