//! Worlds, in memory: an API server's objects, the Python NIO with its warts, machines with a truth of their
//! own, people who edit and help, and the planner in the midst of it; and a checker that looks at everything
//! from outside after each write.
//!
//! `WORLDS` says how many random worlds are run, `WORLDS_SEED` runs one and tells what happens in it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "small numbers of our own")]
#![allow(clippy::disallowed_methods, reason = "a test may read its environment, and use threads")]
#![allow(clippy::print_stdout, reason = "what a test has to say")]
#![allow(clippy::struct_excessive_bools, reason = "each is a fact of the world, or a word of the rules")]
#![allow(
    clippy::needless_pass_by_value,
    reason = "a script reads better with what happens than with a loan of it"
)]

mod aggregator;
mod broken;
mod checker;
mod dice;
mod farewell;
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
