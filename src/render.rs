//! `nico render`: from files to what the operator will want.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Error, Result};
use nico_render::{ClusterKey, Completeness, Desired, Inventory, RenderError, render_all};

use crate::cli::{DIFFERENT, FAILED, Format, Render};
use crate::input::{self, Objects, Place, Request};
use crate::output::diff::Differences;
use crate::output::{self, folder};
use crate::report::{Report, is_coloured};
use crate::stdout;

/// What was asked for cannot be chosen.
#[derive(Debug, thiserror::Error)]
enum ChoiceError {
    #[error("--cluster {wanted}: there is no such KubernetesCluster; there are: {known}")]
    NoSuchCluster { wanted: String, known: String },
    #[error("--cluster {wanted}: there are several of that name; name the namespace too: {known}")]
    SeveralClusters { wanted: String, known: String },
    #[error("--namespace {namespace}: there is no KubernetesCluster in it; there are: {known}")]
    NoneInNamespace { namespace: String, known: String },
    #[error("-o nix prints the cluster.nix of one cluster; choose one of {known} with --cluster")]
    OneClusterOnly { known: String },
}

type Rendered = BTreeMap<ClusterKey, Result<Desired, RenderError>>;

/// Runs it.
pub fn run(arguments: &Render) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let objects = match input::read(&request(arguments), &mut io::stdin().lock()) {
        Ok(objects) => objects,
        Err(errors) => {
            for error in &errors {
                Report::error(error);
            }
            return Ok(ExitCode::from(FAILED));
        }
    };
    note_ignored(&objects.ignored);
    let Objects { clusters, machines, configurations, dialect, origins, .. } = objects;
    let inventory = Inventory {
        clusters: shared(clusters),
        machines: shared(machines),
        configurations: shared(configurations),
        dialect,
        default_git_repo: arguments.default_git_repo.clone(),
        completeness: Completeness::Partial,
        observed_at: None,
    };
    let rendered = choose(arguments, render_all(&inventory))?;
    let Some(desired) = all_or_none(rendered, &origins) else { return Ok(ExitCode::from(FAILED)) };
    desired.iter().for_each(Report::all_but_wipes);
    let done = emit(arguments, &desired);
    // Last, so that on a terminal nothing comes after it.
    desired.iter().for_each(Report::wipes);
    done
}

fn shared<T>(objects: Vec<T>) -> Vec<Arc<T>> {
    objects.into_iter().map(Arc::new).collect()
}

fn request(arguments: &Render) -> Request {
    Request {
        paths: arguments.paths.clone(),
        recursive: arguments.recursive,
        namespace: arguments.namespace.clone().unwrap_or_else(|| "default".to_owned()),
    }
}

/// How many, never what: there may be Secrets among them.
fn note_ignored(ignored: &BTreeMap<String, usize>) {
    if !ignored.is_empty() {
        let kinds: Vec<_> = ignored.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        Report::note(format_args!("passed over: {}", kinds.join(", ")));
    }
}

/// The clusters that were asked for.
fn choose(arguments: &Render, mut rendered: Rendered) -> Result<Rendered, ChoiceError> {
    let known = names(rendered.keys());
    if let Some(namespace) = &arguments.namespace {
        rendered.retain(|key, _| key.namespace == *namespace);
        if rendered.is_empty() {
            return Err(ChoiceError::NoneInNamespace { namespace: namespace.clone(), known });
        }
    }
    if !arguments.cluster.is_empty() {
        let found = arguments.cluster.iter().map(|wanted| find(wanted, &rendered));
        let keys = found.collect::<Result<Vec<_>, _>>()?;
        rendered.retain(|key, _| keys.contains(key));
    }
    if arguments.output == Format::Nix && rendered.len() != 1 {
        return Err(ChoiceError::OneClusterOnly { known: names(rendered.keys()) });
    }
    Ok(rendered)
}

fn find(wanted: &str, rendered: &Rendered) -> Result<ClusterKey, ChoiceError> {
    let found: Vec<_> =
        rendered.keys().filter(|key| key.name == wanted || key.to_string() == wanted).collect();
    match found.as_slice() {
        [key] => Ok((*key).clone()),
        [] => {
            let known = names(rendered.keys());
            Err(ChoiceError::NoSuchCluster { wanted: wanted.to_owned(), known })
        }
        [..] => {
            let known = names(found.iter().copied());
            Err(ChoiceError::SeveralClusters { wanted: wanted.to_owned(), known })
        }
    }
}

fn names<'k>(keys: impl Iterator<Item = &'k ClusterKey>) -> String {
    keys.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// All clusters, or none of them: half an answer would be taken for a whole one.
fn all_or_none(rendered: Rendered, origins: &BTreeMap<ClusterKey, Place>) -> Option<Vec<Desired>> {
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
