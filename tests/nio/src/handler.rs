//! The worker of one configuration: kopf's cycle from event to event, with the handler in it.
//!
//! While the handler runs no event is taken; what comes meanwhile is taken as one when it ends.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::api::{Hold, Note, Resource};
use crate::body::Body;
use crate::context::Context;
use crate::event::{Actor, Kind};
use crate::hash;
use crate::journal::Deed;
use crate::kopf::{Attempts, LAST_HANDLED, PROGRESS, Reason, TOUCH};
use crate::look::{Copy, Failure, look};
use crate::timer::Timer;
use crate::worker::{Next, Serve};

/// A configuration that is served.
pub(crate) struct Configuration {
    context: Arc<Context>,
    timer: Option<Arc<Timer>>,
    /// It was there when NIO began, and has not been looked at to the end since.
    resumes: bool,
    /// What arrived last.
    copy: Option<Copy>,
    /// The timer has not ended although it should.
    timer_runs: bool,
    /// The handler is at rest once this is written down.
    rest: Option<Deed>,
}

impl Configuration {
    pub const fn new(context: Arc<Context>, listed: bool) -> Self {
        Self { context, timer: None, resumes: listed, copy: None, timer_runs: false, rest: None }
    }

    /// The timer gets every copy; it begins with the first, and ends with a deletion.
    fn serve_timer(&mut self, copy: &Copy) {
        match &self.timer {
            Some(timer) if copy.body.is_deleted() => self.timer_runs = timer.stop(),
            Some(timer) => timer.renew(copy.clone()),
            None if copy.body.is_deleted() => {}
            None => self.timer = Some(Timer::spawn(&self.context, copy.clone())),
        }
    }

    fn reason(&self, body: &Body) -> Option<Reason> {
        let last = body.last_handled();
        if body.is_deleted() {
            Some(Reason::Delete)
        } else if last.is_none() {
            Some(Reason::Create)
        } else if last != Some(body.essence()) {
            Some(Reason::Update)
        } else {
            self.resumes.then_some(Reason::Resume)
        }
    }

    /// Runs the handler. What it writes in the end.
    async fn handle(&mut self, copy: &Copy, reason: Reason) -> (Note, Result<(), Failure>) {
        let body = &copy.body;
        let began = Timestamp::now();
        let (namespace, machine) = (body.namespace(), body.machine().unwrap_or_default());
        if let Some(timer) = &self.timer {
            timer.handler_begins(self.context.world.ask(&namespace, machine, |faults| faults.twin));
        }
        let outcome = look(&self.context, copy, Actor::Handler).await;
        self.context.world.looked(&namespace, machine, Actor::Handler);
        let mut note = Note::default();
        match &outcome {
            Ok(()) => {
                if body.annotation(PROGRESS).is_some() {
                    note.annotations.insert(PROGRESS, None);
                }
                if body.last_handled() != Some(body.essence()) {
                    note.annotations.insert(LAST_HANDLED, Some(body.essence_text()));
                }
                self.resumes = false;
            }
            Err(failure) => {
                tracing::info!(configuration = body.name(), %failure, "the handler failed");
                let delay = self.context.settings.retry_delay;
                let attempts = Attempts::another(body.attempts(), began, reason, failure.to_string(), delay);
                note.annotations.insert(PROGRESS, Some(attempts.text()));
            }
        }
        (note, outcome)
    }

    /// That the handler is at rest with this copy.
    fn rest(&self, copy: &Copy) -> Deed {
        let body = &copy.body;
        Deed {
            namespace: body.namespace(),
            machine: body.machine().unwrap_or_default().to_owned(),
            configuration: body.name(),
            uid: body.uid(),
            actor: Actor::Handler,
            kind: Kind::Rest,
            files_hash: hash::files_hash(body.spec(), &serde_json::Value::Null),
            commit: self.context.world.commit(),
            generation: body.generation(),
            revision: body.revision(),
            full_install: body.is_set("fullInstall"),
            copied_after: copy.taken_after,
        }
    }
}

impl Serve for Configuration {
    const RESOURCE: Resource = Resource::Configuration;

    fn context(&self) -> &Context {
        &self.context
    }

    fn arrives(&mut self, body: &Body) {
        let copy = Copy { body: body.clone(), taken_after: self.context.world.journal.place() };
        self.serve_timer(&copy);
        self.copy = Some(copy);
    }

    async fn serve(&mut self, body: &Body) -> Next {
        let deleted = body.is_deleted();
        if !body.is_held() {
            let hold = Note { finalizer: Some(Hold::Take), ..Note::default() };
            return if deleted { Next::Wait } else { Next::Write(hold) };
        }
        let polling = self.timer_runs.then_some(self.context.settings.polling);
        let (Some(reason), Some(copy)) = (self.reason(body), self.copy.clone()) else {
            return Next::Wait;
        };
        if let Some(left) = body.delayed_until().and_then(left) {
            return Next::Pause(polling.map_or(left, |polling| polling.min(left)));
        }
        let (mut note, outcome) = self.handle(&copy, reason).await;
        if outcome.is_ok() && deleted && polling.is_none() {
            note.finalizer = Some(Hold::LetGo);
        }
        self.rest = (outcome.is_ok() && !deleted).then(|| self.rest(&copy));
        if !note.is_empty() {
            if body.annotation(TOUCH).is_some() {
                note.annotations.insert(TOUCH, None);
            }
            return Next::Write(note);
        }
        self.written();
        polling.map_or(Next::Wait, Next::Pause)
    }

    fn written(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.context.world.journal.note(&rest);
        }
    }

    fn leaves(&mut self) {
        if let Some(timer) = &self.timer {
            timer.stop();
        }
    }
}

/// How long it is until then, if it is not over.
fn left(until: Timestamp) -> Option<Duration> {
    Duration::try_from(until.duration_since(Timestamp::now())).ok().filter(|left| !left.is_zero())
}
