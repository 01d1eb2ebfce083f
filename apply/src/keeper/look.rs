//! What is in the Secret with a cluster's kubeconfig.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _};
use nico_crds::KubernetesCluster;
use nico_crds::names::{KUBECONFIG_KEYS, kubeconfig_secret};
use nico_render::workload::{Kubeconfig, Stored};
use secrecy::SecretString;

use super::errand::Office;
use super::{secret, trouble};
use crate::ApplyError;
use crate::board::{Kept, Post};
use crate::kubeconfig::{Access, Login, Refusal, Validity, read};
use crate::observe::now;
use crate::probe::Door;

/// What was found.
pub(super) struct Found {
    pub kept: Kept,
    /// It is somebody else's.
    pub is_taken: bool,
}

/// Looks at it, where the caches show that there is one.
pub(super) async fn look(office: &Office, post: &Post) -> Result<Found, ApplyError> {
    let cluster = &*post.cluster;
    let found = match post.secret {
        Some(_) => get(office, cluster).await?,
        None => None,
    };
    let Some(found) = found else { return Ok(Found { kept: Kept::default(), is_taken: false }) };
    if !secret::is_of(&found, cluster) {
        let kept = Kept::default().with(trouble::taken(&found.name_any()));
        return Ok(Found { kept, is_taken: true });
    }
    let writer = office.writer.clone().within(post.term.clone());
    let found = match text_of(&found) {
        // Those who look under the other key would find nothing, or something else.
        Some(text) if !secret::is_whole(&found) => office.replace(&writer, post, &found, &text).await?,
        Some(_) | None if secret::is_unowned(&found) => office.own(post, &found).await?,
        Some(_) | None => found,
    };
    Ok(Found { kept: of(office, cluster, &found).await, is_taken: false })
}

pub(super) async fn get(office: &Office, cluster: &KubernetesCluster) -> Result<Option<Secret>, ApplyError> {
    let api: Api<Secret> =
        Api::namespaced(office.writer.client.clone(), &cluster.namespace().unwrap_or_default());
    let name = kubeconfig_secret(&cluster.name_any());
    office.writer.read("the Secret with the kubeconfig", api.get_opt(&name)).await
}

/// What a Secret of the cluster's own is worth. One that is no kubeconfig, or not one that NICO would store, is worth
/// nothing.
pub(super) async fn of(office: &Office, cluster: &KubernetesCluster, found: &Secret) -> Kept {
    let Some(text) = text_of(found) else { return Kept::default() };
    let stored = |until, is_refused| Stored { secret: found.name_any(), until, is_refused };
    let access = match read(secrecy::ExposeSecret::expose_secret(&text), now()) {
        Ok(access) => access,
        Err(Refusal::Ended(until)) => {
            let kubeconfig = Kubeconfig { stored: Some(stored(Some(until), true)), trouble: None };
            return Kept { kubeconfig, ..Kept::default() };
        }
        Err(refusal) => {
            tracing::warn!(cluster = %cluster.name_any(), %refusal, "what the Secret holds is of no use");
            return Kept::default();
        }
    };
    let validity = validity_of(&access);
    let until = validity.map(|validity| validity.until);
    match Door::open(cluster, &text, access, office.settings.timeout).await {
        Ok(door) => Kept {
            kubeconfig: Kubeconfig { stored: Some(stored(until, false)), trouble: None },
            renew_at: validity.as_ref().map(Validity::renew_at),
            door: Some(Arc::new(door)),
        },
        Err(error) => {
            tracing::warn!(cluster = %cluster.name_any(), %error, "what the Secret holds is of no use");
            Kept::default()
        }
    }
}

pub(super) fn text_of(found: &Secret) -> Option<SecretString> {
    let data = found.data.as_ref()?;
    let value = KUBECONFIG_KEYS.iter().find_map(|key| data.get(*key))?;
    String::from_utf8(value.0.clone()).ok().map(SecretString::from)
}

fn validity_of(access: &Access) -> Option<Validity> {
    match &access.login {
        Login::Certificate { validity, .. } => Some(*validity),
        Login::Token(_) => None,
    }
}
