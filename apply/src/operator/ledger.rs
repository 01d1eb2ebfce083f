//! What the operator keeps in mind of each cluster between two turns. None of it is needed to go on after a
//! restart: it saves requests, and keeps a failing cluster from being tried in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_render::{ClusterKey, PutBack};

use crate::cache::{Caches, Seen};

/// After the first failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// A cache that has not seen our own write by then is not waited for: what it shows binds the next one.
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// So often in a row somebody else may have been faster.
const STUMBLES: u32 = 5;
/// For so long the same hand on the same configuration is not taken back a second time.
const TRUCE: SignedDuration = SignedDuration::from_mins(10);

/// What is kept in mind of all clusters.
#[derive(Default)]
pub(crate) struct Ledger(BTreeMap<ClusterKey, Account>);

/// What is kept in mind of a cluster.
#[derive(Default)]
pub(crate) struct Account {
    /// A turn is under way.
    pub busy: bool,
    failures: u32,
    stumbles: u32,
    not_before: Option<Instant>,
    written: Vec<Seen>,
    written_at: Option<Instant>,
    put_back: BTreeMap<String, Vec<PutBack>>,
}

impl Ledger {
    pub fn account(&mut self, cluster: &ClusterKey) -> &mut Account {
        self.0.entry(cluster.clone()).or_default()
    }

    /// That of a cluster that is still there.
    pub fn known(&mut self, cluster: &ClusterKey) -> Option<&mut Account> {
        self.0.get_mut(cluster)
    }

    /// The clusters of a namespace that nothing may be decided about now: a turn is under way, or the caches
    /// have not seen all that was written. To be asked before the caches are.
    pub fn waiting(&mut self, namespace: &str, caches: &Caches) -> BTreeSet<ClusterKey> {
        let here = self.0.iter_mut().filter(|(key, _)| key.namespace == namespace);
        let waiting = here.filter_map(|(key, account)| {
            (account.busy || !account.has_come_back(caches, namespace)).then(|| key.clone())
        });
        waiting.collect()
    }

    /// Forgets the clusters of a namespace that are gone, and returns them.
    pub fn forget_others(&mut self, namespace: &str, there: &[ClusterKey]) -> Vec<ClusterKey> {
        let gone: Vec<_> = self
            .0
            .iter()
            .filter(|(key, account)| key.namespace == namespace && !there.contains(key) && !account.busy)
            .map(|(key, _)| key.clone())
            .collect();
        for key in &gone {
            self.0.remove(key);
        }
        gone
    }

    /// What was put back of late, by the configuration's UID.
    pub fn put_back(&mut self, namespace: &str, now: Timestamp) -> BTreeMap<String, Vec<PutBack>> {
        let mut all = BTreeMap::new();
        for (_, account) in self.0.iter_mut().filter(|(key, _)| key.namespace == namespace) {
            account.put_back.retain(|_, times| {
                times.retain(|one| one.at.checked_add(TRUCE).is_ok_and(|until| now < until));
                !times.is_empty()
            });
            all.extend(account.put_back.clone());
        }
        all
    }
}

impl Account {
    /// Whether the caches have seen all that was written for it.
    fn has_come_back(&mut self, caches: &Caches, namespace: &str) -> bool {
        if self.written_at.is_none_or(|at| at.elapsed() > LONGEST_WAIT) {
            self.written.clear();
        }
        self.written.retain(|seen| !caches.has_seen(namespace, seen));
        self.written.is_empty()
    }

    /// It has to be left alone for a while, but for what must not wait.
    pub fn backs_off(&self) -> bool {
        self.not_before.is_some_and(|until| Instant::now() < until)
    }

    /// A turn wrote this.
    pub fn wrote(&mut self, seen: Vec<Seen>) {
        self.written.extend(seen);
        self.written_at = Some(Instant::now());
    }

    /// Fields were taken back from another hand.
    pub fn took_back(&mut self, uid: &str, managers: &[String], at: Timestamp) {
        let times = self.put_back.entry(uid.to_owned()).or_default();
        times.extend(managers.iter().map(|manager| PutBack { manager: manager.clone(), at }));
    }

    /// Somebody was faster once more. So often in a row is no chance.
    pub fn stumbled_too_often(&mut self) -> bool {
        self.stumbles = self.stumbles.saturating_add(1);
        self.stumbles > STUMBLES
    }

    /// It went well.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.stumbles = 0;
        self.not_before = None;
    }

    /// It did not. Returns for how long it is left alone.
    pub fn failed(&mut self) -> Duration {
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.not_before = Instant::now().checked_add(pause);
        pause
    }
}
