//! What the operator shows: real HTTP over loopback, and what Prometheus' own tool says of the metrics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

mod exposition;
mod full;
mod http;
mod page;
mod pages;
mod slow;
mod state;
