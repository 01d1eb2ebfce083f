//! The pure heart of NICO: from a `KubernetesCluster` and an [`Inventory`] to what should be.
//!
//! No I/O, no clock, no randomness, no environment, no log: the same input gives the same bytes, here,
//! in CI and in the operator. Time is an argument where it matters.

mod advice;
mod assumed;
pub mod cluster_nix;
mod configuration;
mod desired;
mod diagnostic;
mod drift;
mod error;
pub mod fields;
pub mod files;
mod inventory;
mod live;
mod meaning;
mod memory;
pub mod nix;
mod observed;
pub mod overview;
mod owner;
pub mod proof;
pub mod report;
pub mod rollout;
mod select;
pub mod status;
mod wiped;
pub mod workload;

pub use assumed::assume;
pub use desired::{
    Desired, DesiredConfiguration, LeavingConfiguration, Rendering, SelectedMachine, render, render_all,
    render_each,
};
pub use diagnostic::{Departure, Diagnostic, Notice, Obstacle, Severity};
pub use drift::{Drift, drift};
pub use error::{MAX_BYTES, RenderError};
pub use inventory::{ClusterKey, Completeness, Inventory};
pub use memory::Memory;
pub use observed::{Health, Observed, Ownership, PutBack, Sight, TokenState};
pub use select::{Chosen, Why};
