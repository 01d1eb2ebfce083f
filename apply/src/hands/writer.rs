//! One request that changes something: bound to what it was decided on, within a time, counted, and only
//! while this replica leads.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::Client;
use kube::api::{DeleteParams, PatchParams, PostParams};
use nico_crds::names::{FIELD_MANAGER, STATUS_MANAGER};
use tokio::sync::Semaphore;

use crate::ApplyError;
use crate::error::{has_code, is_contested};
use crate::lease::{Leadership, Term};
use crate::metrics::{Metrics, WriteResult};

/// No answer within this time is an error. What the request did is seen by the watches.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether writes are only tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They are made.
    #[default]
    Real,
    /// The server checks everything and keeps nothing.
    DryRun,
}

/// How many requests may be in flight, if nobody says otherwise.
pub const IN_FLIGHT: usize = 16;

/// What every write goes through.
#[derive(Clone)]
pub struct Writer {
    /// The way to the server.
    pub client: Client,
    /// Whether writes are only tried.
    pub mode: Mode,
    /// The leadership that the writes belong to; None: there is none.
    term: Option<Term>,
    permits: Arc<Semaphore>,
    metrics: Option<Metrics>,
    stopped: Arc<AtomicBool>,
}

impl Writer {
    /// A writer that has at most so many requests in flight.
    pub fn new(client: Client, leadership: &Leadership, metrics: Option<Metrics>, in_flight: usize) -> Self {
        let permits = Arc::new(Semaphore::new(in_flight));
        Self { client, mode: Mode::Real, term: leadership.term(), permits, metrics, stopped: Arc::default() }
    }

    /// The same, for what is decided in this term: in a later one somebody else may have led in between.
    #[must_use]
    pub fn within(self, term: Term) -> Self {
        Self { term: Some(term), ..self }
    }

    /// Nothing more is begun.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// The same, but the server keeps nothing.
    #[must_use]
    pub fn trying(self) -> Self {
        Self { mode: Mode::DryRun, ..self }
    }

    /// Server-side apply of what NICO orders.
    pub(crate) fn apply(&self) -> PatchParams {
        self.dry(PatchParams::apply(FIELD_MANAGER))
    }

    /// Server-side apply of what NICO tells.
    pub(crate) fn tell(&self) -> PatchParams {
        self.dry(PatchParams::apply(STATUS_MANAGER).force())
    }

    /// A patch that is no apply.
    pub(crate) fn patch(&self) -> PatchParams {
        self.dry(PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() })
    }

    pub(crate) fn create(&self) -> PostParams {
        PostParams { dry_run: self.mode == Mode::DryRun, field_manager: Some(FIELD_MANAGER.to_owned()) }
    }

    pub(crate) fn delete(&self) -> DeleteParams {
        let params = DeleteParams::background();
        if self.mode == Mode::DryRun { params.dry_run() } else { params }
    }

    fn dry(&self, params: PatchParams) -> PatchParams {
        if self.mode == Mode::DryRun { params.dry_run() } else { params }
    }

    /// Makes a write.
    pub(crate) async fn write<T>(
        &self,
        verb: &'static str,
        resource: &'static str,
        what: impl Fn() -> String,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApplyError> {
        // Only a closed semaphore gives none, and nobody closes it.
        let _permit = self.permits.acquire().await;
        if self.stopped.load(Ordering::Relaxed) || !self.term.as_ref().is_some_and(Term::is_valid) {
            return Err(ApplyError::NotLeading);
        }
        let answer = tokio::time::timeout(PATIENCE, request).await;
        let result = match answer {
            Err(_) => Err(ApplyError::Timeout { what: what(), seconds: PATIENCE.as_secs() }),
            Ok(answer) => answer.map_err(|cause| refused(what(), cause)),
        };
        if let (Mode::Real, Some(metrics)) = (self.mode, &self.metrics) {
            metrics.written(verb, resource, outcome(&result));
        }
        result
    }

    /// Reads one object, for a write that needs more than the caches keep.
    pub(crate) async fn read<T>(
        &self,
        what: &'static str,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, ApplyError> {
        let _permit = self.permits.acquire().await;
        let answer = tokio::time::timeout(PATIENCE, request).await;
        let timed_out = |_| ApplyError::Timeout { what: what.to_owned(), seconds: PATIENCE.as_secs() };
        answer.map_err(timed_out)?.map_err(|cause| ApplyError::Read { what, cause })
    }
}

fn outcome<T>(result: &Result<T, ApplyError>) -> WriteResult {
    match result {
        Ok(_) => WriteResult::Success,
        Err(ApplyError::Conflict { .. } | ApplyError::Contested { .. }) => WriteResult::Conflict,
        Err(_) => WriteResult::Error,
    }
}

fn refused(what: String, cause: kube::Error) -> ApplyError {
    if is_contested(&cause) {
        ApplyError::Contested { what, cause }
    } else if has_code(&cause, 409) || has_code(&cause, 404) {
        ApplyError::Conflict { what }
    } else {
        ApplyError::Write { what, cause }
    }
}
