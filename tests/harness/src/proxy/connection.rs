//! One connection of a client, until either side ends it.

use std::sync::Arc;

use futures::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::watch;
use tower::BoxError;

use super::Shared;
use super::forward::{Cut, write};
use crate::call::Call;
use crate::faults::AnswerBody;

/// An error in here is an end like another: whose it is nobody asks.
pub(super) async fn serve(shared: Arc<Shared>, stream: TcpStream, mut cut: watch::Receiver<u64>) {
    // Events are small, and are to come at once.
    let _only_slower = stream.set_nodelay(true);
    let service = {
        let cut = cut.clone();
        service_fn(move |request| answer(Arc::clone(&shared), cut.clone(), request))
    };
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    select! {
        biased;
        _severed = cut.changed() => {}
        _ended = connection => {}
    }
}

/// An error cuts the connection without an answer.
async fn answer(
    shared: Arc<Shared>,
    cut: watch::Receiver<u64>,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, BoxError> {
    let call = Call::parse(request.method(), request.uri());
    let place = shared.note(request.method(), &call);
    shared.open().await;
    if request.headers().contains_key(header::UPGRADE) {
        let refusal = Full::from("this proxy upgrades no connection\n").map_err(|never| match never {});
        let mut refusal = Response::new(refusal.boxed_unsync());
        *refusal.status_mut() = StatusCode::NOT_IMPLEMENTED;
        return Ok(refusal);
    }
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, Full::new(body.collect().await?.to_bytes()));
    let answer = if (shared.counted)(&call) {
        // What went to the server is counted, also if the client is gone by then.
        tokio::spawn(write(Arc::clone(&shared), cut, place, call.clone(), request)).await??
    } else if cut.has_changed()? {
        return Err(Cut.into());
    } else {
        let answer = shared.upstream.send(request).await?;
        shared.answered(place, answer.status());
        answer
    };
    if shared.state().drops(&call) {
        return Err(Cut.into());
    }
    shared.open().await;
    let (mut head, body) = answer.into_parts();
    // These are matters of each connection.
    for name in [header::CONNECTION, header::TRANSFER_ENCODING] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, through(shared, body)))
}

/// As it comes, but nothing while all is stalled.
fn through(shared: Arc<Shared>, body: AnswerBody) -> AnswerBody {
    let frames = stream::unfold((shared, body), |(shared, mut body)| async {
        let frame = body.frame().await?;
        shared.open().await;
        Some((frame, (shared, body)))
    });
    StreamBody::new(frames).boxed_unsync()
}
