//! `nico diff`: what NICO wants against what a server holds for it. Nothing is written, and no Secret is
//! read.

use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result};
use nico_apply::connect::connect;
use nico_apply::observe::{now, observe_objects};
use nico_crds::{KubernetesCluster, yaml};
use nico_render::rollout::{WaitReason, rollout};
use nico_render::{ClusterKey, Desired, Drift, Inventory, Observed, Sight, drift, render_all};
use serde_json::Value;

use crate::cli::{DIFFERENT, Diff, FAILED};
use crate::input;
use crate::output::diff::{Differences, Side};
use crate::report::{Report, is_coloured};
use crate::stdout;

/// Runs it.
pub fn run(arguments: &Diff) -> Result<ExitCode> {
    if let Some(git_repo) = &arguments.reach.default_git_repo {
        input::judge_git_repo("--default-git-repo", git_repo)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let (inventory, sight) = runtime.context("cannot start the runtime")?.block_on(async {
        let client = connect(&arguments.reach.server.target()).await?;
        let scope = arguments.reach.scope();
        observe_objects(&client, &scope).await
    })?;
    compare(&inventory, &sight)
}

/// A cluster, and its differences.
struct Compared {
    desired: Desired,
    drifts: Vec<Drift>,
}

fn compare(inventory: &Inventory, sight: &Sight) -> Result<ExitCode> {
    if inventory.clusters.is_empty() {
        Report::note("there is no KubernetesCluster");
    }
    let observed = Observed::new(inventory, sight);
    let mut rendered = render_all(inventory);
    let mut clusters: Vec<_> =
        inventory.clusters.iter().map(|cluster| (ClusterKey::of(cluster), cluster)).collect();
    clusters.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut all, mut failed) = (Vec::new(), false);
    for (key, cluster) in clusters {
        match rendered.remove(&key) {
            Some(Ok(desired)) => all.push(compare_one(cluster, desired, &observed)),
            // One that cannot be rendered hides no other.
            Some(Err(error)) => {
                failed = true;
                Report::failure(&key, &error);
            }
            None => {}
        }
    }
    let coloured = is_coloured(&io::stdout());
    stdout::stream(|out| {
        let mut differences = Differences::new(out, coloured);
        all.iter().try_for_each(|one| write(&mut differences, one))
    })?;
    // Last, so that on a terminal nothing comes after it.
    for one in &all {
        Report::wipes(&one.desired);
    }
    let differs = all.iter().any(|one| !one.drifts.is_empty());
    Ok(match (failed, differs) {
        (true, _) => ExitCode::from(FAILED),
        (false, true) => ExitCode::from(DIFFERENT),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Says, too, what keeps a difference from being set right now.
fn compare_one(cluster: &KubernetesCluster, desired: Desired, observed: &Observed<'_>) -> Compared {
    Report::all_but_wipes(&desired);
    let drifts = drift(cluster, &desired, observed);
    if !drifts.is_empty() {
        let plan = rollout(cluster, &desired, observed, now());
        // Of the token nothing is known here.
        let known = plan.waiting.iter().filter(|waiting| waiting.reason != WaitReason::TokenUnknown);
        known.for_each(|waiting| Report::note(format_args!("cluster {}: {waiting}", desired.cluster)));
    }
    Compared { desired, drifts }
}

fn write(differences: &mut Differences<'_>, compared: &Compared) -> io::Result<()> {
    for drift in &compared.drifts {
        let path = format!("{}/{}.yaml", compared.desired.cluster.namespace, drift.configuration);
        if drift.is_ownership() {
            differences.remark(&format!("{path}: {}", ownership(drift)))?;
            continue;
        }
        let old = side("live", &path, drift.live.as_ref())?;
        let new = side("wanted", &path, drift.wanted.as_ref())?;
        differences.change(old.as_ref(), new.as_ref())?;
    }
    Ok(())
}

/// No value differs, and yet there is something to write.
fn ownership(drift: &Drift) -> String {
    if drift.adopts {
        "no value changes; the fields become NICO's".to_owned()
    } else {
        format!("no value changes, but whose they are: {}", drift.fields.join(", "))
    }
}

fn side(what: &str, path: &str, object: Option<&Value>) -> io::Result<Option<Side>> {
    let Some(object) = object else { return Ok(None) };
    let text = yaml::to_string(object).map_err(io::Error::other)?;
    Ok(Some(Side { name: format!("{what}/{path}"), text }))
}
