//! A network between a client and the API server that can be held up, or lose an answer.

use std::io;

use hyper::Request;
use kube::Client;
use kube::client::Body;
use nico_harness::ControlPlane;
use tokio::sync::watch;
use tower::service_fn;

/// How requests fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They go through.
    Open,
    /// They are held up, and carried out when the way is open, whether anybody waits for the answer or not.
    Held,
    /// The next write is carried out, and its answer lost; then the way is open.
    LosesAnswer,
}

/// The way of one client.
#[derive(Clone, Debug)]
pub struct Network(watch::Sender<Way>);

impl Network {
    /// A client that goes by it.
    pub async fn client(control_plane: &ControlPlane, way: Way) -> (Client, Self) {
        let inner = control_plane.client().await;
        let network = Self(watch::channel(way).0);
        let of_client = network.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (inner, network) = (inner.clone(), of_client.clone());
            // A task of its own: what is under way is carried out though its sender has given up.
            let carried_out = tokio::spawn(async move { network.carry(&inner, request).await });
            async move { carried_out.await.map_err(io::Error::other)? }
        });
        (Client::new(service, "default"), network)
    }

    pub fn set(&self, way: Way) {
        self.0.send_replace(way);
    }

    /// Waits until the answer that was to be lost has been.
    pub async fn has_lost_one(&self) {
        self.0.subscribe().wait_for(|way| *way == Way::Open).await.unwrap();
    }

    async fn carry(&self, inner: &Client, request: Request<Body>) -> io::Result<hyper::Response<Body>> {
        let way = *self.0.subscribe().wait_for(|way| *way != Way::Held).await.unwrap();
        let loses = way == Way::LosesAnswer && request.method() != "GET";
        let response = inner.send(request).await.map_err(io::Error::other)?;
        if loses {
            self.set(Way::Open);
            return Err(io::Error::other("the answer is lost"));
        }
        Ok(response)
    }
}
