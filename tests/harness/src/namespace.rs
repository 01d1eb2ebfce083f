//! A namespace of a test's own.

use std::fmt;

/// It is nobody else's, so that tests can run beside each other; it goes with
/// its control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(pub(crate) String);

impl Namespace {
    /// Its name: the prefix that was asked for, and what the server made of it.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
