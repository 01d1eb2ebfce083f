//! From files to clusters, machines and live configurations.

mod objects;
mod source;
mod tree;

use std::io;

pub use objects::{Objects, read};

/// Why the input cannot be used: where, what was found, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file or directory cannot be read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable { file: String, source: io::Error },
    /// More than is ever right.
    #[error("{file}: larger than {} MiB: give only KubernetesClusters, Machines and NixosConfigurations", source::MAX_BYTES / 1024 / 1024)]
    TooLarge { file: String },
    /// Windows' encoding.
    #[error("{file}:1: is UTF-16; save it as UTF-8")]
    Utf16 { file: String },
    /// A NUL byte.
    #[error("{file}:{line}: holds a NUL byte, so it is no YAML or JSON text")]
    Binary { file: String, line: usize },
    /// Another encoding.
    #[error("{file}:{line}: is not UTF-8; save it as UTF-8")]
    NotUtf8 { file: String, line: usize },
    /// No YAML, no JSON.
    #[error("{file}:{line}: {message}")]
    Syntax { file: String, line: u64, message: String },
    /// A field is not as it should be.
    #[error("{file}:{line}: {kind} {name}: {message}")]
    Field { file: String, line: u64, kind: String, name: String, message: String },
    /// A document that is no Kubernetes object.
    #[error("{file}:{line}: {message}")]
    NoObject { file: String, line: u64, message: String },
    /// The same object in two places.
    #[error("{file}:{line}: {kind} {name} stands already at {first}; give each object once")]
    Twice { file: String, line: u64, kind: String, name: String, first: String },
    /// Nothing to render.
    #[error("{files}: no KubernetesCluster in there (found {found})")]
    NoCluster { files: String, found: String },
    /// Machines of both kinds.
    #[error(
        "{file}:{line}: Machine {name} is written for the Go NIO (spec.host), {other} for the Python NIO (spec.hostname); one fleet has one NIO"
    )]
    MixedDialects { file: String, line: u64, name: String, other: String },
}
