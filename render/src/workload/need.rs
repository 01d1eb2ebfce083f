//! Whether the kubeconfig is to be fetched.

use k8s_openapi::jiff::Timestamp;
use nico_crds::{KubernetesCluster, NixosConfiguration};

use super::{Sources, Stored};
use crate::proof::times;

/// What is to be done about the kubeconfig of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// It is to be fetched from one of the sources.
    Fetch,
}

/// Decides it. `renew_at` is when the stored one is to be renewed.
pub fn need(
    cluster: &KubernetesCluster,
    sources: &Sources,
    stored: Option<&Stored>,
    renew_at: Option<Timestamp>,
    now: Timestamp,
) -> Need {
    if sources.is_held || sources.settled.is_empty() {
        return Need::Nothing;
    }
    let is_due = match stored {
        Some(stored) => is_due(stored, renew_at, now),
        // It was there once, and somebody took it away.
        None => sources.are_all || was_there(cluster),
    };
    if is_due { Need::Fetch } else { Need::Nothing }
}

/// The stored one is to be replaced, as soon as that can be.
pub fn is_due(stored: &Stored, renew_at: Option<Timestamp>, now: Timestamp) -> bool {
    !stored.lets_in(now) || renew_at.is_some_and(|at| at <= now)
}

/// The Python operator named a Secret that did not exist, and noted no generation.
pub(super) fn was_there(cluster: &KubernetesCluster) -> bool {
    let status = cluster.status.as_ref();
    status.is_some_and(|status| status.kubeconfig_secret.is_some() && status.observed_generation.is_some())
}

/// A host key that was pinned then is the machine's no more: it joined anew since, or NIO installed it anew.
pub fn is_pin_void(pinned_at: Timestamp, configuration: &NixosConfiguration) -> bool {
    let created = configuration.metadata.creation_timestamp.as_ref().map(|created| created.0);
    let installed = configuration.status.as_ref().and_then(|status| status.has_full_install) == Some(true);
    let applied = times::last_applied(configuration).yes().copied().filter(|_| installed);
    created.into_iter().chain(applied).any(|since| since > pinned_at)
}
