//! At rest there is not a single request but the watches and the Lease (L2).

use serde_json::json;

use crate::stage::{Stage, cluster, shared_account};

/// Waits until the operator has gone over everything so many times more.
pub async fn passes(stage: &Stage<'_>, count: u64) {
    // With an interval of a second, each tick is a pass; a machine that is looked at anew is a wake-up.
    for number in 0..count {
        let mark = format!("passes=\"{number}-{}\"", rand());
        stage.annotate("machine", "node-1", &mark).await;
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    }
}
