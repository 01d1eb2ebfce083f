//! Faults as a client of a real server meets them.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::{Api, Error, ResourceExt as _};
use nico_harness::faults::{Faults, Kind, Order, Settings};
use nico_harness::{ControlPlane, Namespace, wait_until};
use tokio::time::timeout;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;

use super::{BOUND, config_map, config_maps, stored};

const MOMENT: Duration = Duration::from_millis(100);

/// Without bookmarks, which come when they like.
fn quiet() -> WatchParams {
    WatchParams::default().disable_bookmarks()
}

/// A namespace, `ConfigMaps` in it through a client that meets faults, and the faults.
async fn faulty(prefix: &str, settings: Settings) -> (Namespace, Api<ConfigMap>, Faults) {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace(prefix).await;
    let faults = Faults::new(settings);
    let client = faults.client(control_plane.config().await);
    let api = config_maps(client, &namespace);
    (namespace, api, faults)
}

async fn apply(api: &Api<ConfigMap>, name: &str) -> Result<ConfigMap, Error> {
    api.patch(name, &PatchParams::apply("test").force(), &Patch::Apply(config_map(name))).await
}

async fn there(namespace: &Namespace) -> Vec<String> {
    stored(ControlPlane::shared().await, namespace).await
}

#[tokio::test]
async fn answers_are_the_server_s_own_in_form() {
    let (namespace, api, faults) = faulty("answers", Settings::new(0)).await;
    faults.order(Order::new(Kind::Conflict));
    faults.order(Order::new(Kind::TooManyRequests));
    faults.order(Order::new(Kind::ServerError));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let Error::Api(status) = apply(&api, "a").await.unwrap_err() else { panic!("it has a status") };
        statuses.push(status);
    }
    assert!(statuses[0].is_conflict(), "{statuses:?}");
    assert_eq!((statuses[1].code, statuses[1].reason.as_str()), (429, "TooManyRequests"));
    assert_eq!(statuses[2].code, 500);
    assert_eq!(there(&namespace).await, [""; 0]);
    apply(&api, "a").await.unwrap();
    assert_eq!(faults.missing(), []);
}

#[tokio::test]
async fn what_is_above_them_retries_as_told() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("retry").await;
    let faults = Faults::new(Settings::new(0));
    let mut config = control_plane.config().await;
    config.default_retry = false;
    let retry = RetryPolicy::new(Duration::from_millis(1), Duration::from_millis(2), 3, true).unwrap();
    let client = ClientBuilder::try_from(config)
        .unwrap()
        .with_layer(&faults)
        .with_layer(&BufferLayer::new(16))
        .with_layer(&RetryLayer::new(retry))
        .build();
    faults.order(Order::new(Kind::TooManyRequests));
    let begun = std::time::Instant::now();
    apply(&config_maps(client, &namespace), "a").await.unwrap();
    assert_eq!(faults.count(Kind::TooManyRequests), 1);
    // Never earlier than `Retry-After` says; how much later does not matter.
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_time_out_hangs_until_it_is_given_up() {
    let (namespace, api, faults) = faulty("hangs", Settings::new(0)).await;
    faults.order(Order::new(Kind::TimeOut));
    timeout(MOMENT, apply(&api, "a")).await.unwrap_err();
    assert_eq!(there(&namespace).await, [""; 0]);
    apply(&api, "a").await.unwrap();
}

#[tokio::test]
async fn a_time_out_may_have_a_bound() {
    let (_namespace, api, faults) = faulty("hangs", Settings::new(0).hang(MOMENT)).await;
    faults.order(Order::new(Kind::TimeOut));
    assert!(matches!(apply(&api, "a").await.unwrap_err(), Error::Service(_)));
}

#[tokio::test]
async fn an_answer_is_lost_only_where_something_was_written() {
    let (namespace, api, faults) = faulty("lost", Settings::new(0)).await;
    api.create(&PostParams::default(), &config_map("a")).await.unwrap();
    faults.order(Order::new(Kind::LostAnswer));
    api.get("a").await.unwrap();
    let refused = api.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
    assert!(matches!(refused, Error::Api(status) if status.is_already_exists()));
    assert_eq!(faults.count(Kind::LostAnswer), 0);

    let lost = api.create(&PostParams::default(), &config_map("b")).await.unwrap_err();
    assert!(matches!(lost, Error::Service(_)), "{lost}");
    assert_eq!(there(&namespace).await, ["a", "b"]);
    assert_eq!(faults.injected()[0].call.verb, "create");
}

#[tokio::test]
async fn a_watch_is_gone_at_its_start_and_on_its_way() {
    let (_namespace, api, faults) = faulty("gone", Settings::new(0)).await;
    apply(&api, "a").await.unwrap();
    faults.order(Order::new(Kind::Gone));
    let Err(Error::Api(status)) = api.watch(&quiet(), "0").await else { panic!("it has a status") };
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));

    faults.order(Order::new(Kind::GoneInWatch).after_events(1));
    let events: Vec<_> = api.watch(&quiet(), "0").await.unwrap().try_collect().await.unwrap();
    let [WatchEvent::Added(first), WatchEvent::Error(status)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!((first.name_any().as_str(), status.code, status.reason.as_str()), ("a", 410, "Expired"));
}

#[tokio::test]
async fn quiet_watches_are_struck_too() {
    let (_namespace, api, faults) = faulty("struck", Settings::new(0)).await;
    for (kind, errors) in [(Kind::WatchClosed, 0), (Kind::WatchBroken, 1), (Kind::GoneInWatch, 0)] {
        let events = api.watch(&quiet(), "0").await.unwrap();
        faults.strike_watches(kind);
        let events: Vec<_> = timeout(BOUND, events.collect()).await.unwrap();
        assert_eq!(events.iter().filter(|event| event.is_err()).count(), errors, "{kind}: {events:?}");
        assert_eq!(faults.count(kind), 1);
    }
}

#[tokio::test]
async fn a_panic_is_in_the_task_that_asked_and_the_client_goes_on() {
    let (_namespace, api, faults) = faulty("panic", Settings::new(0)).await;
    faults.panic_on(|call| call.name.as_deref() == Some("a"));
    apply(&api, "b").await.unwrap();
    let asking = {
        let api = api.clone();
        tokio::spawn(async move { apply(&api, "a").await })
    };
    let panic = asking.await.unwrap_err().into_panic();
    let message = panic.downcast_ref::<String>().unwrap();
    assert!(message.starts_with("an injected panic: patch /api/v1/namespaces/panic-"), "{message}");
    apply(&api, "a").await.unwrap();
    assert_eq!(faults.count(Kind::Panic), 1);
}

#[tokio::test]
async fn while_the_server_is_down_all_is_refused() {
    let (_namespace, api, faults) = faulty("down", Settings::new(0)).await;
    let events = api.watch(&quiet(), "0").await.unwrap();
    faults.down();
    let events: Vec<_> = timeout(BOUND, events.collect()).await.unwrap();
    assert!(events.last().unwrap().is_err());
    for _ in 0..3 {
        let Error::Service(error) = apply(&api, "a").await.unwrap_err() else { panic!("nobody answers") };
        let error: &std::io::Error = error.downcast_ref().unwrap();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    faults.up();
    apply(&api, "a").await.unwrap();
}

/// Watches for a moment, and adds what it sees.
async fn look(api: &Api<ConfigMap>, seen: &mut BTreeSet<String>) {
    let looking = async {
        // What it is to meet comes at once, or after events that are there.
        let Ok(mut events) = api.watch(&quiet(), "0").await.map(Box::pin) else { return };
        while let Some(Ok(event)) = events.next().await {
            if let WatchEvent::Added(object) = event {
                seen.insert(object.name_any());
            }
        }
    };
    let _given_up = timeout(MOMENT, looking).await;
}

#[tokio::test]
async fn every_kind_is_met_by_chance_and_all_is_well_once_faults_stop() {
    let settings = Settings::new(11).all(80).hang(MOMENT).outage(2);
    let (namespace, api, faults) = faulty("all", settings).await;
    let mut written = BTreeSet::new();
    let going = async {
        while !faults.missing().is_empty() {
            let name = format!("a-{:03}", written.len());
            wait_until("the apply", BOUND, async || apply(&api, &name).await).await.unwrap();
            written.insert(name);
            look(&api, &mut BTreeSet::new()).await;
        }
    };
    timeout(BOUND, going).await.unwrap_or_else(|_elapsed| panic!("never met: {:?}", faults.missing()));
    faults.stop();
    let met = faults.injected();
    assert!(met.iter().all(|injected| injected.kind.can_meet(&injected.call)), "{met:?}");

    assert!(there(&namespace).await.iter().eq(&written), "{written:?}");
    let mut seen = BTreeSet::new();
    let catching_up = async {
        while seen != written {
            look(&api, &mut seen).await;
        }
    };
    timeout(BOUND, catching_up).await.unwrap_or_else(|_elapsed| panic!("not all is seen of {written:?}"));
    apply(&api, "last").await.unwrap();
    assert_eq!(faults.injected(), met);
}
