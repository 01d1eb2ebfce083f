//! What is changed by hand comes back; what the spec asks for goes from machine to machine.

use anyhow::Result;
use nio_stand_in::Mark;

use super::{edit, in_order, no_wipe, one_at_a_time, run_the_newest};
use crate::claim::same;
use crate::stage::Stage;
use crate::view::{View, text};

/// A label of NICO's is put back, and no machine is touched for it.
pub async fn label(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("Somebody changes a label of NICO's: it comes back")?;
    let mark = stage.machines.log().mark();
    let (role, wrong) = ("nico.homystack.com/role", "nico.homystack.com/role=control-plane");
    stage.kubectl(&["label", "nixosconfiguration", "home-node-4", wrong, "--overwrite"]).await?;
    let is_back = |view: &View| {
        let live = view.configurations.get("node-4");
        match text(live.and_then(|live| live["metadata"]["labels"].get(role))).as_str() {
            "worker" => Ok(()),
            other => Err(other.to_owned()),
        }
    };
    stage.until("the label to come back", is_back).await?;
    let touched = stage.machines.log().since(mark).order();
    same("machines that were touched", &touched, &Vec::new())?;
    stage.teller.line("It says worker again, and no machine was touched.")?;
    Ok(())
}

/// New content for all.
pub async fn update(stage: &mut Stage) -> Result<()> {
    stage
        .teller
        .chapter("An update: from worker to worker, then the control planes, one machine at a time")?;
    let mark = stage.machines.log().mark();
    edit(stage, serde_json::json!({ "ref": "v2" })).await?;
    stage.until("all machines to be updated", |view| view.is_whole(8)).await?;
    went_round(stage, mark, "v2", &in_order()).await?;
    let order = in_order().join(", ");
    stage.teller.line(&format!("It went to {order}, one after the other. No disk was wiped."))?;
    Ok(())
}

/// Content went to all of them, in this order, one at a time; all run it, and nothing was wiped for it.
pub async fn went_round(stage: &Stage, mark: Mark, git_ref: &str, order: &[String]) -> Result<()> {
    let view = stage.look().await?;
    let log = view.log.since(mark);
    same("the order of the machines", &log.order(), &order.to_vec())?;
    one_at_a_time(&log, order)?;
    no_wipe(&log)?;
    run_the_newest(&view, git_ref)
}
