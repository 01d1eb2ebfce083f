//! The story, in chapters. Each tells what it does, waits until it is so, and looks whether what it says is true.

mod beginning;
mod ending;
mod failure;
mod nodes;
mod rollout;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow};
use futures::FutureExt as _;
use nio_stand_in::{Actor, Log, Run};
use serde_json::{Value, json};

use crate::claim::{holds, same};
use crate::stage::Stage;
use crate::teller::Teller;
use crate::view::{HOME, View};

/// The machines of the examples: control planes, then workers.
const CONTROL_PLANES: [&str; 3] = ["node-1", "node-2", "node-3"];
const WORKERS: [&str; 5] = ["node-4", "node-5", "node-6", "node-7", "node-8"];
/// The one that comes later.
const NEW: &str = "node-9";

/// Tells it from beginning to end. What went wrong names the chapter, and then the logs are in the folder.
pub async fn tell(nico: PathBuf, folder: PathBuf) -> Result<()> {
    let begun = Instant::now();
    let mut teller = Teller::new();
    teller.chapter("An API server, NIO, and eight machines")?;
    teller.line("NIO is a stand-in: its machines are made up, and all goes some hundred times as fast.")?;
    let mut stage = Stage::set_up(teller, nico, folder).await?;
    // What is asserted in the harness is said like everything else.
    let told = AssertUnwindSafe(chapters(&mut stage)).catch_unwind().await;
    let told = told.unwrap_or_else(|panic| Err(anyhow!("{}", words(panic.as_ref()))));
    if told.is_err() {
        stage.keep_logs()?;
    }
    told?;
    let mut teller = stage.teller;
    teller
        .line(&format!("\nThat is all, in {} seconds. Everything is stopped.", begun.elapsed().as_secs()))?;
    Ok(())
}

async fn chapters(stage: &mut Stage) -> Result<()> {
    beginning::machines(stage).await.context("as the machines came")?;
    beginning::plan(stage).await.context("as it was told what would happen")?;
    beginning::comes_up(stage).await.context("as the cluster came up")?;
    rollout::label(stage).await.context("as a label was changed")?;
    rollout::update(stage).await.context("as the cluster was updated")?;
    failure::fails(stage).await.context("as an update failed on a machine")?;
    failure::is_mended(stage).await.context("as the update was mended")?;
    nodes::joins(stage).await.context("as a machine joined")?;
    nodes::leaves(stage).await.context("as a machine left")?;
    ending::cluster_goes(stage).await.context("as the cluster was deleted")
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it panicked").to_owned()
}

/// All members from the beginning, in the order in which new content goes to them: workers first.
fn in_order() -> Vec<String> {
    WORKERS.iter().chain(&CONTROL_PLANES).map(|machine| (*machine).to_owned()).collect()
}

/// Changes the spec of the cluster.
async fn edit(stage: &mut Stage, spec: Value) -> Result<()> {
    let patch = json!({ "spec": spec }).to_string();
    stage.kubectl(&["patch", "kcluster", HOME, "--type=merge", "-p", &patch]).await?;
    Ok(())
}

/// All of these run what their configurations say now, and NIO's status is not all that says so.
fn run_the_newest(view: &View, git_ref: &str) -> Result<()> {
    for (machine, live) in &view.configurations {
        same(&format!("the ref of {machine}"), &live["spec"]["ref"], &json!(git_ref))?;
        let wanted = live["metadata"]["annotations"]["nico.homystack.com/text"].as_str();
        same(&format!("what {machine} runs"), &view.log.machine(machine).runs(), &wanted)?;
    }
    Ok(())
}

/// Never were two of these changed at the same time. (What NIO's timer begins by itself, after all is told that could
/// be waited for, is not what anybody can prevent.)
fn one_at_a_time(log: &Log, machines: &[String]) -> Result<()> {
    let all: Vec<_> = log.runs().into_iter().filter(|run| run.start.kind.is_apply()).collect();
    let is_asked_for = |run: &&Run| {
        let mut same = all.iter().filter(|other| other.start.machine == run.start.machine);
        same.any(|other| other.start.actor == Actor::Handler && other.overlaps(run))
    };
    let runs: Vec<_> =
        all.iter().filter(|run| machines.contains(&run.start.machine)).filter(is_asked_for).collect();
    for (place, run) in runs.iter().enumerate() {
        let others = runs.iter().skip(place).filter(|other| other.start.machine != run.start.machine);
        let beside: Vec<_> = others.copied().filter(|other| other.overlaps(run)).collect();
        holds(beside.is_empty(), "one machine at a time", || {
            format!("{} beside {}", briefly([*run]), briefly(beside.iter().copied()))
        })?;
    }
    Ok(())
}

/// No disk was wiped.
fn no_wipe(log: &Log) -> Result<()> {
    let wiped: Vec<_> = log.machines().into_iter().filter(|one| log.installations(one) > 0).collect();
    Ok(same("machines whose disks were wiped", &wiped, &Vec::new())?)
}

/// What was done to which machine, from when to when in the stand-in's log.
fn briefly<'a>(runs: impl IntoIterator<Item = &'a Run>) -> String {
    let told = |run: &Run| {
        let end = run.end.as_ref().map_or(String::new(), |end| end.seq.to_string());
        format!("{} ({:?}, {}-{end})", run.start.machine, run.start.kind, run.start.seq)
    };
    runs.into_iter().map(told).collect::<Vec<_>>().join(", ")
}
