//! Asks a running cluster how it is: the API server of each control plane, and the Nodes.
//!
//! Nothing of it is written anywhere. What is found is a snapshot in memory, with its time: an old one says
//! nothing.

mod api;
mod nodes;

pub use api::ask_control_plane;
pub use nodes::Nodes;
