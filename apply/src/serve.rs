//! What the operator shows over HTTP: whether it lives, whether it is ready, its metrics.
//!
//! One request a connection, and a bound on how long that takes and on how many there are at once: whoever
//! sends or reads slowly costs itself its answer, and nobody else.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::metrics::{self, Metrics};

/// How many connections at once, unless told otherwise: far more than scrapers, a kubelet and people need,
/// far fewer than the files that a process may open.
const CONNECTIONS: usize = 128;
/// How long a connection lasts, unless told otherwise: as long as Prometheus waits by default.
const LIFETIME: Duration = Duration::from_secs(10);
/// The part of it that a client has for its question, and the end of the server for what is under way.
const PART: u32 = 5;
/// Requests here have neither long paths nor long headers.
const HEAD_BYTES: usize = 8 * 1024;
/// When a connection cannot even be accepted (too many open files), how long until the next try.
const PAUSE: Duration = Duration::from_millis(100);

/// A question about this process: nothing, or one line a reason why not.
type Check = Box<dyn Fn() -> Result<(), Vec<String>> + Send + Sync>;

/// What is shown.
pub struct Pages {
    healthy: Check,
    ready: Check,
    metrics: Metrics,
}

/// A server that listens, and does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    connections: usize,
    lifetime: Duration,
}

/// There is no server.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for health checks and metrics")]
pub struct ServeError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    #[source]
    pub source: io::Error,
}

impl Pages {
    /// `healthy`: whether the loops of this process live, or what is wrong (`/healthz`: a kubelet starts the
    /// process anew). `ready`: whether it does its work, or the reasons why not (`/readyz`).
    pub fn new(
        healthy: impl Fn() -> Result<(), String> + Send + Sync + 'static,
        ready: impl Fn() -> Result<(), Vec<String>> + Send + Sync + 'static,
        metrics: Metrics,
    ) -> Self {
        let healthy = move || healthy().map_err(|reason| vec![reason]);
        Self { healthy: Box::new(healthy), ready: Box::new(ready), metrics }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics_page))
            .fallback(no_such_page)
            .with_state(Arc::new(self))
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens. Port 0 is any that is free: [`Server::address`] says which.
    ///
    /// # Errors
    ///
    /// Such as that another process has the port.
    pub async fn bind(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        info!(%address, "health checks and metrics are served");
        Ok(Self { listener, address, connections: CONNECTIONS, lifetime: LIFETIME })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// With other bounds: how many connections at once, and how long each lasts.
    #[must_use]
    pub fn with_bounds(self, connections: usize, lifetime: Duration) -> Self {
        Self { connections, lifetime, ..self }
    }

    /// Answers until `shutdown`; what is being asked then is answered still.
    pub async fn run(self, pages: Pages, shutdown: impl Future<Output = ()>) {
        let service = TowerToHyperService::new(pages.router());
        let places = Arc::new(Semaphore::new(self.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let mut connections = JoinSet::new();
        let accepting = async {
            loop {
                let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                    return;
                };
                // What has ended is not kept.
                while let Some(ended) = connections.try_join_next() {
                    if let Err(error) = ended {
                        warn!("an answer panicked: {error}");
                    }
                }
                match self.listener.accept().await {
                    Ok((stream, _from)) => {
                        let answering = answer(stream, service.clone(), self.lifetime);
                        connections.spawn(async move {
                            answering.await;
                            drop(place);
                        });
                    }
                    // Either that client's mistake, or too many open files, which may get better.
                    Err(error) => {
                        warn!("cannot accept a connection: {error}");
                        sleep(PAUSE).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            () = shutdown => {}
        }
        drop(self.listener);
        let ending = async { while connections.join_next().await.is_some() {} };
        if timeout(part(self.lifetime), ending).await.is_err() {
            debug!("connections that are too slow are closed");
        }
    }
}

async fn answer(stream: TcpStream, service: TowerToHyperService<Router>, lifetime: Duration) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(part(lifetime))
        .max_header_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(lifetime, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("a connection ended badly: {error}"),
        Err(_elapsed) => debug!("a connection was too slow"),
    }
}

fn part(lifetime: Duration) -> Duration {
    lifetime.checked_div(PART).unwrap_or(lifetime)
}

async fn healthz(State(pages): State<Arc<Pages>>) -> Response {
    checked((pages.healthy)())
}

async fn readyz(State(pages): State<Arc<Pages>>) -> Response {
    checked((pages.ready)())
}

/// One line a reason, whatever is in it.
fn checked(outcome: Result<(), Vec<String>>) -> Response {
    match outcome {
        Ok(()) => (StatusCode::OK, "ok\n").into_response(),
        Err(reasons) => {
            let line = |reason: &String| reason.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
            let lines: String = reasons.iter().map(line).collect();
            (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
        }
    }
}

async fn metrics_page(State(pages): State<Arc<Pages>>) -> Response {
    match pages.metrics.render() {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            warn!("the metrics cannot be shown: {error}");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
        }
    }
}

async fn no_such_page() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "there are /healthz, /readyz and /metrics\n")
}
