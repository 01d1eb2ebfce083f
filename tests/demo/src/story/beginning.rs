//! Machines, what will happen to them, and how they become a cluster.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{CONTROL_PLANES, WORKERS, briefly, in_order};
use crate::claim::{holds, same, says};
use crate::stage::{Stage, root};
use crate::view::{HOME, View, text};

/// NIO finds the machines of the example.
pub async fn machines(stage: &mut Stage) -> Result<()> {
    let kubeconfig = stage.kubeconfig().display().to_string();
    stage.teller.line(&format!("To look from another terminal: export KUBECONFIG={kubeconfig}"))?;
    stage.kubectl(&["apply", "-f", "examples/machines.yaml"]).await?;
    let found = |view: &View| {
        let is_found = |machine: &&Value| machine["status"]["discoverable"] == true;
        let count = view.machines.values().filter(is_found).count();
        if count == 8 { Ok(()) } else { Err(format!("{count}")) }
    };
    stage.until("NIO to find eight machines", found).await
}

/// Before anything is done.
pub async fn plan(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("What will happen: eight disks are wiped, that of node-1 first")?;
    let path = stage.write("cluster.yaml", &cluster()?)?;
    stage.kubectl(&["apply", "-f", &path]).await?;
    let told = stage.nico(&["plan"], 1).await?;
    says("nico plan", &told, &["8 to install (WIPES THE DISK)", "node-1 control plane INSTALL"])?;
    let view = stage.look().await?;
    same("configurations before the operator runs", &view.configurations.len(), &0)?;
    Ok(())
}

/// The example, for machines that are new and a time that runs faster.
fn cluster() -> Result<String> {
    let text =
        std::fs::read_to_string(root().join("examples/cluster.yaml")).context("the example is missing")?;
    let mut cluster: Value = serde_saphyr::from_str(&text).context("the example is no YAML")?;
    cluster["spec"]["installPolicy"] = json!("FullInstall");
    cluster["spec"]["ref"] = json!("v1");
    cluster["spec"]["rollout"] = json!({ "bootstrap": "HeadFirst", "minReadySeconds": 1 });
    // JSON is YAML.
    Ok(serde_json::to_string_pretty(&cluster)?)
}

/// The operator makes it so.
pub async fn comes_up(stage: &mut Stage) -> Result<()> {
    stage.teller.chapter("The operator makes it so: the first control plane alone, then the others")?;
    stage.kubectl(&["apply", "--server-side", "--force-conflicts", "-f", "install.yaml"]).await?;
    stage.start_operator().await?;
    stage.until("the cluster to become Ready", |view| view.is_whole(8)).await?;
    let view = stage.look().await?;
    came_up(&view)?;
    stage
        .teller
        .line("Each disk was wiped once, and fullInstall is taken off again. The head came first.")?;
    stage.kubectl(&["get", "kcluster", "-o", "wide"]).await?;
    let secrets = stage.kubectl(&["get", "secrets"]).await?;
    says("the list of Secrets", &secrets, &["home-join-token"])?;
    Ok(())
}

fn came_up(view: &View) -> Result<()> {
    let log = &view.log;
    for machine in in_order() {
        same(&format!("installations of {machine}"), &log.installations(&machine), &1)?;
        let live = &view.configurations.get(&machine).context(machine.clone())?;
        same("its fullInstall", &live["spec"]["fullInstall"], &json!(false))?;
        let owner = live.pointer("/metadata/ownerReferences/0/uid");
        same("its owner", &owner, &view.cluster.pointer("/metadata/uid"))?;
        let labels = &live["metadata"]["labels"];
        let is_worker = WORKERS.contains(&machine.as_str());
        let role = if is_worker { "worker" } else { "control-plane" };
        same("its role", &text(labels.get("nico.homystack.com/role")), &role.to_owned())?;
        same("its cluster", &text(labels.get("nico.homystack.com/cluster")), &HOME.to_owned())?;
    }
    super::run_the_newest(view, "v1")?;
    let [head, ..] = CONTROL_PLANES;
    let (first, others): (Vec<_>, Vec<_>) = log
        .runs()
        .into_iter()
        .filter(|run| run.start.kind.is_apply())
        .partition(|run| run.start.machine == head);
    let beside: Vec<_> = others.iter().filter(|run| first.iter().any(|first| first.overlaps(run))).collect();
    holds(beside.is_empty(), "node-1 alone at first", || briefly(beside.iter().copied()))?;
    same("the first machine", &log.order().first().map(String::as_str), &Some(head))?;
    Ok(())
}
