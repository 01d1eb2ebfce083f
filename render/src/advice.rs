//! What there is to say about a spec before anything is done with it.

use nico_crds::KubernetesCluster;

use crate::configuration::{git_repo, key_namespace};
use crate::diagnostic::{Diagnostic, Notice};
use crate::error::RenderError;
use crate::inventory::{Inventory, Space, namespace};
use crate::live::has_key_file;
use crate::select::Selection;

/// Below this, NIO's second apply of a new configuration may come after it counted as settled.
const SHORT_MIN_READY_SECONDS: i32 = 30;

/// About the spec alone.
pub(crate) fn on_spec(
    cluster: &KubernetesCluster,
    inventory: &Inventory,
) -> Result<Vec<Diagnostic>, RenderError> {
    let spec = &cluster.spec;
    let mut notices = Vec::new();
    let url = git_repo(cluster, inventory)?;
    if url.starts_with("http://") || url.starts_with("git://") {
        notices.push(Notice::UnencryptedRepository);
    }
    if let Some(git_ref) = spec.git_ref.clone() {
        notices.push(if is_commit(&git_ref) {
            Notice::RefIsCommit { git_ref }
        } else {
            Notice::RefNotHonoured { git_ref }
        });
    }
    let min_ready = spec.rollout.as_ref().and_then(|rollout| rollout.min_ready_seconds);
    if let Some(seconds) = min_ready.filter(|seconds| *seconds < SHORT_MIN_READY_SECONDS) {
        notices.push(Notice::MinReadyTooShort { seconds });
    }
    if spec.paused == Some(true) {
        notices.push(Notice::Paused);
    }
    if cluster.metadata.deletion_timestamp.is_some() {
        notices.push(Notice::Deleting);
    }
    if cluster.metadata.uid.as_deref().unwrap_or_default().is_empty() {
        notices.push(Notice::NoUid);
    }
    Ok(notices.into_iter().map(Diagnostic::general).collect())
}

/// About the machines' private keys, where they are injected.
pub(crate) fn on_keys(
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    selection: &Selection<'_>,
) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for member in selection.members() {
        let Some(machine) = space.machine(member.machine) else {
            continue;
        };
        let here = key_namespace(machine, cluster) == namespace(&cluster.metadata);
        let notice = if machine.spec.ssh_key_secret_ref.is_none() {
            Notice::NoKey
        } else if here || member.configuration.is_some_and(has_key_file) {
            Notice::KeyInStore
        } else {
            Notice::KeyElsewhere { namespace: key_namespace(machine, cluster).to_owned() }
        };
        diagnostics.push(Diagnostic::of(member.machine, notice));
    }
    diagnostics
}

/// A whole SHA-1 or SHA-256 in hex.
fn is_commit(git_ref: &str) -> bool {
    matches!(git_ref.len(), 40 | 64) && git_ref.bytes().all(|byte| byte.is_ascii_hexdigit())
}
