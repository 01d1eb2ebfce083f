//! One look at a cluster: its Nodes, what runs on those that leave, and the API server of each control plane.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{join, join_all};
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use nico_render::workload::{self, Api, Probe};

use super::list::{Asked, Failure};
use super::nodes::Nodes;
use super::{Door, pods};
use crate::board::Ground;
use crate::observe::{now, precisely};

/// So many pages of Nodes at most: Kubernetes has 5,000 Nodes at most.
const PAGES: usize = 40;

/// What came of it.
pub(super) struct Seen {
    pub probe: Probe,
    /// The login is refused: the kubeconfig is of no use any more.
    pub is_refused: bool,
}

/// Asks. What is found says something for so long.
pub(super) async fn ask(door: &Door, ground: &Ground, says_for: Duration) -> Seen {
    // What is done from now on may not show.
    let at = precisely();
    let apis = ground.control_planes.iter().filter_map(|machine| {
        let address = ground.machines.get(machine)?.address()?.to_owned();
        Some(async move { (machine.clone(), door.ask(&address).await) })
    });
    let (named, apis) = join(nodes(door, door.client()), join_all(apis)).await;
    let apis: BTreeMap<_, _> = apis.into_iter().collect();
    let is_refused = matches!(named, Err(Failure::Refused));
    let found = match named {
        // The kubeconfig may name the machine that leaves, or is dead.
        Err(Failure::Silent) => by_another_way(door, ground, &apis).await.ok_or(Failure::Silent),
        named => named.map(|nodes| (door.client().clone(), nodes)),
    };
    let nodes = match found {
        Ok((client, nodes)) => {
            let mut nodes = of_machines(&nodes, ground);
            pods::look(&Asked { client: &client, limit: door.limit() }, &mut nodes, &ground.drained).await;
            door.answered(client);
            Ok(nodes)
        }
        Err(failure) => Err(failure.silence()),
    };
    let until = now();
    let until = until.checked_add(says_for).unwrap_or(until);
    Seen { probe: Probe { at, until, missed: None, names: ground.names.clone(), nodes, apis }, is_refused }
}

async fn nodes(door: &Door, client: &Client) -> Result<Nodes, Failure> {
    let asked = Asked { client, limit: door.limit() };
    asked.list(None, PAGES, |node: Node| node).await.map(Nodes::new)
}

/// By the API server of a control plane that has just answered at its own address.
async fn by_another_way(
    door: &Door,
    ground: &Ground,
    apis: &BTreeMap<String, Api>,
) -> Option<(Client, Nodes)> {
    let answers = |api: &Api| match api {
        Api::Ready | Api::NotReady(_) => true,
        Api::Silent => false,
    };
    for (machine, _) in apis.iter().filter(|(_, api)| answers(api)) {
        let Some(address) = ground.machines.get(machine).and_then(|machine| machine.address()) else {
            continue;
        };
        if let Some(client) = door.own(address).await
            && let Ok(nodes) = nodes(door, &client).await
        {
            return Some((client, nodes));
        }
    }
    None
}

/// Those of machines that are gone as well, as far as their names are left.
fn of_machines(nodes: &Nodes, ground: &Ground) -> BTreeMap<String, workload::Node> {
    nodes.of(ground.names.iter().map(|name| (name.as_str(), ground.machines.get(name).map(AsRef::as_ref))))
}
