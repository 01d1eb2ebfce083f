//! The timer of a configuration: looks now and then, beside the handler, at whatever copy the handler's
//! worker took last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::context::Context;
use crate::event::Actor;
use crate::look::{Copy, look};

/// For so long the timer of a new object waits for the handler, so that both apply it.
const TOGETHER: Duration = Duration::from_secs(10);

/// What the worker of an object and its timer share. The copy is as old as the handler's beginning while
/// the handler runs: the worker takes no other then.
#[derive(Debug)]
pub(crate) struct Timer {
    copy: Mutex<Copy>,
    state: Mutex<State>,
    /// It is to look now, or to end.
    wake: Notify,
    /// The handler has begun.
    begun: Notify,
}

#[derive(Debug)]
struct State {
    activity: Activity,
    stopped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// It waits for its first look.
    Begins,
    Looks,
    Sleeps,
}

impl Timer {
    /// Begins, with a look at once.
    pub fn spawn(context: &Arc<Context>, copy: Copy) -> Arc<Self> {
        let timer = Arc::new(Self {
            copy: Mutex::new(copy),
            state: Mutex::new(State { activity: Activity::Begins, stopped: false }),
            wake: Notify::new(),
            begun: Notify::new(),
        });
        context.tasks.spawn(run(context.clone(), timer.clone()));
        timer
    }

    /// It goes on with this copy, once it has ended what it does now.
    pub fn renew(&self, copy: Copy) {
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = copy;
    }

    fn copy(&self) -> Copy {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handler begins to look; the timer too, if it is to.
    pub fn handler_begins(&self, twin: bool) {
        self.begun.notify_one();
        if twin && self.state().activity == Activity::Sleeps {
            self.wake.notify_one();
        }
    }

    /// It begins nothing any more. Whether it is still at something.
    pub fn stop(&self) -> bool {
        let mut state = self.state();
        state.stopped = true;
        self.wake.notify_one();
        state.activity == Activity::Looks
    }

    /// False where it has been stopped.
    fn begins(&self) -> bool {
        let mut state = self.state();
        state.activity = if state.stopped { Activity::Sleeps } else { Activity::Looks };
        !state.stopped
    }
}

async fn run(context: Arc<Context>, timer: Arc<Timer>) {
    let first = timer.copy().body;
    if first.last_handled().is_none() && first.attempts().is_none() {
        // Both begin within a second or so, and an installation takes minutes: always together.
        tokio::select! {
            _ = timeout(TOGETHER, timer.begun.notified()) => {}
            () = timer.wake.notified() => {}
        }
    }
    while timer.begins() {
        let copy = timer.copy();
        let outcome = look(&context, &copy, Actor::Timer).await;
        timer.state().activity = Activity::Sleeps;
        let name = copy.body.name();
        let machine = copy.body.machine().unwrap_or_default();
        context.world.looked(&copy.body.namespace(), machine, Actor::Timer);
        let pause = match outcome {
            Ok(()) => context.random.about(&format!("{name} again"), context.settings.timer_interval),
            Err(failure) => {
                tracing::info!(configuration = name, %failure, "the timer failed");
                context.settings.retry_delay
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = timer.wake.notified() => {}
        }
    }
}
