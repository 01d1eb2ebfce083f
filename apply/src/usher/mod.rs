//! The usher: sees machines out of the cluster that they leave. It writes to the API server of that cluster, where
//! nobody knows how long it takes, so it is a loop of its own: no turn ever waits for it.
//!
//! What is decided anew takes the place of what waits. It is decided on what the cluster said, and what was done after
//! that does not show there: so one batch at a time, and the next one only from what was said after its end.

mod batch;
mod requests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::KubernetesCluster;
use nico_render::ClusterKey;
use nico_render::rollout::NodeStep;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{Id, JoinSet};
use tracing::{debug, error};

use crate::board::Board;
use crate::events::Herald;
use crate::lease::Term;
use crate::metrics::Metrics;
use crate::observe::precisely;
use batch::Batch;

/// In so many clusters something is done at once.
const AT_ONCE: usize = 32;

/// For so long it is remembered when something was done.
const MEMORY: SignedDuration = SignedDuration::from_hours(1);

/// What is to be done in a cluster.
struct Order {
    cluster: Arc<KubernetesCluster>,
    steps: Vec<NodeStep>,
    term: Term,
}

/// Where it is handed in.
#[derive(Clone, Default)]
pub(crate) struct Tray(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waiting: Mutex<BTreeMap<ClusterKey, Order>>,
    arrived: Notify,
}

impl Tray {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Order>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands it in; nothing is an order as well.
    pub fn hand_in(&self, cluster: &Arc<KubernetesCluster>, steps: Vec<NodeStep>, term: &Term) {
        let key = ClusterKey::of(cluster);
        if steps.is_empty() {
            self.withdraw(&key);
            return;
        }
        let order = Order { cluster: cluster.clone(), steps, term: term.clone() };
        self.waiting().insert(key, order);
        self.0.arrived.notify_one();
    }

    /// Forgets what waits for a cluster: more is about to be known of it.
    pub fn withdraw(&self, cluster: &ClusterKey) {
        self.waiting().remove(cluster);
    }
}

/// Does what is handed in.
pub(crate) struct Usher {
    tray: Tray,
    board: Arc<Board>,
    herald: Herald,
    metrics: Metrics,
    permits: Arc<Semaphore>,
    working: JoinSet<bool>,
    /// One batch at a time in each cluster.
    busy: BTreeMap<Id, ClusterKey>,
    /// When the last one ended.
    ended: BTreeMap<ClusterKey, Timestamp>,
}

impl Usher {
    pub fn new(board: Arc<Board>, herald: Herald, metrics: Metrics) -> (Self, Tray) {
        let tray = Tray::default();
        let usher = Self {
            tray: tray.clone(),
            board,
            herald,
            metrics,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            working: JoinSet::new(),
            busy: BTreeMap::new(),
            ended: BTreeMap::new(),
        };
        (usher, tray)
    }

    /// Never returns.
    pub async fn run(mut self) {
        let tray = self.tray.clone();
        loop {
            tokio::select! {
                () = tray.0.arrived.notified() => {}
                Some(ended) = self.working.join_next_with_id() => match ended {
                    Ok((id, has_done)) => self.ended(id, has_done),
                    Err(failed) => {
                        error!(%failed, "what was to be done in a cluster has failed");
                        // What of it was done shows when the cluster is asked.
                        self.ended(failed.id(), false);
                    }
                },
            }
            self.begin();
        }
    }

    fn ended(&mut self, id: Id, has_done: bool) {
        let Some(cluster) = self.busy.remove(&id) else { return };
        self.ended.insert(cluster.clone(), precisely());
        // Where nothing was done it is asked soon enough.
        if has_done {
            self.board.want(&cluster);
        }
    }

    /// Begins what waits. What is too old to be done is decided anew, from what is said next.
    fn begin(&mut self) {
        let now = precisely();
        // By then nothing that was said before counts any more.
        self.ended.retain(|_, ended| now.duration_since(*ended) < MEMORY);
        let orders = std::mem::take(&mut *self.tray.waiting());
        for (key, order) in orders {
            let is_busy = self.busy.values().any(|busy| *busy == key);
            if is_busy || self.is_stale(&key, &order.steps, now) {
                debug!(cluster = %key, "what is to be done there was decided before the last that was done");
                continue;
            }
            let Some(door) = self.board.door(&order.cluster) else { continue };
            self.ended.remove(&key);
            let permits = self.permits.clone();
            let batch = Batch {
                herald: self.herald.within(&order.term),
                metrics: self.metrics.clone(),
                cluster: order.cluster,
                term: order.term,
                key: key.clone(),
                door,
                board: self.board.clone(),
            };
            let task = self.working.spawn(async move {
                // Only a closed semaphore gives none, and nobody closes it.
                let _permit = permits.acquire().await;
                batch.carry_out(order.steps).await
            });
            self.busy.insert(task.id(), key);
        }
    }

    /// It was decided on what was said before the end of the last batch.
    fn is_stale(&self, key: &ClusterKey, steps: &[NodeStep], now: Timestamp) -> bool {
        // A clock that was set back is no reason to do nothing.
        let ended = self.ended.get(key).filter(|ended| **ended <= now);
        ended.is_some_and(|ended| steps.iter().any(|step| step.seen_at < *ended))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use nico_crds::names::Role;
    use nico_render::rollout::NodeAct;

    use crate::lease::Leadership;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seen_at(second: i64) -> NodeStep {
        NodeStep {
            machine: "m".to_owned(),
            role: Role::Worker,
            node: "m".to_owned(),
            uid: "u".to_owned(),
            version: "1".to_owned(),
            seen_at: at(second),
            act: NodeAct::Delete,
        }
    }

    fn usher() -> (Usher, Tray) {
        let nobody = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, kube::Error>(Response::new(Body::empty()))
        });
        let (herald, _crier) = Herald::new(Client::new(nobody, "default"));
        Usher::new(Arc::default(), herald, Metrics::new("").unwrap())
    }

    #[tokio::test]
    async fn what_was_decided_before_the_end_of_the_last_batch_is_not_done() {
        let (mut usher, _) = usher();
        let home = ClusterKey { namespace: "fleet".to_owned(), name: "home".to_owned() };
        assert!(!usher.is_stale(&home, &[seen_at(1)], at(9)), "nothing was done yet");
        usher.ended.insert(home.clone(), at(5));
        assert!(usher.is_stale(&home, &[seen_at(4)], at(9)));
        assert!(usher.is_stale(&home, &[seen_at(6), seen_at(4)], at(9)));
        assert!(!usher.is_stale(&home, &[seen_at(5)], at(9)));
        assert!(!usher.is_stale(&home, &[seen_at(3)], at(4)), "the clock was set back");
        let other = ClusterKey { namespace: "fleet".to_owned(), name: "other".to_owned() };
        assert!(!usher.is_stale(&other, &[seen_at(4)], at(9)));
    }

    #[tokio::test]
    async fn the_newest_takes_the_place_of_what_waits_and_nothing_takes_it_too() {
        let (_usher, tray) = usher();
        let cluster = serde_json::json!({
            "apiVersion": "nico.homystack.com/v1alpha1", "kind": "KubernetesCluster",
            "metadata": { "namespace": "fleet", "name": "home" },
            "spec": { "controlPlane": {}, "dataPlane": {} },
        });
        let cluster: Arc<KubernetesCluster> = Arc::new(serde_json::from_value(cluster).unwrap());
        let waits = || {
            let waiting = tray.waiting();
            waiting.values().flat_map(|order| order.steps.iter().map(|step| step.seen_at)).collect::<Vec<_>>()
        };
        let term = Leadership::always().term().unwrap();
        tray.hand_in(&cluster, vec![seen_at(1)], &term);
        tray.hand_in(&cluster, vec![seen_at(2)], &term);
        assert_eq!(waits(), [at(2)]);
        tray.hand_in(&cluster, Vec::new(), &term);
        assert!(waits().is_empty());
    }
}
