//! One look at a cluster: its Nodes, and the API server of each control plane.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, join_all};
use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use nico_render::workload::{self, Probe, Silence};
use tokio::time::timeout;
use tracing::debug;

use super::Door;
use super::nodes::Nodes;
use crate::board::Ground;
use crate::error::{chain, has_code};
use crate::observe::now;

/// So many Nodes are asked for at a time.
const PAGE: u32 = 500;

/// And so many pages at most: Kubernetes has 5,000 Nodes at most.
const PAGES: usize = 40;

/// What came of it.
pub(super) struct Seen {
    pub probe: Probe,
    /// The login is refused: the kubeconfig is of no use any more.
    pub is_refused: bool,
}

/// Asks. What is found says something for so long.
pub(super) async fn ask(door: &Door, ground: &Ground, says_for: Duration) -> Seen {
    let at = now();
    let apis = ground.control_planes.iter().filter_map(|machine| {
        let address = ground.machines.get(machine)?.address()?.to_owned();
        Some(async move { (machine.clone(), door.ask(&address).await) })
    });
    let (nodes, apis) = join(nodes(door), join_all(apis)).await;
    let is_refused = matches!(nodes, Err(Failure::Refused));
    let nodes = nodes.map(|nodes| of_machines(&nodes, ground)).map_err(Failure::silence);
    let apis = apis.into_iter().collect();
    let until = now();
    let until = until.checked_add(says_for).unwrap_or(until);
    Seen { probe: Probe { at, until, nodes, apis }, is_refused }
}

fn of_machines(nodes: &Nodes, ground: &Ground) -> BTreeMap<String, workload::Node> {
    let found = ground.machines.iter().filter_map(|(name, machine)| Some((name.clone(), nodes.of(machine)?)));
    found.collect()
}

/// Why there is no list of the Nodes.
enum Failure {
    Silent,
    /// It lets us in, and shows no Nodes.
    Forbidden,
    /// It does not let us in, or is not who it was.
    Refused,
    Garbled,
}

impl Failure {
    const fn silence(self) -> Silence {
        match self {
            Self::Silent => Silence::NotAnswering,
            Self::Forbidden | Self::Refused => Silence::Denied,
            Self::Garbled => Silence::Garbled,
        }
    }
}

async fn nodes(door: &Door) -> Result<Nodes, Failure> {
    match timeout(door.limit(), list(door)).await {
        Ok(Ok(nodes)) => Ok(Nodes::new(nodes)),
        Ok(Err(error)) => {
            debug!(?door, error = chain(&error), "no list of the Nodes");
            Err(failure(&error))
        }
        Err(_) => Err(Failure::Silent),
    }
}

async fn list(door: &Door) -> Result<Vec<Node>, kube::Error> {
    let api: kube::Api<Node> = kube::Api::all(door.client().clone());
    let mut nodes = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    for _ in 0..PAGES {
        let page = api.list(&params).await?;
        nodes.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(nodes),
        }
    }
    Err(kube::Error::Service("the list of the Nodes has no end".into()))
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
