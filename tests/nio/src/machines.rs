//! The worker of one Machine: can it be reached?

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::api::{Hold, Note, Resource};
use crate::body::Body;
use crate::context::Context;
use crate::kopf::LAST_HANDLED;
use crate::worker::{Next, Serve};

/// A Machine that is served.
pub(crate) struct Machine {
    context: Arc<Context>,
    tries: Option<Arc<Tries>>,
}

impl Machine {
    pub const fn new(context: Arc<Context>) -> Self {
        Self { context, tries: None }
    }
}

impl Serve for Machine {
    const RESOURCE: Resource = Resource::Machine;

    fn context(&self) -> &Context {
        &self.context
    }

    fn arrives(&mut self, body: &Body) {
        match &self.tries {
            Some(tries) if body.is_deleted() => tries.stop(),
            Some(tries) => tries.renew(Some(body.clone())),
            None if body.is_deleted() => {}
            None => self.tries = Some(Tries::spawn(&self.context, body.clone())),
        }
    }

    async fn serve(&mut self, body: &Body) -> Next {
        match (body.is_held(), body.is_deleted()) {
            (false, true) => return Next::Wait,
            (true, true) => return Next::Write(Note { finalizer: Some(Hold::LetGo), ..Note::default() }),
            (false, false) => return Next::Write(Note { finalizer: Some(Hold::Take), ..Note::default() }),
            (true, false) => {}
        }
        let last = body.last_handled();
        if last.is_none() {
            let (namespace, name) = (body.namespace(), body.name());
            let discoverable = !self.context.world.is_lost(&namespace, &name);
            let status = json!({ "discoverable": discoverable, "hasConfiguration": false });
            let written =
                self.context.server.write_status(Resource::Machine, &namespace, &name, &status).await;
            if let Err(error) = written {
                tracing::info!(machine = name, %error, "the handler of Machines failed");
                return Next::Pause(self.context.settings.retry_delay);
            }
        }
        if last == Some(body.essence()) {
            return Next::Wait;
        }
        Next::Write(Note {
            annotations: [(LAST_HANDLED, Some(body.essence_text()))].into(),
            ..Note::default()
        })
    }

    fn written(&mut self) {}

    fn leaves(&mut self) {
        if let Some(tries) = &self.tries {
            tries.stop();
        }
    }
}

/// Tries again and again to log in.
struct Tries {
    body: Mutex<Option<Body>>,
    stopped: Notify,
}

impl Tries {
    fn spawn(context: &Arc<Context>, body: Body) -> Arc<Self> {
        let tries = Arc::new(Self { body: Mutex::new(Some(body)), stopped: Notify::new() });
        context.tasks.spawn(run(context.clone(), tries.clone()));
        tries
    }

    fn renew(&self, body: Option<Body>) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }

    fn stop(&self) {
        self.renew(None);
        self.stopped.notify_one();
    }
}

async fn run(context: Arc<Context>, tries: Arc<Tries>) {
    loop {
        let Some(body) = tries.body.lock().unwrap_or_else(PoisonError::into_inner).clone() else {
            return;
        };
        if let Err(error) = try_once(&context, &body).await {
            tracing::info!(machine = body.name(), %error, "the timer of Machines failed");
        }
        tokio::select! {
            () = sleep(context.settings.machine_interval) => {}
            () = tries.stopped.notified() => {}
        }
    }
}

/// NIO writes its status every time; what changes nothing is spared here.
async fn try_once(context: &Context, body: &Body) -> Result<(), kube::Error> {
    let (namespace, name) = (body.namespace(), body.name());
    let discoverable = !context.world.is_lost(&namespace, &name);
    let mut news = serde_json::Map::new();
    if body.status().get("discoverable") != Some(&Value::Bool(discoverable)) {
        news.insert("discoverable".to_owned(), json!(discoverable));
    }
    if discoverable && body.status().get("hardwareFacts").is_none() {
        news.insert("hardwareFacts".to_owned(), json!({}));
    }
    if news.is_empty() {
        return Ok(());
    }
    context.server.write_status(Resource::Machine, &namespace, &name, &Value::Object(news)).await
}
