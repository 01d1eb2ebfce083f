//! What `/readyz` and the log say: what is waited for, by name, until it is there.

use std::path::Path;

use nico_harness::{ControlPlane, wait_until};
use serde_json::{Value, json};

use crate::quiet::{metrics_address, page};
use crate::stage::{BOUND, Stage, cluster, operators_account};

async fn wait_page(address: &str, path: &str, what: &str, matches: impl Fn(&str) -> bool) -> String {
    wait_until(what, BOUND, async || {
        let page = page(address, path).await;
        if matches(&page) { Ok(page) } else { Err(page) }
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_is_missing_or_too_old_is_named_and_waited_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let control_plane = ControlPlane::start().await.unwrap();
    let account = operators_account(&control_plane).await;
    let stage = Stage::on(&control_plane, "ready").await;
    // It came with the operator's account.
    stage.kubectl(&["delete", "crd", "kubernetesclusters.nico.homystack.com"]).await;
    let operator = stage.operator_with(&account.kubeconfig(), &[]);
    let address = metrics_address(&operator).await;
    let missing =
        |kind: &'static str| move |page: &str| page.starts_with("HTTP/1.1 503") && page.contains(kind);
    wait_page(
        &address,
        "/readyz",
        "NICO's definition to be missed",
        missing("kubernetesclusters.nico.homystack.com"),
    )
    .await;
    let what = "that it waits";
    operator.line(what, BOUND, |line| line.contains("kubernetesclusters.nico.homystack.com")).await.unwrap();

    // One from before: without a field that this NICO writes.
    let text = std::fs::read_to_string(root.join("crds/kubernetescluster.yaml")).unwrap();
    let mut definition: Value = serde_yaml::from_str(&text).unwrap();
    let status = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties";
    definition.pointer_mut(status).unwrap().as_object_mut().unwrap().remove("adoptedGeneration");
    stage.put(&[definition]).await;
    let page = wait_page(&address, "/readyz", "it to be too old", missing("adoptedGeneration")).await;
    assert!(page.contains("nico crds"), "{page}");

    control_plane.apply_yaml(&root.join("crds/kubernetescluster.yaml")).await;
    wait_page(&address, "/readyz", "NIO's to be missed", missing("machines.nio.homystack.com")).await;
    control_plane.apply_yaml(&root.join("fixtures/nio/python.yaml")).await;
    wait_page(&address, "/readyz", "it to be ready", |page| page.starts_with("HTTP/1.1 200")).await;
    wait_page(&address, "/healthz", "it to be healthy", |page| page.starts_with("HTTP/1.1 200")).await;
    stage.machines(1).await;
    stage.put(&[cluster("home", 1, 0, &json!({}))]).await;
    stage.wait_installed(1).await;
    let metrics = wait_page(&address, "/metrics", "metrics", |page| page.starts_with("HTTP/1.1 200")).await;
    for series in [
        "nico_writes_total{resource=\"nixosconfigurations\",result=\"success\",verb=\"create\"} 1",
        "nico_leader 1",
        "nico_cache_age_seconds{kind=\"Machine\"}",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    // Its log is for machines where that is asked for.
    let json = stage.operator_with(&account.kubeconfig(), &["--log-format", "json"]);
    let line = json.line("a line of JSON", BOUND, |line| line.starts_with('{')).await.unwrap();
    assert!(serde_json::from_str::<Value>(&line).unwrap()["message"].is_string(), "{line}");

    // One that grows too old later drops what kept disks from being wiped: nothing is decided any more.
    let text = std::fs::read_to_string(root.join("crds/kubernetescluster.yaml")).unwrap();
    let mut definition: Value = serde_yaml::from_str(&text).unwrap();
    let spec = definition.pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/spec").unwrap();
    spec["properties"].as_object_mut().unwrap().remove("installPolicy");
    spec.as_object_mut().unwrap().remove("x-kubernetes-validations");
    stage.put(&[definition]).await;
    wait_page(&address, "/readyz", "it to be too old again", missing("installPolicy")).await;
    control_plane.apply_yaml(&root.join("crds/kubernetescluster.yaml")).await;
    wait_page(&address, "/readyz", "it to be ready again", |page| page.starts_with("HTTP/1.1 200")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_written_ends_nothing() {
    let stage = Stage::new("full").await;
    stage.machines(1).await;
    let kubeconfig = crate::stage::shared_account().await.kubeconfig();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nico"));
    command.args(["run", "--metrics-port", "0", "--metrics-bind-address", "127.0.0.1", "--interval", "1s"]);
    command.args(["-n", stage.namespace.name()]).arg("--kubeconfig").arg(&kubeconfig).stderr(full);
    let mut operator = Ended(command.spawn().unwrap());
    stage.put(&[cluster("home", 1, 0, &json!({}))]).await;
    stage.wait_installed(1).await;
    assert!(operator.0.try_wait().unwrap().is_none(), "it runs");
}

/// A process that ends with its test.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
