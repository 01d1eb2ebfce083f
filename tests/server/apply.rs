//! `nico apply --once`: one pass of the applier. The selection is remembered first, the token and the missing
//! configurations are created, what exists is set right as far as it may be now.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use nico_harness::{ControlPlane, Event, Namespace, wait_until};
use serde_json::{Value, json};

use crate::support::{
    apply_once, cluster, get, kubectl, list, machine, names, nico, put, put_machines, put_status,
};

const CONFIGURATIONS: &str = "nixosconfigurations";
const BOUND: Duration = Duration::from_secs(30);

fn switch_only() -> Value {
    json!({ "installPolicy": "SwitchOnly", "rollout": { "bootstrap": "AllAtOnce" } })
}

/// What NICO has written in a namespace, once the log has the number of writes that is waited for.
async fn writes(control_plane: &ControlPlane, namespace: &Namespace, at_least: usize) -> Vec<Event> {
    wait_until("the writes in the audit log", BOUND, async || {
        let by_nico = |event: &Event| event.is_write() && event.field_manager.as_deref() == Some("nico");
        let writes: Vec<_> = control_plane.audit_in(namespace).into_iter().filter(by_nico).collect();
        if writes.len() >= at_least { Ok(writes) } else { Err(format!("{} of {at_least}", writes.len())) }
    })
    .await
    .unwrap()
}

/// NIO has applied a configuration long ago.
async fn nio_applies(control_plane: &ControlPlane, namespace: &Namespace, name: &str) {
    let live = get(control_plane, namespace, CONFIGURATIONS, name).await;
    let handled = json!({ "spec": live["spec"] }).to_string();
    let note = format!("kopf.zalando.org/last-handled-configuration={handled}");
    kubectl(control_plane, &["annotate", CONFIGURATIONS, name, "-n", namespace.name(), "--overwrite", &note])
        .await;
    // As if it had been written an hour before: what is settled has stood still for long.
    let old = "nico.homystack.com/written-at=2026-01-01T00:00:00Z";
    kubectl(control_plane, &["annotate", CONFIGURATIONS, name, "-n", namespace.name(), "--overwrite", old])
        .await;
    let status = json!({
        "additionalFilesHash": live["metadata"]["annotations"]["nico.homystack.com/text"],
        "appliedCommit": "0123456789012345678901234567890123456789",
        "lastAppliedTime": "2026-01-01T00:01:00Z",
        "hasFullInstall": live["spec"]["fullInstall"],
        "targetMachine": live["spec"]["machineRef"]["name"],
        "conditions": [{ "type": "Applied", "status": "True", "reason": "Success", "message": "", "lastTransitionTime": "2026-01-01T00:01:00Z" }],
    });
    put_status(control_plane, namespace, CONFIGURATIONS, name, &status).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_and_goes_with_its_object() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("made").await;
    let machines = put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;

    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{told}{errors}");

    let owner = get(control_plane, &namespace, "kubernetesclusters", "home").await;
    let configurations = list(control_plane, &namespace, CONFIGURATIONS).await;
    let expected: Vec<_> = machines.iter().map(|machine| format!("home-{machine}")).collect();
    assert_eq!(names(&configurations), expected);
    for configuration in &configurations {
        let metadata = &configuration["metadata"];
        assert_eq!(metadata["labels"]["app.kubernetes.io/managed-by"], "nico");
        assert_eq!(metadata["labels"]["nico.homystack.com/cluster"], "home");
        assert_eq!(metadata["ownerReferences"][0]["uid"], owner["metadata"]["uid"]);
        assert_eq!(metadata["ownerReferences"][0]["controller"], true);
        assert_eq!(metadata["ownerReferences"][0]["blockOwnerDeletion"], true);
        assert!(metadata["annotations"]["nico.homystack.com/written-at"].is_string());
        assert_eq!(configuration["spec"]["fullInstall"], false);
        assert_eq!(configuration["spec"]["onRemoveFlake"], "#minimal");
    }
    let status = &owner["status"];
    assert_eq!(status["selectedControlPlaneMachines"], json!(["node-1", "node-2", "node-3"]));
    assert_eq!(
        status["selectedDataPlaneMachines"],
        json!(["node-4", "node-5", "node-6", "node-7", "node-8"])
    );
    assert_eq!(status["appliedMachines"].as_object().unwrap().len(), 8);

    // The selection is remembered before anything that depends on it, and what was taken after it.
    let writes = writes(control_plane, &namespace, 11).await;
    let order: Vec<_> =
        writes.iter().map(|event| (event.resource.as_str(), event.subresource.as_deref())).collect();
    assert_eq!(order.first(), Some(&("kubernetesclusters", None)));
    assert_eq!(order.get(1), Some(&("kubernetesclusters", Some("status"))));
    assert_eq!(order.get(2), Some(&("secrets", None)));
    assert_eq!(order.last(), Some(&("kubernetesclusters", Some("status"))));

    // Pass by pass: workers, control planes, the cluster.
    let delete = ["delete", "kubernetescluster", "home", "-n", namespace.name(), "--wait=false"];
    kubectl(control_plane, &delete).await;
    wait_until("everything is gone", BOUND, async || {
        apply_once(control_plane, &namespace, &[]).await;
        let left = list(control_plane, &namespace, "kubernetesclusters,nixosconfigurations,secrets").await;
        if left.is_empty() { Ok(()) } else { Err(format!("{:?}", names(&left))) }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_pass_writes_nothing_and_the_token_stays() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("again").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;
    apply_once(control_plane, &namespace, &[]).await;
    let first = writes(control_plane, &namespace, 11).await.len();
    let token = get(control_plane, &namespace, "secret", "home-join-token").await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!((told.as_str(), code), ("", 0), "{errors}");
    // A marker behind it: all that came before is in the log by then.
    put(control_plane, &namespace, &[machine("marker", "z")]).await;
    wait_until("the marker", BOUND, async || {
        let seen =
            control_plane.audit_in(&namespace).iter().any(|event| event.name.as_deref() == Some("marker"));
        if seen { Ok(()) } else { Err("not yet") }
    })
    .await
    .unwrap();
    assert_eq!(writes(control_plane, &namespace, first).await.len(), first);
    let after = get(control_plane, &namespace, "secret", "home-join-token").await;
    assert_eq!(token["data"], after["data"]);
    assert_eq!(token["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["token"]);
    // 32 bytes as hexadecimal, as base64: 88 characters.
    assert_eq!(token["data"]["token"].as_str().unwrap().len(), 88);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_differ() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("tokens").await;
    put_machines(control_plane, &namespace).await;
    let one = |name: &str, rack: &str| {
        let mut spec = switch_only();
        spec["controlPlane"] = json!({ "count": 1, "machineSelector": { "matchLabels": { "rack": rack } } });
        spec["dataPlane"] = json!({});
        cluster(name, &spec)
    };
    put(control_plane, &namespace, &[one("one", "a"), one("two", "b")]).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{told}{errors}");
    let secrets = list(control_plane, &namespace, "secrets").await;
    let tokens: BTreeSet<_> =
        secrets.iter().map(|secret| secret["data"]["token"].as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 2);
    for token in tokens {
        assert!(!told.contains(token) && !errors.contains(token), "a token was told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_comes_alone_until_it_is_settled() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("head").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &json!({ "installPolicy": "SwitchOnly" }))]).await;
    let (told, errors, _) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(
        names(&list(control_plane, &namespace, CONFIGURATIONS).await),
        ["home-node-1"],
        "{told}{errors}"
    );
    assert!(told.contains("machine node-8 waits for the first control plane, node-1"), "{told}");
    // Not settled: still alone.
    apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(list(control_plane, &namespace, CONFIGURATIONS).await.len(), 1);
    // Settled: all workers, and one control plane.
    nio_applies(control_plane, &namespace, "home-node-1").await;
    let (told, errors, _) = apply_once(control_plane, &namespace, &[]).await;
    let there = list(control_plane, &namespace, CONFIGURATIONS).await;
    let expected = [
        "home-node-1",
        "home-node-2",
        "home-node-4",
        "home-node-5",
        "home-node-6",
        "home-node-7",
        "home-node-8",
    ];
    assert_eq!(names(&there), expected, "{told}{errors}");
    // The next control plane once the one before it is settled.
    nio_applies(control_plane, &namespace, "home-node-2").await;
    apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(list(control_plane, &namespace, CONFIGURATIONS).await.len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_wiped_only_on_a_persons_word() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("wipe").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &json!({}))]).await;
    let (told, _, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0);
    assert!(told.contains("home-node-1 is withheld: it WIPES THE DISK of machine node-1"), "{told}");
    assert!(list(control_plane, &namespace, CONFIGURATIONS).await.is_empty());
    let owner = get(control_plane, &namespace, "kubernetesclusters", "home").await;
    assert!(
        owner["status"]["appliedMachines"].is_null(),
        "what was withheld was not taken: {}",
        owner["status"]
    );

    let (told, _, _) = apply_once(control_plane, &namespace, &["--leave-full-install"]).await;
    assert!(told.contains("home-node-1 is created, which WIPES THE DISK"), "{told}");
    let there = list(control_plane, &namespace, CONFIGURATIONS).await;
    assert_eq!(names(&there), ["home-node-1"]);
    assert_eq!(there[0]["spec"]["fullInstall"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_keeps_nothing() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("dry").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &["--dry-run=server"]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains("home-node-8 is created (server dry run)"), "{told}");
    assert!(list(control_plane, &namespace, "nixosconfigurations,secrets").await.is_empty());
    let owner = get(control_plane, &namespace, "kubernetesclusters", "home").await;
    assert!(owner["status"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn content_waits_until_nio_has_taken_the_last_one_in() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("differs").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;
    apply_once(control_plane, &namespace, &[]).await;
    let patch = json!({ "spec": { "ref": "next" } }).to_string();
    kubectl(
        control_plane,
        &["patch", "kubernetescluster", "home", "-n", namespace.name(), "--type=merge", "-p", &patch],
    )
    .await;
    let before = list(control_plane, &namespace, CONFIGURATIONS).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains("machine node-4 waits for NIO"), "{told}");
    assert_eq!(before, list(control_plane, &namespace, CONFIGURATIONS).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_others_is_left_alone() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("foreign").await;
    put_machines(control_plane, &namespace).await;
    let theirs = json!({
        "apiVersion": "nio.homystack.com/v1alpha1",
        "kind": "NixosConfiguration",
        "metadata": { "name": "home-node-4" },
        "spec": { "machineRef": { "name": "node-8" }, "flake": "#theirs" },
    });
    let token = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "work-join-token" }, "stringData": { "token": "x" },
    });
    put(control_plane, &namespace, &[theirs, token, cluster("home", &switch_only())]).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{errors}");
    // node-4's name is taken, node-8 is claimed: three workers are left.
    let there = list(control_plane, &namespace, CONFIGURATIONS).await;
    let expected = [
        "home-node-1",
        "home-node-2",
        "home-node-3",
        "home-node-4",
        "home-node-5",
        "home-node-6",
        "home-node-7",
    ];
    assert_eq!(names(&there), expected, "{told}");
    let untouched = there.iter().find(|object| object["metadata"]["name"] == "home-node-4").unwrap();
    assert_eq!(untouched["spec"]["flake"], "#theirs");
    assert!(errors.contains("is claimed by the NixosConfiguration \"home-node-4\""), "{errors}");

    let mut spec = switch_only();
    spec["controlPlane"] = json!({ "machines": ["node-4"] });
    put(control_plane, &namespace, &[cluster("work", &spec)]).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains("work-join-token") && told.contains("is neither used nor touched"), "{told}");
    assert_eq!(list(control_plane, &namespace, CONFIGURATIONS).await.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_python_operator_left_is_taken_over_pass_by_pass() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("recorded").await;
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recorded");
    let mut uid = Value::Null;
    for file in ["machines.yaml", "cluster.yaml", "live.yaml"] {
        for document in
            serde_yaml::Deserializer::from_str(&std::fs::read_to_string(recorded.join(file)).unwrap())
        {
            let mut object: Value = serde::Deserialize::deserialize(document).unwrap();
            let (kind, name) = (object["kind"].clone(), object["metadata"]["name"].clone());
            let status = object["status"].take();
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata.retain(|field, _| {
                !["namespace", "uid", "resourceVersion", "generation"].contains(&field.as_str())
            });
            if let Some(owners) = metadata.get_mut("ownerReferences") {
                owners[0]["uid"] = uid.clone();
            }
            put(control_plane, &namespace, &[object]).await;
            let (kind, name) = (kind.as_str().unwrap(), name.as_str().unwrap());
            put_status(control_plane, &namespace, kind, name, &status).await;
            if kind == "KubernetesCluster" {
                uid = get(control_plane, &namespace, kind, name).await["metadata"]["uid"].clone();
            }
        }
    }
    let files =
        |all: &[Value]| all.iter().map(|one| one["spec"]["additionalFiles"].clone()).collect::<Vec<_>>();
    let before = files(&list(control_plane, &namespace, CONFIGURATIONS).await);
    let mut all = String::new();
    for _ in 0..5 {
        let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
        assert_eq!(code, 0, "{errors}");
        assert!(!told.contains("additionalFiles") && !told.contains("created, which"), "{told}");
        all.push_str(&told);
    }
    assert!(all.contains("taken over from the Python operator"), "{all}");
    assert!(all.contains("home-node-1 is taken over") && all.contains("fullInstall is taken off"), "{all}");
    let after = list(control_plane, &namespace, CONFIGURATIONS).await;
    assert_eq!(before, files(&after));
    assert!(after.iter().all(|one| one["spec"]["fullInstall"] == false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_token_is_not_replaced_once_machines_run() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("lost").await;
    put_machines(control_plane, &namespace).await;
    put(control_plane, &namespace, &[cluster("home", &switch_only())]).await;
    apply_once(control_plane, &namespace, &[]).await;
    nio_applies(control_plane, &namespace, "home-node-1").await;
    kubectl(control_plane, &["delete", "secret", "home-join-token", "-n", namespace.name()]).await;
    let (told, errors, code) = apply_once(control_plane, &namespace, &[]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(told.contains("NICO invents no other"), "{told}");
    assert!(list(control_plane, &namespace, "secrets").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_cannot_be_used_is_never_shown() {
    let control_plane = ControlPlane::shared().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    let whole = std::fs::read_to_string(control_plane.kubeconfig_path()).unwrap();
    let users = |user: &str| format!("apiVersion: v1\nkind: Config\nusers:\n- name: test\n  user: {user}\n");
    let contents = [
        users("{token: hunter2"),
        users("hunter2"),
        users("{token: [hunter2]}"),
        users("{token: hunter2}"),
        whole.replacen("token:", "token: hunter2 #", 1),
    ];
    for content in contents {
        std::fs::write(&path, &content).unwrap();
        let output = nico(control_plane, &["apply", "--once", "--kubeconfig", path.to_str().unwrap()]).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_kind_is_named() {
    let bare = ControlPlane::start().await.unwrap();
    let output = nico(&bare, &["apply", "--once"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors.contains("kubernetesclusters.nico.homystack.com") && errors.contains("nico crds"),
        "{errors}"
    );
    assert!(output.stdout.is_empty());
}
