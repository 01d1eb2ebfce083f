//! A place where something else is served than what listens there: what comes is passed on, byte by byte.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A passage from one address to another. It closes, with all that is under way, when it is dropped.
#[derive(Debug)]
pub struct Passage(JoinHandle<()>);

impl Passage {
    /// From a loopback address to 127.0.0.1, at the same port.
    pub async fn open(from: Ipv4Addr, port: u16) -> Self {
        let listener = TcpListener::bind((from, port)).await;
        let listener = listener.unwrap_or_else(|error| panic!("cannot listen at {from}:{port}: {error}"));
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self(tokio::spawn(async move {
            let mut under_way = JoinSet::new();
            while let Ok((mut here, _)) = listener.accept().await {
                under_way.spawn(async move {
                    if let Ok(mut there) = TcpStream::connect(to).await {
                        // Either end may close it.
                        let _ = copy_bidirectional(&mut here, &mut there).await;
                    }
                });
            }
        }))
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.0.abort();
    }
}
