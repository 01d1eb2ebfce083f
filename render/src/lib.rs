//! The pure heart of NICO: from a `KubernetesCluster` and an [`inventory`] to what should be.
//!
//! No I/O, no clock, no randomness, no environment, no log: the same input gives the same bytes, here,
//! in CI and in the operator. Time is an argument where it matters.

pub mod cluster_nix;
pub mod files;
pub mod nix;
pub mod proof;
