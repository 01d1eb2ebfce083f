//! A kubeconfig that came from a machine: read, refused or made our own, and kept until it is to be renewed.
//!
//! It is data from outside. Whoever is root on a control plane wrote it, and other programs will follow what
//! it says: so nothing in it may have them run a command, read a file or talk to somebody else (S17).

mod fetch;
mod login;
mod read;
#[cfg(test)]
mod tests;
mod validity;
mod way;
mod write;

pub use fetch::{FetchError, PATHS, fetch};
pub use login::{LoginError, Verified, answers, client, login};
pub use read::{Access, Login, Refusal, read};
pub use validity::Validity;
pub(crate) use way::KNOWN_AS;
pub use way::{Place, Way, ways};
pub use write::write;
