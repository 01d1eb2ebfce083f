//! What each page says.

use std::error::Error;
use std::sync::atomic::Ordering;

use nico_apply::serve::Server;

use crate::http::Running;

#[tokio::test(flavor = "multi_thread")]
async fn health() {
    let running = Running::start().await;
    let answer = running.get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));

    running.healthy.store(false, Ordering::SeqCst);
    let answer = running.get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "the loop is gone\n"));
    assert_eq!(running.get("/readyz").await.status, 200, "that is another question");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_has_a_line_a_reason() {
    let running = Running::start().await;
    let answer = running.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));

    running.ready.store(false, Ordering::SeqCst);
    let answer = running.get("/readyz?verbose").await;
    assert_eq!((answer.status, answer.body.as_str()), (503, "no leader: nobody\ntwo lines in one\n"));
    assert_eq!(running.get("/healthz").await.status, 200, "that is another question");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics() {
    let running = Running::start().await;
    let answer = running.get("/metrics").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4"));
    assert_eq!(answer.body, running.metrics.render().unwrap());
    assert!(answer.body.contains("version=\"1.2.3 (abc)\"} 1\n"), "{}", answer.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_an_answer_without_its_body() {
    let running = Running::start().await;
    running.ready.store(false, Ordering::SeqCst);
    for path in ["/healthz", "/readyz", "/metrics"] {
        let (get, head) = (running.get(path).await, running.ask("HEAD", path).await);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, "", "{path}");
        for header in ["content-type", "content-length"] {
            assert!(head.header(header).is_some(), "{path}: {header}");
            assert_eq!(head.header(header), get.header(header), "{path}: {header}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() {
    let running = Running::start().await;
    for path in ["/", "/metrics/", "/healthz/x", "/favicon.ico", "/../etc/passwd", "/%00"] {
        let answer = running.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.body, "there are /healthz, /readyz and /metrics\n", "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = running.ask(method, "/metrics").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")), "{method}");
    }
    assert_eq!(running.send("what is this\r\n\r\n").await.status, 400);
    let long = format!("GET /healthz HTTP/1.1\r\nHost: nico\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert_eq!(running.send(&long).await.status, 431);
    assert_eq!(running.get("/healthz").await.status, 200, "it goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let running = Running::start().await;
    let error = Server::bind(running.address).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {} for health checks and metrics", running.address)
    );
    assert!(error.source().unwrap().to_string().contains("in use"));
}
