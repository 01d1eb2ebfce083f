//! kopf's worker: one task an object, from event to event.

use std::future::Future;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

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
            Next::Write(note) => Ok(write(&mut events, &mut served, &body, &note).await),
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
            Ok(write(events, served, body, &Note { annotations, ..Note::default() }).await)
        }
    }
}

/// The version that was written.
async fn write<S: Serve>(
    events: &mut watch::Receiver<Option<Body>>,
    served: &mut S,
    body: &Body,
    note: &Note,
) -> Option<u64> {
    match served.context().server.write_note(S::RESOURCE, body, note).await {
        Ok(Some(version)) => {
            served.written();
            return Some(version);
        }
        // It is gone: there will be an event that says so.
        Ok(None) => {}
        Err(error) => tracing::info!(object = body.name(), %error, "kopf cannot write"),
    }
    tokio::select! {
        _ = events.changed() => {}
        () = sleep(AGAIN) => {}
    }
    None
}
