#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::time::timeout;
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

use super::layer::{AnswerBody, body, boxed};
use super::{Faults, Kind, Order, Settings};

/// What the server would have been asked, and what it says to a watch.
async fn ask(
    faults: &Faults,
    method: Method,
    path: &str,
    said: &[&str],
) -> Result<Response<AnswerBody>, BoxError> {
    asked(faults, method, path, said).await.0
}

async fn asked(
    faults: &Faults,
    method: Method,
    path: &str,
    said: &[&str],
) -> (Result<Response<AnswerBody>, BoxError>, usize) {
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let said: Vec<Bytes> = said.iter().map(|text| Bytes::copy_from_slice(text.as_bytes())).collect();
    let server = service_fn(move |request: Request<()>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let watch = request.uri().query() == Some("watch=true");
        let frames = stream::iter(said.clone()).map(|data| Ok::<_, Infallible>(Frame::data(data)));
        // A watch of a real server stays open.
        let body = if watch {
            boxed(StreamBody::new(frames.chain(stream::pending())))
        } else {
            body("{}".to_owned())
        };
        async { Ok::<_, Infallible>(Response::new(body)) }
    });
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    (faults.layer(server).oneshot(request).await, sent.load(Ordering::Relaxed))
}

const OBJECT: &str = "/api/v1/namespaces/a/configmaps/b";
const WATCH: &str = "/api/v1/namespaces/a/configmaps?watch=true";

/// What comes next; a watch that says nothing has lost it.
async fn next(body: &mut AnswerBody) -> Option<Bytes> {
    let frame = timeout(Duration::from_secs(30), body.frame()).await.unwrap();
    frame.map(|frame| frame.unwrap().into_data().unwrap())
}

/// All that comes before the end, and the error that ends it if there is one.
async fn read(answer: Response<AnswerBody>) -> (String, Option<BoxError>) {
    let mut body = answer.into_body();
    let mut text = Vec::new();
    loop {
        match body.frame().await {
            None => return (String::from_utf8(text).unwrap(), None),
            Some(Ok(frame)) => text.extend(frame.into_data().unwrap()),
            Some(Err(error)) => return (String::from_utf8(text).unwrap(), Some(error)),
        }
    }
}

async fn kinds_of(seed: u64, namespace: &str) -> Vec<(Kind, Option<String>)> {
    let faults = Faults::new(Settings::new(seed).rate(Kind::Conflict, 300).rate(Kind::ServerError, 300));
    for number in 0..40 {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/{}", number % 4);
        ask(&faults, Method::PATCH, &path, &[]).await.unwrap();
    }
    faults.injected().into_iter().map(|injected| (injected.kind, injected.call.name)).collect()
}

#[tokio::test]
async fn chance_is_the_seed_s_alone() {
    let met = kinds_of(1, "a").await;
    assert!(met.iter().any(|(kind, _name)| *kind == Kind::Conflict), "{met:?}");
    assert!(met.iter().any(|(kind, _name)| *kind == Kind::ServerError), "{met:?}");
    assert!(met.len() < 40);
    assert_eq!(kinds_of(1, "another").await, met);
    assert_ne!(kinds_of(2, "a").await, met);
}

#[tokio::test]
async fn what_else_goes_on_does_not_matter() {
    let settings = || Settings::new(7).rate(Kind::Conflict, 500);
    let (alone, among) = (Faults::new(settings()), Faults::new(settings()));
    for _ in 0..20 {
        ask(&alone, Method::PATCH, OBJECT, &[]).await.unwrap();
        ask(&among, Method::DELETE, "/apis/b/v1/c/d", &[]).await.unwrap();
        ask(&among, Method::PATCH, OBJECT, &[]).await.unwrap();
    }
    let about = |faults: &Faults| {
        faults
            .injected()
            .into_iter()
            .filter(|injected| injected.call.resource == "configmaps")
            .collect::<Vec<_>>()
    };
    assert!(!about(&alone).is_empty());
    assert_eq!(about(&alone), about(&among));
}

#[tokio::test]
async fn rates_are_of_a_thousand() {
    let faults = Faults::new(Settings::new(3).rate(Kind::ServerError, 100).rate(Kind::TooManyRequests, 100));
    for _ in 0..2000 {
        ask(&faults, Method::GET, OBJECT, &[]).await.unwrap();
    }
    for kind in [Kind::ServerError, Kind::TooManyRequests] {
        let count = faults.count(kind);
        assert!((150..250).contains(&count), "{kind}: {count}");
    }
}

#[test]
#[should_panic(expected = "the rates sum up to 1001 of a thousand")]
fn more_than_all_requests() {
    let _settings = Settings::new(0).rate(Kind::ServerError, 1).rate(Kind::Conflict, 1000);
}

#[tokio::test]
async fn only_what_can_meet_a_kind_meets_it() {
    let faults = Faults::new(Settings::new(0).only(|call| call.resource == "configmaps"));
    for kind in Kind::ALL {
        faults.order(Order::new(kind));
    }
    ask(&faults, Method::PATCH, "/api/v1/nodes/a", &[]).await.unwrap();
    assert_eq!(faults.injected(), [], "it is no ConfigMap");
    assert_eq!(faults.missing(), Kind::ALL);

    let conflict = ask(&faults, Method::PATCH, OBJECT, &[]).await.unwrap();
    assert_eq!(conflict.status(), StatusCode::CONFLICT);
    let gone = ask(&faults, Method::GET, WATCH, &[]).await.unwrap();
    assert_ne!(gone.status(), StatusCode::GONE, "429 was ordered before");
    assert_eq!(faults.count(Kind::Conflict), 1);
    assert!(!faults.missing().contains(&Kind::Conflict));
}

#[tokio::test]
async fn an_answer_in_the_server_s_name_is_instead_of_the_request() {
    let kinds = [Kind::Conflict, Kind::TooManyRequests, Kind::ServerError, Kind::Refused];
    for kind in kinds {
        let faults = Faults::new(Settings::new(0));
        faults.order(Order::new(kind));
        let (_answer, sent) = asked(&faults, Method::PUT, OBJECT, &[]).await;
        assert_eq!((sent, faults.count(kind)), (0, 1), "{kind}");
    }
    let faults = Faults::new(Settings::new(0));
    faults.order(Order::new(Kind::LostAnswer));
    let (answer, sent) = asked(&faults, Method::PUT, OBJECT, &[]).await;
    answer.unwrap_err();
    assert_eq!(sent, 1);
}

#[tokio::test]
async fn an_outage_is_of_so_many_requests() {
    let faults = Faults::new(Settings::new(0).rate(Kind::Refused, 1000).outage(3));
    for _ in 0..3 {
        ask(&faults, Method::GET, OBJECT, &[]).await.unwrap_err();
    }
    faults.stop();
    ask(&faults, Method::GET, OBJECT, &[]).await.unwrap();
    assert_eq!(faults.count(Kind::Refused), 3);
}

#[tokio::test]
async fn a_watch_meets_its_fault_after_the_event_that_was_meant() {
    let gone = super::answers::gone_event();
    let half = String::from_utf8_lossy(super::stream::HALF_AN_EVENT).into_owned();
    // However the events come.
    for said in
        [&["one\ntwo\nthree\n"][..], &["one\n", "two\n", "three\n"], &["o", "ne\ntw", "o\nth", "ree\n"]]
    {
        for (events, before) in [(0, ""), (1, "one\n"), (2, "one\ntwo\n"), (3, "one\ntwo\nthree\n")] {
            for (kind, after) in
                [(Kind::GoneInWatch, &*gone), (Kind::WatchClosed, ""), (Kind::WatchBroken, &*half)]
            {
                let faults = Faults::new(Settings::new(0));
                faults.order(Order::new(kind).after_events(events));
                let answer = ask(&faults, Method::GET, WATCH, said).await.unwrap();
                let (text, error) = read(answer).await;
                assert_eq!(text, format!("{before}{after}"), "{kind} after {events} of {said:?}");
                assert_eq!(error.is_some(), kind == Kind::WatchBroken);
                assert_eq!(faults.count(kind), 1);
            }
        }
    }
}

#[tokio::test]
async fn once_faults_stop_a_watch_loses_nothing_that_came_with_what_it_passed_on() {
    let faults = Faults::new(Settings::new(0));
    faults.order(Order::new(Kind::WatchClosed).after_events(1));
    let mut body = ask(&faults, Method::GET, WATCH, &["one\ntwo\n"]).await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap(), "one\n");
    faults.stop();
    assert_eq!(next(&mut body).await.unwrap(), "two\n");
    assert_eq!(faults.injected(), []);
}

#[tokio::test]
async fn a_strike_waits_for_the_end_of_an_event() {
    let faults = Faults::new(Settings::new(0));
    let mut body = ask(&faults, Method::GET, WATCH, &["on", "e\n", "two\n"]).await.unwrap().into_body();
    assert_eq!(next(&mut body).await.unwrap(), "on");
    faults.strike_watches(Kind::WatchClosed);
    assert_eq!(next(&mut body).await.unwrap(), "e\n");
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn a_restart_breaks_open_watches() {
    let faults = Faults::new(Settings::new(0));
    let answer = ask(&faults, Method::GET, WATCH, &["one\n"]).await.unwrap();
    faults.down();
    ask(&faults, Method::GET, OBJECT, &[]).await.unwrap_err();
    let (_half, error) = read(answer).await;
    assert_eq!(error.unwrap().to_string(), "an injected fault: connection refused");
    faults.up();
    ask(&faults, Method::GET, OBJECT, &[]).await.unwrap();
}
