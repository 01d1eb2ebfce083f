//! On a real API server: what it accepts, what NICO writes there, and what becomes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(missing_docs, reason = "these are tests")]

mod apply;
mod diff;
mod fields;
mod plan;
mod readers;
mod rules;
mod status;
mod support;
mod terminal;
