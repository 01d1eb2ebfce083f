//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Turns one `KubernetesCluster` and the machines at hand into a running Kubernetes cluster on
/// bare-metal NixOS.
#[derive(Debug, Parser)]
#[command(name = "nico", version = crate::VERSION, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the `NixosConfigurations` that should be, from files.
    Render(Render),
    /// Creates what is missing on an API server.
    Apply(Apply),
    /// Prints the `CustomResourceDefinition` of `KubernetesCluster`.
    Crds,
}

/// How to render.
#[derive(Debug, Args)]
pub struct Render {
    /// Files or directories with clusters, machines and, of a running cluster, its configurations; `-`
    /// is standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Also read directories within directories.
    #[arg(short = 'R', long)]
    pub recursive: bool,

    /// Print this cluster only (NAME or NAMESPACE/NAME); may be repeated. All that were given compete
    /// for machines all the same.
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Vec<String>,

    /// The namespace of objects that name none, and of the clusters that are printed.
    #[arg(short, long)]
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

/// How to apply.
#[derive(Debug, Args)]
pub struct Apply {
    /// Make one pass, and end.
    #[arg(long, required = true)]
    pub once: bool,

    /// The kubeconfig; absent: $KUBECONFIG, ~/.kube/config, or the pod's own.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig; absent: the current one.
    #[arg(long)]
    pub context: Option<String>,

    /// One namespace; absent: all.
    #[arg(short, long)]
    pub namespace: Option<String>,

    /// The repository of clusters that name none.
    #[arg(long, value_name = "URL")]
    pub default_git_repo: Option<String>,

    /// Also create configurations that WIPE A DISK, although nothing here takes `fullInstall` off again:
    /// do it yourself once the machine is installed, before anything else changes, or NIO wipes it once
    /// more.
    #[arg(long)]
    pub leave_full_install: bool,

    /// `server`: let the API server check everything and keep nothing.
    #[arg(long, value_enum, default_value_t = DryRun::None)]
    pub dry_run: DryRun,
}

/// Whether writes are only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DryRun {
    /// Write.
    None,
    /// Try.
    Server,
}
