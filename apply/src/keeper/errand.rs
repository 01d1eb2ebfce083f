//! One errand: from machine to machine, until one gives a kubeconfig with which a login succeeds; then it is stored.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch};
use kube::{Resource as _, ResourceExt as _};
use nico_crds::Machine;
use nico_crds::names::kubeconfig_secret;
use nico_render::workload::{Stored, Trouble};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tracing::{debug, info};

use super::host_keys::Pins;
use super::key::key;
use super::look::{get, of, text_of};
use super::{Settings, secret, trouble};
use crate::ApplyError;
use crate::board::{Kept, Post};
use crate::error::chain;
use crate::hands::writer::Writer;
use crate::kubeconfig::{Place, Verified, fetch, login, read};
use crate::observe::now;
use crate::ssh::{HostKeys, Room, Target, Visit};

/// What errands need.
pub(super) struct Office {
    pub writer: Writer,
    pub settings: Settings,
    /// Where keys lie while they are used; made when the first is.
    room: OnceCell<Room>,
}

/// Why nothing was stored.
pub(super) enum Failure {
    /// Somebody was faster, or the API server does not answer: that is told elsewhere.
    Passing,
    /// A person wants to know.
    Told(Trouble),
    /// The same, and to try again soon is of no use.
    Lasting(Trouble),
}

impl Office {
    pub fn new(writer: Writer, settings: Settings) -> Self {
        Self { writer, settings, room: OnceCell::new() }
    }

    /// Fetches a kubeconfig, and stores it. The trouble that is told is that of the first machine.
    pub async fn fetch(&self, post: &Post, before: &Kept) -> Result<Kept, Failure> {
        let room = self.room().await.map_err(Failure::Told)?;
        let mut first = None;
        for machine in &post.ground.sources.settled {
            if !post.term.is_valid() {
                return Err(Failure::Passing);
            }
            let Some(machine) = post.ground.machines.get(machine) else { continue };
            match self.fetch_from(room, post, machine).await {
                Ok(verified) => return self.store(post, before, &verified).await,
                Err(trouble) => {
                    debug!(machine = machine.name_any(), reason = trouble.reason, "{}", trouble.message);
                    first.get_or_insert(trouble);
                }
            }
        }
        Err(first.map_or(Failure::Passing, Failure::Told))
    }

    async fn room(&self) -> Result<&Room, Trouble> {
        self.room.get_or_try_init(open_room).await
    }

    async fn fetch_from(
        &self,
        room: &Room,
        post: &Post,
        machine: &Arc<Machine>,
    ) -> Result<Verified, Trouble> {
        let (cluster, name) = (&*post.cluster, machine.name_any());
        let host = machine.address().ok_or_else(|| trouble::no_address(&name))?;
        let Settings { ssh_config, key_namespaces, host_keys, timeout } = &self.settings;
        let writer = self.writer.clone().within(post.term.clone());
        let key = key(&writer, key_namespaces, post.ground.dialect, machine).await?;
        let mut pins = Pins::read(&writer, cluster).await?;
        let expected = pins.expected(*host_keys, post, machine, &key)?;
        let user = machine.spec.ssh_user.as_deref().filter(|user| !user.is_empty()).unwrap_or("root");
        let target = Target { machine: &name, host, user };
        let config = ssh_config.as_deref();
        let told = |error| trouble::visit(&name, &key.secret, &error);
        let visit = Visit::begin(room, target, &key.private, &expected, config, self.settings.limits());
        let visit = visit.await.map_err(told)?;
        // Before anything that it says is believed.
        if expected == HostKeys::AcceptNew {
            let shown = visit.host_keys().map_err(told)?;
            let pinned = pins.pin(&writer, cluster, &name, &shown).await;
            pinned.map_err(|error| trouble::not_pinned(&name, &error))?;
            info!(cluster = cluster.name_any(), machine = name, "its host key is pinned");
        }
        let path = cluster.spec.kubeconfig.as_ref().and_then(|kubeconfig| kubeconfig.path.as_deref());
        let fetched = fetch(&visit, path).await;
        visit.end().await;
        let text = SecretString::from(fetched.map_err(|error| trouble::fetch(&name, &key.secret, &error))?);
        let access =
            read(text.expose_secret(), now()).map_err(|refusal| trouble::refused(&name, &refusal))?;
        let place = place(post, host);
        let verified = login(&cluster.name_any(), &access, &place, *timeout).await;
        verified.map_err(|error| {
            debug!(machine = name, error = chain(&error), "no login");
            trouble::login(&name, &error)
        })
    }

    async fn store(&self, post: &Post, before: &Kept, got: &Verified) -> Result<Kept, Failure> {
        let cluster = &*post.cluster;
        let writer = self.writer.clone().within(post.term.clone());
        let current = get(self, cluster).await.map_err(|_| Failure::Passing)?;
        let written = match &current {
            None => self.create(&writer, post, got).await,
            Some(current) if !secret::is_of(current, cluster) => {
                return Err(Failure::Told(trouble::taken(&current.name_any())));
            }
            // Somebody took the label off, so that it was not seen: what is in it may be as good.
            Some(current) if !secret::is_labelled(current, cluster) => self.own(post, current).await,
            Some(current) => {
                let stored = before.kubeconfig.stored.as_ref();
                let is_same =
                    text_of(current).is_some_and(|text| text.expose_secret() == got.text.expose_secret());
                if is_same && stored.is_none() {
                    return Ok(of(self, cluster, current).await);
                }
                if is_same || stored.is_some_and(|stored| !is_more(got, stored)) {
                    return Err(Failure::Lasting(trouble::not_newer(stored)));
                }
                self.replace(&writer, post, current, &got.text).await
            }
        };
        let written = written.map_err(|error| {
            let is_passing = matches!(error, ApplyError::Conflict { .. } | ApplyError::NotLeading);
            if is_passing { Failure::Passing } else { Failure::Told(trouble::not_stored(&error)) }
        })?;
        Ok(of(self, cluster, &written).await)
    }

    async fn create(&self, writer: &Writer, post: &Post, got: &Verified) -> Result<Secret, ApplyError> {
        let api = self.secrets(post);
        let fresh = secret::fresh(&post.cluster, &got.text);
        let what = || what(post);
        writer.write("create", "secrets", what, api.create(&writer.create(), &fresh)).await
    }

    /// Makes it the cluster's own, with this text under each of its keys.
    pub async fn replace(
        &self,
        writer: &Writer,
        post: &Post,
        current: &Secret,
        text: &SecretString,
    ) -> Result<Secret, ApplyError> {
        let mut patch = secret::claim(&post.cluster, current.meta());
        if let Some(fields) = patch.as_object_mut() {
            fields.insert("data".to_owned(), serde_json::to_value(secret::fresh(&post.cluster, text).data)?);
        }
        self.patch(writer, post, &patch).await
    }

    /// Makes a Secret that has no owner the cluster's own.
    pub async fn own(&self, post: &Post, found: &Secret) -> Result<Secret, ApplyError> {
        let writer = self.writer.clone().within(post.term.clone());
        self.patch(&writer, post, &secret::claim(&post.cluster, found.meta())).await
    }

    async fn patch(
        &self,
        writer: &Writer,
        post: &Post,
        patch: &serde_json::Value,
    ) -> Result<Secret, ApplyError> {
        let api = self.secrets(post);
        let params = writer.patch();
        let name = kubeconfig_secret(&post.cluster.name_any());
        let patch = Patch::Merge(patch);
        let request = api.patch(&name, &params, &patch);
        writer.write("patch", "secrets", || what(post), request).await
    }

    fn secrets(&self, post: &Post) -> Api<Secret> {
        Api::namespaced(self.writer.client.clone(), &post.cluster.namespace().unwrap_or_default())
    }
}

async fn open_room() -> Result<Room, Trouble> {
    // It ends connections that an earlier process left.
    let opened = spawn_blocking(Room::open).await.map_err(|_| trouble::no_room())?;
    opened.map_err(|error| {
        debug!(error = chain(&error), "no room for keys");
        trouble::no_room()
    })
}

fn what(post: &Post) -> String {
    format!("the Secret {}", kubeconfig_secret(&post.cluster.name_any()))
}

/// The endpoint that stands for all control planes, or else the machine itself.
fn place<'a>(post: &'a Post, host: &'a str) -> Place<'a> {
    match &post.cluster.spec.control_plane_endpoint {
        Some(endpoint) => Place { host: &endpoint.host, port: u16::try_from(endpoint.port).ok() },
        None => Place { host, port: None },
    }
}

/// Whether it is worth more than what is stored: that no longer lets anybody in, or ends sooner.
fn is_more(got: &Verified, stored: &Stored) -> bool {
    let later = got.validity.map(|validity| validity.until).zip(stored.until);
    !stored.lets_in(now()) || later.is_some_and(|(got, stored)| got > stored)
}
