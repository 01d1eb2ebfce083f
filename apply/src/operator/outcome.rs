//! What comes of a turn: it is counted, and decides when the cluster has its next one.

use std::time::Duration;

use nico_render::ClusterKey;
use nico_render::status::Transition;
use tracing::{error, info, warn};

use super::decision::Made;
use super::{Operator, after, jittered};
use crate::ApplyError;
use crate::aggregator::{Outcome, Told};
use crate::cache::Seen;
use crate::hands::{Done, Turn};
use crate::observe::now;

impl Operator {
    /// Shows how a cluster is.
    pub(super) fn show(&self, key: &ClusterKey, made: &mut Made) {
        self.metrics.tell(key, std::mem::take(&mut made.told));
        made.laps.tell(&self.metrics.cluster(key));
    }

    /// A turn has ended.
    pub(super) fn ended(&mut self, key: &ClusterKey, turn: Option<Turn>, took: Duration) {
        self.ledger.account(key).busy = false;
        let Some(turn) = turn else {
            self.panicked(key);
            return;
        };
        self.count(key, &turn, took);
        let account = self.ledger.account(key);
        for done in &turn.done {
            if let Done::Changed { target, against, .. } = done {
                account.took_back(&target.uid, against, now());
            }
        }
        let moved_on = turn.looked || !turn.done.is_empty();
        account.wrote(turn.seen);
        let stumbled = !turn.errors.is_empty();
        let failed = turn.errors.iter().any(|error| !is_passing(error));
        if failed || (stumbled && account.stumbled_too_often()) {
            self.back_off(key);
            return;
        }
        // A look alone is no success of what failed before.
        if !stumbled && !turn.looked {
            account.succeeded();
        }
        // What was written comes back by the caches; what was only looked at does not.
        if moved_on || stumbled {
            self.mark(key.namespace.clone());
        }
    }

    fn count(&self, key: &ClusterKey, turn: &Turn, took: Duration) {
        let metrics = self.metrics.cluster(key);
        match turn.errors.first() {
            None => metrics.succeeded(took),
            Some(error) => metrics.failed(error.kind(), took),
        }
        for error in &turn.errors {
            if matches!(error, ApplyError::Conflict { .. } | ApplyError::Contested { .. }) {
                metrics.conflicted();
            }
        }
        for done in &turn.done {
            match done {
                Done::Created { role, .. } => metrics.created(*role),
                Done::Deleted { .. } => metrics.deleted(),
                Done::Finalizers(_)
                | Done::StatusAdopted
                | Done::Remembered
                | Done::TokenCreated
                | Done::TokenOwned { .. }
                | Done::Adopted(_)
                | Done::Withheld { .. }
                | Done::Changed { .. }
                | Done::Released(_) => {}
            }
        }
    }

    /// A status was told: what is decided next must have seen it.
    pub(super) fn told(&mut self, told: Told) {
        let Told { cluster, outcome } = told;
        // One that is gone is not brought back.
        let Some(account) = self.ledger.known(&cluster) else { return };
        let Outcome::Written { version, transitions } = outcome else {
            self.metrics.cluster(&cluster).panicked();
            return;
        };
        account.wrote(version.map(Seen::Cluster).into_iter().collect());
        // Another hand that holds a field of ours, once: it is not written against, so nothing else shows it.
        let began =
            |transition: &&Transition| transition.condition == "Conflict" && transition.status == "True";
        for _ in transitions.iter().filter(began) {
            self.metrics.cluster(&cluster).conflicted();
        }
    }

    /// A panic is contained, counted, and the cluster left alone for a while.
    pub(super) fn panicked(&mut self, key: &ClusterKey) {
        error!(cluster = %key, "a turn has panicked");
        self.metrics.cluster(key).panicked();
        self.back_off(key);
    }

    fn back_off(&mut self, key: &ClusterKey) {
        let pause = self.ledger.account(key).failed();
        warn!(cluster = %key, seconds = pause.as_secs(), "is tried again later");
        let again = after(jittered(pause));
        let due = self.due.entry(key.namespace.clone()).or_insert(again);
        *due = (*due).min(again);
    }

    pub(super) fn forget_others(&mut self, namespace: &str, there: &[ClusterKey]) {
        self.metrics.keep(namespace, there);
        for gone in self.ledger.forget_others(namespace, there) {
            info!(cluster = %gone, "is gone");
            self.tools.desk.withdraw(&gone);
            self.tools.tray.withdraw(&gone);
        }
        self.tools.tokens.retain(namespace, there);
        self.board.retain(namespace, there);
        if there.is_empty() {
            self.took.remove(namespace);
        }
    }
}

/// It passes by itself: somebody was faster, or this replica leads no longer.
const fn is_passing(error: &ApplyError) -> bool {
    matches!(error, ApplyError::Conflict { .. } | ApplyError::NotLeading)
}
