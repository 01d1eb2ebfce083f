//! The stand-in as a program of its own, for work by hand and for tests in other languages.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use nio_stand_in::{Control, ControlFolder, Nio, Scope, Settings};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

/// How often the control folder is read.
const PAUSE: Duration = Duration::from_millis(100);

/// A stand-in for the Python NIO: it serves machines and configurations on a real API server as NIO
/// does, but its machines are made up.
///
/// SIGTERM and SIGINT end it at once, in the middle of what it does. Started anew with the same log, it finds
/// the machines as they were left.
#[derive(Debug, Parser)]
#[command(version, after_long_help = CONTROL)]
struct Arguments {
    /// The API server.
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
    /// Serve this namespace only; may be repeated.
    #[arg(long = "namespace", short = 'n', value_name = "NAME")]
    namespaces: Vec<String>,
    /// Decides how long things take, and when the timer comes round.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// All durations, as a fraction of the real ones: the timer comes every 120 s, a retry after 60 s, and an
    /// apply takes 30 to 90 s.
    #[arg(long, default_value_t = 0.01, value_parser = positive)]
    scale: f64,
    /// What happens to machines, as JSON lines: `seq`, `at`, `run`, `machine`, `configuration`, `actor`
    /// (handler, timer), `kind` (wipe, switch, cleanup; rest: the handler ended), `phase` (started, ended),
    /// `success`, `filesHash`, `commit`, `generation`, `revision` and more. What is in it already has happened.
    #[arg(long, value_name = "FILE")]
    log: PathBuf,
    /// What goes wrong (see below). Made where it is missing.
    #[arg(long, value_name = "FOLDER")]
    control_dir: PathBuf,
}

const CONTROL: &str = "\
In the control folder files say what goes wrong; where a file is removed all is well again:
  commit                    the head of the default branch
  fail/MACHINE              applies fail that begin from now on; content: nothing (all), a number (so many),
                            or a text that an inline file has, or the hash of the files
  fail-handler/MACHINE, fail-timer/MACHINE, fail-cleanup/MACHINE
                            the same of these
  slow/MACHINE              takes longer; content: `3x`, `500ms` or `2s`
  slow-timer/MACHINE        the same of the timer alone; content: `500ms` or `2s`
  lose/MACHINE              cannot be reached
  hold/MACHINE              what is applied does not end; content: `handler`, `timer`, or nothing (both)
  twin/MACHINE              the timer comes round whenever the handler begins
Instead of MACHINE also NAMESPACE/MACHINE.";

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err("it has to be greater than 0".to_owned())
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .init();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let client = connect(&arguments.kubeconfig).await?;
    let scope = match arguments.namespaces {
        names if names.is_empty() => Scope::All,
        names => Scope::Namespaces(names),
    };
    let settings = Settings::real().scaled(arguments.scale).with_seed(arguments.seed);
    let control = Control::with_log(&arguments.log)
        .with_context(|| format!("cannot go on with the log {}", arguments.log.display()))?;
    let mut folder = ControlFolder::open(&arguments.control_dir, control.clone())
        .with_context(|| format!("cannot use the folder {}", arguments.control_dir.display()))?;
    // Before it begins: a machine may be lost from the start.
    obey(&mut folder)?;
    let nio = Nio::start_in(client, scope, settings, control);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            () = sleep(PAUSE) => obey(&mut folder)?,
        }
    }
    nio.stop().await;
    Ok(())
}

fn obey(folder: &mut ControlFolder) -> Result<()> {
    for error in folder.obey().context("cannot read the control folder")? {
        tracing::error!("{error}");
    }
    Ok(())
}

async fn connect(kubeconfig: &std::path::Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("cannot read the kubeconfig {}", kubeconfig.display()))?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    // HTTPS_PROXY is not meant for a server on this machine.
    config.proxy_url = None;
    Ok(Client::try_from(config)?)
}
