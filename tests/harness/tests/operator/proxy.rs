//! A proxy that a real process is behind: what it counts, cuts, holds up and lets through.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use kube::api::{ListParams, PostParams, WatchEvent, WatchParams};
use kube::{Client, ResourceExt as _};
use nico_harness::faults::{Faults, Kind, Order, Settings};
use nico_harness::proxy::{Proxy, Then};
use nico_harness::{ControlPlane, wait_until};
use tokio::time::timeout;

use super::{BOUND, account, config_map, config_maps, stored, writer};

/// Long enough for what would come to come, on loopback.
const MOMENT: Duration = Duration::from_millis(300);

/// Without bookmarks, which come when they like.
pub(crate) fn quiet() -> WatchParams {
    WatchParams::default().disable_bookmarks()
}

/// A client of the admin's behind the proxy.
pub(crate) async fn client(control_plane: &ControlPlane, proxy: &Proxy) -> Client {
    let mut config = control_plane.config().await;
    config.cluster_url = proxy.url().parse().unwrap();
    config.default_retry = false;
    Client::try_from(config).unwrap()
}

#[tokio::test]
async fn exactly_k_writes_of_a_killed_process_are_committed() {
    let control_plane = ControlPlane::shared().await;
    for k in [1, 2, 5] {
        let namespace = control_plane.namespace("killed").await;
        let account = account(control_plane, &namespace, &["create", "list", "watch"]).await;
        let proxy = Proxy::to(control_plane.config().await).start();
        // The process comes to be only after the hook is there.
        let (tell, told) = tokio::sync::oneshot::channel();
        let killed = proxy
            .after_write(k, async move |_call| {
                let process: Arc<nico_harness::Process> = told.await.unwrap();
                process.kill_9();
                Then::Sever
            })
            .await;
        let process = Arc::new(writer(&account.at(&proxy.url()).kubeconfig(), &namespace, 100));
        tell.send(Arc::clone(&process)).unwrap();

        let call = killed.happened(BOUND).await;

        assert_eq!((call.verb.as_str(), call.resource.as_str()), ("create", "configmaps"));
        assert_eq!(proxy.writes(), k);
        proxy.shutdown().await;
        assert_eq!(stored(control_plane, &namespace).await.len() as u64, k);
        let told = process.lines().iter().filter(|line| line.text.starts_with("wrote")).count() as u64;
        assert!(told < k, "it was told of {told} of {k}");
    }
}

#[tokio::test]
async fn a_process_that_is_killed_before_a_write_has_not_written_it() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("before").await;
    let account = account(control_plane, &namespace, &["create", "list", "watch"]).await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let process = Arc::new(writer(&account.at(&proxy.url()).kubeconfig(), &namespace, 100));
    let killed = Arc::clone(&process);
    let before = proxy.writes();
    let hook = proxy
        .before_write(1, async move |_call| {
            killed.kill_9();
            Then::Sever
        })
        .await;
    hook.happened(BOUND).await;
    let written = proxy.writes();
    proxy.shutdown().await;
    assert_eq!(stored(control_plane, &namespace).await.len() as u64, written);
    assert!(written >= before && written < 100);
}

#[tokio::test]
async fn a_process_runs_behind_it_as_it_would_without() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("through").await;
    let account = account(control_plane, &namespace, &["create", "list", "watch"]).await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let process = writer(&account.at(&proxy.url()).kubeconfig(), &namespace, 10);
    process.line("watching", BOUND, |line| line == "watching").await.unwrap();
    assert_eq!(proxy.writes(), 10);

    // An event comes by itself: nothing waits for a second one.
    config_maps(control_plane.client().await, &namespace)
        .create(&PostParams::default(), &config_map("late"))
        .await
        .unwrap();
    process.line("what came late", BOUND, |line| line == "saw late").await.unwrap();
    assert!(process.terminate(BOUND).await.unwrap().success());
    proxy.shutdown().await;

    // The server has seen the account itself, and its end.
    let events = control_plane.audit_so_far().await;
    let seen: Vec<_> = events.iter().filter(|event| event.user == account.user()).collect();
    assert_eq!(seen.iter().filter(|event| event.verb == "create").count(), 10);
    assert_eq!(seen.iter().filter(|event| event.verb == "watch").count(), 1);
}

#[tokio::test]
async fn an_answer_that_is_dropped_was_a_write_all_the_same() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("dropped").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    proxy.drop_answers(1, |call| call.verb == "create");
    api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    api.create(&PostParams::default(), &config_map("b")).await.unwrap();
    assert_eq!(stored(control_plane, &namespace).await, ["a", "b"]);

    let dropped = proxy.after_write(2, async |_call| Then::Drop).await;
    api.create(&PostParams::default(), &config_map("c")).await.unwrap();
    api.create(&PostParams::default(), &config_map("d")).await.unwrap_err();
    dropped.happened(BOUND).await;
    let refused = proxy.before_write(1, async |_call| Then::Drop).await;
    api.create(&PostParams::default(), &config_map("e")).await.unwrap_err();
    refused.happened(BOUND).await;
    let passed = proxy.before_write(1, async |_call| Then::GoOn).await;
    api.create(&PostParams::default(), &config_map("f")).await.unwrap();
    passed.happened(BOUND).await;
    assert_eq!(stored(control_plane, &namespace).await, ["a", "b", "c", "d", "f"]);
    assert_eq!(proxy.writes(), 5);
}

#[tokio::test]
async fn while_a_hook_runs_no_other_write_goes_on() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("alone").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    let (go_on, wait) = tokio::sync::oneshot::channel();
    let third = proxy
        .after_write(3, async move |_call| {
            wait.await.unwrap();
            Then::GoOn
        })
        .await;
    let api = &api;
    let writing = async {
        stream::iter(0..20)
            .map(|number| async move {
                api.create(&PostParams::default(), &config_map(&format!("a-{number}"))).await.unwrap();
            })
            .buffer_unordered(20)
            .collect::<Vec<_>>()
            .await
    };
    let looking = async {
        let all_there = || proxy.log().iter().filter(|exchange| exchange.method == "POST").count() == 20;
        wait_until("all to be at the proxy", BOUND, async || all_there().then_some(()).ok_or("not yet"))
            .await
            .unwrap();
        wait_until("three writes", BOUND, async || (proxy.writes() == 3).then_some(()).ok_or("less"))
            .await
            .unwrap();
        tokio::time::sleep(MOMENT).await;
        assert_eq!(stored(control_plane, &namespace).await.len(), 3);
        // A read is no write.
        api.list(&ListParams::default()).await.unwrap();
        go_on.send(()).unwrap();
    };
    tokio::join!(writing, looking);
    third.happened(BOUND).await;
    assert_eq!(stored(control_plane, &namespace).await.len(), 20);
}

#[tokio::test]
async fn what_the_server_has_committed_is_counted_also_if_its_client_is_gone() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("given-up").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    let (go_on, wait) = tokio::sync::oneshot::channel();
    let first = proxy
        .before_write(1, async move |_call| {
            wait.await.unwrap();
            Then::GoOn
        })
        .await;
    let parameters = PostParams::default();
    timeout(MOMENT, api.create(&parameters, &config_map("a"))).await.unwrap_err();
    go_on.send(()).unwrap();
    first.happened(BOUND).await;
    wait_until("the write", BOUND, async || (proxy.writes() == 1).then_some(()).ok_or("none")).await.unwrap();
    assert_eq!(stored(control_plane, &namespace).await, ["a"]);
}

#[tokio::test]
async fn a_hook_that_panics_is_a_test_that_fails() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("panics").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    let awaited = proxy.after_write(1, async |_call| panic!("an assertion of the hook")).await;
    api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    let waiting = tokio::spawn(awaited.happened(BOUND));
    assert!(waiting.await.unwrap_err().is_panic());
    // Others go on.
    api.create(&PostParams::default(), &config_map("b")).await.unwrap();
}

#[tokio::test]
async fn stalled_nothing_goes_through_and_then_all_of_it() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("stalled").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let through = config_maps(client(control_plane, &proxy).await, &namespace);
    let direct = config_maps(control_plane.client().await, &namespace);
    let mut events = Box::pin(through.watch(&quiet(), "0").await.unwrap());

    proxy.stall();
    direct.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let parameters = PostParams::default();
    let write = config_map("b");
    let mut writing = Box::pin(through.create(&parameters, &write));
    timeout(MOMENT, &mut writing).await.unwrap_err();
    timeout(MOMENT, events.next()).await.map(|event| panic!("{event:?}")).unwrap_err();
    assert_eq!(stored(control_plane, &namespace).await, ["a"]);

    proxy.resume();
    timeout(BOUND, writing).await.unwrap().unwrap();
    for expected in ["a", "b"] {
        let event = timeout(BOUND, events.next()).await.unwrap().unwrap().unwrap();
        let WatchEvent::Added(object) = event else { panic!("{event:?}") };
        assert_eq!(object.name_any(), expected);
    }
}

#[tokio::test]
async fn severed_is_what_was_there_and_not_what_comes() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("severed").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    let mut events = Box::pin(api.watch(&quiet(), "0").await.unwrap());
    proxy.stall();
    let parameters = PostParams::default();
    let write = config_map("a");
    let mut writing = Box::pin(api.create(&parameters, &write));
    timeout(MOMENT, &mut writing).await.unwrap_err();

    proxy.sever();

    timeout(BOUND, writing).await.unwrap().unwrap_err();
    let end = timeout(BOUND, events.next()).await.unwrap();
    assert!(end.is_none_or(|event| event.is_err()));
    proxy.resume();
    api.create(&PostParams::default(), &config_map("b")).await.unwrap();
    assert_eq!(stored(control_plane, &namespace).await, ["b"]);
}

#[tokio::test]
async fn shut_down_nothing_is_left_of_it() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("shutdown").await;
    let proxy = Proxy::to(control_plane.config().await).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    let mut events = Box::pin(api.watch(&quiet(), "0").await.unwrap());
    let address = proxy.url().replace("http://", "");

    proxy.shutdown().await;

    let end = timeout(BOUND, events.next()).await.unwrap();
    assert!(end.is_none_or(|event| event.is_err()));
    let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_process_meets_faults_too() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("faulty").await;
    let faults = Faults::new(Settings::new(0));
    let proxy = Proxy::to(control_plane.config().await).faults(&faults).start();
    let api = config_maps(client(control_plane, &proxy).await, &namespace);
    faults.order(Order::new(Kind::LostAnswer));
    api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    faults.order(Order::new(Kind::ServerError));
    let error = api.create(&PostParams::default(), &config_map("b")).await.unwrap_err();
    assert!(matches!(&error, kube::Error::Api(status) if status.code == 500), "{error}");
    faults.order(Order::new(Kind::GoneInWatch).after_events(1));
    let mut events = Box::pin(api.watch(&quiet(), "0").await.unwrap());
    let mut seen = Vec::new();
    while let Some(event) = timeout(BOUND, events.next()).await.unwrap() {
        seen.push(event.unwrap());
    }
    let [WatchEvent::Added(object), WatchEvent::Error(status)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((object.name_any().as_str(), status.code), ("a", 410));
    // What was lost was written.
    assert_eq!(proxy.writes(), 1);
    assert_eq!(faults.missing(), []);
}
