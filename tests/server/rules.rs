//! The examples of `fixtures/rules.yaml`, on a real API server: the same verdict, the same words.

use nico_harness::ControlPlane;
use serde_json::{Value, json};

use crate::support::{cluster, kubectl, put, put_status};

#[path = "../../crds/tests/support/examples.rs"]
mod examples;

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_judged_as_offline() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("rules").await;
    let client = control_plane.client().await;
    let resource = kube::core::ApiResource::from_gvk_with_plural(
        &kube::core::GroupVersionKind::gvk("nico.homystack.com", "v1alpha1", "KubernetesCluster"),
        "kubernetesclusters",
    );
    let api: kube::Api<kube::core::DynamicObject> =
        kube::Api::namespaced_with(client, namespace.name(), &resource);
    let dry_run = kube::api::PostParams { dry_run: true, ..Default::default() };
    for example in examples::examples() {
        let object = serde_json::from_value(example.object.clone()).unwrap();
        let answer = api.create(&dry_run, &object).await;
        match (answer, &example.refused_with) {
            (Ok(_), None) => {}
            (Err(kube::Error::Api(status)), Some(message)) => {
                let causes = status.details.map(|details| details.causes).unwrap_or_default();
                let said: Vec<_> = causes.into_iter().map(|cause| cause.message).collect();
                assert!(said.iter().any(|said| said.ends_with(message)), "{}: {said:?}", example.description);
            }
            (answer, expected) => panic!("{}: {answer:?}, expected {expected:?}", example.description),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_what_a_field_means() {
    let control_plane = ControlPlane::shared().await;
    let text = kubectl(control_plane, &["explain", "kubernetesclusters.spec.installPolicy"]).await;
    assert!(text.contains("WIPES THE DISK"), "{text}");
    let columns =
        kubectl(control_plane, &["get", "crd", "kubernetesclusters.nico.homystack.com", "-o", "json"]).await;
    let definition: Value = serde_json::from_str(&columns).unwrap();
    let columns = definition["spec"]["versions"][0]["additionalPrinterColumns"].as_array().unwrap();
    let columns: Vec<_> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(columns, ["Phase", "Control Plane", "Data Plane", "Kubeconfig", "Rollout", "Waiting", "Age"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_at_once_what_waits_first() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("columns").await;
    put(control_plane, &namespace, &[cluster("home", &json!({}))]).await;
    let status = json!({
        "phase": "ControlPlaneReady", "controlPlaneReady": "3/3", "dataPlaneReady": "4/5",
        "kubeconfigSecret": "home-kubeconfig",
        "rollout": { "progress": "5/8", "updated": 5, "total": 8, "waiting": ["machine node-4 waits", "and 2 more"] },
    });
    put_status(control_plane, &namespace, "kcluster", "home", &status).await;
    let narrow = kubectl(control_plane, &["get", "kcluster", "-n", namespace.name()]).await;
    let wide = kubectl(control_plane, &["get", "kcluster", "-n", namespace.name(), "-o", "wide"]).await;
    let columns = |table: &str| table.lines().next().unwrap().split("  ").map(str::trim).collect::<String>();
    assert_eq!(columns(&narrow), "NAMEPHASECONTROL PLANEDATA PLANEKUBECONFIGAGE");
    assert_eq!(columns(&wide), "NAMEPHASECONTROL PLANEDATA PLANEKUBECONFIGROLLOUTWAITINGAGE");
    for shown in ["ControlPlaneReady", "3/3", "4/5", "home-kubeconfig"] {
        assert!(narrow.contains(shown) && wide.contains(shown), "{wide}");
    }
    for shown in ["5/8", "machine node-4 waits"] {
        assert!(!narrow.contains(shown) && wide.contains(shown), "{wide}");
    }
}
