//! `nico status`: how clusters are, as the operator told it in their status. Nothing is written.

mod age;
mod display;
mod given;
mod screen;
mod text;
mod watch;

#[cfg(test)]
mod tests;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use k8s_openapi::jiff::Timestamp;
use nico_apply::clusters::Clusters;
use nico_render::overview::{ClusterOverview, overview};
use serde::Serialize;

use crate::choice::Choice;
use crate::cli::{FAILED, Status};
use crate::page::Page;
use crate::report::Report;
use crate::{stdout, told};
use given::Given;

/// The number of the form: it is raised when a name or a word in it changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// What there is to tell.
#[derive(Debug, Default, PartialEq, Eq)]
struct Picture {
    clusters: Vec<ClusterOverview>,
    /// What keeps it from being whole, or new.
    troubles: Vec<String>,
}

/// All of it, for machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    format_version: u32,
    at: Timestamp,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    troubles: &'a [String],
    clusters: &'a [ClusterOverview],
}

/// Runs it.
pub fn run(arguments: &Status) -> Result<ExitCode> {
    if arguments.watch {
        return watch::run(arguments);
    }
    let given = if arguments.files.filename.is_empty() {
        given::by_server(arguments)?
    } else {
        given::by_files(arguments)
    };
    let Some(Given { clusters, at }) = given else { return Ok(ExitCode::from(FAILED)) };
    let picture = Picture::of(choice(arguments).of(clusters)?);
    if picture == Picture::default() {
        Report::note("there is no KubernetesCluster");
    }
    let text = |coloured| {
        let mut page = Page::new(coloured, screen::width());
        text::write(&mut page, &picture.clusters, at);
        page.into_text()
    };
    stdout::print(&told::told(&arguments.telling, &picture.document(at), text)?)?;
    for trouble in &picture.troubles {
        Report::error(anyhow!("{trouble}").as_ref());
    }
    Ok(if picture.troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

fn choice(arguments: &Status) -> Choice<'_> {
    // On a server only the namespace was looked at.
    let namespace = arguments.namespace.as_deref().filter(|_| !arguments.files.filename.is_empty());
    Choice { namespace, option: "", clusters: &arguments.clusters }
}

impl Picture {
    /// One that cannot be understood hides no other.
    fn of(clusters: Clusters) -> Self {
        let mut picture = Self::default();
        for cluster in clusters.into_values() {
            match cluster {
                Ok(cluster) => picture.clusters.push(overview(&cluster)),
                Err(trouble) => picture.troubles.push(trouble),
            }
        }
        picture
    }

    fn document(&self, at: Timestamp) -> Document<'_> {
        Document { format_version: FORMAT_VERSION, at, troubles: &self.troubles, clusters: &self.clusters }
    }
}
