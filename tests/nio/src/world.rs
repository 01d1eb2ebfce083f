//! What is there beside the API, and outlives NIO: machines, what is wrong with them, and the repository.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::event::Actor;
use crate::faults::Faults;
use crate::journal::{Deed, Journal};

/// The head of the default branch, until somebody pushes.
const FIRST_COMMIT: &str = "61d63c7b4b2b7da96a70aee111c952dc39159fce";

#[derive(Debug)]
pub(crate) struct World {
    pub journal: Arc<Journal>,
    commit: Mutex<String>,
    /// By `namespace/name` or, whatever the namespace, by name.
    faults: Mutex<BTreeMap<String, Faults>>,
    /// How many looks have ended, by `namespace/machine` and actor.
    looks: Mutex<BTreeMap<(String, Actor), u64>>,
    /// That the faults have changed.
    changed: watch::Sender<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn new(journal: Journal) -> Self {
        Self {
            journal: Arc::new(journal),
            commit: Mutex::new(FIRST_COMMIT.to_owned()),
            faults: Mutex::default(),
            looks: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    pub fn commit(&self) -> String {
        locked(&self.commit).clone()
    }

    pub fn push(&self, commit: &str) {
        commit.clone_into(&mut locked(&self.commit));
    }

    /// Changes what is wrong with a machine.
    pub fn change(&self, machine: &str, change: impl FnOnce(&mut Faults)) {
        change(locked(&self.faults).entry(machine.to_owned()).or_default());
        self.changed.send_replace(());
    }

    /// Looks at what is wrong with a machine.
    pub fn ask<T>(&self, namespace: &str, machine: &str, ask: impl FnOnce(&mut Faults) -> T) -> T {
        let mut faults = locked(&self.faults);
        let exact = format!("{namespace}/{machine}");
        let key = if faults.contains_key(&exact) { exact.as_str() } else { machine };
        match faults.get_mut(key) {
            Some(found) => ask(found),
            None => ask(&mut Faults::default()),
        }
    }

    pub fn is_lost(&self, namespace: &str, machine: &str) -> bool {
        self.ask(namespace, machine, |faults| faults.lost)
    }

    /// Waits while the applies of an actor are held.
    pub async fn released(&self, deed: &Deed) {
        let mut changed = self.changed.subscribe();
        while self.ask(&deed.namespace, &deed.machine, |faults| faults.held.contains(&deed.actor)) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    pub fn looked(&self, namespace: &str, machine: &str, actor: Actor) {
        *locked(&self.looks).entry((format!("{namespace}/{machine}"), actor)).or_default() += 1;
    }

    /// Of machines of this name, in whatever namespace, or of the one that `namespace/name` names.
    pub fn looks(&self, machine: &str, actor: Actor) -> u64 {
        let is_meant =
            |key: &str| key == machine || key.split_once('/').is_some_and(|(_, name)| name == machine);
        locked(&self.looks)
            .iter()
            .filter(|((key, who), _)| *who == actor && is_meant(key))
            .map(|(_, n)| n)
            .sum()
    }

    /// How long something takes.
    pub fn slowed(&self, deed: &Deed, duration: Duration) -> Duration {
        self.ask(&deed.namespace, &deed.machine, |faults| faults.slowed(duration, deed.actor))
    }
}
