//! How the cluster is by its own word: `NodesHealthy`, `ControlPlaneHealthy`.

use std::collections::BTreeMap;

use nico_crds::names::Role;

use super::{NO_KUBECONFIG, NOT_ANSWERING, Truth, Verdict};
use crate::observed::Health;
use crate::status::look::Look;
use crate::status::seen::Seen;
use crate::status::words::{self, MAX_WORD};
use crate::workload::{Api, Probe};

/// Who could be asked, or why nobody can be.
fn asked<'a>(look: &Look<'a>) -> Result<&'a Probe, Verdict> {
    let workload = look.workload().ok_or(Verdict::Untold)?;
    if workload.kubeconfig.stored.is_none() {
        let message = "nobody can be asked without the kubeconfig; see KubeconfigAvailable";
        return Err(Verdict::of(Truth::Unknown, NO_KUBECONFIG, message));
    }
    let probe = workload.probe.as_deref().ok_or(Verdict::Untold)?;
    if probe.is_fresh(look.now) {
        Ok(probe)
    } else {
        Err(Verdict::of(Truth::Unknown, "Stale", "what it said last is too old to count"))
    }
}

pub(super) fn nodes_healthy(look: &Look<'_>) -> Verdict {
    match asked(look).map(|probe| &probe.nodes) {
        Err(verdict) => return verdict,
        Ok(Err(silence)) => return Verdict::of(Truth::Unknown, silence.word(), silence.to_string()),
        Ok(Ok(_)) => {}
    }
    let members: Vec<_> = look.members().filter(|seen| seen.live.is_some()).collect();
    let unwell: Vec<_> = members.iter().filter_map(|seen| unwell(look, seen)).collect();
    let total = members.len();
    if !unwell.is_empty() {
        let count = total.saturating_sub(unwell.len());
        let message =
            format!("{count} of {total} machines are healthy Nodes; {}", words::listed(unwell, "; "));
        return Verdict::fails("NotReady", message);
    }
    let pressed = members.iter().filter_map(|seen| {
        let node = seen.node.filter(|node| !node.pressure.is_empty())?;
        Some(format!("{} has {}", seen.machine, node.pressure.join(", ")))
    });
    let pressed = words::listed(pressed, "; ");
    if !pressed.is_empty() {
        return Verdict::fails("Pressure", format!("all Nodes are Ready; {pressed}"));
    }
    let kubelets = kubelets(&members);
    let kubelets = if kubelets.is_empty() { String::new() } else { format!("; kubelet {kubelets}") };
    Verdict::holds("AllReady", format!("{total} of {total} machines are healthy Nodes{kubelets}"))
}

/// The control planes whose API server alone is unwell are told by `ControlPlaneHealthy`.
fn unwell(look: &Look<'_>, seen: &Seen<'_>) -> Option<String> {
    match seen.reported.as_ref()? {
        Health::NotAsked | Health::Ready => None,
        Health::NotReady { why } => Some(format!("{}: {why}", seen.machine)),
        Health::Unknown => match seen.node {
            Some(_) => None,
            None => Some(format!(
                "{}: {}",
                seen.machine,
                crate::workload::why_unknown(look.probe(), seen.machine, look.now)
            )),
        },
    }
}

/// `v1.34.1`, or how many run which.
fn kubelets(members: &[&Seen<'_>]) -> String {
    let mut versions = BTreeMap::<String, usize>::new();
    for version in members.iter().filter_map(|seen| seen.node?.kubelet.as_deref()) {
        let count = versions.entry(words::bounded(version, MAX_WORD)).or_default();
        *count = count.saturating_add(1);
    }
    match versions.first_key_value() {
        Some((version, _)) if versions.len() == 1 => version.clone(),
        Some(_) | None => {
            words::listed(versions.iter().map(|(version, count)| format!("{version} ({count})")), ", ")
        }
    }
}

pub(super) fn control_plane_healthy(look: &Look<'_>) -> Verdict {
    let probe = match asked(look) {
        Err(verdict) => return verdict,
        Ok(probe) => probe,
    };
    let members: Vec<_> = look.of_role(Role::ControlPlane).filter(|seen| seen.live.is_some()).collect();
    let total = members.len();
    if !probe.reaches_own_addresses() {
        let (reason, message) = match probe.nodes {
            Ok(_) => (
                "OwnAddressesSilent",
                "the API answers where the kubeconfig says, and no API server at its machine's address, so that \
                 they cannot be told apart",
            ),
            Err(_) => (NOT_ANSWERING, "no API server answers"),
        };
        return Verdict::of(Truth::Unknown, reason, message);
    }
    let unwell: Vec<_> = members
        .iter()
        .filter_map(|seen| match probe.apis.get(seen.machine) {
            Some(Api::Ready) => None,
            Some(Api::NotReady(checks)) => Some(format!("{} fails {}", seen.machine, checks.join(", "))),
            Some(Api::Silent) | None => Some(format!("{} does not answer", seen.machine)),
        })
        .collect();
    let ready = total.saturating_sub(unwell.len());
    let summary = format!("{ready} of {total} API servers are ready, their etcd included");
    if unwell.is_empty() {
        Verdict::holds("AllReady", summary)
    } else {
        Verdict::fails("NotReady", format!("{summary}; {}", words::listed(unwell, "; ")))
    }
}
