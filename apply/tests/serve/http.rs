//! A server for a test, and a plain client: what goes over the wire is what is looked at.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nico_apply::metrics::Metrics;
use nico_apply::serve::{Pages, Server};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

/// No test waits longer for an answer.
pub const BOUND: Duration = Duration::from_secs(30);

/// A running server whose checks a test can turn.
pub struct Running {
    pub address: SocketAddr,
    pub metrics: Metrics,
    pub healthy: Arc<AtomicBool>,
    pub ready: Arc<AtomicBool>,
    pub task: JoinHandle<()>,
    shutdown: oneshot::Sender<()>,
}

impl Running {
    pub async fn start() -> Self {
        Self::start_with(|server| server).await
    }

    pub async fn start_with(change: impl FnOnce(Server) -> Server) -> Self {
        let server = change(Server::bind(([127, 0, 0, 1], 0).into()).await.unwrap());
        let address = server.address();
        let metrics = Metrics::new("1.2.3 (abc)").unwrap();
        let (healthy, ready) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
        let (is_healthy, is_ready) = (Arc::clone(&healthy), Arc::clone(&ready));
        let pages = Pages::new(
            move || if is_healthy.load(Ordering::SeqCst) { Ok(()) } else { Err("the loop\nis gone".into()) },
            move || {
                let reasons = vec!["no leader: nobody".to_owned(), "two\n lines\r\nin one".to_owned()];
                if is_ready.load(Ordering::SeqCst) { Ok(()) } else { Err(reasons) }
            },
            metrics.clone(),
        );
        let (shutdown, told) = oneshot::channel();
        let run = server.run(pages, async {
            let _told_or_gone = told.await;
        });
        Self { address, metrics, healthy, ready, task: tokio::spawn(run), shutdown }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).await
    }

    pub async fn ask(&self, method: &str, path: &str) -> Answer {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: nico\r\n\r\n")).await
    }

    /// Sends this and reads all that comes.
    pub async fn send(&self, request: &str) -> Answer {
        let (address, request) = (self.address, request.to_owned());
        let asking = spawn_blocking(move || {
            let mut stream = connect(address);
            stream.write_all(request.as_bytes()).unwrap();
            Answer::read(&mut stream)
        });
        asking.await.unwrap()
    }

    /// Tells it to end, and gives the task that does.
    pub fn end(self) -> JoinHandle<()> {
        self.shutdown.send(()).unwrap();
        self.task
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream
}

/// An answer, in parts.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// Reads until the other side closes: it keeps no connection.
    pub fn read(stream: &mut TcpStream) -> Self {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        };
        Self { status, headers: lines.map(header).collect(), body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _value)| key == name).map(|(_key, value)| value.as_str())
    }
}
