//! Asks each running cluster how it is: the API server of each control plane, the Nodes, and what runs on those that
//! leave.
//!
//! Nothing of it is written anywhere. What is found is a snapshot in memory, with its time: an old one says
//! nothing.

mod api;
mod ask;
mod door;
mod list;
mod member;
mod nodes;
mod pods;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use nico_render::ClusterKey;
use tokio::sync::Semaphore;
use tokio::task::{Id, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;

use crate::board::{Board, Ground, Open, Waker};
use ask::{Seen, ask};

pub use api::ask_control_plane;
pub use door::Door;
pub use nodes::Nodes;

/// Older than so many rounds an answer says nothing.
const ROUNDS: u32 = 3;
/// A cluster that a machine takes leave of is asked this often, at least.
const HURRY: Duration = Duration::from_secs(5);
/// And a round takes its time.
const GRACE: Duration = Duration::from_secs(10);
/// So many clusters are asked at once.
const AT_ONCE: usize = 32;

/// Asks all clusters, again and again.
pub(crate) struct Prober {
    board: Arc<Board>,
    waker: Waker,
    interval: Duration,
    permits: Arc<Semaphore>,
    asking: JoinSet<Asked>,
    /// One that takes long is not asked a second time meanwhile.
    busy: BTreeSet<ClusterKey>,
    tasks: BTreeMap<Id, ClusterKey>,
}

struct Asked {
    cluster: ClusterKey,
    door: Arc<Door>,
    seen: Seen,
}

impl Prober {
    pub fn new(board: Arc<Board>, waker: Waker, interval: Duration) -> Self {
        Self {
            board,
            waker,
            interval,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            asking: JoinSet::new(),
            busy: BTreeSet::new(),
            tasks: BTreeMap::new(),
        }
    }

    /// Never returns.
    pub async fn run(mut self) {
        let mut ticks = interval(self.interval);
        let mut between = interval(self.interval.min(HURRY));
        for ticks in [&mut ticks, &mut between] {
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            tokio::select! {
                _ = ticks.tick() => self.ask_all(|_| true),
                _ = between.tick() => self.ask_all(|open| open.hurries),
                // One that was just reached is not left untold until the next round.
                () = self.board.wanted() => self.ask_all(|open| open.is_wanted),
                Some(ended) = self.asking.join_next_with_id() => match ended {
                    Ok((id, asked)) => self.told(id, asked),
                    Err(failed) => {
                        error!(%failed, "asking a cluster has failed");
                        self.forget(failed.id());
                    }
                },
            }
        }
    }

    /// Asks those that can be asked, and are chosen.
    fn ask_all(&mut self, chosen: impl Fn(&Open) -> bool) {
        let says_for = self.interval.saturating_mul(ROUNDS).saturating_add(GRACE);
        for open in self.board.doors() {
            if chosen(&open) && self.busy.insert(open.cluster.clone()) {
                let Open { cluster, door, ground, .. } = open;
                self.board.asking(&cluster);
                let permits = self.permits.clone();
                let key = cluster.clone();
                let task = self.asking.spawn(async move { one(permits, key, door, &ground, says_for).await });
                self.tasks.insert(task.id(), cluster);
            }
        }
    }

    fn told(&mut self, id: Id, asked: Asked) {
        self.forget(id);
        let Asked { cluster, door, seen: Seen { probe, is_refused } } = asked;
        if self.board.probed(&cluster, &door, probe, is_refused) {
            self.waker.wake(&cluster.namespace);
        }
    }

    fn forget(&mut self, id: Id) {
        if let Some(cluster) = self.tasks.remove(&id) {
            self.busy.remove(&cluster);
        }
    }
}

async fn one(
    permits: Arc<Semaphore>,
    cluster: ClusterKey,
    door: Arc<Door>,
    ground: &Ground,
    says_for: Duration,
) -> Asked {
    // Only a closed semaphore gives none, and nobody closes it.
    let _permit = permits.acquire().await;
    let seen = ask(&door, ground, says_for).await;
    Asked { cluster, door, seen }
}
