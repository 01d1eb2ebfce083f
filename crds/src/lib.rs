//! The API types of NICO: `KubernetesCluster`, and NIO's `Machine` and `NixosConfiguration` as NICO
//! reads and writes them; names, labels and annotations.
//!
//! Pure: no I/O, clock, environment or randomness. Depends on kube's types, never on its client.

pub mod cluster;
pub mod configuration;
pub mod machine;
pub mod names;
pub mod status;

pub use cluster::{KubernetesCluster, KubernetesClusterSpec};
pub use configuration::{NixosConfiguration, NixosConfigurationSpec};
pub use machine::{Machine, MachineSpec};
pub use status::KubernetesClusterStatus;
