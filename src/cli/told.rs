//! The commands that tell: `nico plan` and `nico status`.

#![allow(clippy::doc_markdown, reason = "clap prints these comments to people as they are")]

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use k8s_openapi::jiff::Timestamp;

use super::Server;
use super::values::{namespace, time};

/// Files, instead of a server.
#[derive(Debug, Args)]
pub struct Files {
    /// Files or directories with clusters, machines and, of a running cluster, its configurations; `-`
    /// is standard input. May be repeated. Absent: what is on the API server.
    #[arg(short, long, value_name = "PATH|-", conflicts_with_all = ["kubeconfig", "context"])]
    pub filename: Vec<PathBuf>,

    /// Also read directories within directories.
    #[arg(short = 'R', long, requires = "filename")]
    pub recursive: bool,

    /// Tell it as of this time, as 2026-11-24T12:00:00Z; absent: now.
    #[arg(long, value_name = "TIME", requires = "filename", value_parser = time)]
    pub at: Option<Timestamp>,
}

/// How to tell it.
#[derive(Debug, Args)]
pub struct Telling {
    /// In which form.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    pub output: Form,

    /// Whether the text is coloured: on a terminal, unless NO_COLOR is set; always; never.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// The form of what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Tables for people.
    Text,
    /// One JSON object.
    Json,
    /// The same as YAML.
    Yaml,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to plan from, and how to tell it.
#[derive(Debug, Args)]
pub struct Plan {
    /// From what.
    #[command(flatten)]
    pub files: Files,

    /// Which server.
    #[command(flatten)]
    pub server: Server,

    /// One namespace; absent: all. In files also that of objects that name none (else "default").
    #[arg(short, long, value_parser = namespace)]
    pub namespace: Option<String>,

    /// Tell of this cluster only; may be repeated. All that there are compete for machines all the same.
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub cluster: Vec<String>,

    /// The repository of clusters that name none.
    #[arg(long, value_name = "URL")]
    pub default_git_repo: Option<String>,

    /// How.
    #[command(flatten)]
    pub telling: Telling,
}

/// Of what to tell the status, and how.
#[derive(Debug, Args)]
pub struct Status {
    /// Tell of these clusters only; absent: of all.
    #[arg(value_name = "[NAMESPACE/]NAME")]
    pub clusters: Vec<String>,

    /// From what.
    #[command(flatten)]
    pub files: Files,

    /// Which server.
    #[command(flatten)]
    pub server: Server,

    /// One namespace; absent: all. In files also that of objects that name none (else "default").
    #[arg(short, long, value_parser = namespace)]
    pub namespace: Option<String>,

    /// All namespaces, as without -n.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,

    /// Stay, and tell it anew whenever something changes: in place on a terminal, else one below the other. Ends
    /// with Ctrl-C.
    #[arg(short, long, conflicts_with = "filename")]
    pub watch: bool,

    /// How.
    #[command(flatten)]
    pub telling: Telling,
}
