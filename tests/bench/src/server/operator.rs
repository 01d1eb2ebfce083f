//! `nico run` as a process: what it costs is read where the kernel tells it.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nico_harness::wait_until;
use tempfile::TempDir;

/// On a machine that others work on, too.
pub const BOUND: Duration = Duration::from_mins(10);
/// As the kernel counts the time of a process on Linux, whatever its own clock is.
const TICKS_A_SECOND: f64 = 100.0;

/// The operator. It ends with this.
pub struct Operator {
    child: Child,
    log: PathBuf,
    _folder: TempDir,
}

/// The release binary, which the Makefile builds beside this program.
pub fn nico() -> PathBuf {
    let path = std::env::current_exe().expect("this program").with_file_name("nico");
    assert!(path.exists(), "{} is missing: `make bench` builds it", path.display());
    path
}

impl Operator {
    pub fn start(kubeconfig: &Path, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join("log");
        let file = File::create(&log).expect("room for a log");
        // It becomes the program, which ends when this one does, in whatever way.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(nico())
            .args(["run", "--metrics-port", "0", "--metrics-bind-address", "127.0.0.1", "--kubeconfig"])
            .arg(kubeconfig)
            .args(more)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("setpriv, of util-linux");
        Self { child, log, _folder: folder }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The seconds of processor time that it has had.
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        // The name of the program may hold blanks; behind it stand the state and then numbers.
        let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
        let ticks = fields.split_whitespace().skip(11).take(2);
        ticks.filter_map(|field| field.parse::<f64>().ok()).sum::<f64>() / TICKS_A_SECOND
    }

    /// Its resident memory, and the most it ever was, in MB.
    pub fn memory(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kilobytes.unwrap_or_default() * 1024.0 / 1e6
        };
        (megabytes("VmRSS:"), megabytes("VmHWM:"))
    }

    /// How many turns of clusters have ended.
    pub async fn turns(&self) -> u64 {
        let address = wait_until("the address of the metrics", BOUND, async || {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("metrics are served")).ok_or("no line")?;
            let (_, address) = line.rsplit_once("address=").ok_or("no address")?;
            Ok::<_, &str>(address.trim().to_owned())
        });
        let address = address.await.expect("it serves metrics");
        let page = tokio::task::spawn_blocking(move || page(&address)).await.expect("a page");
        page.lines()
            .filter(|line| line.starts_with("nico_cluster_reconcile_duration_seconds_count"))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _had_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn page(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the operator listens");
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}
