//! `nico apply --once`: one pass over an API server.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use nico_apply::connect::{Target, connect};
use nico_apply::observe::{Scope, now, observe};
use nico_apply::once::{Done, Options, Outcome, Token, pass};
use nico_crds::names::join_token_secret;
use nico_render::ClusterKey;

use crate::cli::{Apply, DryRun, FAILED};
use crate::report::Report;
use crate::stdout;

/// Runs it.
pub fn run(arguments: &Apply) -> Result<ExitCode> {
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
    let inventory = observe(&client, &scope).await?;
    if inventory.clusters.is_empty() {
        Report::note("there is no KubernetesCluster");
    }
    let options = Options {
        leave_full_install: arguments.leave_full_install,
        dry_run: arguments.dry_run == DryRun::Server,
    };
    let outcomes = pass(&client, &inventory, now(), options).await;
    let mut failed = false;
    for (cluster, outcome) in outcomes {
        stdout::print(&told(&cluster, &outcome, options.dry_run))?;
        for diagnostic in &outcome.diagnostics {
            Report::diagnostic(&cluster, diagnostic);
        }
        if let Some(error) = outcome.error {
            failed = true;
            Report::error(anyhow::Error::new(error).context(format!("cluster {cluster}")).as_ref());
        }
    }
    Ok(if failed { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

/// What was done and what waits, a line each, in kubectl's manner.
fn told(cluster: &ClusterKey, outcome: &Outcome, dry_run: bool) -> String {
    let mut text = String::new();
    let suffix = if dry_run { " (server dry run)" } else { "" };
    for done in &outcome.done {
        let line = match done {
            Done::Remembered => {
                format!("kubernetescluster.nico.homystack.com/{} selection remembered", cluster.name)
            }
            Done::Token(Token::Created) => format!("secret/{} created", join_token_secret(&cluster.name)),
            Done::Token(Token::Kept) => continue,
            Done::Token(Token::Guessable) => {
                format!("secret/{} kept, although anybody can guess it", join_token_secret(&cluster.name))
            }
            Done::Created { configuration, wipes_disk, .. } => {
                let wipes = if *wipes_disk { ", which WIPES THE DISK of its machine" } else { "" };
                format!("nixosconfiguration.nio.homystack.com/{configuration} created{wipes}")
            }
            Done::Withheld { machine, configuration } => format!(
                "nixosconfiguration.nio.homystack.com/{configuration} withheld: it WIPES THE DISK of machine {machine}, \
                 and somebody must take fullInstall off again once it is installed, or NIO wipes it once more at the \
                 next change; --leave-full-install creates it"
            ),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}: {line}{suffix}", cluster.namespace);
    }
    for waiting in &outcome.waiting {
        let _ = writeln!(text, "{}: machine {} {}", cluster.namespace, waiting.machine, waiting.reason);
    }
    text
}
