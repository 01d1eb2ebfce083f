//! On a real API server: one test a wart of the real NIO.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then a failed assertion")]
#![allow(clippy::arithmetic_side_effects, reason = "small counts")]
#![allow(missing_docs, reason = "these are tests")]

mod binary;
mod changing;
mod creating;
mod deleting;
mod failing;
mod restarting;
mod support;
mod timer;
mod unreachable;
