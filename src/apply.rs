//! `nico apply --once`: one pass over an API server.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context, Result};
use kube::Client;
use nico_apply::connect::connect;
use nico_apply::hands::Done;
use nico_apply::observe::Scope;
use nico_apply::once::{Options, Outcome, Progress, pass, see_installed};
use nico_crds::names::join_token_secret;
use nico_render::ClusterKey;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Apply, DryRun, FAILED};
use crate::input;
use crate::report::Report;
use crate::stdout;

/// As a shell has it for who was interrupted.
const INTERRUPTED: u8 = 130;

/// Runs it.
pub fn run(arguments: &Apply) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.reach.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(apply(arguments))
}

async fn apply(arguments: &Apply) -> Result<ExitCode> {
    let client = connect(&arguments.reach.server.target()).await?;
    let scope = arguments.reach.scope();
    let options = Options {
        installs: arguments.leave_full_install || arguments.wait,
        dry_run: arguments.dry_run == DryRun::Server,
    };
    let outcomes = pass(&client, &scope, options).await?;
    if outcomes.is_empty() {
        Report::note("there is no KubernetesCluster");
    }
    let mut failed = false;
    let mut installing = Vec::new();
    for (cluster, outcome) in outcomes {
        failed |= tell(&cluster, &outcome, options.dry_run)?;
        let wipes = |done: &Done| matches!(done, Done::Created { wipes_disk: true, .. });
        let is_left = !outcome.installing.is_empty();
        if is_left && !options.installs {
            Report::note(left(&cluster, &outcome.installing));
        }
        if is_left || outcome.done.iter().any(wipes) {
            installing.push(cluster);
        }
    }
    if arguments.wait && !installing.is_empty() && !stay(&client, &scope, &installing).await? {
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// Whether all was installed before somebody interrupted it.
async fn stay(client: &Client, scope: &Scope<'_>, clusters: &[ClusterKey]) -> Result<bool> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut awaited = BTreeMap::new();
    let installed = see_installed(client, scope, clusters, |cluster, progress| match progress {
        // Whoever read it may have had enough: what is done is done.
        Progress::Done(done) => drop(stdout::print(&line(cluster, done, false))),
        Progress::Awaits(configurations) => {
            let text = format!("{cluster} waits for the installation of {}", configurations.join(", "));
            Report::note(text);
            awaited.insert(cluster.clone(), configurations.to_vec());
        }
    });
    let interrupted = tokio::select! {
        installed = installed => {
            installed?;
            false
        }
        _ = terminate.recv() => true,
        _ = interrupt.recv() => true,
    };
    if interrupted {
        for (cluster, configurations) in &awaited {
            Report::note(left(cluster, configurations));
        }
    }
    Ok(!interrupted)
}

/// What a person has to know who does not wait.
fn left(cluster: &ClusterKey, configurations: &[String]) -> String {
    format!(
        "{cluster}: fullInstall may be left on {}: NIO WIPES THE DISK once more whenever it applies anew; \
         nico run, or nico apply --once --wait, takes it off",
        configurations.join(", ")
    )
}

/// Says what was done and what waits; whether anything went wrong.
fn tell(cluster: &ClusterKey, outcome: &Outcome, dry_run: bool) -> Result<bool> {
    for done in &outcome.done {
        stdout::print(&line(cluster, done, dry_run))?;
    }
    for waiting in &outcome.waiting {
        stdout::print(&format!("{}: {waiting}\n", cluster.namespace))?;
    }
    for diagnostic in &outcome.diagnostics {
        Report::diagnostic(cluster, diagnostic);
    }
    for error in &outcome.errors {
        Report::failure(cluster, error);
    }
    Ok(!outcome.errors.is_empty())
}

/// In kubectl's manner.
fn line(cluster: &ClusterKey, done: &Done, dry_run: bool) -> String {
    let object = match (done, done.configuration()) {
        (_, Some(configuration)) => format!("nixosconfiguration.nio.homystack.com/{configuration}"),
        (Done::TokenCreated | Done::TokenOwned { .. }, None) => {
            format!("secret/{}", join_token_secret(&cluster.name))
        }
        (_, None) => format!("kubernetescluster.nico.homystack.com/{}", cluster.name),
    };
    let suffix = if dry_run { " (server dry run)" } else { "" };
    format!("{}: {object}: {done}{suffix}\n", cluster.namespace)
}
