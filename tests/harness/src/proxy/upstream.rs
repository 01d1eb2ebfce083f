//! The way to the real server.

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::ConfigExt as _;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Layer as _, ServiceExt as _, service_fn};

use crate::faults::{AnswerBody, Faults};

pub(super) struct Upstream(BoxCloneSyncService<Request<Full<Bytes>>, Response<AnswerBody>, BoxError>);

impl Upstream {
    /// Faults see requests as the client wrote them.
    pub(super) fn new(config: &Config, faults: &Faults) -> Self {
        let connector = config.rustls_https_connector().expect("the configuration makes a client");
        // One that was written is never written again: it is the client that decides.
        let client = Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .build::<_, Full<Bytes>>(connector);
        let server = config.cluster_url.clone().into_parts();
        let (scheme, authority) = server.scheme.zip(server.authority).expect("a server has an address");
        let send = service_fn(move |request| client.request(redirect(request, &scheme, &authority)));
        Self(BoxCloneSyncService::new(faults.layer(send)))
    }

    pub(super) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<AnswerBody>, BoxError> {
        self.0.clone().oneshot(request).await
    }
}

fn redirect(
    mut request: Request<Full<Bytes>>,
    scheme: &Scheme,
    authority: &Authority,
) -> Request<Full<Bytes>> {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    *request.uri_mut() = Uri::from_parts(parts).expect("it has a path");
    // These are matters of each connection; the client sets its own.
    for name in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
        request.headers_mut().remove(name);
    }
    request
}
