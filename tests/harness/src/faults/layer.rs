//! The layer: what becomes of a request that is to meet a fault.

use std::future::{self, Future};
use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use http::{Request, Response};
use http_body::Body;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use tokio::time::sleep;
use tower::{BoxError, Layer, Service};

use super::kind::Kind;
use super::{Faults, Planned, answers, stream};
use crate::call::Call;

/// The body of an answer: the server's, or one in its name.
pub type AnswerBody = UnsyncBoxBody<Bytes, BoxError>;

/// A service whose requests meet faults.
#[derive(Clone, Debug)]
pub struct Faulty<S> {
    inner: S,
    faults: Faults,
}

/// The cause of an I/O error that is none.
#[derive(Debug, thiserror::Error)]
#[error("an injected fault: {0}")]
pub(crate) struct InjectedError(pub(crate) Kind);

impl InjectedError {
    fn with(self, kind: io::ErrorKind) -> BoxError {
        io::Error::new(kind, self).into()
    }
}

impl<S> Layer<S> for Faults {
    type Service = Faulty<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Faulty { inner, faults: self.clone() }
    }
}

impl<S, R, B> Service<Request<R>> for Faulty<S>
where
    S: Service<Request<R>, Response = Response<B>, Error: Into<BoxError> + 'static, Future: Send + 'static>,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response<AnswerBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<AnswerBody>, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<R>) -> Self::Future {
        let call = Call::parse(request.method(), request.uri());
        let strikes = self.faults.strikes();
        let faults = self.faults.clone();
        let settings = &faults.0.settings;
        let Some(planned) = faults.plan(&call) else {
            let answer = self.inner.call(request).map_err(Into::into);
            if call.verb != "watch" || !(settings.only)(&call) {
                return answer.map_ok(|answer| answer.map(boxed)).boxed();
            }
            return answer.map_ok(|answer| stream::watched(answer, faults, call, strikes, None)).boxed();
        };
        match planned.kind {
            Kind::Conflict => future::ready(Ok(answers::conflict(&call))).boxed(),
            Kind::TooManyRequests => {
                future::ready(Ok(answers::too_many_requests(settings.retry_after))).boxed()
            }
            Kind::ServerError => future::ready(Ok(answers::server_error(planned.variant))).boxed(),
            Kind::Gone => future::ready(Ok(answers::gone())).boxed(),
            Kind::Refused => {
                future::ready(Err(InjectedError(Kind::Refused).with(io::ErrorKind::ConnectionRefused)))
                    .boxed()
            }
            Kind::TimeOut => {
                let hang = settings.hang;
                async move {
                    match hang {
                        Some(bound) => sleep(bound).await,
                        None => future::pending().await,
                    }
                    Err(InjectedError(Kind::TimeOut).with(io::ErrorKind::TimedOut))
                }
                .boxed()
            }
            // Here and not in `call`, which is the client's own task.
            Kind::Panic => async move { panic!("an injected panic: {call}") }.boxed(),
            Kind::LostAnswer => {
                lose(self.inner.call(request).map_err(Into::into), faults, call, planned).boxed()
            }
            Kind::GoneInWatch | Kind::WatchClosed | Kind::WatchBroken => self
                .inner
                .call(request)
                .map_err(Into::into)
                .map_ok(|answer| stream::watched(answer, faults, call, strikes, Some(planned)))
                .boxed(),
        }
    }
}

/// Only a success is lost: then something was written.
async fn lose<B>(
    answer: impl Future<Output = Result<Response<B>, BoxError>>,
    faults: Faults,
    call: Call,
    planned: Planned,
) -> Result<Response<AnswerBody>, BoxError>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let answer = answer.await?;
    if answer.status().is_success() && faults.happens(Kind::LostAnswer, &call) {
        return Err(InjectedError(Kind::LostAnswer).with(io::ErrorKind::ConnectionReset));
    }
    faults.give_back(&planned);
    Ok(answer.map(boxed))
}

pub(super) fn boxed<B>(body: B) -> AnswerBody
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

pub(super) fn body(text: String) -> AnswerBody {
    boxed(Full::from(text))
}
