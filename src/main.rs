//! NICO, on the command line.

mod apply;
mod choice;
mod cli;
mod diff;
mod files;
mod input;
mod output;
mod page;
mod plan;
mod render;
mod report;
mod run;
mod status;
mod stdout;
mod told;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::Cli::parse().run().unwrap_or_else(|error| {
        report::Report::error(error.as_ref());
        ExitCode::from(cli::FAILED)
    })
}
