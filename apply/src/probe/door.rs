//! The way into a cluster by its stored kubeconfig, with connections of its own.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex as Latch, PoisonError};
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, Scheme};
use kube::Client;
use nico_crds::KubernetesCluster;
use nico_render::workload::Api;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::api::ask_control_plane;
use crate::kubeconfig::{Access, KNOWN_AS, LoginError, Way, client, write};

/// Where API servers listen, if nobody says otherwise.
const USUAL: u16 = 6443;
/// Where what has no port in its address listens.
const HTTPS: u16 = 443;

/// The way into a cluster.
pub struct Door {
    cluster: String,
    access: Access,
    limit: Duration,
    /// To the server that the kubeconfig names.
    client: Client,
    /// To the API server of each control plane, by its address: those that have answered.
    own: Mutex<BTreeMap<String, Client>>,
    /// The one of them that gave the list of the Nodes last.
    answered: Latch<Client>,
}

impl Door {
    /// Opens it; each question may take so long.
    ///
    /// # Errors
    ///
    /// No client can be made of the kubeconfig.
    pub async fn open(
        cluster: &KubernetesCluster,
        text: &SecretString,
        access: Access,
        limit: Duration,
    ) -> Result<Self, LoginError> {
        let client = client(text, limit).await?;
        Ok(Self {
            cluster: cluster.metadata.name.clone().unwrap_or_default(),
            answered: Latch::new(client.clone()),
            client,
            access,
            limit,
            own: Mutex::default(),
        })
    }

    /// To the server that the kubeconfig names.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// To the API server of the control plane at this address, if it has answered.
    pub(super) async fn own(&self, address: &str) -> Option<Client> {
        self.own.lock().await.get(address).cloned()
    }

    /// This one gives answers.
    pub(super) fn answered(&self, client: Client) {
        *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }

    /// To who gave answers last: the server that the kubeconfig names may be on the machine that leaves.
    pub(crate) fn who_answers(&self) -> Client {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long a question may take.
    pub(crate) const fn limit(&self) -> Duration {
        self.limit
    }

    /// Asks the API server at a control plane's own address.
    pub(super) async fn ask(&self, address: &str) -> Api {
        timeout(self.limit, self.ask_by_any_way(address)).await.unwrap_or(Api::Silent)
    }

    async fn ask_by_any_way(&self, address: &str) -> Api {
        let known = self.own.lock().await.get(address).cloned();
        if let Some(client) = known {
            let api = ask_control_plane(&client, self.limit).await;
            if api != Api::Silent {
                return api;
            }
            self.own.lock().await.remove(address);
        }
        for way in self.ways(address) {
            let Ok(text) = write(&self.cluster, &self.access, &way) else { continue };
            let Ok(client) = client(&text, self.limit).await else { continue };
            let api = ask_control_plane(&client, self.limit).await;
            if api != Api::Silent {
                self.own.lock().await.insert(address.to_owned(), client);
                return api;
            }
        }
        Api::Silent
    }

    /// Where it may listen: at the port of the kubeconfig's server, or, where that is something in front of all of
    /// them, at the usual one. And by which name it may be known: that of its address, that of every API server, that
    /// of the kubeconfig.
    fn ways(&self, address: &str) -> Vec<Way> {
        let told = self.access.server.port_u16().unwrap_or(HTTPS);
        let ports = [Some(told), Some(USUAL).filter(|usual| *usual != told)];
        let names = [None, Some(KNOWN_AS.to_owned())].into_iter();
        let names: Vec<_> = names.chain(self.access.tls_server_name.clone().map(Some)).collect();
        let servers = ports.into_iter().flatten().filter_map(|port| server(address, port));
        let ways = servers.flat_map(|server| {
            let way = |name: &Option<String>| Way { server: server.clone(), tls_server_name: name.clone() };
            names.iter().map(way).collect::<Vec<_>>()
        });
        ways.collect()
    }
}

fn server(address: &str, port: u16) -> Option<Uri> {
    let host = match address.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    };
    let authority: Authority = format!("{host}:{port}").parse().ok()?;
    Uri::builder().scheme(Scheme::HTTPS).authority(authority).path_and_query("/").build().ok()
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
