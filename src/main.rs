//! NICO, on the command line.

mod apply;
mod cli;
mod input;
mod output;
mod render;
mod report;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// The version, with the commit that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("NICO_COMMIT"), ")");

const ERROR: u8 = 2;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let done = match &cli.command {
        cli::Command::Render(arguments) => render::run(arguments),
        cli::Command::Apply(arguments) => apply::run(arguments),
        cli::Command::Crds => crds(),
    };
    done.unwrap_or_else(|error| {
        report::Report::error(&error);
        ExitCode::from(ERROR)
    })
}

fn crds() -> Result<ExitCode> {
    print(&nico_crds::definition_yaml()?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes data to standard output. Whoever reads it may have had enough: a broken pipe is no error.
fn print(data: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(data.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
