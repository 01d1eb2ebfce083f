//! The cluster goes, and its machines are clean.

use std::collections::BTreeMap;

use anyhow::Result;
use nio_stand_in::{Content, Kind, Log, Run};
use serde_json::json;

use super::{CONTROL_PLANES, WORKERS, briefly, in_order};
use crate::claim::{holds, same};
use crate::stage::Stage;
use crate::view::{HOME, View};

/// The workers first, then the control planes, then all that was made for it.
pub async fn cluster_goes(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("The cluster is deleted: NIO cleans the workers, then the control planes")?;
    let mark = stage.machines.log().mark();
    stage.kubectl(&["delete", "kcluster", HOME, "--wait=false"]).await?;
    stage.until("the cluster to be gone, with all that was its own", is_gone).await?;
    let view = stage.look().await?;
    workers_first(&view.log.since(mark))?;
    for machine in in_order() {
        same(&format!("what {machine} runs"), &view.log.machine(&machine).content, &Content::Clean)?;
        let live = view.machines.get(&machine).map(|machine| &machine["status"]["hasConfiguration"]);
        same(&format!("hasConfiguration of {machine}"), &live, &Some(&json!(false)))?;
    }
    stage.kubectl(&["get", "kubernetesclusters,nixosconfigurations,secrets"]).await?;
    stage.teller.line("All machines are clean and free, and nothing of the cluster is left.")?;
    stage.end_operator().await
}

/// What the cluster owned goes too: the server's garbage collector sees to that.
fn is_gone(view: &View) -> Result<(), String> {
    let View { cluster, configurations, secrets, .. } = view;
    if cluster.is_null() && configurations.is_empty() && secrets.is_empty() {
        return Ok(());
    }
    Err(format!("{} configurations; {secrets:?}; {cluster}", configurations.len()))
}

/// NIO may clean a machine once more that it is done with. What counts is when it was done.
fn workers_first(log: &Log) -> Result<()> {
    let cleanups: Vec<_> = log.runs().into_iter().filter(|run| run.start.kind == Kind::Cleanup).collect();
    let of = |roles: &[&str], run: &Run| roles.contains(&run.start.machine.as_str());
    let mut is_clean = BTreeMap::new();
    for run in cleanups.iter().filter(|run| of(&WORKERS, run) && run.succeeded()) {
        is_clean.entry(&run.start.machine).or_insert(run.end.as_ref().map(|end| end.seq));
    }
    let begun = cleanups.iter().filter(|run| of(&CONTROL_PLANES, run)).map(|run| run.start.seq).min();
    let is_first = is_clean.len() == WORKERS.len() && is_clean.into_values().max() < Some(begun);
    Ok(holds(is_first, "all workers are cleaned before the first control plane", || briefly(&cleanups))?)
}
