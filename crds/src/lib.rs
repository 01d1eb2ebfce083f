//! The API types of NICO: `KubernetesCluster`, and NIO's `Machine` and `NixosConfiguration` as NICO
//! reads and writes them; names, labels and annotations.
//!
//! Pure: no I/O, clock, environment or randomness. Depends on kube's types, never on its client.

pub mod cluster;
pub mod configuration;
mod constraints;
mod definition;
pub mod machine;
pub mod names;
pub mod status;
mod structure;
pub mod validate;
pub mod yaml;

pub use cluster::{KubernetesCluster, KubernetesClusterSpec};
pub use configuration::{NixosConfiguration, NixosConfigurationSpec};
pub use definition::{definition, definition_yaml};
pub use machine::{Machine, MachineSpec};
pub use status::KubernetesClusterStatus;
