//! What is told of a cluster: each phase, each condition, each line; what never may be told; what became true.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

mod conditions;
mod dangers;
mod errors;
mod lines;
mod members;
mod overview;
mod phases;
mod properties;
mod scene;
mod transitions;
mod workload;
#[path = "../support/world.rs"]
mod world;
