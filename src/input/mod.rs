//! Reads clusters, machines and live configurations from files, folders and standard input.
//!
//! All that is wrong is told at once, each with its file, line and field.

mod documents;
mod error;
mod node;
mod objects;
mod source;
mod typed;

use std::io::Read;
use std::path::PathBuf;

use nico_crds::validate;
use serde_json::json;

pub use error::{InputError, Place, Problem};
pub use objects::Objects;
use objects::Sorter;
use source::Source;

/// The namespace of objects that name none, where none is asked for: kubectl's.
pub const NAMESPACE: &str = "default";

/// What to read.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files, folders, and `-` for standard input.
    pub paths: Vec<PathBuf>,
    /// Look into folders of folders.
    pub recursive: bool,
    /// The namespace of objects that name none.
    pub namespace: String,
}

/// Reads all of it.
pub fn read(request: &Request, stdin: &mut dyn Read) -> Result<Objects, Vec<InputError>> {
    let (sources, errors) = source::find(&request.paths, request.recursive);
    let mut sorter = Sorter::new(&request.namespace, errors);
    for source in &sources {
        if let Err(error) = read_one(source, stdin, &mut sorter) {
            sorter.errors.push(error);
        }
    }
    let (objects, mut errors) = sorter.finish();
    if errors.is_empty() && objects.clusters.is_empty() {
        errors.push(no_cluster(request, &objects));
    }
    if errors.is_empty() { Ok(objects) } else { Err(errors) }
}

fn read_one(source: &Source, stdin: &mut dyn Read, sorter: &mut Sorter) -> Result<(), InputError> {
    let bytes = source.read(stdin)?;
    let nodes = documents::parse(&source.place, bytes, source.is_json())?;
    // In a folder there may be files with comments only.
    if nodes.is_empty() && source.named {
        return Err(InputError::at(source.place.at(1), Problem::Empty));
    }
    for node in &nodes {
        sorter.document(&source.place, node);
    }
    Ok(())
}

fn no_cluster(request: &Request, objects: &Objects) -> InputError {
    let name = |path: &PathBuf| match path.to_string_lossy() {
        path if path == "-" => "standard input".to_owned(),
        path => path.into_owned(),
    };
    let sources = request.paths.iter().map(name).collect::<Vec<_>>().join(", ");
    let mut seen = vec![];
    let mut count = |count: usize, kind: &str| {
        if count > 0 {
            seen.push(format!("{count} {kind}"));
        }
    };
    count(objects.machines.len(), "Machine");
    count(objects.configurations.len(), "NixosConfiguration");
    for (kind, number) in &objects.ignored {
        count(*number, kind);
    }
    let seen = if seen.is_empty() { String::new() } else { format!(" (found: {})", seen.join(", ")) };
    InputError::general(Problem::NoCluster { sources, seen })
}

/// A repository from the command line, judged as `spec.gitRepo` is.
pub fn judge_git_repo(option: &str, git_repo: &str) -> Result<(), InputError> {
    let cluster = json!({
        "apiVersion": objects::NICO,
        "kind": objects::CLUSTER,
        "metadata": { "name": "any" },
        "spec": { "gitRepo": git_repo, "controlPlane": { "machines": ["any"] } },
    });
    match validate::cluster(&cluster).into_iter().next() {
        Some(violation) => {
            let problem = Problem::Invalid(violation.message);
            Err(InputError { field: option.to_owned(), ..InputError::general(problem) })
        }
        None => Ok(()),
    }
}
