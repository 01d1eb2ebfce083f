//! Starting and ending NIO, and bringing events to workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use kube::Client;
use kube::api::DynamicObject;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher::watcher};
use tokio::sync::watch;

use crate::api::{Resource, Server};
use crate::body::Body;
use crate::context::{Context, Tasks};
use crate::control::Control;
use crate::handler::Configuration;
use crate::machines::Machine;
use crate::random::Random;
use crate::settings::{Scope, Settings};
use crate::worker;

/// A running NIO. Dropping it ends it.
pub struct Nio {
    /// What goes wrong, and what happened.
    pub control: Control,
    context: Arc<Context>,
}

impl std::fmt::Debug for Nio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nio").field("control", &self.control).finish_non_exhaustive()
    }
}

impl Nio {
    /// Starts it in a world in which nothing has happened. Within a Tokio runtime, that of the client.
    pub fn start(client: Client, scope: Scope, settings: Settings) -> Self {
        Self::start_in(client, scope, settings, Control::new())
    }

    /// Starts it in a world that is there already, as after a crash: the machines are as they were left.
    pub fn start_in(client: Client, scope: Scope, settings: Settings, control: Control) -> Self {
        let context = Arc::new(Context {
            server: Server::new(client),
            random: Random::new(settings.seed),
            settings,
            world: control.world.clone(),
            tasks: Tasks::default(),
        });
        let namespaces = match scope {
            Scope::All => vec![None],
            Scope::Namespaces(names) => names.into_iter().map(Some).collect(),
        };
        for namespace in namespaces {
            for resource in [Resource::Machine, Resource::Configuration] {
                context.tasks.spawn(serve(context.clone(), resource, namespace.clone()));
            }
        }
        Self { control, context }
    }

    /// Ends it at once, as a crash does: nothing is finished, and what it applied is left half. When this
    /// returns nothing of it runs any more. (A request that is under way may still reach the server.)
    pub async fn stop(self) {
        for task in self.context.tasks.abort() {
            let _aborted = task.await;
        }
    }
}

impl Drop for Nio {
    fn drop(&mut self) {
        self.context.tasks.abort();
    }
}

/// The workers of one kind, by the UIDs of their objects.
struct Workers {
    context: Arc<Context>,
    resource: Resource,
    events: BTreeMap<String, watch::Sender<Option<Body>>>,
}

/// Brings events to workers, for ever.
async fn serve(context: Arc<Context>, resource: Resource, namespace: Option<String>) {
    let objects = context.server.objects(resource, namespace.as_deref());
    let mut stream = watcher(objects, watcher::Config::default())
        .default_backoff()
        .modify(|object: &mut DynamicObject| object.metadata.managed_fields = None)
        .boxed();
    let mut workers = Workers { context, resource, events: BTreeMap::new() };
    let mut listed = BTreeSet::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitApply(object)) => {
                let body = Body::new(object);
                listed.insert(body.uid());
                workers.bring(body, true);
            }
            Ok(Event::InitDone) => workers.keep(&listed),
            Ok(Event::Apply(object)) => workers.bring(Body::new(object), false),
            Ok(Event::Delete(object)) => workers.end(&Body::new(object).uid()),
            Err(error) => tracing::info!(?resource, %error, "cannot watch"),
        }
    }
}

impl Workers {
    fn bring(&mut self, body: Body, listed: bool) {
        if let Some(events) = self.events.get(&body.uid()) {
            events.send_replace(Some(body));
            return;
        }
        let uid = body.uid();
        let (sender, events) = watch::channel(Some(body));
        self.events.insert(uid, sender);
        let context = self.context.clone();
        match self.resource {
            Resource::Machine => {
                self.context.tasks.spawn(worker::work(Machine::new(context), events));
            }
            Resource::Configuration => {
                self.context.tasks.spawn(worker::work(Configuration::new(context, listed), events));
            }
        }
    }

    fn end(&mut self, uid: &str) {
        if let Some(events) = self.events.remove(uid) {
            events.send_replace(None);
        }
    }

    /// What is not listed any more is gone.
    fn keep(&mut self, listed: &BTreeSet<String>) {
        let gone: Vec<String> = self.events.keys().filter(|uid| !listed.contains(*uid)).cloned().collect();
        for uid in gone {
            self.end(&uid);
        }
    }
}
