//! `nico render`: from files to what the operator will want.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use nico_render::{ClusterKey, Completeness, Desired, Inventory, render_all};

use crate::cli::{Format, Render};
use crate::input::{self, Objects};
use crate::output::{self, difference, files};
use crate::print;
use crate::report::Report;

/// The exit code of kubectl diff for "different".
const DIFFERENT: u8 = 1;

/// Runs it.
pub fn run(arguments: &Render) -> Result<ExitCode> {
    let objects = input::read(&arguments.paths, arguments.recursive, arguments.namespace.as_deref())?;
    for (kind, count) in &objects.ignored {
        Report::line(&format!("note: {count} {kind} passed over"));
    }
    let inventory = inventory(objects, arguments);
    let desired = choose(render_all(&inventory), arguments)?;
    // Data first into memory: an error leaves nothing half-written.
    let code = emit(&desired, arguments)?;
    desired.iter().for_each(Report::diagnostics);
    Ok(code)
}

fn inventory(objects: Objects, arguments: &Render) -> Inventory {
    Inventory {
        clusters: objects.clusters,
        machines: objects.machines,
        configurations: objects.configurations,
        dialect: objects.dialect,
        default_git_repo: arguments.default_git_repo.clone(),
        completeness: Completeness::Partial,
        observed_at: None,
    }
}

fn choose(
    rendered: BTreeMap<ClusterKey, Result<Desired, nico_render::RenderError>>,
    arguments: &Render,
) -> Result<Vec<Desired>> {
    for wanted in &arguments.cluster {
        if !rendered.keys().any(|key| names(key, wanted)) {
            let known: Vec<_> = rendered.keys().map(ToString::to_string).collect();
            bail!("--cluster {wanted}: there is no such cluster; there are {}", known.join(", "));
        }
    }
    let asked = |key: &ClusterKey| {
        let by_name =
            arguments.cluster.is_empty() || arguments.cluster.iter().any(|wanted| names(key, wanted));
        by_name && arguments.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
    };
    let chosen = rendered.into_iter().filter(|(key, _)| asked(key));
    chosen.map(|(key, desired)| desired.with_context(|| format!("cluster {key}"))).collect()
}

fn names(key: &ClusterKey, wanted: &str) -> bool {
    key.name == wanted || key.to_string() == wanted
}

fn emit(desired: &[Desired], arguments: &Render) -> Result<ExitCode> {
    let objects = || desired.iter().flat_map(output::objects);
    if let Some(directory) = &arguments.output_dir {
        files::write(directory, &files::files(objects())?)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(directory) = &arguments.diff {
        let after = files::files(objects())?;
        let before = files::lying_in(directory, &after)?;
        let text = difference::unified(&before, &after, stdout().is_terminal());
        print(&text)?;
        return Ok(if text.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) });
    }
    print(&match arguments.output {
        Format::Yaml => output::yaml_stream(objects())?,
        Format::Json => output::json_list(objects())?,
        Format::Nix => nix(desired)?.to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A stream of several files would be no Nix.
fn nix(desired: &[Desired]) -> Result<&str> {
    match desired {
        [one] => Ok(&one.cluster_nix),
        several => {
            let names: Vec<_> = several.iter().map(|desired| desired.cluster.to_string()).collect();
            bail!("-o nix prints one cluster; name one of {} with --cluster", names.join(", "))
        }
    }
}
