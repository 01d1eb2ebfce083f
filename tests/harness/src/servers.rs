//! The servers of a control plane crash, and come back.

use std::io::Write as _;
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use std::{fmt, io};

use serde::Deserialize;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::control_plane::ControlPlane;

/// The supervisor's own bound, and then some.
const ANSWER_BOUND: Duration = Duration::from_secs(150);

/// One of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// What is stored.
    Etcd,
    /// What is asked.
    ApiServer,
    /// The garbage collector, and the controllers of namespaces and of tokens.
    ControllerManager,
}

/// Kills servers and starts them again; for a task that has not the control plane itself.
#[derive(Clone, Debug)]
pub struct Servers(Arc<Supervisor>);

/// What the supervisor is told, and what it says.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// None once it is to end.
    orders: Mutex<Option<ChildStdin>>,
    answers: tokio::sync::Mutex<UnboundedReceiver<String>>,
}

/// What it prints once it has done what it was told.
#[derive(Deserialize)]
struct Answer {
    command: String,
    #[serde(default)]
    error: String,
}

impl ControlPlane {
    /// Kills the server as a crash would (SIGKILL): when this returns it is gone.
    ///
    /// Only of a control plane of one's own: the shared one is not `mut`.
    pub async fn kill(&mut self, server: Server) {
        self.servers().kill(server).await;
    }

    /// Starts a server that was killed as it was before, with what is stored
    /// and at the same address, and waits until it is ready. The API server
    /// needs etcd for that, the controller manager both.
    pub async fn start_again(&mut self, server: Server) {
        self.servers().start_again(server).await;
    }

    /// The same, for hooks and other tasks.
    pub fn servers(&mut self) -> Servers {
        Servers(Arc::clone(self.supervisor()))
    }
}

impl Servers {
    /// See [`ControlPlane::kill`].
    pub async fn kill(&self, server: Server) {
        self.0.order(&format!("kill {server}")).await;
    }

    /// See [`ControlPlane::start_again`].
    pub async fn start_again(&self, server: Server) {
        self.0.order(&format!("start {server}")).await;
    }
}

impl Supervisor {
    /// Its lines are that it is ready, and then its answers.
    pub(crate) fn new(orders: ChildStdin, said: io::Lines<io::BufReader<ChildStdout>>) -> Self {
        let (tell, answers) = unbounded_channel();
        thread::spawn(move || {
            for line in said.map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self { orders: Mutex::new(Some(orders)), answers: tokio::sync::Mutex::new(answers) }
    }

    /// The next line; none if it has ended.
    pub(crate) async fn line(&self) -> Option<String> {
        self.answers.lock().await.recv().await
    }

    async fn order(&self, command: &str) {
        let mut answers = self.answers.lock().await;
        self.tell(command).unwrap_or_else(|error| panic!("{command}: the control plane is gone: {error}"));
        loop {
            let line = timeout(ANSWER_BOUND, answers.recv())
                .await
                .unwrap_or_else(|_elapsed| panic!("{command}: no answer from the control plane"))
                .unwrap_or_else(|| panic!("{command}: the control plane has ended, and has said why"));
            let answer: Answer = serde_json::from_str(&line)
                .unwrap_or_else(|error| panic!("{command}: the control plane answered {line}: {error}"));
            // One that was given up may still be answered.
            if answer.command == command {
                assert!(answer.error.is_empty(), "{command}: {}", answer.error);
                return;
            }
        }
    }

    fn tell(&self, command: &str) -> io::Result<()> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = orders.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(pipe, "{command}")
    }

    /// It ends, with its servers, when its input does.
    pub(crate) fn end(&self) {
        drop(self.orders.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
        })
    }
}
