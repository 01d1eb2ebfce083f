//! The documentation is true of the code: every reason that NICO tells has its entry, the references are those of
//! the types, links lead somewhere, and the commands do what the pages say.
//!
//! `make generate` writes the references anew: read the diff before you commit it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a test fails by panicking")]
#![allow(missing_docs, reason = "these are tests")]

mod literals;
mod markdown;
mod reasons;
mod reference;
