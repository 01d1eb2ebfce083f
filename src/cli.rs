//! The command line.

#![allow(clippy::doc_markdown, reason = "clap prints these comments to people as they are")]

mod told;
mod values;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};
use nico_apply::connect::Target;
use nico_apply::observe::Scope;

use crate::{apply, diff, plan, render, run, status, stdout};
use values::{duration, file, namespace};

pub use told::{Colour, Files, Form, Plan, Status, Telling};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod reference;

/// The exit code of kubectl diff for "different".
pub const DIFFERENT: u8 = 1;
/// The exit code of an error.
pub const FAILED: u8 = 2;

/// Turns one KubernetesCluster and the machines at hand into a running Kubernetes cluster on
/// bare-metal NixOS.
#[derive(Debug, Parser)]
#[command(name = "nico", version = env!("NICO_VERSION"), about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the NixosConfigurations that should be, from files.
    ///
    /// Reads KubernetesClusters, Machines and, of clusters that run already, their NixosConfigurations
    /// (`kubectl get kubernetesclusters,machines,nixosconfigurations -o yaml`), in any order, from any number
    /// of files. Writes nothing to any server.
    ///
    /// Exits with 0 if all went well, with 1 if --diff found a difference, with 2 after an error.
    Render(Render),
    /// Prints how what the API server holds differs from what should be.
    ///
    /// It is the difference that the operator acts on: server defaults and fields of others are none. A
    /// configuration is shown as far as it is NICO's, or is to be. Writes nothing, and reads no Secret.
    ///
    /// Exits with 0 if there is no difference, with 1 if there is one, with 2 after an error.
    Diff(Diff),
    /// Prints what would happen, in order, machine by machine; what waits, and why.
    ///
    /// From files (-f, as `nico render` reads them) or, without any, from an API server. What WIPES A DISK is
    /// said loudly. Writes nothing.
    ///
    /// Exits with 0 if there is nothing to do, with 1 if there is something, with 2 after an error.
    Plan(Plan),
    /// Prints how clusters are: what asks something of a person, each machine, the rollout and what waits.
    ///
    /// It is what the operator told in the status of each KubernetesCluster; nothing else is looked at. What is
    /// out of date is said to be. From an API server or, with -f, from files as `nico render` reads them.
    ///
    /// Exits with 0 if all could be told, however the clusters are, with 2 after an error.
    Status(Status),
    /// Makes one pass over an API server, as the operator would.
    Apply(Apply),
    /// Is the operator: makes clusters what they should be, and keeps them so.
    Run(Run),
    /// Prints the CustomResourceDefinition of KubernetesCluster.
    Crds,
}

impl Cli {
    /// Does what was asked for.
    pub fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::Render(arguments) => render::run(arguments),
            Command::Diff(arguments) => diff::run(arguments),
            Command::Plan(arguments) => plan::run(arguments),
            Command::Status(arguments) => status::run(arguments),
            Command::Apply(arguments) => apply::run(arguments),
            Command::Run(arguments) => run::run(arguments),
            Command::Crds => {
                stdout::print(&nico_crds::definition_yaml()?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// How to render.
#[derive(Debug, Args)]
pub struct Render {
    /// Files or directories with clusters, machines and, of a running cluster, its configurations; `-`
    /// is standard input.
    #[arg(required = true, value_name = "PATH|-")]
    pub paths: Vec<PathBuf>,

    /// Also read directories within directories.
    #[arg(short = 'R', long)]
    pub recursive: bool,

    /// Print this cluster only; may be repeated. All that were given compete for machines all the same.
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub cluster: Vec<String>,

    /// The namespace of objects that name none (else "default"), and of the clusters that are printed.
    #[arg(short, long, value_parser = namespace)]
    pub namespace: Option<String>,

    /// The repository of clusters that name none.
    #[arg(long, value_name = "URL")]
    pub default_git_repo: Option<String>,

    /// In which form.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    pub output: Format,

    /// Write a file an object into this directory instead; what was written there before and is no
    /// longer wanted is removed, and nothing else.
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub output_dir: Option<PathBuf>,

    /// Compare with what lies in this directory: exit 0 the same, 1 different, 2 error.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "output_dir"])]
    pub diff: Option<PathBuf>,
}

/// The form of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A stream of documents.
    Yaml,
    /// One list.
    Json,
    /// Only cluster.nix, of one cluster.
    Nix,
}

/// A way to an API server.
#[derive(Debug, Args)]
pub struct Server {
    /// The kubeconfig; absent: $KUBECONFIG, ~/.kube/config, or the pod's own.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig; absent: the current one.
    #[arg(long)]
    pub context: Option<String>,
}

impl Server {
    /// For who connects.
    pub fn target(&self) -> Target<'_> {
        Target { kubeconfig: self.kubeconfig.as_deref(), context: self.context.as_deref() }
    }
}

/// What is looked at there.
#[derive(Debug, Args)]
pub struct Reach {
    /// Which server.
    #[command(flatten)]
    pub server: Server,

    /// One namespace; absent: all.
    #[arg(short, long, value_parser = namespace)]
    pub namespace: Option<String>,

    /// The repository of clusters that name none.
    #[arg(long, value_name = "URL")]
    pub default_git_repo: Option<String>,
}

impl Reach {
    /// For who looks.
    pub fn scope(&self) -> Scope<'_> {
        Scope { namespace: self.namespace.as_deref(), default_git_repo: self.default_git_repo.as_deref() }
    }
}

/// What to compare.
#[derive(Debug, Args)]
pub struct Diff {
    /// Where to look.
    #[command(flatten)]
    pub reach: Reach,
}

/// How to apply.
#[derive(Debug, Args)]
pub struct Apply {
    /// Make one pass, and end.
    #[arg(long, required = true)]
    pub once: bool,

    /// Where to look.
    #[command(flatten)]
    pub reach: Reach,

    /// Also create configurations that WIPE A DISK, although nothing here takes `fullInstall` off again:
    /// do it yourself once the machine is installed, before anything else changes, or NIO wipes it once
    /// more.
    #[arg(long, conflicts_with = "wait")]
    pub leave_full_install: bool,

    /// Stay until what was created is installed, and take `fullInstall` off as soon as it is. So
    /// configurations that WIPE A DISK are created.
    #[arg(long, conflicts_with = "dry_run")]
    pub wait: bool,

    /// `server`: let the API server check everything and keep nothing.
    #[arg(long, value_enum, default_value_t = DryRun::None)]
    pub dry_run: DryRun,
}

/// How to be the operator.
#[derive(Debug, Args)]
pub struct Run {
    /// Which server.
    #[command(flatten)]
    pub server: Server,

    /// Look after this namespace only; may be repeated. Absent: all.
    #[arg(short, long, value_parser = namespace)]
    pub namespace: Vec<String>,

    /// The repository of clusters that name none.
    #[arg(long, value_name = "URL")]
    pub default_git_repo: Option<String>,

    /// Go over all clusters this often, changed or not.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub interval: Duration,

    /// A file of ssh_config(5) for the visits to control planes that fetch the kubeconfig: ports, jump hosts
    /// and what these need.
    #[arg(long, value_name = "FILE", value_parser = file)]
    pub ssh_config: Option<PathBuf>,

    /// Also use SSH keys that lie in this namespace; may be repeated. Those in the Machine's own namespace
    /// are always used. (NIO's default for a reference without a namespace is "default".)
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    pub ssh_key_namespace: Vec<String>,

    /// What a control plane has to be known by before the kubeconfig is fetched from it.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = SshHostKeys::AcceptNew)]
    pub ssh_host_keys: SshHostKeys,

    /// How long each step of such a visit may take.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub ssh_timeout: Duration,

    /// Act only while holding a Lease, so that several replicas can stand by.
    #[arg(long)]
    pub leader_elect: bool,

    /// The namespace of the Lease; absent: the pod's own.
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    pub leader_elect_namespace: Option<String>,

    /// After so long without a renewal another replica may take the Lease.
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    pub leader_elect_lease_duration: Duration,

    /// A leader that could not renew the Lease for so long acts no more.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    pub leader_elect_renew_deadline: Duration,

    /// The Lease is renewed, or tried for, this often.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    pub leader_elect_retry_period: Duration,

    /// The port of /metrics, /healthz and /readyz; 0 takes a free one, which the log names.
    #[arg(long, env = "METRICS_PORT", default_value_t = 8080)]
    pub metrics_port: u16,

    /// The address of /metrics, /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0")]
    pub metrics_bind_address: IpAddr,

    /// The form of the log. What is in it the environment variable RUST_LOG says (default: info).
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// What a machine has to be known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SshHostKeys {
    /// The host key that it shows first is kept in the ConfigMap <cluster>-known-hosts, and another one
    /// refused until NIO installs the machine anew.
    AcceptNew,
    /// Its host key must be written down: in the Secret with the SSH key, key known_hosts, or in the
    /// ConfigMap <cluster>-known-hosts, under the machine's name.
    Strict,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Whether writes are only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Write.
    None,
    /// Try.
    Server,
}
