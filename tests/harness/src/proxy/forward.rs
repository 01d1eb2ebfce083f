//! Writes that are counted, on their way to the server and back.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::{RwLockReadGuard, RwLockWriteGuard, watch};
use tower::BoxError;

use super::hooks::{Place, Then};
use super::{Exchange, Shared};
use crate::call::Call;
use crate::faults::{AnswerBody, InjectedError, Kind};

/// Why a connection is cut.
#[derive(Debug, thiserror::Error)]
#[error("cut by the test")]
pub(super) struct Cut;

/// The right to write.
enum Turn<'a> {
    /// Beside others.
    Any { _guard: RwLockReadGuard<'a, ()> },
    /// Alone, since a hook may be waiting for just this one.
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

pub(super) async fn write(
    shared: Arc<Shared>,
    cut: watch::Receiver<u64>,
    place: usize,
    call: Call,
    request: Request<Full<Bytes>>,
) -> Result<Response<AnswerBody>, BoxError> {
    let _turn = shared.turn().await;
    let next = shared.writes().saturating_add(1);
    shared.run_hook(Place::Before, next, &call).await?;
    // It may have waited for its turn while its client was killed.
    if cut.has_changed()? || shared.state().closed {
        return Err(Cut.into());
    }
    let answer = shared.upstream.send(request).await;
    if let Ok(answer) = &answer {
        shared.answered(place, answer.status());
    }
    if is_committed(&answer) {
        let number = shared.count_write();
        shared.run_hook(Place::After, number, &call).await?;
    }
    answer
}

fn is_committed(answer: &Result<Response<AnswerBody>, BoxError>) -> bool {
    match answer {
        Ok(answer) => answer.status().is_success(),
        Err(error) => {
            let cause = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            cause
                .and_then(|cause| cause.downcast_ref())
                .is_some_and(|InjectedError(kind)| *kind == Kind::LostAnswer)
        }
    }
}

impl Shared {
    async fn turn(&self) -> Turn<'_> {
        let guard = self.writing.read().await;
        // A hook comes only when nobody has this lock.
        if self.state().hooks.is_empty() {
            return Turn::Any { _guard: guard };
        }
        drop(guard);
        Turn::Alone { _guard: self.writing.write().await }
    }

    async fn run_hook(&self, place: Place, number: u64, call: &Call) -> Result<(), Cut> {
        let Some(hook) = self.take_hook(place, number) else {
            return Ok(());
        };
        match hook.run(call).await {
            Then::GoOn => Ok(()),
            Then::Drop => Err(Cut),
            Then::Sever => {
                self.sever();
                Err(Cut)
            }
        }
    }

    fn take_hook(&self, place: Place, number: u64) -> Option<super::Hook> {
        self.state().take_hook(place, number)
    }

    fn writes(&self) -> u64 {
        self.state().writes
    }

    fn count_write(&self) -> u64 {
        let mut state = self.state();
        state.writes = state.writes.saturating_add(1);
        state.writes
    }

    /// Its place in the log.
    pub(super) fn note(&self, method: &Method, call: &Call) -> usize {
        let mut state = self.state();
        state.log.push(Exchange { method: method.to_string(), call: call.clone(), status: None });
        state.log.len().saturating_sub(1)
    }

    pub(super) fn answered(&self, place: usize, status: StatusCode) {
        if let Some(exchange) = self.state().log.get_mut(place) {
            exchange.status = Some(status);
        }
    }
}
