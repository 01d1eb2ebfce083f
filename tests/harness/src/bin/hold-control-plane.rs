//! Starts a control plane, prints its folder and waits to be killed: how the
//! tests see what is left when a test process dies.

#![allow(clippy::print_stdout)]

use nico_harness::{ControlPlane, StartError};

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let control_plane = ControlPlane::start().await?;
    println!("{}", control_plane.folder().display());
    std::future::pending().await
}
