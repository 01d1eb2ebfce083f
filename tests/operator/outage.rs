//! etcd or the API server is killed and started again: the operator recovers by itself.

use std::path::Path;

use nico_harness::{ControlPlane, Server};
use serde_json::json;

use crate::stage::{Stage, cluster, operators_account};

#[tokio::test(flavor = "multi_thread")]
async fn it_recovers_from_the_loss_of_its_servers() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut control_plane =
        ControlPlane::start_with(&[&root.join("crds"), &root.join("fixtures/nio/python.yaml")])
            .await
            .unwrap();
    let servers = control_plane.servers();
    let stage = Stage::on(&control_plane, "outage").await;
    let account = operators_account(&control_plane).await;
    stage.machines(5).await;
    let operator = stage.operator_with(&account.kubeconfig(), &[]);
    stage.put(&[cluster("home", 2, 2, &json!({}))]).await;
    stage
        .wait("the head", async || (!stage.configurations().await.is_empty()).then_some(()).ok_or("none"))
        .await;
    servers.kill(Server::Etcd).await;
    servers.start_again(Server::Etcd).await;
    stage.wait_installed(4).await;
    servers.kill(Server::ApiServer).await;
    servers.start_again(Server::ApiServer).await;
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    assert!(operator.status().is_none(), "it still runs");
    let log = stage.control().log();
    for machine in ["node-1", "node-2", "node-4", "node-5"] {
        assert_eq!(log.installations(machine), 1, "{machine}");
    }
}
