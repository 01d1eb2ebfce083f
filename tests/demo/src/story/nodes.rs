//! A machine joins, and leaves again: the others learn of it one by one.

use anyhow::Result;
use nio_stand_in::Content;
use serde_json::json;

use super::{NEW, edit, in_order, no_wipe, one_at_a_time, run_the_newest};
use crate::claim::{holds, same};
use crate::stage::Stage;
use crate::view::View;

/// A ninth machine, and a sixth worker.
pub async fn joins(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("A machine is added: node-9 becomes a worker, and all others learn of it")?;
    let machine = json!({
        "apiVersion": "nio.homystack.com/v1alpha1", "kind": "Machine",
        "metadata": { "name": NEW, "labels": { "rack": "b" } },
        "spec": { "hostname": "node-9.home.example", "ipAddress": "192.168.1.109", "sshUser": "root" },
    });
    let path = stage.write("node-9.yaml", &machine.to_string())?;
    let mark = stage.machines.log().mark();
    stage.kubectl(&["apply", "-f", &path]).await?;
    edit(stage, json!({ "dataPlane": { "count": 6 } })).await?;
    stage.until("node-9 to be a member like the others", |view| view.is_whole(9)).await?;
    let view = stage.look().await?;
    let log = view.log.since(mark);
    same("installations of node-9", &log.installations(NEW), &1)?;
    others_learned(stage, &view, mark).await?;
    stage.teller.line("Its disk was wiped once, and no other. It runs, and the others know of it.")?;
    Ok(())
}

/// The newest goes when there are to be fewer.
pub async fn leaves(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("A machine is removed: NIO cleans node-9, and all others learn of it")?;
    let mark = stage.machines.log().mark();
    edit(stage, json!({ "dataPlane": { "count": 5 } })).await?;
    let has_left = |view: &View| {
        view.is_whole(8)?;
        let is_gone = !view.configurations.contains_key(NEW);
        is_gone.then_some(()).ok_or_else(|| "node-9 has a configuration".to_owned())
    };
    stage.until("node-9 to have left", has_left).await?;
    let view = stage.look().await?;
    same("what node-9 runs", &view.log.machine(NEW).content, &Content::Clean)?;
    let machine = view.machines.get(NEW).map(|machine| &machine["status"]["hasConfiguration"]);
    same("its hasConfiguration", &machine, &Some(&json!(false)))?;
    others_learned(stage, &view, mark).await?;
    stage.teller.line("It is clean, and free for another cluster. No disk was wiped.")?;
    Ok(())
}

async fn others_learned(stage: &Stage, view: &View, mark: nio_stand_in::Mark) -> Result<()> {
    let log = view.log.since(mark);
    for machine in in_order() {
        holds(log.order().contains(&machine), &format!("{machine} learns of it"), || {
            format!("{:?}", log.order())
        })?;
        no_wipe(&log.of(&machine))?;
    }
    one_at_a_time(&log, &in_order())?;
    run_the_newest(&stage.look().await?, "v3.1")
}
