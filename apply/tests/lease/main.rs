//! Elections on a real API server: who leads, who follows, and that two never do.
//!
//! Times are never asserted, only what came before what.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(clippy::arithmetic_side_effects, reason = "a test knows its numbers")]
#![allow(missing_docs, reason = "these are tests")]

mod answers;
mod network;
mod rights;
mod stopped;
mod succession;
mod support;
