//! Visits to machines by SSH, to read a file there.
//!
//! Only keys are used, host keys are pinned, each step has its time, and what comes back has its limit. What
//! lies on disk for it lies in a room of its own (memory where there is some), which is emptied at the end,
//! and by the next one where there was no end.

mod config;
mod error;
mod known_hosts;
mod room;
mod visit;

pub use config::Target;
pub use error::VisitError;
pub use known_hosts::{HostKeys, HostKeysError};
pub use room::{Room, RoomError};
pub use visit::{Answer, Limits, Visit};
