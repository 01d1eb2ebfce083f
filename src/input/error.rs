//! What can be wrong with the input, in words: where it is, what was found, what would be right.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

/// A place in the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// The line, from 1; 0 means the file as a whole.
    pub line: u64,
}

impl Place {
    /// A whole file.
    pub fn file(name: &str) -> Self {
        Self { file: name.into(), line: 0 }
    }

    /// Another line of the same file.
    #[must_use]
    pub fn at(&self, line: u64) -> Self {
        Self { file: Arc::clone(&self.file), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { f.write_str(&self.file) } else { write!(f, "{}:{}", self.file, self.line) }
    }
}

/// Something wrong with the input.
#[derive(Debug)]
pub struct InputError {
    /// Where.
    pub place: Option<Place>,
    /// In which object, as `KubernetesCluster home`.
    pub object: Option<String>,
    /// In which field; empty for the object as a whole.
    pub field: String,
    /// What.
    pub problem: Box<Problem>,
}

impl InputError {
    /// Of a place.
    pub fn at(place: Place, problem: Problem) -> Self {
        Self { place: Some(place), object: None, field: String::new(), problem: Box::new(problem) }
    }

    /// Of a field.
    pub fn in_field(place: Place, field: impl Into<String>, problem: Problem) -> Self {
        Self { field: field.into(), ..Self::at(place, problem) }
    }

    /// Of the input as a whole.
    pub fn general(problem: Problem) -> Self {
        Self { place: None, object: None, field: String::new(), problem: Box::new(problem) }
    }

    /// Names the object.
    #[must_use]
    pub fn of(mut self, object: &str) -> Self {
        self.object = Some(object.to_owned());
        self
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        self.problem.fmt(f)
    }
}

impl Error for InputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    /// A folder without anything to read.
    #[error("this folder holds no file that ends in .yaml, .yml or .json{0}")]
    EmptyFolder(&'static str),
    /// It is too large.
    #[error("larger than {limit_mib} MiB, which is the most that is read as one file; split it")]
    TooLarge {
        /// The limit.
        limit_mib: u64,
    },
    /// It holds nothing.
    #[error("the file is empty; it should hold Kubernetes objects as YAML or JSON")]
    Empty,
    /// Not text.
    #[error("found a NUL byte; it should be YAML or JSON text")]
    Nul,
    /// Text in another encoding.
    #[error("the file is encoded as {0}; save it as UTF-8")]
    Encoding(&'static str),
    /// Not text in UTF-8.
    #[error("found a byte that is not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// Broken YAML.
    #[error("not valid YAML: {0}")]
    Yaml(String),
    /// Broken JSON.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// More than is read.
    #[error("refused: {0}")]
    TooMuch(String),
    /// A field stands twice in one object.
    #[error("stands here twice, first in line {first}; keep one of them")]
    Twice {
        /// The line of the first one.
        first: u64,
    },
    /// The name of a field is no name.
    #[error("found {0} where the name of a field should be")]
    Unnamed(&'static str),
    /// A document that is no object.
    #[error("found {found}; it should be a Kubernetes object, with apiVersion and kind")]
    NotAnObject {
        /// What was found.
        found: &'static str,
    },
    /// `apiVersion` or `kind` is missing.
    #[error("missing; every object has to say its apiVersion and its kind")]
    Untyped,
    /// One of our own kinds in a version that is not known.
    #[error("found {found:?}; it should be {right:?}")]
    Unknown {
        /// What was found.
        found: String,
        /// What would be right.
        right: String,
    },
    /// What the API server would refuse, in its words.
    #[error("{0}")]
    Invalid(String),
    /// The same object once more.
    #[error("the same object stands in {first} already; keep one of them")]
    SameObject {
        /// Where it stands first.
        first: Place,
    },
    /// Machines of both NIOs.
    #[error(
        "the Machine {go} is written for the Go NIO (spec.host), {python} for the Python NIO (spec.hostname); all have \
         to be written for one"
    )]
    Dialects {
        /// One of the Go NIO.
        go: String,
        /// One of the Python NIO.
        python: String,
    },
    /// Nothing to render.
    #[error("no KubernetesCluster in {sources}{seen}")]
    NoCluster {
        /// What was read.
        sources: String,
        /// What was found instead.
        seen: String,
    },
}
