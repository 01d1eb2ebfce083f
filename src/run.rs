//! `nico run`: the operator. Wires the parts; decides nothing.

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use kube::Client;
use nico_apply::cache::{CacheSettings, Caches};
use nico_apply::connect::connect_all;
use nico_apply::keeper::{self, HostKeyPolicy};
use nico_apply::lease::{self, Election, Leadership};
use nico_apply::metrics::Metrics;
use nico_apply::operator::{Operator, Settings};
use nico_apply::serve::{Pages, Server};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;
use tracing_subscriber::EnvFilter;

use crate::cli::{LogFormat, Run, SshHostKeys};
use crate::input;
use crate::report::is_coloured;

/// What is logged, unless `RUST_LOG` says otherwise.
const LOG: &str = "info,kube_runtime=warn,kube_client=warn";
/// And this never is: it shows what servers answer, whole, where that cannot be understood, be it a Secret.
const SECRETIVE: [&str; 2] = ["kube_client::client=off", "kube_client::client::builder=off"];

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
    let silence = SECRETIVE.iter().filter_map(|directive| directive.parse().ok());
    let filter = silence.fold(filter, EnvFilter::add_directive);
    let coloured = is_coloured(&std::io::stderr());
    // Where the log cannot be written any more nobody reads why either: that must not end the operator.
    let builder = tracing_subscriber::fmt()
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_ansi(coloured)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}

async fn operate(arguments: &Run) -> Result<ExitCode> {
    let clients = connect_all(&arguments.server.target()).await?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let server =
        Server::bind(SocketAddr::new(arguments.metrics_bind_address, arguments.metrics_port)).await?;
    info!(version = env!("NICO_VERSION"), "begins");
    let (election, leadership) = candidacy(arguments, &clients.requests)?;
    let metrics = Metrics::new(env!("NICO_VERSION"))?;
    let operator = Operator::new(
        clients.requests,
        clients.watching,
        leadership.clone(),
        metrics.clone(),
        settings(arguments),
    );
    let (ending, ended) = watch::channel(false);
    let served = tokio::spawn(server.run(pages(&operator, leadership, metrics), over(ended.clone())));
    let mut elected = tokio::spawn(async move {
        match election {
            Some(election) => election.run(over(ended)).await,
            None => Ok(()),
        }
    });
    let mut early = None;
    operator
        .run(async {
            tokio::select! {
                _ = terminate.recv() => info!("SIGTERM"),
                _ = interrupt.recv() => info!("SIGINT"),
                // Without it this replica would stand by for ever.
                ended = &mut elected, if arguments.leader_elect => early = Some(ended),
            }
        })
        .await;
    // The writes in flight have ended: somebody else may lead from here.
    ending.send_replace(true);
    let is_early = early.is_some();
    let ended = match early {
        Some(ended) => ended,
        None => elected.await,
    };
    ended.context("the election has panicked")??;
    ensure!(!is_early, "the election has ended by itself");
    served.await.context("the server has panicked")?;
    info!("ends");
    Ok(ExitCode::SUCCESS)
}

fn settings(arguments: &Run) -> Settings {
    Settings {
        cache: CacheSettings {
            namespaces: arguments.namespace.clone(),
            default_git_repo: arguments.default_git_repo.clone(),
            ..CacheSettings::default()
        },
        interval: arguments.interval,
        visits: keeper::Settings {
            ssh_config: arguments.ssh_config.clone(),
            key_namespaces: arguments.ssh_key_namespace.clone(),
            host_keys: match arguments.ssh_host_keys {
                SshHostKeys::AcceptNew => HostKeyPolicy::AcceptNew,
                SshHostKeys::Strict => HostKeyPolicy::Strict,
            },
            timeout: arguments.ssh_timeout,
        },
        ..Settings::default()
    }
}

/// Stands for the Lease, if that is asked for.
fn candidacy(arguments: &Run, client: &Client) -> Result<(Option<Election>, Leadership)> {
    if !arguments.leader_elect {
        return Ok((None, Leadership::always()));
    }
    let namespace = match &arguments.leader_elect_namespace {
        Some(namespace) => namespace.clone(),
        None => own_namespace().context(
            "--leader-elect: this is no pod, so the namespace of the Lease must be given with \
             --leader-elect-namespace",
        )?,
    };
    let settings = lease::Settings {
        duration: arguments.leader_elect_lease_duration,
        renew_deadline: arguments.leader_elect_renew_deadline,
        retry_period: arguments.leader_elect_retry_period,
        ..lease::Settings::new(namespace, identity()?)
    };
    let (election, leadership) = Election::new(client.clone(), settings)?;
    Ok((Some(election), leadership))
}

/// The namespace of the pod that this runs in.
fn own_namespace() -> Result<String> {
    let namespace = std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace")?;
    Ok(namespace.trim().to_owned())
}

/// The host's name, and something random: nobody before was it.
fn identity() -> Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).context("the operating system gives no randomness")?;
    let random: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Ok(format!("{}_{random}", host.trim()))
}

fn pages(operator: &Operator, leadership: Leadership, metrics: Metrics) -> Pages {
    let caches = operator.caches();
    let leads = leadership.clone();
    metrics.watch_leader(move || leads.is_valid());
    for kind in Caches::KINDS {
        let caches = caches.clone();
        metrics.watch_cache(kind, move || caches.age(kind));
    }
    let pulse = operator.pulse();
    let healthy = move || pulse.check();
    let ready = move || {
        let mut reasons = caches.unready();
        reasons.extend(leadership.trouble());
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    };
    Pages::new(healthy, ready, metrics)
}

/// Until the end is said.
async fn over(mut ending: watch::Receiver<bool>) {
    // Nobody can say it any more only when it has been said.
    let _ = ending.wait_for(|over| *over).await;
}
