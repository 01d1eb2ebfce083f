//! A reverse proxy in front of the API server, for a process that is no test:
//! it is counted, held up, cut off or killed at the very write that is meant.
//!
//! Plain HTTP/1.1 on loopback. Requests go on as they are, with whatever
//! identity the client has, and answers come back as they come, watches event
//! by event. Connections that are upgraded (exec, port-forward) are not for it.
//!
//! ```no_run
//! # async fn example(process: std::sync::Arc<nico_harness::Process>) {
//! use std::time::Duration;
//! use nico_harness::ControlPlane;
//! use nico_harness::proxy::{Proxy, Then};
//!
//! let control_plane = ControlPlane::shared().await;
//! let proxy = Proxy::to(control_plane.config().await).start();
//! let account = control_plane.service_account("default", "operator").await.at(&proxy.url());
//! let kubeconfig = account.kubeconfig();
//! // ... the process runs with it ...
//! let third = proxy
//!     .after_write(3, async move |_call| {
//!         process.kill_9();
//!         Then::Sever
//!     })
//!     .await;
//! third.happened(Duration::from_secs(60)).await;
//! assert_eq!(proxy.writes(), 3);
//! # }
//! ```

use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use kube::Config;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{RwLock, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::call::Call;
use crate::faults::{Faults, Settings};

mod connection;
mod forward;
mod hooks;
mod upstream;

pub use hooks::{Awaited, Then};
use hooks::{Hook, Place};
use upstream::Upstream;

/// A running proxy. Dropping it cuts all connections.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

/// What a proxy is to be like.
pub struct Builder {
    config: Config,
    counted: Filter,
    faults: Faults,
}

type Filter = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

/// One request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Such as `PATCH`.
    pub method: String,
    /// What it asks.
    pub call: Call,
    /// What the server answered, also if the client was not told; None while it has not.
    pub status: Option<StatusCode>,
}

struct Shared {
    upstream: Upstream,
    counted: Filter,
    listener: TcpListener,
    /// The same, to see what waits there without waiting.
    backlog: StdListener,
    /// Which connections are still served: those accepted since the last cut.
    /// Locked while one is accepted, so that each is surely before or after.
    generation: Mutex<watch::Sender<u64>>,
    stalled: watch::Sender<bool>,
    /// Writes share it, unless one may be the one that a hook waits for.
    writing: RwLock<()>,
    state: Mutex<State>,
}

struct State {
    log: Vec<Exchange>,
    writes: u64,
    hooks: Vec<Hook>,
    drops: Vec<(u32, Filter)>,
    closed: bool,
}

impl Proxy {
    /// A proxy to this server; of the configuration nothing else is used.
    pub fn to(config: Config) -> Builder {
        Builder { config, counted: Arc::new(Call::is_change), faults: Faults::new(Settings::new(0)) }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All requests so far, in the order in which they came.
    pub fn log(&self) -> Vec<Exchange> {
        self.shared.state().log.clone()
    }

    /// How many writes that are counted the server has committed: answered with success.
    pub fn writes(&self) -> u64 {
        self.shared.state().writes
    }

    /// Runs the hook once the server has committed the k-th of the writes that
    /// are counted, beginning with one from now on, and before the client is
    /// told. Until the hook has ended no other such write goes on.
    ///
    /// Its future must not wait for a write through this proxy.
    pub async fn after_write<F>(&self, k: u64, hook: impl FnOnce(Call) -> F + Send + 'static) -> Awaited
    where
        F: Future<Output = Then> + Send + 'static,
    {
        self.hook(Place::After, k, hook).await
    }

    /// The same, but before the server is asked for what would be the k-th.
    pub async fn before_write<F>(&self, k: u64, hook: impl FnOnce(Call) -> F + Send + 'static) -> Awaited
    where
        F: Future<Output = Then> + Send + 'static,
    {
        self.hook(Place::Before, k, hook).await
    }

    async fn hook<F>(&self, place: Place, k: u64, hook: impl FnOnce(Call) -> F + Send + 'static) -> Awaited
    where
        F: Future<Output = Then> + Send + 'static,
    {
        assert!(k > 0, "the first write is number 1");
        // What is under way now may or may not be counted yet.
        let _no_writes = self.shared.writing.write().await;
        let mut state = self.shared.state();
        let (hook, awaited) = Hook::new(place, state.writes.saturating_add(k), hook);
        state.hooks.push(hook);
        awaited
    }

    /// Of the next so many requests that match the server's answers are lost:
    /// the client's connection is cut instead.
    pub fn drop_answers(&self, times: u32, matching: impl Fn(&Call) -> bool + Send + Sync + 'static) {
        self.shared.state().drops.push((times, Arc::new(matching)));
    }

    /// A black hole: nothing goes through any more, in no direction, open
    /// watches included; connections stay, and new ones are accepted.
    pub fn stall(&self) {
        self.shared.stalled.send_replace(true);
    }

    /// What was held up goes on.
    pub fn resume(&self) {
        self.shared.stalled.send_replace(false);
    }

    /// Cuts all connections that are there now, also those that wait to be
    /// accepted; of their requests none goes on to the server any more.
    pub fn sever(&self) {
        self.shared.sever();
    }

    /// Stops serving, cuts all connections, and waits for writes that are on
    /// their way: when this returns nothing reaches the server any more.
    pub async fn shutdown(self) {
        self.shared.state().closed = true;
        self.shared.sever();
        self.accepting.abort();
        let _no_writes = self.shared.writing.write().await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.sever();
        self.accepting.abort();
    }
}

impl Builder {
    /// Counts these instead of all [changes](Call::is_change): of mutating requests that are no dry runs.
    #[must_use]
    pub fn counting(mut self, matching: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.counted = Arc::new(move |call| call.is_write() && matching(call));
        self
    }

    /// The server's side meets these faults: a process has them too.
    #[must_use]
    pub fn faults(mut self, faults: &Faults) -> Self {
        self.faults = faults.clone();
        self
    }

    /// Starts it on a free port.
    pub fn start(self) -> Proxy {
        let listen = || -> io::Result<(TcpListener, StdListener)> {
            let listener = StdListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            let backlog = listener.try_clone()?;
            Ok((TcpListener::from_std(listener)?, backlog))
        };
        let (listener, backlog) = listen().expect("loopback has a free port");
        let address = backlog.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            upstream: Upstream::new(&self.config, &self.faults),
            counted: self.counted,
            listener,
            backlog,
            generation: Mutex::new(watch::Sender::new(0)),
            stalled: watch::Sender::new(false),
            writing: RwLock::new(()),
            state: Mutex::new(State {
                log: Vec::new(),
                writes: 0,
                hooks: Vec::new(),
                drops: Vec::new(),
                closed: false,
            }),
        });
        let accepting = tokio::spawn(accept(Arc::clone(&shared)));
        Proxy { shared, address, accepting }
    }
}

/// Serves until it is aborted, which ends all connections.
async fn accept(shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        match shared.accept().await {
            Ok((stream, generation)) => {
                connections.spawn(connection::serve(Arc::clone(&shared), stream, generation));
            }
            Err(error) => eprintln!("the proxy cannot accept a connection: {error}"),
        }
        while connections.try_join_next().is_some() {}
    }
}

impl Shared {
    /// A connection, and a receiver that changes when it is cut.
    async fn accept(&self) -> io::Result<(TcpStream, watch::Receiver<u64>)> {
        poll_fn(|context| {
            let generation = self.generation();
            self.listener.poll_accept(context).map_ok(|(stream, _address)| (stream, generation.subscribe()))
        })
        .await
    }

    fn sever(&self) {
        let generation = self.generation();
        // A client that is dead may have left connections there, with requests in them.
        while self.backlog.accept().is_ok() {}
        generation.send_modify(|number| *number = number.saturating_add(1));
    }

    fn generation(&self) -> MutexGuard<'_, watch::Sender<u64>> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while nothing is to go through.
    async fn open(&self) {
        // An error would be that the sender is gone, which is in here.
        let mut stalled = self.stalled.subscribe();
        let _open = stalled.wait_for(|stalled| !stalled).await;
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("writes", &self.state().writes).finish_non_exhaustive()
    }
}
