//! Worlds, in memory: an API server's objects, the Python NIO with its warts, machines with a truth of their
//! own, people who edit and help, and the planner in the midst of it; and a checker that looks at everything
//! from outside after each write.
//!
//! `WORLDS` says how many random worlds are run, `WORLDS_SEED` runs one and tells what happens in it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]
#![allow(clippy::disallowed_methods, reason = "a test may read its environment, and use threads")]
#![allow(clippy::pedantic, clippy::wildcard_enum_match_arm, reason = "a model, read by those who mend it")]
#![allow(
    clippy::iter_overeager_cloned,
    clippy::type_complexity,
    clippy::unnecessary_unwrap,
    reason = "the same"
)]
#![allow(dead_code, reason = "what a story or a checker may still ask for")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what a test has to say")]

mod aggregator;
mod broken;
mod checker;
mod dice;
mod genes;
mod hands;
mod helping;
mod model;
mod operator;
mod person;
mod planner;
mod prober;
mod random;
mod report;
mod run;
mod shrink;
mod traces;

use crate::planner::Planner;

#[test]
fn every_random_world_holds() {
    report::run(Planner::Real);
}
