//! Which fields are whose: what the API server notes for an applier, the exact difference between that and
//! what is wanted, and the moving of fields from one manager to another.
//!
//! Server-side apply (KEP-555) keeps for each field manager a set of fields, in `metadata.managedFields`,
//! in the format `FieldsV1`: `f:<field>`, `v:<value of a set>`, `k:<keys of a map list's item>`, and `.` for
//! a map or item itself. Read from the server's own source (structured-merge-diff v6), and held against a
//! real API server by tests.

pub mod adoption;
mod body;
mod difference;
pub mod managers;
mod owned;
mod project;
mod schema;
pub mod set;
mod step;

pub use body::body;
pub use difference::{Change, Kind, difference};
pub use owned::owned;
pub use project::project;
