//! Requests as bare as they can be, so many at once.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request};
use kube::Client;
use serde_json::Value;

/// The connections that are used at once: as many requests as NICO has in flight.
pub const CONNECTIONS: usize = 16;

/// One request.
#[derive(Clone, Debug)]
pub struct Bare {
    pub method: Method,
    /// Path and query.
    pub uri: String,
    pub content_type: &'static str,
    pub body: String,
}

impl Bare {
    /// Creates an object in a collection.
    pub fn create(collection: String, object: &Value) -> Self {
        let body = object.to_string();
        Self { method: Method::POST, uri: collection, content_type: "application/json", body }
    }

    /// Writes the status of an object.
    pub fn status(object: &str, status: &Value) -> Self {
        Self {
            method: Method::PATCH,
            uri: format!("{object}/status"),
            content_type: "application/merge-patch+json",
            body: serde_json::json!({ "status": status }).to_string(),
        }
    }

    fn request(self) -> Request<Vec<u8>> {
        Request::builder()
            .method(self.method)
            .uri(self.uri)
            .header(CONTENT_TYPE, self.content_type)
            .header(ACCEPT, "application/json")
            .body(self.body.into_bytes())
            .expect("a request")
    }
}

/// Makes them, in order as far as they begin, and returns how long it took.
pub async fn make(client: &Client, requests: Vec<Bare>) -> Duration {
    let begun = Instant::now();
    futures::stream::iter(requests)
        .for_each_concurrent(CONNECTIONS, async |bare| {
            let told = format!("{} {}", bare.method, bare.uri);
            if let Err(error) = client.request_text(bare.request()).await {
                failed(&told, &error);
            }
        })
        .await;
    begun.elapsed()
}

#[allow(clippy::panic, reason = "a bench that cannot run has to say so and end")]
fn failed(told: &str, error: &kube::Error) {
    panic!("{told}: {error}")
}
