//! NICO on a real API server, beside what others need for the same on the same server.

mod difference;
mod first_apply;
mod operator;
mod replay;
mod requests;
mod rest;
mod site;

use tokio::runtime::Runtime;

/// The first apply of many configurations, and the difference once they are there.
pub fn apply() {
    runtime().block_on(async {
        let applied = first_apply::measure().await;
        difference::measure(&applied).await;
    });
}

/// The operator when there is nothing to do.
pub fn rest() {
    runtime().block_on(rest::measure());
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}
