//! kopf's worker: one task an object, from event to event.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::api::{Note, Resource};
use crate::body::Body;
use crate::context::Context;
use crate::kopf::TOUCH;

/// For so long a worker waits to see what it wrote itself before it goes on.
const CONSISTENCY: Duration = Duration::from_secs(5);
/// After an error of the API server.
const AGAIN: Duration = Duration::from_millis(500);

/// What a worker does with its object.
pub(crate) trait Serve {
    const RESOURCE: Resource;

    fn context(&self) -> &Context;

    /// An event has come, which may be older than what was written.
    fn arrives(&mut self, body: &Body);

    /// Does what there is to do with what has arrived.
    fn serve(&mut self, body: &Body) -> impl Future<Output = Next> + Send;

    /// What was to be written is.
    fn written(&mut self);

    /// The object is gone.
    fn leaves(&mut self);
}

/// What comes after one cycle.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing, until something happens.
    Wait,
    /// Nothing for so long, unless something happens.
    Pause(Duration),
    /// This is written, and then there is an event.
    Write(Note),
}

/// Serves an object, to its end. None is an object that is gone.
pub(crate) async fn work(mut served: impl Serve, mut events: watch::Receiver<Option<Body>>) {
    let mut written: Option<(u64, Instant)> = None;
    loop {
        let Some(body) = events.borrow_and_update().clone() else {
            return served.leaves();
        };
        served.arrives(&body);
        if let Some((version, until)) = written
            && body.version() < version
        {
            match timeout_at(until, events.changed()).await {
                Ok(Ok(())) => continue,
                Ok(Err(_)) => return,
                Err(_) => {}
            }
        }
        let result = match served.serve(&body).await {
            Next::Wait => events.changed().await.map_err(|_| Ended).map(|()| None),
            Next::Pause(pause) => pass(&mut events, pause, &mut served, &body).await,
            Next::Write(note) => write(&mut events, &mut served, &body, &note).await,
        };
        match result {
            Ok(version) => written = version.map(|version| (version, Instant::now() + CONSISTENCY)),
            Err(Ended) => return,
        }
    }
}

/// NIO ends.
struct Ended;

/// When nothing has happened for so long, kopf touches the object, to get an event.
async fn pass(
    events: &mut watch::Receiver<Option<Body>>,
    pause: Duration,
    served: &mut impl Serve,
    body: &Body,
) -> Result<Option<u64>, Ended> {
    tokio::select! {
        changed = events.changed() => changed.map(|()| None).map_err(|_| Ended),
        () = sleep(pause) => {
            let annotations = [(TOUCH, Some(Timestamp::now().to_string()))].into();
            write(events, served, body, &Note { annotations, ..Note::default() }).await
        }
    }
}

/// The version that was written.
async fn write<S: Serve>(
    events: &mut watch::Receiver<Option<Body>>,
    served: &mut S,
    body: &Body,
    note: &Note,
) -> Result<Option<u64>, Ended> {
    match served.context().server.write_note(S::RESOURCE, body, note).await {
        Ok(Some(version)) => {
            served.written();
            return Ok(Some(version));
        }
        // It is gone, and is served no more: there will be an event that says so. One from before may come first.
        Ok(None) => {
            events.wait_for(Option::is_none).await.map_err(|_| Ended)?;
        }
        Err(error) => {
            tracing::info!(object = body.name(), %error, "kopf cannot write");
            timeout(AGAIN, events.changed()).await.unwrap_or(Ok(())).map_err(|_| Ended)?;
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use kube::Client;
    use kube::api::DynamicObject;
    use serde_json::{Value, json};
    use tokio::sync::watch;
    use tokio::task::yield_now;
    use tower::service_fn;

    use super::{Next, Serve, work};
    use crate::api::{Hold, Note, Resource, Server};
    use crate::body::Body;
    use crate::context::{Context, Tasks};
    use crate::control::Control;
    use crate::kopf::FINALIZER;
    use crate::random::Random;
    use crate::settings::Settings;

    /// An object that is being deleted, and that these hold.
    fn deleted(version: &str, finalizers: &[&str]) -> Value {
        json!({
            "apiVersion": "nio.homystack.com/v1alpha1",
            "kind": "NixosConfiguration",
            "metadata": {
                "name": "home-node-1", "namespace": "fleet", "uid": "u", "resourceVersion": version,
                "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers,
            },
        })
    }

    fn held(version: &str) -> Body {
        let object: DynamicObject = serde_json::from_value(deleted(version, &[FINALIZER])).unwrap();
        Body::new(object)
    }

    /// Lets go of its object whenever it is served, and counts that.
    struct LetsGo {
        context: Context,
        served: Arc<AtomicU32>,
    }

    impl Serve for LetsGo {
        const RESOURCE: Resource = Resource::Configuration;

        fn context(&self) -> &Context {
            &self.context
        }

        fn arrives(&mut self, _body: &Body) {}

        async fn serve(&mut self, _body: &Body) -> Next {
            self.served.fetch_add(1, Ordering::Relaxed);
            Next::Write(Note { finalizer: Some(Hold::LetGo), ..Note::default() })
        }

        fn written(&mut self) {}

        fn leaves(&mut self) {}
    }

    #[tokio::test]
    async fn what_was_let_go_is_not_served_again_before_the_event_of_its_end() {
        let (sender, events) = watch::channel(Some(held("6")));
        let sender = Arc::new(sender);
        let (answered, served) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        // The API server answers with the version from before. Its event, of what was written to the status,
        // is there, and that of the end is not.
        let (before, answers) = (sender.clone(), answered.clone());
        let server = service_fn(move |_request: http::Request<kube::client::Body>| {
            before.send_replace(Some(held("7")));
            answers.fetch_add(1, Ordering::Relaxed);
            let answer = kube::client::Body::from(deleted("7", &[]).to_string().into_bytes());
            async move { Ok::<_, Infallible>(http::Response::new(answer)) }
        });
        let context = Context {
            server: Server::new(Client::new(server, "fleet")),
            settings: Settings::default(),
            world: Control::new().world,
            random: Random::new(1),
            tasks: Tasks::default(),
        };
        let worker = tokio::spawn(work(LetsGo { context, served: served.clone() }, events));
        while answered.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
        // All that could go on goes on.
        for _turn in 0..100 {
            yield_now().await;
        }
        assert_eq!(served.load(Ordering::Relaxed), 1);
        sender.send_replace(None);
        worker.await.unwrap();
        assert_eq!(served.load(Ordering::Relaxed), 1);
    }
}
