//! `nico plan`: what would happen, from files or from a server. Nothing is written.

mod given;
mod text;

use std::process::ExitCode;

use anyhow::{Error, Result};
use k8s_openapi::jiff::Timestamp;
use nico_render::report::{ClusterReport, report};
use nico_render::rollout::rollout;
use nico_render::{ClusterKey, Desired, Observed, assume, render_all};
use serde::Serialize;

use crate::choice::Choice;
use crate::cli::{DIFFERENT, FAILED, Plan};
use crate::input;
use crate::report::Report;
use crate::{stdout, told};
use given::Given;

/// The number of the form: it is raised when a name or a word in it changes its meaning.
const FORMAT_VERSION: u32 = 1;

/// All of it, for machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    format_version: u32,
    at: Timestamp,
    clusters: &'a [ClusterReport],
}

/// What was planned.
struct Planned {
    desired: Vec<Desired>,
    reports: Vec<ClusterReport>,
    /// A cluster could not be rendered.
    failed: bool,
}

/// Runs it.
pub fn run(arguments: &Plan) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let given = if arguments.files.filename.is_empty() {
        given::by_server(arguments)?
    } else {
        given::by_files(arguments)
    };
    let Some(given) = given else { return Ok(ExitCode::from(FAILED)) };
    if given.inventory.clusters.is_empty() {
        Report::note("there is no KubernetesCluster");
    }
    let at = given.at;
    let planned = plan(given, arguments)?;
    let document = Document { format_version: FORMAT_VERSION, at, clusters: &planned.reports };
    let text = |coloured| text::of(&planned.reports, coloured);
    stdout::print(&told::told(&arguments.telling, &document, text)?)?;
    // Last, so that on a terminal nothing comes after it.
    planned.desired.iter().for_each(Report::wipes);
    Ok(match (planned.failed, planned.reports.iter().all(ClusterReport::is_at_rest)) {
        (true, _) => ExitCode::from(FAILED),
        (false, false) => ExitCode::from(DIFFERENT),
        (false, true) => ExitCode::SUCCESS,
    })
}

fn plan(given: Given, arguments: &Plan) -> Result<Planned> {
    let Given { inventory, mut sight, at, origins, is_partial } = given;
    // On a server only the namespace was looked at.
    let namespace = arguments.namespace.as_deref().filter(|_| !arguments.files.filename.is_empty());
    let all = render_all(&inventory);
    if is_partial {
        assume(&inventory, all.values().filter_map(|desired| desired.as_ref().ok()), &mut sight);
    }
    let chosen = Choice { namespace, option: Choice::OPTION, clusters: &arguments.cluster }.of(all)?;
    let observed = Observed::new(&inventory, &sight);
    let mut planned = Planned { desired: Vec::new(), reports: Vec::new(), failed: false };
    for (key, desired) in chosen {
        let cluster = inventory.clusters.iter().find(|cluster| ClusterKey::of(cluster) == key);
        match (cluster, desired) {
            (Some(cluster), Ok(desired)) => {
                let plan = rollout(cluster, &desired, &observed, at);
                planned.reports.push(report(cluster, &desired, &observed, &plan, at));
                Report::all_but_wipes(&desired);
                planned.desired.push(desired);
            }
            // One that cannot be rendered hides no other.
            (_, Err(error)) => {
                planned.failed = true;
                match origins.get(&key) {
                    Some(place) => {
                        let context = format!("{place}: KubernetesCluster {key}");
                        Report::error(Error::new(error).context(context).as_ref());
                    }
                    None => Report::failure(&key, &error),
                }
            }
            (None, Ok(_)) => {}
        }
    }
    Ok(planned)
}
