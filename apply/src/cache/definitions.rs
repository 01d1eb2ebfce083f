//! Whether the server defines the kinds as NICO needs them, now and later: one that is exchanged for an older
//! one drops fields, and what they forbade would be allowed then.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, ResourceExt as _};
use nico_crds::machine::Dialect;
use tokio::time::sleep;
use tracing::{info, warn};

use crate::kinds::{self, Kind};

/// Between two looks at definitions that are missing or too old.
const PAUSE: Duration = Duration::from_secs(5);

/// What is known of the definitions.
#[derive(Debug)]
pub(super) struct Definitions(Mutex<Result<Dialect, String>>);

impl Default for Definitions {
    fn default() -> Self {
        Self(Mutex::new(Err("the definitions were not looked at yet".to_owned())))
    }
}

impl Definitions {
    /// The dialect of NIO's objects, or what is wrong with the definitions.
    pub fn dialect(&self) -> Result<Dialect, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all are there.
    pub async fn wait(&self, client: &Client) {
        while self.look(client).await.is_err() {
            sleep(PAUSE).await;
        }
    }

    /// Looks at all of them again whenever one of them changes, for ever.
    pub async fn watch(self: std::sync::Arc<Self>, client: Client, kind: Kind) {
        let only =
            watcher::Config::default().fields(&format!("metadata.name={}", kind.crd)).streaming_lists();
        let events = watcher(Api::<CustomResourceDefinition>::all(client.clone()), only);
        pin_mut!(events);
        let mut known = None;
        while let Some(event) = events.next().await {
            let seen = match event {
                Ok(Event::InitApply(definition) | Event::Apply(definition)) => {
                    Some((definition.uid(), definition.metadata.generation))
                }
                Ok(Event::Delete(_)) => None,
                Ok(Event::Init | Event::InitDone) => continue,
                Err(error) => {
                    warn!(crd = kind.crd, %error, "cannot watch a definition");
                    sleep(PAUSE).await;
                    continue;
                }
            };
            if known.replace(seen.clone()).is_some_and(|known| known == seen) {
                continue;
            }
            self.wait(&client).await;
        }
    }

    async fn look(&self, client: &Client) -> Result<(), ()> {
        let found = kinds::check(client).await.map_err(|error| error.to_string());
        let before = self.dialect();
        match &found {
            Ok(dialect) if before.is_err() => info!(?dialect, "the definitions are there"),
            Err(error) if before.as_ref() != Err(error) => warn!(error, "waiting for the definitions"),
            Ok(_) | Err(_) => {}
        }
        let is_good = found.as_ref().map(|_| ()).map_err(|_| ());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        is_good
    }
}
