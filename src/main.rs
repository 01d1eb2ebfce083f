//! NICO, on the command line.

mod apply;
mod choice;
mod cli;
mod diff;
mod input;
mod output;
mod plan;
mod render;
mod report;
mod run;
mod stdout;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run().unwrap_or_else(|error| {
        report::Report::error(error.as_ref());
        ExitCode::from(cli::FAILED)
    })
}
