//! A stand-in for the Python NIO, with its warts, for NICO's tests and demo.
//!
//! It serves `Machine` and `NixosConfiguration` objects on a real API server as the Python NIO and its
//! framework, kopf, do; only that its machines are made up, and time passes faster. What it does
//! is written down in `docs/nio.md`; this crate shares no code with what it tests.
//!
//! ```no_run
//! # async fn example(client: kube::Client) {
//! use nio_stand_in::{Actor, Fail, Nio, Scope, Settings};
//!
//! let nio = Nio::start(client, Scope::namespace("fleet"), Settings::default());
//! nio.control.fail("node-3", Fail::Always);
//! nio.control.hold("node-1", Actor::Timer);
//! // ... until the test has seen what it waits for:
//! assert_eq!(nio.control.log().installations("node-1"), 1);
//! assert!(nio.control.log().overlapping() <= 1);
//! nio.stop().await;
//! # }
//! ```
//!
//! # What is true to the real one
//!
//! An object has a worker, which takes one event after the other. It runs the handler, and takes no event
//! while it does. The timer looks beside it, at the copy that the worker took last: so while the handler runs
//! that copy is frozen, spec and status. Everything else follows from there: that a new configuration is
//! applied twice; that the old content may end after the new one; that `fullInstall` wipes again until the
//! handler is at rest with its clearing; that a deletion waits for the handler.
//!
//! A clean-up runs beside an apply of the timer, if there is one. The object then stays until the timer has
//! ended, and is cleaned up once more: so `hasConfiguration` goes to and fro, and ends with `false`.
//!
//! Statuses are written by object name alone, and merged. The handler's failed attempts are counted on when
//! the content changes.
//!
//! # What is simpler
//!
//! * A machine can be reached unless [`Control::lose`] said otherwise, whatever its credentials. To apply
//!   anything on it, its Machine needs a `sshUser`, as with the real one.
//! * A Secret that a file or `credentialsRef` names has to exist; its content is not read. (The real one
//!   leaves out a file whose Secret is missing, and the flake fails for want of it; a clean-up does not.)
//! * All repositories have the same commit, and every `ref` but a commit hash exists in them.
//! * A Machine's status is written only when something changes.
//! * No Kubernetes events are posted.

#![allow(clippy::arithmetic_side_effects, reason = "counters and durations of a test")]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )
)]

mod api;
mod apply;
mod body;
mod cleanup;
mod context;
mod control;
mod control_folder;
mod event;
mod faults;
mod handler;
mod hash;
mod journal;
mod kopf;
mod log;
mod look;
mod machine;
mod machines;
mod nio;
mod random;
#[cfg(test)]
mod recorded;
mod settings;
mod timer;
mod worker;
mod world;

pub use control::Control;
pub use control_folder::ControlFolder;
pub use event::{Actor, Event, Kind, Phase};
pub use faults::Fail;
pub use hash::files_hash;
pub use log::{Log, Mark, Run};
pub use machine::{Applied, Content, Machine};
pub use nio::Nio;
pub use settings::{Scope, Settings};
