//! `nico run`: the operator. Wires the parts; decides nothing.

use std::process::ExitCode;

use anyhow::{Context, Result};
use nico_apply::cache::CacheSettings;
use nico_apply::connect::{Target, connect_all};
use nico_apply::lease::Leadership;
use nico_apply::metrics::Metrics;
use nico_apply::operator::{Operator, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::cli::{LogFormat, Run};
use crate::input;
use crate::report::is_coloured;

/// What is logged, unless RUST_LOG says otherwise.
const LOG: &str = "info,kube_runtime=warn,kube_client=warn";

/// Runs it.
pub fn run(arguments: &Run) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    log(arguments.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(operate(arguments))
}

fn log(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG));
    let coloured = is_coloured(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(coloured).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

async fn operate(arguments: &Run) -> Result<ExitCode> {
    let target =
        Target { kubeconfig: arguments.kubeconfig.as_deref(), context: arguments.context.as_deref() };
    let clients = connect_all(&target).await?;
    let settings = Settings {
        cache: CacheSettings {
            namespaces: arguments.namespace.clone(),
            default_git_repo: arguments.default_git_repo.clone(),
            ..CacheSettings::default()
        },
        interval: arguments.interval,
        ..Settings::default()
    };
    let leadership = Leadership::always();
    let metrics = Metrics::default();
    let operator = Operator::new(clients.requests, clients.watching, leadership, metrics, settings);
    info!(version = env!("NICO_VERSION"), "begins");
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    operator
        .run(async {
            tokio::select! {
                _ = terminate.recv() => info!("SIGTERM"),
                _ = interrupt.recv() => info!("SIGINT"),
            }
        })
        .await;
    info!("ends");
    Ok(ExitCode::SUCCESS)
}
