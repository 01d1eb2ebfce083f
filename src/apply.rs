//! `nico apply --once`: one pass over an API server.

use std::process::ExitCode;

use anyhow::{Context, Result};
use nico_apply::connect::{Target, connect};
use nico_apply::hands::Done;
use nico_apply::observe::Scope;
use nico_apply::once::{Options, Outcome, pass, see_installed};
use nico_crds::names::join_token_secret;
use nico_render::ClusterKey;

use crate::cli::{Apply, DryRun, FAILED};
use crate::input;
use crate::report::Report;
use crate::stdout;

/// Runs it.
pub fn run(arguments: &Apply) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(apply(arguments))
}

async fn apply(arguments: &Apply) -> Result<ExitCode> {
    let target =
        Target { kubeconfig: arguments.kubeconfig.as_deref(), context: arguments.context.as_deref() };
    let client = connect(&target).await?;
    let scope = Scope {
        namespace: arguments.namespace.as_deref(),
        default_git_repo: arguments.default_git_repo.as_deref(),
    };
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
        if outcome.done.iter().any(|done| matches!(done, Done::Created { wipes_disk: true, .. })) {
            installing.push(cluster);
        }
    }
    if arguments.wait && !installing.is_empty() {
        see_installed(&client, &scope, &installing, |cluster, done| {
            // Whoever read it may have had enough: what is done is done.
            let _ = stdout::print(&line(cluster, done, false));
        })
        .await?;
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
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
