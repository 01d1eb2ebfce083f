//! A child process that is watched, interrupted and killed, and does not
//! outlive the test.
//!
//! ```no_run
//! # async fn example(program: &str, kubeconfig: &std::path::Path) {
//! use std::time::Duration;
//! use nico_harness::Process;
//!
//! let process = Process::start(program, |command| {
//!     command.arg("run").env("KUBECONFIG", kubeconfig);
//! });
//! let bound = Duration::from_secs(30);
//! let line = process.line("that it leads", bound, |line| line.contains("leading")).await.unwrap();
//! let status = process.terminate(bound).await.unwrap();
//! assert!(status.success(), "{line}");
//! # }
//! ```

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{TimedOut, wait_until};

/// It tells the kernel to kill the process when this one ends, which a safe
/// function of Rust cannot; part of Debian's util-linux.
const LAUNCHER: &str = "setpriv";

/// A child process. Dropping it, or the end of this process in whatever way, kills it.
///
/// Its lines are shown among the test's own, and kept.
#[derive(Debug)]
pub struct Process {
    name: String,
    pid: u32,
    child: Mutex<Child>,
    output: Arc<Mutex<Output>>,
}

#[derive(Debug)]
struct Output {
    lines: Vec<Line>,
    /// How many of the two streams have not ended.
    open: u8,
}

/// What the process wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where to.
    pub stream: Stream,
    /// Without its end.
    pub text: String,
}

/// Where a process writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

impl Process {
    /// Starts the program with the arguments and environment that are set up.
    pub fn start(program: impl AsRef<OsStr>, set_up: impl FnOnce(&mut Command)) -> Self {
        Self::begin(program.as_ref(), true, set_up)
    }

    /// The same; its lines are only kept.
    pub fn quiet(program: impl AsRef<OsStr>, set_up: impl FnOnce(&mut Command)) -> Self {
        Self::begin(program.as_ref(), false, set_up)
    }

    fn begin(program: &OsStr, is_shown: bool, set_up: impl FnOnce(&mut Command)) -> Self {
        let name = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        let mut command = Command::new(LAUNCHER);
        // It becomes the program, with the same process id.
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        set_up(&mut command);
        let mut child = spawn(command);
        let output = Arc::new(Mutex::new(Output { lines: Vec::new(), open: 2 }));
        let out = child.stdout.take().expect("it is piped");
        let errors = child.stderr.take().expect("it is piped");
        // From this thread, so that the test's runner captures what they show.
        let shown = is_shown.then(|| name.clone());
        read(out, Stream::Out, shown.clone(), Arc::clone(&output));
        read(errors, Stream::Error, shown, Arc::clone(&output));
        Self { name, pid: child.id(), child: Mutex::new(child), output }
    }

    /// Its process id, also after its end.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What it has written so far.
    pub fn lines(&self) -> Vec<Line> {
        self.output().lines.clone()
    }

    /// What it has written so far to one of the two.
    pub fn text(&self, stream: Stream) -> String {
        let output = self.output();
        output
            .lines
            .iter()
            .filter(|line| line.stream == stream)
            .map(|line| format!("{}\n", line.text))
            .collect()
    }

    /// The first line, of either stream, that matches.
    pub async fn line(
        &self,
        what: &str,
        bound: Duration,
        matches: impl Fn(&str) -> bool,
    ) -> Result<String, TimedOut> {
        wait_until(&format!("{} to say {what}", self.name), bound, async || {
            let output = self.output();
            output
                .lines
                .iter()
                .find(|line| matches(&line.text))
                .map(|line| line.text.clone())
                .ok_or_else(|| output.lines.last().map_or("nothing".to_owned(), |line| line.text.clone()))
        })
        .await
    }

    /// How it ended; None while it runs.
    pub fn status(&self) -> Option<ExitStatus> {
        self.child().try_wait().expect("it is our child")
    }

    /// Waits for its end, and that of its output, which others may have inherited.
    pub async fn ended(&self, bound: Duration) -> Result<ExitStatus, TimedOut> {
        wait_until(&format!("the end of {}", self.name), bound, async || {
            let status = self.status().ok_or("it runs")?;
            (self.output().open == 0)
                .then_some(status)
                .ok_or("it has ended, but another process has its output")
        })
        .await
    }

    /// Asks it to end (SIGTERM), and waits until it has.
    pub async fn terminate(&self, bound: Duration) -> Result<ExitStatus, TimedOut> {
        self.signal(Signal::TERM);
        self.ended(bound).await
    }

    /// Interrupts it (SIGINT, as Ctrl-C does), and waits until it has ended.
    pub async fn interrupt(&self, bound: Duration) -> Result<ExitStatus, TimedOut> {
        self.signal(Signal::INT);
        self.ended(bound).await
    }

    /// SIGKILL: when this returns it is gone. Nothing happens if it had ended.
    pub fn kill_9(&self) {
        let mut child = self.child();
        let _had_ended = child.kill();
        child.wait().expect("it is our child");
    }

    /// SIGSTOP: it stands still, and its connections stay open.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on.
    pub fn cont(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let mut child = self.child();
        // Until it is waited for nobody else has its process id.
        let status = child.try_wait().expect("it is our child");
        assert!(status.is_none(), "{} has ended: {status:?}", self.name);
        kill_process(Pid::from_child(&child), signal).expect("it is our child");
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill_9();
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The kernel kills such a child when the thread ends that started it: it has
/// to be one that lasts as long as this process.
fn spawn(command: Command) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, next) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, started) in next {
                let _nobody_waits = started.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (started, child) = mpsc::channel();
    spawner
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .send((command, started))
        .expect("the thread never ends");
    child
        .recv()
        .expect("the thread never ends")
        .unwrap_or_else(|error| panic!("cannot run {LAUNCHER}, of util-linux: {error}"))
}

fn read(from: impl Read + Send + 'static, stream: Stream, shown: Option<String>, to: Arc<Mutex<Output>>) {
    thread::spawn(move || {
        let output = || to.lock().unwrap_or_else(PoisonError::into_inner);
        // Bytes, since nothing may be lost because of one that is no text.
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line).into_owned();
            if let Some(name) = &shown {
                eprintln!("[{name}] {text}");
            }
            output().lines.push(Line { stream, text });
        }
        let mut output = output();
        output.open = output.open.saturating_sub(1);
    });
}
