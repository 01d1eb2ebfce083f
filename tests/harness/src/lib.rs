//! A real Kubernetes control plane for tests: etcd, the API server and the
//! controllers that own objects, namespaces and tokens. No nodes, no pods.
//!
//! ```no_run
//! # async fn example() {
//! use nico_harness::ControlPlane;
//!
//! let control_plane = ControlPlane::shared().await;
//! let namespace = control_plane.namespace("example").await;
//! let client = control_plane.client().await;
//! # }
//! ```
//!
//! For the tests of an operator there are also faults in a client
//! ([`faults`]), a proxy for a process of its own ([`proxy`], [`process`]),
//! a service account's identity ([`ControlPlane::service_account`]), crashes of
//! the servers ([`ControlPlane::kill`]), what the audit log tells ([`audit`]),
//! and objects as a backup has them ([`backup`]). A machine that is visited is an
//! sshd ([`sshd`]),
//! and where it serves what a control plane does, that is passed on ([`passage`], [`Front`]).
//!
//! The servers are children of `control-plane attached`, built from
//! `tests/control-plane`: it lives as long as the pipe to this process does.

// What fails in here is a test that fails: its message is all that is wanted.
#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc, clippy::print_stderr)]

pub mod audit;
pub mod backup;
mod call;
mod certificate;
mod control_plane;
pub mod faults;
mod front;
mod identity;
mod namespace;
pub mod passage;
pub mod process;
pub mod proxy;
mod servers;
pub mod sshd;
mod wait;

pub use audit::Event;
pub use call::Call;
pub use control_plane::{ControlPlane, StartError};
pub use front::Front;
pub use identity::ServiceAccount;
pub use namespace::Namespace;
pub use passage::Passage;
pub use process::Process;
pub use servers::{Server, Servers};
pub use sshd::Sshd;
pub use wait::{TimedOut, wait_until};
