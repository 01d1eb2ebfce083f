//! The join token: from the operating system's randomness, created once, never rewritten (S4). What is in
//! the Secret is looked at only to tell whether it is one token, and whether anybody can guess it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::Api;
use kube::{Client, Resource, ResourceExt};
use nico_crds::KubernetesCluster;
use nico_crds::names::{LABEL_CLUSTER, LABEL_MANAGED_BY, MANAGED_BY, TOKEN_KEY, join_token_secret};
use nico_render::{ClusterKey, TokenState};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::ApplyError;

/// 256 bits: twice what is asked for, and not longer than a person can look at.
const TOKEN_BYTES: usize = 32;
/// What is not the cluster's own has no label, so no watch tells of its changes: it is looked at again.
const RELOOK: Duration = Duration::from_secs(25);
const PATIENCE: Duration = Duration::from_secs(10);

/// What was seen of the clusters' tokens.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<BTreeMap<ClusterKey, Verdict>>);

#[derive(Clone, Debug)]
struct Verdict {
    state: TokenState,
    version: Option<String>,
    at: Instant,
}

impl Tokens {
    fn inner(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Verdict>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the Secret of a cluster.
    pub async fn look(&self, client: &Client, cluster: &KubernetesCluster) -> Result<(), ApplyError> {
        let name = join_token_secret(&cluster.name_any());
        let api: Api<Secret> = Api::namespaced(client.clone(), &cluster.namespace().unwrap_or_default());
        let what = || format!("the Secret {name}");
        let found = tokio::time::timeout(PATIENCE, api.get_opt(&name)).await;
        let found = found.map_err(|_| ApplyError::Timeout { what: what(), seconds: PATIENCE.as_secs() })?;
        let found =
            found.map_err(|cause| ApplyError::Read { what: "the Secret with the join token", cause })?;
        let (state, version) = match &found {
            Some(secret) => (judge(secret, cluster), secret.resource_version()),
            None => (TokenState::Absent, None),
        };
        self.inner().insert(ClusterKey::of(cluster), Verdict { state, version, at: Instant::now() });
        Ok(())
    }

    /// What is known, and still holds: `labelled` is the version of the labelled Secret of that name.
    pub fn known(&self, cluster: &ClusterKey, labelled: Option<&str>) -> Option<TokenState> {
        let verdict = self.inner().get(cluster).cloned()?;
        let holds = match (labelled, verdict.version.as_deref()) {
            (Some(labelled), Some(seen)) => labelled == seen,
            (Some(_), None) => false,
            (None, _) => !matches!(verdict.state, TokenState::Own { .. }) && verdict.at.elapsed() < RELOOK,
        };
        holds.then_some(verdict.state)
    }

    /// All that is known.
    pub fn all(&self) -> BTreeMap<ClusterKey, TokenState> {
        self.inner().iter().map(|(key, verdict)| (key.clone(), verdict.state)).collect()
    }

    /// Forgets what is known of all but these clusters of a namespace.
    pub fn retain(&self, namespace: &str, clusters: &[ClusterKey]) {
        self.inner().retain(|key, _| key.namespace != namespace || clusters.contains(key));
    }

    /// Forgets what is known of a cluster's token: it has just been written.
    pub fn forget(&self, cluster: &ClusterKey) {
        self.inner().remove(cluster);
    }
}

/// Whose the Secret is. One that is neither ours nor the Python operator's is not used.
fn judge(secret: &Secret, cluster: &KubernetesCluster) -> TokenState {
    let guess = format!("join-token-for-{}", cluster.name_any());
    let data = secret.data.iter().flatten().collect::<Vec<_>>();
    let (only_token, guessable) = match data.as_slice() {
        [(key, ByteString(value))] => {
            (key.as_str() == TOKEN_KEY && !value.is_empty(), value.as_slice() == guess.as_bytes())
        }
        _ => (false, false),
    };
    let owner = secret.owner_references().iter().find(|owner| owner.controller == Some(true));
    let labelled = secret.labels().get(LABEL_CLUSTER) == Some(&cluster.name_any());
    let owned = owner.is_some_and(|owner| cluster.uid().is_some_and(|uid| uid == owner.uid));
    // Without any owner, the label says whose it is; the Python operator's has none, and is known by its content.
    let unowned = owner.is_none() && (labelled || guessable);
    match (only_token, owned, labelled) {
        (true, true, true) => TokenState::Own { guessable },
        (true, true, false) => TokenState::Unclaimed { guessable },
        (true, false, _) if unowned => TokenState::Unclaimed { guessable },
        (true | false, _, _) => TokenState::Foreign,
    }
}

/// A new Secret with a new token.
pub(crate) fn fresh(cluster: &KubernetesCluster) -> Result<Secret, ApplyError> {
    let token = random()?;
    Ok(Secret {
        metadata: ObjectMeta {
            labels: Some(labels(cluster)),
            owner_references: owner(cluster).map(|owner| vec![owner]),
            name: Some(join_token_secret(&cluster.name_any())),
            namespace: cluster.namespace(),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(
            TOKEN_KEY.to_owned(),
            ByteString(token.expose_secret().as_bytes().to_vec()),
        )])),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    })
}

/// What makes a Secret the cluster's own: never what is in it.
pub(crate) fn claim(cluster: &KubernetesCluster, uid: &str, version: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": join_token_secret(&cluster.name_any()),
            "namespace": cluster.namespace(),
            "uid": uid,
            "resourceVersion": version,
            "labels": labels(cluster),
            "ownerReferences": owner(cluster).map(|owner| vec![owner]),
        },
    })
}

fn labels(cluster: &KubernetesCluster) -> BTreeMap<String, String> {
    BTreeMap::from([
        (LABEL_CLUSTER.to_owned(), cluster.name_any()),
        (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
    ])
}

fn owner(cluster: &KubernetesCluster) -> Option<OwnerReference> {
    let owner = cluster.controller_owner_ref(&())?;
    Some(OwnerReference { block_owner_deletion: Some(true), ..owner })
}

/// Hexadecimal, so that no distribution and no shell finds anything in it to interpret.
fn random() -> Result<SecretString, ApplyError> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(ApplyError::Randomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into())
}
