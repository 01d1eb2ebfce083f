//! Whoever is slow costs itself its answer, and nobody else; and the server ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nico_render::ClusterKey;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::http::{Answer, BOUND, Running, connect};

/// Long beside an answer, short for a test.
const LIFETIME: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_slowly_keeps_nobody_from_an_answer() {
    // By the bound on the whole connection alone it would, for longer than this test waits.
    let lifetime = BOUND.saturating_add(Duration::from_secs(10));
    let running = Running::start_with(|server| server.with_bounds(2, lifetime)).await;
    let address = running.address;
    let slow: Vec<_> = ["", "GET /heal"]
        .map(|beginning| {
            let mut stream = connect(address);
            stream.write_all(beginning.as_bytes()).unwrap();
            stream
        })
        .into();
    // All places are taken: there is an answer only once those have lost them.
    assert_eq!(running.get("/healthz").await.status, 200);
    spawn_blocking(|| slow.into_iter().for_each(is_closed)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_keeps_nobody_from_an_answer() {
    let running = Running::start_with(|server| server.with_bounds(2, LIFETIME)).await;
    make_large(&running);
    let slow = [ask_and_do_not_read(&running), ask_and_do_not_read(&running)];
    assert_eq!(running.get("/healthz").await.status, 200);
    // One at least lost its place to that answer; the other may have been in time yet.
    let whole = spawn_blocking(|| slow.into_iter().all(is_whole)).await.unwrap();
    assert!(!whole, "the metrics were to be larger than what a connection holds");
}

/// Makes the metrics larger than what the buffers of a connection hold.
fn make_large(running: &Running) {
    let namespace = "n".repeat(200);
    let name = |number: u32| format!("{}{number}", "c".repeat(200));
    let clusters: Vec<_> =
        (0..2_000).map(|number| ClusterKey { namespace: namespace.clone(), name: name(number) }).collect();
    running.metrics.keep(&namespace, &clusters);
}

fn ask_and_do_not_read(running: &Running) -> TcpStream {
    let mut stream = connect(running.address);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: nico\r\n\r\n").unwrap();
    stream
}

/// Nothing more comes, whether the other side was polite about it or not.
fn is_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    assert!(!String::from_utf8_lossy(&rest).contains("200"));
}

/// Whether all of an answer comes.
fn is_whole(mut stream: TcpStream) -> bool {
    let mut text = Vec::new();
    if stream.read_to_end(&mut text).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    length.parse::<usize>().unwrap() == body.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_one_request() {
    let running = Running::start().await;
    let twice = "GET /healthz HTTP/1.1\r\nHost: nico\r\n\r\n".repeat(2);
    let answer = running.send(&twice).await;
    assert_eq!(answer.header("connection"), Some("close"));
    assert_eq!(answer.body, "ok\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_answers_what_is_being_asked_and_nothing_new() {
    let running = Running::start_with(|server| server.with_bounds(8, Duration::from_mins(5))).await;
    let address = running.address;
    let mut asking = connect(address);
    asking.write_all(b"GET /readyz HTTP/1.1\r\nHost: nico\r\n").unwrap();
    // It is served already: a later one was.
    assert_eq!(running.get("/healthz").await.status, 200);

    let ending = running.end();
    spawn_blocking(move || {
        // The listener closes at once, or soon.
        while TcpStream::connect(address).is_ok() {
            std::thread::yield_now();
        }
        asking.write_all(b"\r\n").unwrap();
        assert_eq!(Answer::read(&mut asking).status, 200);
    })
    .await
    .unwrap();
    timeout(BOUND, ending).await.expect("it ends").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_slowly_does_not_hold_up_the_end() {
    // By its own bound alone it would, for longer than this test waits.
    let lifetime = BOUND.saturating_add(Duration::from_secs(10));
    let running = Running::start_with(|server| server.with_bounds(8, lifetime)).await;
    make_large(&running);
    let slow = ask_and_do_not_read(&running);
    assert_eq!(running.get("/healthz").await.status, 200);
    timeout(BOUND, running.end()).await.expect("it ends").unwrap();
    assert!(!spawn_blocking(|| is_whole(slow)).await.unwrap());
}
