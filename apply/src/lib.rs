//! The hands of NICO: all that reads or writes a Kubernetes API server.
//!
//! Decisions live in `nico-render`. What is here executes a plan, one write after the other, each of
//! them bound to what it was decided on.

pub mod connect;
mod error;
pub mod lease;
pub mod metrics;
pub mod observe;
pub mod once;
pub mod serve;
mod token;
mod write;

pub use error::ApplyError;
