//! `nico render`: from files to what the operator will want.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;

use anyhow::{Context, Error, Result};
use nico_render::{ClusterKey, Desired, RenderError, render_all};

use crate::choice::{Choice, ChoiceError, Chosen, names};
use crate::cli::{DIFFERENT, FAILED, Format, Render};
use crate::files;
use crate::input::{self, Place};
use crate::output::diff::Differences;
use crate::output::{self, folder};
use crate::report::{Report, is_coloured};
use crate::stdout;

/// Runs it.
pub fn run(arguments: &Render) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let namespace = arguments.namespace.as_deref();
    let Some(objects) = files::read(&arguments.paths, arguments.recursive, namespace) else {
        return Ok(ExitCode::from(FAILED));
    };
    let origins = objects.origins.clone();
    let inventory = objects.inventory(arguments.default_git_repo.as_deref());
    let choice = Choice { namespace, option: Choice::OPTION, clusters: &arguments.cluster };
    let rendered = choice.of(render_all(&inventory))?;
    if arguments.output == Format::Nix && rendered.len() != 1 {
        return Err(ChoiceError::OneClusterOnly { known: names(rendered.keys()) }.into());
    }
    let Some(desired) = all_or_none(rendered, &origins) else { return Ok(ExitCode::from(FAILED)) };
    desired.iter().for_each(Report::all_but_wipes);
    let done = emit(arguments, &desired);
    // Last, so that on a terminal nothing comes after it.
    desired.iter().for_each(Report::wipes);
    done
}

/// All clusters, or none of them: half an answer would be taken for a whole one.
fn all_or_none(
    rendered: Chosen<Result<Desired, RenderError>>,
    origins: &BTreeMap<ClusterKey, Place>,
) -> Option<Vec<Desired>> {
    let (mut all, mut whole) = (Vec::new(), true);
    for (key, result) in rendered {
        match result {
            Ok(desired) => all.push(desired),
            Err(error) => {
                whole = false;
                let place = origins.get(&key).map(|place| format!("{place}: ")).unwrap_or_default();
                Report::error(Error::new(error).context(format!("{place}KubernetesCluster {key}")).as_ref());
            }
        }
    }
    whole.then_some(all)
}

fn emit(arguments: &Render, desired: &[Desired]) -> Result<ExitCode> {
    if let Some(directory) = &arguments.output_dir {
        let kept = folder::write(directory, &folder::files(desired)?, &scope(arguments, desired))
            .with_context(|| directory.display().to_string())?;
        for name in kept {
            let path = directory.join(name);
            let path = path.display();
            Report::warning(format_args!(
                "{path}: no longer wanted; left, as it was changed by another hand"
            ));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(directory) = &arguments.diff {
        let changes = folder::compare(directory, &folder::files(desired)?, &scope(arguments, desired))
            .with_context(|| directory.display().to_string())?;
        let coloured = is_coloured(&io::stdout());
        stdout::stream(|out| Differences::new(out, coloured).folder(directory, &changes))?;
        return Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) });
    }
    stdout::stream(|out| match arguments.output {
        Format::Yaml => output::yaml_stream(out, desired),
        Format::Json => output::json_list(out, desired),
        Format::Nix => desired.iter().try_for_each(|one| out.write_all(one.cluster_nix.as_bytes())),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whose old files may go: everyone's, unless only some clusters were asked for.
fn scope(arguments: &Render, desired: &[Desired]) -> folder::Scope {
    if arguments.cluster.is_empty() && arguments.namespace.is_none() {
        folder::Scope::All
    } else {
        folder::Scope::Only(desired.iter().map(|one| one.cluster.to_string()).collect())
    }
}
