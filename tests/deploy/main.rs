//! What is delivered beside the binary: the manifests, the alerts and their runbooks, the dashboards, the image.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(clippy::arithmetic_side_effects, reason = "small numbers of our own")]
#![allow(missing_docs, reason = "these are tests")]

mod alerts;
mod image;
mod install;
mod manifests;
mod monitoring;
mod readme;
mod support;
mod takeover;
