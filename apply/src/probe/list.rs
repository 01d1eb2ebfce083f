//! Lists of a running cluster, bounded in pages, time and bytes: whoever is root there could send one without end.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::ListParams;
use kube::{Api, Client};
use nico_render::workload::Silence;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tracing::debug;

use crate::error::{chain, has_code};

/// So many objects are asked for at a time.
const PAGE: u32 = 500;

/// Why there is no list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Silent,
    /// It lets us in, and shows none.
    Forbidden,
    /// It does not let us in, or is not who it was.
    Refused,
    Garbled,
}

impl Failure {
    pub const fn silence(self) -> Silence {
        match self {
            Self::Silent => Silence::NotAnswering,
            Self::Forbidden | Self::Refused => Silence::Denied,
            Self::Garbled => Silence::Garbled,
        }
    }
}

/// Who is asked, and for how long.
pub(super) struct Asked<'a> {
    pub client: &'a Client,
    pub limit: Duration,
}

impl Asked<'_> {
    /// All objects of a kind that these fields select, in so many pages at most; of each only what is made of it is
    /// kept.
    pub async fn list<K, T>(
        &self,
        fields: Option<&str>,
        pages: usize,
        hold: impl Fn(K) -> T,
    ) -> Result<Vec<T>, Failure>
    where
        K: kube::Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let params = ListParams { field_selector: fields.map(str::to_owned), ..ListParams::default() };
        match timeout(self.limit, all(&api, params.limit(PAGE), pages, hold)).await {
            Ok(Ok(list)) => Ok(list),
            Ok(Err(error)) => {
                debug!(kind = %K::kind(&()), error = chain(&error), "no list");
                Err(failure(&error))
            }
            Err(_) => Err(Failure::Silent),
        }
    }
}

async fn all<K, T>(
    api: &Api<K>,
    mut params: ListParams,
    pages: usize,
    hold: impl Fn(K) -> T,
) -> Result<Vec<T>, kube::Error>
where
    K: Clone + DeserializeOwned + Debug,
{
    let mut held = Vec::new();
    for _ in 0..pages {
        let page = api.list(&params).await?;
        held.extend(page.items.into_iter().map(&hold));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(held),
        }
    }
    Err(kube::Error::Service("the list has no end".into()))
}

fn failure(error: &kube::Error) -> Failure {
    if has_code(error, 401) || is_another(error) {
        Failure::Refused
    } else if has_code(error, 403) {
        Failure::Forbidden
    } else if matches!(error, kube::Error::SerdeError(_)) {
        Failure::Garbled
    } else {
        Failure::Silent
    }
}

/// Its certificate is not signed by whom the kubeconfig names: the cluster was started anew. rustls says it in these
/// words, and kube passes no more on.
fn is_another(error: &kube::Error) -> bool {
    chain(error).contains("invalid peer certificate")
}
