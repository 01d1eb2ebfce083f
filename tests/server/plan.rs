//! `nico plan` of what is on a server: what the applier then does; nothing is written.

use nico_harness::{ControlPlane, Namespace};
use serde_json::{Value, json};

use crate::diff::{made, onlooker, patch};
use crate::support::{apply_once, cluster, get, list, names, nico, put, put_machines};

/// The plan of a namespace: its standard output, standard error and exit code.
async fn plan(control_plane: &ControlPlane, namespace: &Namespace, more: &[&str]) -> (String, String, i32) {
    let mut arguments = vec!["plan", "-n", namespace.name()];
    arguments.extend(more);
    let output = nico(control_plane, &arguments).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

async fn json_of(control_plane: &ControlPlane, namespace: &Namespace) -> Value {
    let (told, errors, _) = plan(control_plane, namespace, &["-o", "json"]).await;
    let mut document: Value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}{errors}"));
    document["clusters"][0].take()
}

/// Machine and action of a list.
fn told(cluster: &Value, list: &str) -> Vec<String> {
    let items = cluster[list].as_array().unwrap().iter().filter(|item| item["machine"].is_string());
    let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
    items.map(|item| format!("{} {}", text(item, "machine"), text(item, "action"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_cluster_is_planned_and_nothing_is_written() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("plan-new").await;
    put_machines(control_plane, &namespace).await;
    let (told_of_none, _, code) = plan(control_plane, &namespace, &[]).await;
    assert_eq!((told_of_none.as_str(), code), ("", 0), "there is no cluster");
    put(control_plane, &namespace, &[cluster("home", &json!({}))]).await;
    let (text, errors, code) = plan(control_plane, &namespace, &[]).await;
    assert_eq!(code, 1, "{errors}");
    let first = text.lines().next().unwrap();
    let head =
        format!("{namespace}/home (Provisioning): 8 to install (WIPES THE DISK); 5 writes now, 7 wait");
    assert_eq!(first, head, "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("the join token is made"), "{text}");
    let last = errors.lines().last().unwrap();
    assert!(last.starts_with("warning: WIPES THE DISK of machine node-8"), "what hurts comes last: {errors}");
    let cluster = json_of(control_plane, &namespace).await;
    assert_eq!(told(&cluster, "changes"), ["node-1 Install"]);
    let there = list(control_plane, &namespace, "nixosconfigurations,secrets").await;
    assert!(there.is_empty(), "nothing is written: {:?}", names(&there));
    assert!(get(control_plane, &namespace, "kubernetescluster", "home").await["status"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_what_the_applier_does() {
    let (control_plane, namespace) = made("plan-made").await;
    let cluster = json_of(control_plane, &namespace).await;
    assert_eq!((&cluster["changes"], &cluster["waiting"]), (&json!([]), &json!([])), "{cluster:#}");
    assert_eq!(cluster["underWay"].as_array().unwrap().len(), 8, "no NIO has applied anything yet");

    // A person takes a field away, and the spec has new content.
    let edit = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": null } } });
    patch(control_plane, &namespace, "nixosconfiguration", "home-node-4", &edit).await;
    let spec = json!({ "spec": { "configurationSubdir": "deep" } });
    patch(control_plane, &namespace, "kubernetescluster", "home", &spec).await;
    let cluster = json_of(control_plane, &namespace).await;
    let planned = &cluster["changes"];
    assert_eq!(told(&cluster, "changes"), ["node-4 Update"], "{cluster:#}");
    assert_eq!(planned[0]["fields"], json!(["metadata.labels[app.kubernetes.io/managed-by]"]));
    assert_eq!(told(&cluster, "waiting").len(), 8, "{cluster:#}");
    for waits in cluster["waiting"].as_array().unwrap() {
        assert_eq!((&waits["action"], &waits["reason"]), (&json!("Switch"), &json!("InFlight")), "{waits}");
        let fields = waits["fields"].as_array().unwrap();
        assert!(fields.contains(&json!("spec.configurationSubdir")), "{waits}");
    }
    let (done, errors, _) = apply_once(control_plane, &namespace, &[]).await;
    let writes: Vec<_> = done.lines().filter(|line| line.contains("nixosconfiguration.nio")).collect();
    assert!(writes.len() == 1 && writes[0].contains("home-node-4"), "{done}{errors}");
    assert_eq!(told(&json_of(control_plane, &namespace).await, "changes"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_see_no_secret_gets_a_plan_and_is_told() {
    let (control_plane, namespace) = made("plan-onlooker").await;
    let account = onlooker(control_plane, &namespace).await;
    let kubeconfig = account.kubeconfig();
    let arguments = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    let (text, errors, code) = plan(control_plane, &namespace, &arguments).await;
    assert_eq!(code, 1, "{errors}");
    assert!(text.starts_with(&format!("{namespace}/home (Provisioning): 8 under way\n")), "{text}");
    assert!(errors.contains("may not be read"), "{errors}");
}
