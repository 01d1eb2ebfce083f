//! One watch: the whole state first, then every change, for ever. Written out here, as its signs of life
//! are what tells a quiet cluster from a dead connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use kube::api::{Api, DynamicObject, ListParams, WatchEvent, WatchParams};
use kube::{Error, ResourceExt};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::held::{Held, Interned};
use super::store::{Key, Objects, Store};
use crate::error::{has_code, words};
use crate::kinds::Kind;

/// The server's own note on the bookmark that ends the first state.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";
/// Beside the length of a watch: how long its answer may take.
const GRACE: Duration = Duration::from_secs(10);
/// What another leader wrote a moment ago must be in it.
const MOST_RECENT: &str = "";
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Shorter than any watch should be.
const SHORT: Duration = Duration::from_millis(200);
/// Where the server streams no lists.
const PAGE: u32 = 500;

/// Tells the namespaces in which something changed.
pub(crate) type Wake = Arc<dyn Fn(&str) + Send + Sync>;

/// A watch of one kind, in one namespace or all.
pub(crate) struct Watch<T> {
    pub kind: Kind,
    pub api: Api<DynamicObject>,
    /// A label that must be there; absent: all objects.
    pub labels: Option<&'static str>,
    /// Only the metadata of objects is asked for.
    pub metadata_only: bool,
    pub store: Arc<Store<T>>,
    pub interned: Arc<Interned>,
    pub wake: Wake,
    /// After so many seconds the server ends a watch, and it is begun anew: a sign of life.
    pub seconds: u32,
}

/// How a watch ended.
enum End {
    /// It goes on from the version that it had come to.
    From(String),
    /// The whole state is asked for anew.
    Anew,
}

impl<T: Held> Watch<T> {
    /// Never returns.
    pub async fn run(self) {
        let mut from: Option<String> = None;
        let mut pause = PAUSE;
        let mut streams = true;
        loop {
            let begun = Instant::now();
            let ended = match &from {
                Some(version) => self.follow(version).await,
                None if streams => self.stream_all().await,
                None => self.list_all().await,
            };
            match ended {
                Ok(End::From(version)) => {
                    from = Some(version);
                    pause = PAUSE;
                    // A server that ends each watch at once must not be asked in a circle.
                    if begun.elapsed() < SHORT {
                        sleep(SHORT).await;
                    }
                    continue;
                }
                Ok(End::Anew) => {
                    debug!(kind = self.kind.kind, "the watch is begun anew");
                    from = None;
                }
                Err(error)
                    if from.is_none() && streams && (has_code(&error, 422) || has_code(&error, 400)) =>
                {
                    debug!(kind = self.kind.kind, "the server streams no lists");
                    streams = false;
                    continue;
                }
                Err(error) => {
                    let told = if has_code(&error, 404) { self.kind.missing() } else { words(&error) };
                    warn!(kind = self.kind.kind, error = told, "cannot watch");
                    self.store.note_trouble(told);
                }
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    fn params(&self, initial: bool) -> WatchParams {
        let params = if initial { WatchParams::streaming_lists() } else { WatchParams::default() };
        let params = params.timeout(self.seconds);
        match self.labels {
            Some(labels) => params.labels(labels),
            None => params,
        }
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.seconds)).saturating_add(GRACE)
    }

    async fn open(
        &self,
        params: &WatchParams,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<DynamicObject>, Error>> + use<T>, Error> {
        let opening = async {
            if self.metadata_only {
                let events = self.api.watch_metadata(params, version).await?;
                Ok(events.map(|event| event.map(untyped)).boxed())
            } else {
                Ok(self.api.watch(params, version).await?.boxed())
            }
        };
        let opened = timeout(self.patience(), opening).await.map_err(|_| silent())?;
        if opened.is_ok() {
            self.store.lives(None);
        }
        opened
    }

    async fn stream_all(&self) -> Result<End, Error> {
        let mut events = self.open(&self.params(true), MOST_RECENT).await?;
        let mut objects = Objects::new();
        loop {
            let Ok(next) = timeout(self.patience(), events.next()).await else { return Err(silent()) };
            match next {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    self.store.lives(None);
                    self.gather(object, &mut objects);
                }
                Some(Ok(WatchEvent::Deleted(object))) => {
                    let key = key(&object);
                    if let Some(space) = objects.get_mut(&key.namespace) {
                        space.remove(&key.name);
                    }
                }
                Some(Ok(WatchEvent::Bookmark(mark))) => {
                    let version = mark.metadata.resource_version;
                    if mark.metadata.annotations.contains_key(INITIAL_EVENTS_END) {
                        self.settle(objects, &version);
                        return self.take_all(events, version).await;
                    }
                    self.store.lives(None);
                }
                Some(Ok(WatchEvent::Error(status))) => return Err(Error::Api(status)),
                Some(Err(error)) => return Err(error),
                None => return Ok(End::Anew),
            }
        }
    }

    async fn list_all(&self) -> Result<End, Error> {
        let mut params = ListParams::default().limit(PAGE);
        params.label_selector = self.labels.map(str::to_owned);
        let mut objects = Objects::new();
        loop {
            let page = async {
                if self.metadata_only {
                    let page = self.api.list_metadata(&params).await?;
                    let items = page.items.into_iter().map(metadata_of).collect::<Vec<_>>();
                    Ok::<_, Error>((items, page.metadata))
                } else {
                    let page = self.api.list(&params).await?;
                    Ok((page.items, page.metadata))
                }
            };
            let (items, metadata) = timeout(self.patience(), page).await.map_err(|_| silent())??;
            self.store.lives(None);
            for object in items {
                self.gather(object, &mut objects);
            }
            let Some(token) = metadata.continue_.filter(|token| !token.is_empty()) else {
                let version = metadata.resource_version.unwrap_or_default();
                self.settle(objects, &version);
                return Ok(End::From(version));
            };
            params = params.continue_token(&token);
        }
    }

    fn settle(&self, objects: Objects<T>, version: &str) {
        for namespace in self.store.replace(objects, version) {
            (self.wake)(&namespace);
        }
    }

    async fn follow(&self, version: &str) -> Result<End, Error> {
        match self.open(&self.params(false), version).await {
            Ok(events) => self.take_all(events, version.to_owned()).await,
            Err(error) if has_code(&error, 410) => Ok(End::Anew),
            Err(error) => Err(error),
        }
    }

    async fn take_all(
        &self,
        mut events: impl Stream<Item = Result<WatchEvent<DynamicObject>, Error>> + Unpin,
        mut version: String,
    ) -> Result<End, Error> {
        loop {
            let Ok(next) = timeout(self.patience(), events.next()).await else { return Err(silent()) };
            match next {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    version = object.resource_version().unwrap_or_default();
                    let key = key(&object);
                    let namespace = key.namespace.clone();
                    self.store.put(key, self.held(object), &version);
                    (self.wake)(&namespace);
                }
                Some(Ok(WatchEvent::Deleted(object))) => {
                    version = object.resource_version().unwrap_or_default();
                    let key = key(&object);
                    self.store.remove(&key, &version);
                    (self.wake)(&key.namespace);
                }
                Some(Ok(WatchEvent::Bookmark(mark))) => {
                    version = mark.metadata.resource_version;
                    self.store.lives(Some(&version));
                }
                Some(Ok(WatchEvent::Error(status))) if status.code == 410 => return Ok(End::Anew),
                Some(Ok(WatchEvent::Error(status))) => return Err(Error::Api(status)),
                Some(Err(error)) => {
                    debug!(kind = self.kind.kind, error = words(&error), "the watch broke off");
                    return Ok(End::From(version));
                }
                None => return Ok(End::From(version)),
            }
        }
    }

    fn gather(&self, object: DynamicObject, objects: &mut Objects<T>) {
        let key = key(&object);
        objects.entry(key.namespace).or_default().insert(key.name, self.held(object));
    }

    fn held(&self, object: DynamicObject) -> Result<Arc<T>, String> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        T::hold(object, &self.interned).map(Arc::new).map_err(|error| {
            let told = format!("{} {namespace}/{name} cannot be understood: {error}", self.kind.kind);
            warn!(kind = self.kind.kind, namespace, name, error, "an object cannot be understood");
            told
        })
    }
}

fn key(object: &DynamicObject) -> Key {
    Key { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
}

fn silent() -> Error {
    Error::Service("no answer in time".into())
}

fn metadata_of(object: kube::core::PartialObjectMeta<DynamicObject>) -> DynamicObject {
    DynamicObject { types: object.types, metadata: object.metadata, data: serde_json::Value::Null }
}

fn untyped(event: WatchEvent<kube::core::PartialObjectMeta<DynamicObject>>) -> WatchEvent<DynamicObject> {
    match event {
        WatchEvent::Added(object) => WatchEvent::Added(metadata_of(object)),
        WatchEvent::Modified(object) => WatchEvent::Modified(metadata_of(object)),
        WatchEvent::Deleted(object) => WatchEvent::Deleted(metadata_of(object)),
        WatchEvent::Bookmark(mark) => WatchEvent::Bookmark(mark),
        WatchEvent::Error(status) => WatchEvent::Error(status),
    }
}
