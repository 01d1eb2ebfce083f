//! What a test does in the middle of a request.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::State;
use crate::call::Call;

/// What becomes of a request after its hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It goes on.
    GoOn,
    /// It does not, and its connection is cut: after the write the answer is
    /// lost, before it the server is not asked.
    Drop,
    /// The same, with all [connections that are there](super::Proxy::sever): of
    /// a client that was killed nothing reaches the server any more.
    Sever,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    After,
}

pub(super) struct Hook {
    place: Place,
    number: u64,
    run: Box<dyn FnOnce(Call) -> BoxFuture<'static, Then> + Send>,
    done: oneshot::Sender<Call>,
}

/// A hook that has yet to run.
#[derive(Debug)]
#[must_use]
pub struct Awaited {
    what: String,
    done: oneshot::Receiver<Call>,
}

impl Awaited {
    /// Waits until the hook has ended, and says at which request; panics if it does not.
    pub async fn happened(self, bound: Duration) -> Call {
        timeout(bound, self.done)
            .await
            .unwrap_or_else(|_elapsed| panic!("waited {bound:?} for the hook {}", self.what))
            .unwrap_or_else(|_gone| {
                panic!("the hook {} never ended: it panicked, or the proxy is gone", self.what)
            })
    }
}

impl Hook {
    pub(super) fn new<F>(
        place: Place,
        number: u64,
        run: impl FnOnce(Call) -> F + Send + 'static,
    ) -> (Self, Awaited)
    where
        F: Future<Output = Then> + Send + 'static,
    {
        let (tell, done) = oneshot::channel();
        let what = match place {
            Place::Before => format!("before write {number}"),
            Place::After => format!("after write {number}"),
        };
        (Self { place, number, run: Box::new(|call| run(call).boxed()), done: tell }, Awaited { what, done })
    }

    pub(super) async fn run(self, call: &Call) -> Then {
        let then = (self.run)(call.clone()).await;
        let _nobody_waits = self.done.send(call.clone());
        then
    }
}

impl State {
    /// The hook for the write of this number.
    pub(super) fn take_hook(&mut self, place: Place, number: u64) -> Option<Hook> {
        let found = self.hooks.iter().position(|hook| hook.place == place && hook.number == number)?;
        Some(self.hooks.remove(found))
    }

    /// Whether the answer to this is to be lost.
    pub(super) fn drops(&mut self, call: &Call) -> bool {
        let drop = self.drops.iter_mut().find(|(times, matching)| *times > 0 && matching(call));
        drop.is_some_and(|(times, _matching)| {
            *times = times.saturating_sub(1);
            true
        })
    }
}
