//! The hands of NICO: all that reads or writes a Kubernetes API server.
//!
//! Decisions live in `nico-render`. What is here sees to it that they are made from a whole picture, and
//! executes them, each write bound to what it was decided on.

mod aggregator;
mod board;
pub mod cache;
pub mod clusters;
pub mod connect;
mod error;
mod events;
pub mod hands;
pub mod keeper;
mod kinds;
pub mod kubeconfig;
pub mod lease;
pub mod metrics;
pub mod observe;
pub mod once;
pub mod operator;
pub mod probe;
pub mod serve;
pub mod ssh;
mod token;
mod usher;

pub use error::ApplyError;
