//! Lost machines: a person marked them, or their Machine object is gone. Nobody waits for them, and their
//! configurations go though NIO cannot clean them.

use super::standing::Standing;
use super::{Planner, Removal};

impl<'a> Planner<'a> {
    /// A control plane's configuration stays until it is no member any more: what may be one counts for the
    /// others, and nothing else would remind of it.
    pub(super) fn lose(&mut self, standing: &Standing<'a>) {
        if self.is_taken_out(standing) {
            self.delete(standing, Removal::Lost);
        }
    }
}
