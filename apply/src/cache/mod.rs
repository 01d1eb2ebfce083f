//! Watch caches of everything that decisions depend on: whole, fresh, or nothing is decided (S13).

mod definitions;
mod held;
mod store;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, DynamicObject};
use nico_crds::names::LABEL_CLUSTER;
use nico_crds::{KubernetesCluster, Machine};
use nico_render::{Completeness, Inventory, Ownership};
use tokio::task::JoinSet;
use tracing::warn;

use crate::kinds::{self, CLUSTERS, CONFIGURATIONS, Kind, MACHINES, SECRETS};
use definitions::Definitions;
use held::HeldSecret;

pub(crate) use held::{Held, HeldConfiguration, Interned, ownership, written_at};
pub(crate) use store::Store;
pub(crate) use watch::{Wake, Watch};

/// What to watch, and how.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// These namespaces; none: all.
    pub namespaces: Vec<String>,
    /// The repository of clusters that name none.
    pub default_git_repo: Option<String>,
    /// After so many seconds the server ends a watch, and it is begun anew: a sign of life.
    pub watch_seconds: u32,
    /// Without a sign of life for so long, nothing is decided.
    pub stale_after: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            namespaces: Vec::new(),
            default_git_repo: None,
            watch_seconds: 30,
            // Two endings of a watch that were missed.
            stale_after: Duration::from_secs(75),
        }
    }
}

/// The caches.
pub struct Caches {
    settings: CacheSettings,
    clusters: Feed<KubernetesCluster>,
    machines: Feed<Machine>,
    configurations: Feed<HeldConfiguration>,
    secrets: Feed<HeldSecret>,
    definitions: Arc<Definitions>,
}

/// The stores of a kind: one for all namespaces, or one a namespace.
type Feed<T> = BTreeMap<Option<String>, Arc<Store<T>>>;

/// Everything that was seen of a namespace at one moment.
pub(crate) struct Picture {
    pub inventory: Inventory,
    /// By the configuration's UID.
    pub ownership: BTreeMap<String, Arc<Ownership>>,
    /// When NICO last wrote each, by the configuration's UID.
    pub written_at: BTreeMap<String, Timestamp>,
}

/// A version that a cache has to have seen before anything is decided again: NICO's own last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    Cluster(u64),
    Configuration(u64),
    Secret(u64),
}

impl Caches {
    /// Caches that are empty until [`Caches::run`] fills them.
    pub fn new(settings: CacheSettings) -> Self {
        let scopes: Vec<Option<String>> = if settings.namespaces.is_empty() {
            vec![None]
        } else {
            settings.namespaces.iter().cloned().map(Some).collect()
        };
        Self {
            clusters: feed(&scopes),
            machines: feed(&scopes),
            configurations: feed(&scopes),
            secrets: feed(&scopes),
            definitions: Arc::default(),
            settings,
        }
    }

    /// Fills them, for ever. `wake` is told each namespace in which something changed.
    pub async fn run(&self, client: &Client, wake: Arc<dyn Fn(&str) + Send + Sync>) {
        self.definitions.wait(client).await;
        let mut watches = JoinSet::new();
        for kind in [CLUSTERS, MACHINES, CONFIGURATIONS] {
            watches.spawn(self.definitions.clone().watch(client.clone(), kind, self.settings.watch_seconds));
        }
        let interned = Arc::new(Interned::default());
        let make = Maker { client, settings: &self.settings, interned: &interned, wake: &wake };
        make.watch(&mut watches, &self.clusters, CLUSTERS, kinds::clusters, None);
        make.watch(&mut watches, &self.machines, MACHINES, kinds::machines, None);
        make.watch(&mut watches, &self.configurations, CONFIGURATIONS, kinds::configurations, None);
        make.watch(&mut watches, &self.secrets, SECRETS, secrets, Some(LABEL_CLUSTER));
        while let Some(ended) = watches.join_next().await {
            // A watch never returns; one that panicked leaves its store to grow stale, which is seen.
            if let Err(error) = ended {
                warn!(%error, "a watch has ended");
            }
        }
    }

    /// Why nothing may be decided now; all reasons.
    pub fn unready(&self) -> Vec<String> {
        if let Err(missing) = self.definitions.dialect() {
            return vec![missing];
        }
        let mut reasons = Vec::new();
        each(&self.clusters, "KubernetesClusters", self.settings.stale_after, &mut reasons);
        each(&self.machines, "Machines", self.settings.stale_after, &mut reasons);
        each(&self.configurations, "NixosConfigurations", self.settings.stale_after, &mut reasons);
        each(&self.secrets, "Secrets", self.settings.stale_after, &mut reasons);
        reasons
    }

    /// The kinds that are watched.
    pub const KINDS: [&str; 4] = [CLUSTERS.kind, MACHINES.kind, CONFIGURATIONS.kind, SECRETS.kind];

    /// How long ago the last sign of life of a kind's oldest watch was.
    pub fn age(&self, kind: &str) -> Duration {
        match kind {
            kind if kind == CLUSTERS.kind => age(&self.clusters),
            kind if kind == MACHINES.kind => age(&self.machines),
            kind if kind == CONFIGURATIONS.kind => age(&self.configurations),
            _ => age(&self.secrets),
        }
    }

    /// The namespaces that have clusters.
    pub(crate) fn namespaces(&self) -> Vec<String> {
        self.clusters.values().flat_map(|store| store.namespaces()).collect()
    }

    /// Everything that was seen of a namespace, or why that cannot be told.
    pub(crate) fn picture(&self, namespace: &str, now: Timestamp) -> Result<Picture, String> {
        let dialect = self.definitions.dialect()?;
        if let Some(reason) = self.unready().into_iter().next() {
            return Err(reason);
        }
        let held = objects(&self.configurations, namespace)?;
        let (mut ownership, mut written_at) = (BTreeMap::new(), BTreeMap::new());
        for one in &held {
            let uid = one.object.metadata.uid.clone().unwrap_or_default();
            written_at.extend(one.written_at.map(|time| (uid.clone(), time)));
            ownership.insert(uid, one.ownership.clone());
        }
        let inventory = Inventory {
            clusters: objects(&self.clusters, namespace)?,
            machines: objects(&self.machines, namespace)?,
            configurations: held.iter().map(|one| one.object.clone()).collect(),
            dialect,
            default_git_repo: self.settings.default_git_repo.clone(),
            completeness: Completeness::Whole,
            observed_at: Some(now),
        };
        Ok(Picture { inventory, ownership, written_at })
    }

    /// The version of a labelled Secret, if there is one.
    pub(crate) fn secret_version(&self, namespace: &str, name: &str) -> Option<String> {
        store_of(&self.secrets, namespace)?.get(namespace, name)?.0.resource_version.clone()
    }

    /// Whether all that NICO wrote in a namespace has come back.
    pub(crate) fn has_seen(&self, namespace: &str, seen: &Seen) -> bool {
        fn in_feed<T>(feed: &Feed<T>, namespace: &str, version: u64) -> bool {
            store_of(feed, namespace).is_none_or(|store| store.has_seen(version))
        }
        match *seen {
            Seen::Cluster(version) => in_feed(&self.clusters, namespace, version),
            Seen::Configuration(version) => in_feed(&self.configurations, namespace, version),
            Seen::Secret(version) => in_feed(&self.secrets, namespace, version),
        }
    }

    /// How many configurations there are.
    pub fn configurations(&self) -> usize {
        self.configurations.values().map(|store| store.len()).sum()
    }
}

fn feed<T>(scopes: &[Option<String>]) -> Feed<T> {
    scopes.iter().map(|scope| (scope.clone(), Arc::new(Store::new()))).collect()
}

fn store_of<'f, T>(feed: &'f Feed<T>, namespace: &str) -> Option<&'f Arc<Store<T>>> {
    feed.get(&Some(namespace.to_owned())).or_else(|| feed.get(&None))
}

fn objects<T>(feed: &Feed<T>, namespace: &str) -> Result<Vec<Arc<T>>, String> {
    let store =
        store_of(feed, namespace).ok_or_else(|| format!("the namespace {namespace} is not watched"))?;
    store.namespace(namespace)
}

fn each<T>(feed: &Feed<T>, what: &str, stale_after: Duration, reasons: &mut Vec<String>) {
    for (scope, store) in feed {
        if let Some(reason) = store.unready(stale_after) {
            let place = scope.as_ref().map(|namespace| format!(" of {namespace}")).unwrap_or_default();
            reasons.push(format!("the {what}{place} are {reason}"));
        }
    }
}

fn age<T>(feed: &Feed<T>) -> Duration {
    feed.values().map(|store| store.age()).max().unwrap_or_default()
}

fn secrets(client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = kube::core::ApiResource::erase::<Secret>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    }
}

/// Makes the watches of all scopes.
struct Maker<'a> {
    client: &'a Client,
    settings: &'a CacheSettings,
    interned: &'a Arc<Interned>,
    wake: &'a Wake,
}

impl Maker<'_> {
    fn watch<T: Held>(
        &self,
        watches: &mut JoinSet<()>,
        feed: &Feed<T>,
        kind: Kind,
        api: fn(&Client, Option<&str>) -> Api<DynamicObject>,
        labels: Option<&'static str>,
    ) {
        for (scope, store) in feed {
            let watch = Watch {
                kind,
                api: api(self.client, scope.as_deref()),
                labels,
                // Secrets are selected by label, and only their metadata is ever asked for.
                metadata_only: labels.is_some(),
                store: store.clone(),
                interned: self.interned.clone(),
                wake: self.wake.clone(),
                seconds: self.settings.watch_seconds,
            };
            watches.spawn(watch.run());
        }
    }
}
