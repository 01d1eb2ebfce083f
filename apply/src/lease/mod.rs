//! Who of several NICOs may write: an election by a Lease (`coordination.k8s.io/v1`), with the meaning of
//! client-go's `leaderelection`, and every write of the Lease bound to the version that was seen.
//!
//! A leader is sure of its leadership only until a deadline after the start of its last successful renewal,
//! by its own monotonic clock; others may take the Lease only when it has not changed, by theirs, for its
//! whole duration. The deadline is shorter than the duration, so there is a gap between two leaders, and no
//! clock is ever compared with another machine's. What is left between them: a write that was sent while
//! leadership was valid and is carried out much later, and a Lease that somebody deletes just when a new
//! contender starts. Writes that are bound to a resourceVersion stand against both.

mod election;
mod error;
mod leadership;
mod record;
mod settings;
#[cfg(test)]
mod tests;

pub use election::Election;
pub use error::LeaseError;
pub use leadership::{Leadership, Term};
pub use settings::{FIELD_MANAGER, LEASE_NAME, Settings};
