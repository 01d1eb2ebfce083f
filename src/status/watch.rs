//! `nico status --watch`: looks at the clusters on a server until somebody ends it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use nico_apply::clusters::{Clusters, Following, read};
use nico_apply::connect::connect_all;
use nico_apply::observe::now;
use nico_render::ClusterKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::display::Display;
use super::{Picture, choice};
use crate::cli::Status;

/// Ages are told anew, and that nothing arrives any more.
const TICK: Duration = Duration::from_secs(1);

/// Runs it.
pub fn run(arguments: &Status) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(watch(arguments))
}

async fn watch(arguments: &Status) -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut display = Display::new(&arguments.telling);
    let ended = tokio::select! {
        ended = follow(arguments, &mut display) => ended,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    display.end()?;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Until nobody looks any more.
async fn follow(arguments: &Status, display: &mut Display<'_>) -> Result<()> {
    let clients = connect_all(&arguments.server.target()).await?;
    let namespace = arguments.namespace.as_deref();
    let mut clusters = read(&clients.requests, namespace).await?;
    let wanted = wanted(arguments, &clusters)?;
    let changed = Arc::new(Notify::new());
    let bell = changed.clone();
    let following = Following::begin(&clients.watching, namespace, move || bell.notify_one());
    loop {
        let picture = picture(clusters.clone(), wanted.as_deref(), following.trouble());
        if !display.show(picture, now())? {
            return Ok(());
        }
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(TICK) => {}
        }
        if let Some(now) = following.clusters() {
            clusters = now;
        }
    }
}

/// Those that were asked for by name; None: all, whatever comes.
fn wanted(arguments: &Status, clusters: &Clusters) -> Result<Option<Vec<ClusterKey>>> {
    if arguments.clusters.is_empty() {
        return Ok(None);
    }
    Ok(Some(choice(arguments).of(clusters.clone())?.into_keys().collect()))
}

fn picture(mut clusters: Clusters, wanted: Option<&[ClusterKey]>, trouble: Option<String>) -> Picture {
    let gone = wanted.into_iter().flatten().filter(|key| !clusters.contains_key(key));
    let gone: Vec<_> = gone.map(|key| format!("{key} is gone")).collect();
    if let Some(wanted) = wanted {
        clusters.retain(|key, _| wanted.contains(key));
    }
    let mut picture = Picture::of(clusters);
    let trouble = trouble.map(|trouble| format!("NOT LIVE: {trouble}; what follows may be out of date"));
    picture.troubles.extend(trouble.into_iter().chain(gone));
    picture
}
