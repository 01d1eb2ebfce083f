//! The join token: from the operating system's randomness, created once, never rewritten (S4).

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::Api;
use kube::{Client, Resource, ResourceExt};
use nico_crds::KubernetesCluster;
use nico_crds::names::{LABEL_CLUSTER, LABEL_MANAGED_BY, MANAGED_BY, TOKEN_KEY, join_token_secret};
use secrecy::{ExposeSecret, SecretString};

use crate::ApplyError;
use crate::write::{Mode, create};

/// 256 bits: twice what is asked for, and not longer than a person can look at.
const TOKEN_BYTES: usize = 32;

/// What became of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// It was made just now.
    Created,
    /// It was there.
    Kept,
    /// It was there, from the Python operator, and anybody can guess it.
    Guessable,
}

/// Sees to it that the cluster's join token exists.
pub(crate) async fn ensure(
    client: &Client,
    cluster: &KubernetesCluster,
    bootstrapped: bool,
    mode: Mode,
) -> Result<Token, ApplyError> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = join_token_secret(&cluster.name_any());
    let api: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let found = api.get_opt(&name).await;
    match found.map_err(|cause| ApplyError::Read { what: "the Secret with the join token", cause })? {
        Some(secret) => judge(&secret, cluster),
        None if bootstrapped => Err(ApplyError::TokenLost { secret: name }),
        None => create(&api, fresh(name, namespace, cluster)?, mode).await.map(|_| Token::Created),
    }
}

/// Whose the Secret is. One that is neither ours nor the Python operator's is not used.
fn judge(secret: &Secret, cluster: &KubernetesCluster) -> Result<Token, ApplyError> {
    let guess = format!("join-token-for-{}", cluster.name_any());
    let data = secret.data.iter().flatten().collect::<Vec<_>>();
    let (only_token, guessable) = match data.as_slice() {
        [(key, ByteString(value))] => (key.as_str() == TOKEN_KEY, value.as_slice() == guess.as_bytes()),
        _ => (false, false),
    };
    let owner = secret.owner_references().iter().find(|owner| owner.controller == Some(true));
    let labelled = secret.labels().get(LABEL_CLUSTER) == Some(&cluster.name_any());
    let ours = match owner {
        Some(owner) => cluster.uid().is_some_and(|uid| uid == owner.uid),
        None => labelled || guessable,
    };
    match (ours && only_token, guessable) {
        (true, true) => Ok(Token::Guessable),
        (true, false) => Ok(Token::Kept),
        (false, _) => Err(ApplyError::ForeignToken {
            secret: secret.name_any(),
            label: format!("{LABEL_CLUSTER}: {}", cluster.name_any()),
        }),
    }
}

fn fresh(name: String, namespace: String, cluster: &KubernetesCluster) -> Result<Secret, ApplyError> {
    let token = random()?;
    Ok(Secret {
        metadata: ObjectMeta {
            labels: Some(BTreeMap::from([
                (LABEL_CLUSTER.to_owned(), cluster.name_any()),
                (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
            ])),
            owner_references: owner(cluster).map(|owner| vec![owner]),
            name: Some(name),
            namespace: Some(namespace),
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
