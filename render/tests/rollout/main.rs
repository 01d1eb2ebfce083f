//! The rules of a rollout, one after the other, on small worlds: what is written now, and what waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]

mod asked;
mod clearing;
mod confirm;
mod content;
mod creation;
mod farewell;
mod freeze;
mod held_up;
mod lost;
mod members;
mod nio;
mod nudge;
mod removal;
mod report;
mod traces;
mod world;
