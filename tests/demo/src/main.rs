//! `make demo`: the whole story of a cluster, told on this machine alone as it happens. A real control plane, the real
//! operator with the rights that are delivered, and a stand-in for NIO whose machines are made up.
//!
//! Whatever is told is looked up on the server or in the stand-in's log, so the story can end badly: then it says what
//! was expected, what was found, and where the logs are. However it ends, no process is left.

#![allow(clippy::indexing_slicing, reason = "a missing field of JSON is null, and then not what is expected")]

mod claim;
mod stage;
mod story;
mod table;
mod teller;
mod view;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::exit;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use rustix::io::Errno;
use tempfile::TempDir;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// What a shell adds to the number of a signal.
const BY_SIGNAL: i32 = 128;
/// Whoever has to write to an output that takes nothing cannot be waited for.
const END_BOUND: Duration = Duration::from_secs(10);

/// Tells the story of a cluster, from nothing to gone.
#[derive(Debug, Parser)]
struct Arguments {
    /// The `nico` that is shown; by default the one beside this program.
    #[arg(long, value_name = "PROGRAM")]
    nico: Option<PathBuf>,
}

/// How the story ended.
enum End {
    Told,
    Badly(anyhow::Error),
    Signal(i32),
}

#[tokio::main]
async fn main() {
    let code = match demo(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            say(&format!("error: {error:#}"));
            1
        }
    };
    // What could still run has nobody to write to.
    exit(code);
}

async fn demo(arguments: Arguments) -> Result<i32> {
    // Before anything is there that would be left.
    let interrupted = interrupted()?;
    let nico = program(arguments.nico)?;
    let folder =
        tempfile::Builder::new().prefix("nico-demo-").tempdir().context("there is no room for logs")?;
    let end = select! {
        // What the story started ends with it.
        signal = interrupted => End::Signal(signal.context("nobody waits for signals")?),
        told = story::tell(nico, folder.path().to_owned()) => told.map_or_else(End::Badly, |()| End::Told),
    };
    Ok(of(end, folder))
}

/// What is said of it at last, and the exit code.
fn of(end: End, folder: TempDir) -> i32 {
    match end {
        End::Told => 0,
        End::Signal(number) => {
            say("\ninterrupted: everything is stopped");
            BY_SIGNAL.saturating_add(number)
        }
        End::Badly(error) => {
            if let Some(signal) = unheard(&error) {
                return BY_SIGNAL.saturating_add(signal.as_raw_value());
            }
            say(&format!("\nerror: the demo ended in the middle, {error:#}"));
            say(&format!("the logs are in {}", folder.keep().display()));
            1
        }
    }
}

/// Nobody reads what is told any more: the pipe is closed, as by `head`, or the terminal. The signal that others end
/// by then.
fn unheard(error: &anyhow::Error) -> Option<SignalKind> {
    let error = error.downcast_ref::<io::Error>()?;
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Some(SignalKind::pipe());
    }
    (error.raw_os_error() == Some(Errno::IO.raw_os_error())).then(SignalKind::hangup)
}

/// If anybody is there to hear it.
fn say(text: &str) {
    let _unheard = writeln!(io::stderr(), "{text}");
}

/// Gives the number of the first signal that is to end this: Ctrl-C, `kill`, a terminal that is closed.
///
/// Where the story is stuck, because its output takes nothing, this ends all the same.
fn interrupted() -> Result<oneshot::Receiver<i32>> {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [interrupt, terminate, hangup] = kinds.map(signal);
    let (mut interrupt, mut terminate, mut hangup) = (interrupt?, terminate?, hangup?);
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let number = select! {
            _ = interrupt.recv() => kinds[0],
            _ = terminate.recv() => kinds[1],
            _ = hangup.recv() => kinds[2],
        }
        .as_raw_value();
        let _ended = tell.send(number);
        sleep(END_BOUND).await;
        exit(BY_SIGNAL.saturating_add(number));
    });
    Ok(told)
}

fn program(given: Option<PathBuf>) -> Result<PathBuf> {
    let beside = || Ok(std::env::current_exe()?.with_file_name("nico"));
    let program = given.map_or_else(beside, Ok::<_, io::Error>).context("it is not known where nico is")?;
    anyhow::ensure!(program.exists(), "{} is missing: run `cargo build --package nico`", program.display());
    Ok(program)
}
