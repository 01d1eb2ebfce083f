//! One pass over an API server, by the same hands as the operator's.

use std::collections::BTreeMap;
use std::time::Duration;

use kube::Client;
use nico_crds::KubernetesCluster;
use nico_crds::names::LABEL_CLUSTER;
use nico_render::rollout::{Purpose, Step, Waiting, rollout};
use nico_render::{ClusterKey, Desired, Diagnostic, Inventory, Observed, Sight, render_all};
use tokio::time::sleep;

use crate::ApplyError;
use crate::hands::writer::{IN_FLIGHT, Writer};
use crate::hands::{Done, Hands, Turn};
use crate::lease::Leadership;
use crate::observe::{Scope, now, observe};
use crate::token::Tokens;

/// Between two looks, while an installation is waited for.
const PAUSE: Duration = Duration::from_secs(2);

/// How the pass is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Create configurations that wipe a disk.
    pub installs: bool,
    /// Let the server check everything and keep nothing.
    pub dry_run: bool,
}

/// What happened to one cluster.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What there is to say about it.
    pub diagnostics: Vec<Diagnostic>,
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What waits, and for what.
    pub waiting: Vec<Waiting>,
    /// What went wrong.
    pub errors: Vec<ApplyError>,
    /// Configurations that had `fullInstall` before, and may have it still.
    pub installing: Vec<String>,
}

/// What is heard while an installation is waited for.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// What was done.
    Done(&'a Done),
    /// The configurations that are waited for.
    Awaits(&'a [String]),
}

/// What happened to each cluster.
pub type Outcomes = BTreeMap<ClusterKey, Outcome>;

/// Makes the pass, over all clusters that are in the scope. One that fails keeps no other from its turn.
pub async fn pass(client: &Client, scope: &Scope<'_>, options: Options) -> Result<Outcomes, ApplyError> {
    let (inventory, sight) = observe(client, scope).await?;
    let writer = writer(client, options);
    let observed = Observed::new(&inventory, &sight);
    let mut rendered = render_all(&inventory);
    let mut outcomes = BTreeMap::new();
    for cluster in &inventory.clusters {
        let key = ClusterKey::of(cluster);
        let mut outcome = match rendered.remove(&key) {
            Some(Ok(desired)) => turn(&writer, cluster, desired, &observed, options).await,
            Some(Err(source)) => Outcome {
                errors: vec![ApplyError::Render { cluster: key.clone(), source }],
                ..Outcome::default()
            },
            None => continue,
        };
        outcome.installing = installing(&inventory, &key);
        outcomes.insert(key, outcome);
    }
    Ok(outcomes)
}

async fn turn(
    writer: &Writer,
    cluster: &KubernetesCluster,
    desired: Desired,
    observed: &Observed<'_>,
    options: Options,
) -> Outcome {
    let plan = rollout(cluster, &desired, observed, now());
    let tokens = Tokens::default();
    let mut hands = Hands::new(writer, &tokens, cluster.clone(), options.installs);
    hands.execute(plan.steps).await;
    let Turn { done, errors, .. } = hands.turn;
    Outcome { diagnostics: desired.diagnostics, done, waiting: plan.waiting, errors, installing: Vec::new() }
}

fn writer(client: &Client, options: Options) -> Writer {
    let writer = Writer::new(client.clone(), &Leadership::always(), None, IN_FLIGHT);
    if options.dry_run { writer.trying() } else { writer }
}

/// Stays until `fullInstall` is off on every configuration of these clusters, and takes it off meanwhile.
/// `told` hears what is done, and what is waited for whenever that changes.
pub async fn see_installed(
    client: &Client,
    scope: &Scope<'_>,
    clusters: &[ClusterKey],
    mut told: impl FnMut(&ClusterKey, Progress<'_>),
) -> Result<(), ApplyError> {
    let writer = writer(client, Options::default());
    let mut awaited = BTreeMap::new();
    loop {
        let (inventory, sight) = observe(client, scope).await?;
        for (key, done) in clear(&writer, &inventory, &sight, clusters).await? {
            told(&key, Progress::Done(&done));
        }
        let mut is_over = true;
        for key in clusters {
            let installing = installing(&inventory, key);
            is_over &= installing.is_empty();
            if !installing.is_empty() && awaited.get(key) != Some(&installing) {
                told(key, Progress::Awaits(&installing));
                awaited.insert(key.clone(), installing);
            }
        }
        if is_over {
            return Ok(());
        }
        sleep(PAUSE).await;
    }
}

/// Takes `fullInstall` off where it is due, and does nothing else.
async fn clear(
    writer: &Writer,
    inventory: &Inventory,
    sight: &Sight,
    clusters: &[ClusterKey],
) -> Result<Vec<(ClusterKey, Done)>, ApplyError> {
    let observed = Observed::new(inventory, sight);
    let mut cleared = Vec::new();
    for (key, desired) in render_all(inventory) {
        let cluster = inventory.clusters.iter().find(|cluster| ClusterKey::of(cluster) == key);
        let (Some(cluster), Ok(desired), true) = (cluster, desired, clusters.contains(&key)) else {
            continue;
        };
        let mut plan = rollout(cluster, &desired, &observed, now());
        plan.steps
            .retain(|step| matches!(step, Step::Write(write) if write.purpose == Purpose::ClearFullInstall));
        let tokens = Tokens::default();
        let mut hands = Hands::new(writer, &tokens, (**cluster).clone(), false);
        hands.execute(plan.steps).await;
        // Somebody was faster, perhaps NIO: the next look shows it.
        let error = hands.turn.errors.into_iter().find(|error| !matches!(error, ApplyError::Conflict { .. }));
        if let Some(error) = error {
            return Err(error);
        }
        cleared.extend(hands.turn.done.into_iter().map(|done| (key.clone(), done)));
    }
    Ok(cleared)
}

/// The configurations of a cluster that would still wipe, and want to be there.
fn installing(inventory: &Inventory, key: &ClusterKey) -> Vec<String> {
    let of_cluster = inventory.configurations.iter().filter(|live| {
        live.metadata.namespace.as_deref() == Some(&key.namespace)
            && live.label(LABEL_CLUSTER) == Some(&key.name)
            && live.spec.full_install == Some(true)
            && live.metadata.deletion_timestamp.is_none()
    });
    of_cluster.filter_map(|live| live.metadata.name.clone()).collect()
}
