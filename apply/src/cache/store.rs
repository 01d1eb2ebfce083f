//! The objects of one kind, as the server has told them: whole, or not there at all (S13).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is kept of an object, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Store<T> {
    inner: Mutex<Inner<T>>,
}

#[derive(Debug)]
struct Inner<T> {
    objects: Objects<T>,
    /// The first state arrived whole, once.
    synced: bool,
    /// The last sign of life of the watch.
    alive: Instant,
    /// The newest version that was seen of anything.
    progress: u64,
    /// What keeps the watch from working, if anything does.
    trouble: Option<String>,
}

/// Namespace, name, object. An object that cannot be understood is there too: as the reason.
pub(crate) type Objects<T> = BTreeMap<String, BTreeMap<String, Result<Arc<T>, String>>>;

impl<T> Store<T> {
    pub fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                objects: Objects::new(),
                synced: false,
                alive: Instant::now(),
                progress: 0,
                trouble: None,
            }),
        }
    }

    /// Nothing that holds the lock can leave a half-made state behind: a poisoned one is as good.
    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The whole state, as it is at a version. Returns the namespaces that it touches.
    pub fn replace(&self, objects: Objects<T>, version: &str) -> Vec<String> {
        let mut inner = self.inner();
        let mut touched: Vec<String> = inner.objects.keys().chain(objects.keys()).cloned().collect();
        touched.sort_unstable();
        touched.dedup();
        inner.objects = objects;
        inner.synced = true;
        inner.saw(version);
        touched
    }

    /// An object as it is now.
    pub fn put(&self, key: Key, object: Result<Arc<T>, String>, version: &str) {
        let mut inner = self.inner();
        inner.objects.entry(key.namespace).or_default().insert(key.name, object);
        inner.saw(version);
    }

    /// An object is gone.
    pub fn remove(&self, key: &Key, version: &str) {
        let mut inner = self.inner();
        if let Some(space) = inner.objects.get_mut(&key.namespace) {
            space.remove(&key.name);
            if space.is_empty() {
                inner.objects.remove(&key.namespace);
            }
        }
        inner.saw(version);
    }

    /// The watch lives: it answered, or told of a version.
    pub fn lives(&self, version: Option<&str>) {
        let mut inner = self.inner();
        match version {
            Some(version) => inner.saw(version),
            None => inner.lives(),
        }
    }

    /// The watch does not work, until its next sign of life.
    pub fn note_trouble(&self, trouble: String) {
        self.inner().trouble = Some(trouble);
    }

    /// What keeps the watch from working now.
    pub fn trouble(&self) -> Option<String> {
        self.inner().trouble.clone()
    }

    /// How long ago the last sign of life was.
    pub fn age(&self) -> Duration {
        self.inner().alive.elapsed()
    }

    /// Everything up to this version has arrived. Versions of one kind are comparable numbers.
    pub fn has_seen(&self, version: u64) -> bool {
        self.inner().progress >= version
    }

    /// Why nothing may be decided from it.
    pub fn unready(&self, stale_after: Duration) -> Option<String> {
        let inner = self.inner();
        let told = || inner.trouble.clone().map(|trouble| format!(": {trouble}")).unwrap_or_default();
        if !inner.synced {
            return Some(format!("not read yet{}", told()));
        }
        let age = inner.alive.elapsed();
        (age > stale_after).then(|| format!("stale{}", told()))
    }

    /// The objects of a namespace; an error names the first that cannot be understood.
    pub fn namespace(&self, namespace: &str) -> Result<Vec<Arc<T>>, String> {
        let inner = self.inner();
        inner.objects.get(namespace).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }

    /// All objects of all namespaces, once the whole state has arrived.
    pub fn all(&self) -> Option<Objects<T>> {
        let inner = self.inner();
        inner.synced.then(|| inner.objects.clone())
    }

    /// The namespaces that have objects.
    pub fn namespaces(&self) -> Vec<String> {
        self.inner().objects.keys().cloned().collect()
    }

    /// One object.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<T>> {
        self.inner().objects.get(namespace)?.get(name)?.as_ref().ok().cloned()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.inner().objects.values().map(BTreeMap::len).sum()
    }
}

impl<T> Inner<T> {
    fn lives(&mut self) {
        self.alive = Instant::now();
        self.trouble = None;
    }

    fn saw(&mut self, version: &str) {
        self.lives();
        if let Ok(version) = version.parse() {
            self.progress = self.progress.max(version);
        }
    }
}
