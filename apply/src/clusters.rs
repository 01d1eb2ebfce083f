//! The clusters alone, for who only tells what stands in their status: as they are, and as they change.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::api::DynamicObject;
use kube::{Client, ResourceExt};
use nico_crds::KubernetesCluster;
use nico_render::ClusterKey;
use tokio::task::JoinSet;

use crate::ApplyError;
use crate::cache::{Held, Interned, Store, Wake, Watch};
use crate::kinds::{self, CLUSTERS};
use crate::observe::pages;

/// The clusters that there are; of one that cannot be understood, why.
pub type Clusters = BTreeMap<ClusterKey, Result<Arc<KubernetesCluster>, String>>;

/// After so many seconds the server ends the watch, and it is begun anew: somebody waits for its signs of life.
const WATCH_SECONDS: u32 = 15;

/// Reads them once, in one namespace or all.
pub async fn read(client: &Client, namespace: Option<&str>) -> Result<Clusters, ApplyError> {
    let interned = Interned::default();
    let hold = |object: DynamicObject| {
        let key = ClusterKey { namespace: object.namespace().unwrap_or_default(), name: object.name_any() };
        let (kind, namespace, name) = (CLUSTERS.kind, key.namespace.clone(), key.name.clone());
        let cluster = KubernetesCluster::hold(object, &interned).map(Arc::new);
        let told = |why| ApplyError::Malformed { kind, namespace, name, why }.to_string();
        Ok((key, cluster.map_err(told)))
    };
    Ok(pages(&kinds::clusters(client, namespace), &CLUSTERS, hold).await?.into_iter().collect())
}

/// The clusters as they change. It ends when this is dropped.
pub struct Following {
    store: Arc<Store<KubernetesCluster>>,
    _watch: JoinSet<()>,
}

impl Following {
    /// Watches them with a client for watches. `changed` is told of every change, when it can be seen.
    pub fn begin(
        client: &Client,
        namespace: Option<&str>,
        changed: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let store = Arc::new(Store::new());
        let wake: Wake = Arc::new(move |_: &str| changed());
        let watch = Watch {
            kind: CLUSTERS,
            api: kinds::clusters(client, namespace),
            labels: None,
            metadata_only: false,
            store: store.clone(),
            interned: Arc::default(),
            wake,
            seconds: WATCH_SECONDS,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(watch.run());
        Self { store, _watch: tasks }
    }

    /// As they are now; None until all have arrived.
    pub fn clusters(&self) -> Option<Clusters> {
        let all = self.store.all()?.into_iter().flat_map(|(namespace, space)| {
            space
                .into_iter()
                .map(move |(name, held)| (ClusterKey { namespace: namespace.clone(), name }, held))
        });
        Some(all.collect())
    }

    /// Why changes do not arrive just now.
    pub fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }
}
