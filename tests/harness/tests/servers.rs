//! Servers crash on command, and come back as they were.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::{ListParams, ObjectMeta, PostParams, WatchParams};
use kube::{Api, Client, ResourceExt as _};
use nico_harness::{ControlPlane, Server, wait_until};

const BOUND: Duration = Duration::from_mins(1);

async fn impatient(control_plane: &ControlPlane) -> Api<ConfigMap> {
    let mut config = control_plane.config().await;
    config.default_retry = false;
    Api::default_namespaced(Client::try_from(config).unwrap())
}

fn named(name: &str) -> ConfigMap {
    let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
    ConfigMap { metadata, ..ConfigMap::default() }
}

/// The processes that run as this server of this control plane.
fn pids(folder: &Path, server: Server) -> Vec<String> {
    let (folder, server) = (folder.to_str().unwrap(), format!("/{server}\0"));
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let arguments = fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (arguments.contains(folder) && arguments.contains(&server))
                .then(|| entry.file_name().to_string_lossy().into_owned())
        })
        .collect()
}

#[tokio::test]
async fn etcd_comes_back_with_all_that_was_written() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    let api = impatient(&control_plane).await;
    for number in 0..20 {
        api.create(&PostParams::default(), &named(&format!("a-{number}"))).await.unwrap();
    }
    let before = pids(control_plane.folder(), Server::Etcd);
    control_plane.kill(Server::Etcd).await;
    assert_eq!(pids(control_plane.folder(), Server::Etcd), [""; 0]);
    // The API server does not answer, or says that it cannot.
    if let Ok(answer) =
        tokio::time::timeout(Duration::from_secs(1), api.create(&PostParams::default(), &named("b"))).await
    {
        answer.unwrap_err();
    }

    control_plane.start_again(Server::Etcd).await;

    let after = pids(control_plane.folder(), Server::Etcd);
    assert!(before.len() == 1 && after.len() == 1 && before != after, "{before:?}, {after:?}");
    let there = api.list(&ListParams::default()).await.unwrap();
    assert_eq!(there.iter().filter(|object| object.name_any().starts_with("a-")).count(), 20);
    api.create(&PostParams::default(), &named("c")).await.unwrap();
}

#[tokio::test]
async fn the_api_server_comes_back_at_the_same_address() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    let api = impatient(&control_plane).await;
    api.create(&PostParams::default(), &named("a")).await.unwrap();
    let events = api.watch(&WatchParams::default(), "0").await.unwrap();

    control_plane.kill(Server::ApiServer).await;

    let _all: Vec<_> = tokio::time::timeout(BOUND, events.collect()).await.unwrap();
    api.get("a").await.unwrap_err();
    // From a task of its own, as a hook does.
    let servers = control_plane.servers();
    tokio::spawn(async move { servers.start_again(Server::ApiServer).await }).await.unwrap();
    // The client and its connections are the old ones.
    wait_until("the old client to connect anew", BOUND, async || api.get("a").await).await.unwrap();
    // The log goes on.
    let events = control_plane.audit_so_far().await;
    assert!(events.iter().any(|event| event.verb == "create" && event.name.as_deref() == Some("a")));
}

#[tokio::test]
async fn the_controllers_come_back() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    let api = impatient(&control_plane).await;
    control_plane.kill(Server::ControllerManager).await;
    let mut orphan = named("orphan");
    orphan.metadata.owner_references = Some(vec![OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: "gone".to_owned(),
        uid: "00000000-0000-0000-0000-000000000000".to_owned(),
        ..OwnerReference::default()
    }]);
    api.create(&PostParams::default(), &orphan).await.unwrap();
    control_plane.start_again(Server::ControllerManager).await;
    wait_until("the orphan to go", BOUND, async || {
        let found = api.get_opt("orphan").await.map_err(|error| error.to_string())?;
        found.is_none().then_some(()).ok_or("it is there".to_owned())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn all_may_be_down_at_once() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    let api = impatient(&control_plane).await;
    api.create(&PostParams::default(), &named("a")).await.unwrap();
    let all = [Server::ControllerManager, Server::ApiServer, Server::Etcd];
    for server in all {
        control_plane.kill(server).await;
    }
    for server in all.into_iter().rev() {
        control_plane.start_again(server).await;
    }
    wait_until("the old client to connect anew", BOUND, async || api.get("a").await).await.unwrap();
    let folder = control_plane.folder().to_owned();
    drop(control_plane);
    assert!(!folder.exists());
}

#[tokio::test]
#[should_panic(expected = "kill etcd: it was killed before")]
async fn what_is_down_cannot_be_killed() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    control_plane.kill(Server::Etcd).await;
    control_plane.kill(Server::Etcd).await;
}

#[tokio::test]
#[should_panic(expected = "start etcd: it runs")]
async fn what_runs_cannot_be_started() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    control_plane.start_again(Server::Etcd).await;
}

#[tokio::test]
async fn a_server_that_dies_by_itself_ends_the_control_plane_even_after_a_restart() {
    let mut control_plane = ControlPlane::start().await.unwrap();
    control_plane.kill(Server::ControllerManager).await;
    control_plane.start_again(Server::ControllerManager).await;
    let folder = control_plane.folder().to_owned();
    let [etcd] = pids(&folder, Server::Etcd).try_into().unwrap();
    assert!(std::process::Command::new("kill").args(["-KILL", &etcd]).status().unwrap().success());
    wait_until("the control plane to end", BOUND, async || (!folder.exists()).then_some(()).ok_or("it runs"))
        .await
        .unwrap();
    let gone = tokio::spawn(async move { control_plane.kill(Server::ApiServer).await });
    assert!(gone.await.unwrap_err().is_panic());
}
