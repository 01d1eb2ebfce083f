//! Whether the server defines the kinds as NICO needs them, now and later: one that is exchanged for an older
//! one drops fields, and what they forbade would be allowed then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, WatchEvent, WatchParams};
use kube::{Client, ResourceExt as _};
use nico_crds::machine::Dialect;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::kinds::{self, Kind};

/// Between two looks at definitions that are missing or too old.
const PAUSE: Duration = Duration::from_secs(5);

/// What is known of the definitions.
#[derive(Debug)]
pub(super) struct Definitions {
    state: Mutex<Result<Dialect, String>>,
    /// One looks after the other: what was seen later is what counts.
    looking: tokio::sync::Mutex<()>,
}

impl Default for Definitions {
    fn default() -> Self {
        let state = Err("the definitions were not looked at yet".to_owned());
        Self { state: Mutex::new(state), looking: tokio::sync::Mutex::default() }
    }
}

impl Definitions {
    /// The dialect of NIO's objects, or what is wrong with the definitions.
    pub fn dialect(&self) -> Result<Dialect, String> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all are there.
    pub async fn wait(&self, client: &Client) {
        while self.look(client).await.is_err() {
            sleep(PAUSE).await;
        }
    }

    /// Looks at all of them again whenever one of them changes, for ever.
    pub async fn watch(self: Arc<Self>, client: Client, kind: Kind, seconds: u32) {
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        // From whatever the server has at hand: each watch begins with the definition as it is, and one that was
        // seen already is no news. So it needs no list, and no server that streams one.
        let only = WatchParams::default().fields(&format!("metadata.name={}", kind.crd)).timeout(seconds);
        // One that fell silent is begun anew.
        let silence = Duration::from_secs(u64::from(seconds)).saturating_add(PAUSE);
        let mut known = None;
        loop {
            if self.dialect().is_err() {
                self.wait(&client).await;
            }
            let watched = async {
                let mut events = api.watch(&only, "0").await?.boxed();
                while let Some(event) = events.try_next().await? {
                    let seen = match event {
                        WatchEvent::Added(it) | WatchEvent::Modified(it) => {
                            Some((it.uid(), it.metadata.generation))
                        }
                        WatchEvent::Deleted(_) => None,
                        WatchEvent::Bookmark(_) => continue,
                        WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
                    };
                    let is_news = known.replace(seen.clone()).is_none_or(|known| known != seen);
                    if is_news && self.look(&client).await.is_err() {
                        return Ok(());
                    }
                }
                Ok(())
            };
            if let Ok(Err(error)) = timeout(silence, watched).await {
                warn!(crd = kind.crd, %error, "cannot watch a definition");
                sleep(PAUSE).await;
            }
        }
    }

    async fn look(&self, client: &Client) -> Result<(), ()> {
        let _turn = self.looking.lock().await;
        let found = kinds::check(client).await.map_err(|error| error.to_string());
        let before = self.dialect();
        match &found {
            Ok(dialect) if before.is_err() => info!(?dialect, "the definitions are there"),
            Err(error) if before.as_ref() != Err(error) => warn!(error, "waiting for the definitions"),
            Ok(_) | Err(_) => {}
        }
        let is_good = found.as_ref().map(|_| ()).map_err(|_| ());
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = found;
        is_good
    }
}
