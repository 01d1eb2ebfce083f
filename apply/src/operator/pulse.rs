//! That the operator's loop goes round: what stands still is started anew by whoever asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many intervals without a round are too many.
const ROUNDS: u32 = 4;
/// And never fewer than this: a pass over a large fleet takes its time.
const LEAST: Duration = Duration::from_mins(2);

/// The last round of the loop. Clones share it.
#[derive(Clone, Debug)]
pub struct Pulse {
    last: Arc<Mutex<Instant>>,
    bound: Duration,
}

impl Pulse {
    pub(super) fn new(interval: Duration) -> Self {
        let bound = interval.saturating_mul(ROUNDS).max(LEAST);
        Self { last: Arc::new(Mutex::new(Instant::now())), bound }
    }

    pub(super) fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Why the loop counts as standing still.
    pub fn check(&self) -> Result<(), String> {
        let age = self.last.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        if age > self.bound {
            return Err(format!("the loop has not gone round for more than {} s", self.bound.as_secs()));
        }
        Ok(())
    }
}
