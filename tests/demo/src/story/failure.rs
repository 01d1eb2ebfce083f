//! An update fails on a machine: everything stops there, says so, and goes on with what mends it.

use anyhow::Result;
use nio_stand_in::{Fail, Mark};
use serde_json::json;

use super::rollout::went_round;
use super::{edit, in_order, run_the_newest};
use crate::claim::{same, says};
use crate::stage::Stage;
use crate::view::{View, text};

const FIRST: &str = "node-4";
const FAILS: &str = "node-5";
/// How the ref that cannot be put on it stands in its files.
const BROKEN: &str = "ref = \"v3\"";

/// NIO tries three times; then it is said, and no other machine gets it.
pub async fn fails(stage: &mut Stage) -> Result<()> {
    stage
        .teller
        .chapter("An update that fails on node-5: it goes no further, and NICO says where and why")?;
    stage.machines.fail(FAILS, Fail::Content(BROKEN.to_owned()));
    let mark = stage.machines.log().mark();
    edit(stage, json!({ "ref": "v3" })).await?;
    let has_failed = |view: &View| {
        let is_so = view.phase() == Some("Failed");
        is_so.then_some(()).ok_or_else(|| format!("phase {:?}; {}", view.phase(), view.line(FAILS)))
    };
    stage.until("the cluster to be Failed", has_failed).await?;
    is_told(stage).await?;
    let touched = stage.machines.log().since(mark).order();
    same("machines that were touched", &touched, &[FIRST, FAILS].map(str::to_owned).to_vec())?;
    stage.teller.line("node-4 had it before. The other six are as they were.")?;
    Ok(())
}

/// In the status, in the condition, and by `nico plan`.
async fn is_told(stage: &mut Stage) -> Result<()> {
    let view = stage.look().await?;
    same("the state of node-5", &text(view.line(FAILS).get("state")), &"Overdue".to_owned())?;
    let ready = view.condition("Ready");
    same(
        "the condition Ready",
        &(&ready["status"], &ready["reason"]),
        &(&json!("False"), &json!("Overdue")),
    )?;
    let message = text(ready.get("message"));
    says("the condition Ready", &message, &[FAILS, "Failed to apply configuration"])?;
    stage.teller.line(&format!("Ready is False: {message}"))?;
    let told = stage.nico(&["plan"], 1).await?;
    says("nico plan", &told, &["(Failed)", "Overdue: node-5", "Failed to apply configuration"])?;
    Ok(())
}

/// Another content goes on: first to where it failed.
pub async fn is_mended(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("The repair: a spec that works goes to node-5 first, then to all others")?;
    let mark = stage.machines.log().mark();
    edit(stage, json!({ "ref": "v3.1" })).await?;
    stage.until("all machines to be mended", |view| view.is_whole(8)).await?;
    mended(stage, mark).await?;
    let said = stage.nico(&["status"], 0).await?;
    says("nico status", &said, &["home", "Ready"])?;
    Ok(())
}

async fn mended(stage: &Stage, mark: Mark) -> Result<()> {
    let mut order = in_order();
    order.sort_by_key(|machine| machine != FAILS);
    went_round(stage, mark, "v3.1", &order).await?;
    run_the_newest(&stage.look().await?, "v3.1")
}
