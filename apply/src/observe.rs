//! Reads everything that a pass depends on, once: whole, or not at all (S13).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, ResourceExt};
use nico_crds::{KubernetesCluster, Machine};
use nico_render::workload::{Workload, health, health_as_told, nodes_as_told};
use nico_render::{ClusterKey, Completeness, Health, Inventory, Sight};

use crate::ApplyError;
use crate::cache::{Held, HeldConfiguration, Interned, ownership, written_at};
use crate::kinds::{self, CLUSTERS, CONFIGURATIONS, Kind, MACHINES};
use crate::token::Tokens;

/// Objects of a kind, a page at a time, so that a large fleet is read in bounded pieces.
const PAGE: u32 = 500;

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Scope<'a> {
    /// One namespace; absent: all.
    pub namespace: Option<&'a str>,
    /// The repository of clusters that name none.
    pub default_git_repo: Option<&'a str>,
}

/// Reads it: the inventory, and what only the rollout looks at.
pub async fn observe(client: &Client, scope: &Scope<'_>) -> Result<(Inventory, Sight), ApplyError> {
    let (inventory, mut sight) = observe_objects(client, scope).await?;
    look_at_tokens(client, &inventory, &mut sight).await?;
    // No cluster is asked: where its health counts it is not known, and unknown is unsafe.
    look_at_clusters(&inventory, &mut sight, |cluster| (health(cluster, None, now()), Workload::default()));
    Ok((inventory, sight))
}

/// The same of the clusters themselves, for who asks none of them: as the operator told it last.
pub fn look_at_what_was_told(inventory: &Inventory, sight: &mut Sight, at: Timestamp) {
    look_at_clusters(inventory, sight, |cluster| (health_as_told(cluster), nodes_as_told(cluster, at)));
}

fn look_at_clusters(
    inventory: &Inventory,
    sight: &mut Sight,
    known: impl Fn(&KubernetesCluster) -> (Vec<(String, Health)>, Workload),
) {
    for cluster in &inventory.clusters {
        let namespace = cluster.metadata.namespace.clone().unwrap_or_default();
        let (health, told) = known(cluster);
        let health = health.into_iter();
        sight.health.extend(health.map(|(machine, health)| ((namespace.clone(), machine), health)));
        sight.as_told.insert(ClusterKey::of(cluster), told);
    }
}

/// Looks at the Secrets with the join tokens.
pub async fn look_at_tokens(
    client: &Client,
    inventory: &Inventory,
    sight: &mut Sight,
) -> Result<(), ApplyError> {
    let tokens = Tokens::default();
    for cluster in &inventory.clusters {
        tokens.look(client, cluster).await?;
    }
    sight.tokens = tokens.all();
    Ok(())
}

/// What objects that were read elsewhere show of whose their fields are: nothing where `managedFields` was
/// left out, as kubectl does.
pub fn sight_of(inventory: &Inventory) -> Sight {
    let mut sight = Sight::default();
    for configuration in &inventory.configurations {
        let managed = configuration.metadata.managed_fields.as_ref().filter(|managed| !managed.is_empty());
        let (Some(managed), Some(uid)) = (managed, &configuration.metadata.uid) else { continue };
        sight.written_at.extend(written_at(managed).map(|time| (uid.clone(), time)));
        sight.ownership.insert(uid.clone(), Arc::new(ownership(managed.clone())));
    }
    sight
}

/// The same, but no Secret is read: nothing is known of the join tokens.
pub async fn observe_objects(client: &Client, scope: &Scope<'_>) -> Result<(Inventory, Sight), ApplyError> {
    let dialect = kinds::check(client).await?;
    let interned = Interned::default();
    let held: Vec<Arc<HeldConfiguration>> =
        list(kinds::configurations(client, scope.namespace), &CONFIGURATIONS, &interned).await?;
    let mut sight = Sight::default();
    for one in &held {
        let uid = one.object.metadata.uid.clone().unwrap_or_default();
        sight.written_at.extend(one.written_at.map(|time| (uid.clone(), time)));
        sight.ownership.insert(uid, one.ownership.clone());
    }
    let inventory = Inventory {
        clusters: list::<KubernetesCluster>(kinds::clusters(client, scope.namespace), &CLUSTERS, &interned)
            .await?,
        machines: list::<Machine>(kinds::machines(client, scope.namespace), &MACHINES, &interned).await?,
        configurations: held.iter().map(|one| one.object.clone()).collect(),
        dialect,
        default_git_repo: scope.default_git_repo.map(str::to_owned),
        completeness: Completeness::Whole,
        observed_at: Some(now()),
    };
    Ok((inventory, sight))
}

/// The present moment. Pure code gets it as an argument.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_second(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The same to the nanosecond, where it matters what came first.
pub(crate) fn precisely() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let nanoseconds = i32::try_from(since.subsec_nanos()).unwrap_or_default();
    Timestamp::new(seconds, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Untyped first, so that one odd object is named instead of "the list failed".
async fn list<T: Held>(
    api: Api<DynamicObject>,
    kind: &Kind,
    interned: &Interned,
) -> Result<Vec<Arc<T>>, ApplyError> {
    let hold = |object: DynamicObject| {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let malformed = |why| ApplyError::Malformed { kind: kind.kind, namespace, name, why };
        T::hold(object, interned).map(Arc::new).map_err(malformed)
    };
    pages(&api, kind, hold).await
}

/// All pages, or an error. Of each object only what is made of it is kept.
pub(crate) async fn pages<T>(
    api: &Api<DynamicObject>,
    kind: &Kind,
    hold: impl Fn(DynamicObject) -> Result<T, ApplyError>,
) -> Result<Vec<T>, ApplyError> {
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await.map_err(|source| kind.unreadable(source))?;
        for object in page.items {
            objects.push(hold(object)?);
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
}
