//! The command line.

#![allow(clippy::doc_markdown, reason = "clap prints these comments to people as they are")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{apply, render, stdout};

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
    /// Creates what is missing on an API server.
    Apply(Apply),
    /// Prints the CustomResourceDefinition of KubernetesCluster.
    Crds,
}

impl Cli {
    /// Does what was asked for.
    pub fn run(&self) -> Result<ExitCode> {
        match &self.command {
            Command::Render(arguments) => render::run(arguments),
            Command::Apply(arguments) => apply::run(arguments),
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
