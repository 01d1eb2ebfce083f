//! One visit to one machine.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder, Stdio};
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use tracing::debug;

use super::config::{Target, config};
use super::error::VisitError;
use super::known_hosts::HostKeys;
use super::room::{self, Room};

/// How long a step may take, and how much may come back.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect and log in.
    pub connect: Duration,
    /// A command.
    pub command: Duration,
    /// Its output, in bytes.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(15), command: Duration::from_secs(20), output: 256 * 1024 }
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; none: a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub output: Vec<u8>,
}

/// An open connection. What lies on disk for it goes with it.
pub struct Visit<'a> {
    session: Session,
    target: Target<'a>,
    limits: Limits,
    known_hosts: PathBuf,
    _alcove: TempDir,
}

impl<'a> Visit<'a> {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// Why it came to nothing.
    pub async fn begin(
        room: &Room,
        target: Target<'a>,
        key: &SecretString,
        host_keys: &HostKeys,
        operator_config: Option<&Path>,
        limits: Limits,
    ) -> Result<Self, VisitError> {
        target.check()?;
        let alcove = room.alcove().map_err(VisitError::Room)?;
        let at = |name: &str| alcove.path().join(name);
        let lay_out = || {
            room::write_secret(&at("key"), key)?;
            room::write(&at("known_hosts"), host_keys.lines())?;
            room::write(&at("config"), &config(&target, operator_config))
        };
        lay_out().map_err(VisitError::Room)?;
        let mut builder = SessionBuilder::default();
        builder
            .user(target.user.to_owned())
            .keyfile(at("key"))
            .user_known_hosts_file(at("known_hosts"))
            .config_file(at("config"))
            .control_directory(alcove.path())
            .control_persist(ControlPersist::IdleFor(IDLE))
            .connect_timeout(limits.connect)
            .server_alive_interval(Duration::from_secs(5))
            .known_hosts_check(match host_keys {
                HostKeys::Known(_) => KnownHosts::Strict,
                HostKeys::AcceptNew => KnownHosts::Add,
            });
        // ssh's own time-out is that of the connection alone: who accepts it and then says nothing is not in it.
        let connected = in_time("connecting", limits.connect, builder.connect_mux(target.host)).await?;
        let session = connected.map_err(VisitError::connecting)?;
        Ok(Self { session, target, limits, known_hosts: at("known_hosts"), _alcove: alcove })
    }

    /// The host keys that it is known by now: after a first contact those that it showed.
    ///
    /// # Errors
    ///
    /// The file that ssh wrote cannot be read.
    pub fn host_keys(&self) -> Result<HostKeys, VisitError> {
        std::fs::read_to_string(&self.known_hosts).map(HostKeys::Known).map_err(VisitError::Room)
    }

    /// Runs a program there as root, without a shell of ours around it, and gives its output.
    ///
    /// # Errors
    ///
    /// It took too long, said too much, or the connection broke off.
    pub async fn run(&self, program: &[&str]) -> Result<Answer, VisitError> {
        let Limits { command: limit, output, .. } = self.limits;
        // Hanging up does not end what runs there.
        let seconds = limit.as_secs().max(1).to_string();
        let mut words = Vec::new();
        if !self.target.is_root() {
            words.extend(["sudo", "-n", "--"]);
        }
        words.extend(["timeout", "-k", "1", &seconds]);
        words.extend_from_slice(program);
        let (first, rest) = words.split_first().map_or(("", &[][..]), |(first, rest)| (*first, rest));
        let mut command = self.session.command(first);
        command.args(rest).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        in_time("a command", limit.saturating_add(GRACE), async {
            let mut child = command.spawn().await.map_err(VisitError::BrokeOff)?;
            let said = match child.stdout().take() {
                Some(stdout) => read(stdout, output).await?,
                None => Vec::new(),
            };
            let status = child.wait().await.map_err(VisitError::BrokeOff)?;
            if status.code() == Some(ENDED) {
                return Err(VisitError::TooLate { step: "a command", limit });
            }
            Ok(Answer { code: status.code(), output: said })
        })
        .await?
    }

    /// Hangs up.
    pub async fn end(self) {
        match timeout(GRACE, self.session.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => debug!(machine = self.target.machine, %error, "hanging up failed"),
            Err(_) => debug!(machine = self.target.machine, "hanging up took too long"),
        }
    }
}

/// What timeout(1) exits with where it ended the program.
const ENDED: i32 = 124;
/// A connection that nobody uses ends by itself, also when nobody is left.
const IDLE: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(29);
const GRACE: Duration = Duration::from_secs(3);

async fn in_time<T>(
    step: &'static str,
    limit: Duration,
    work: impl Future<Output = T>,
) -> Result<T, VisitError> {
    timeout(limit, work).await.map_err(|_| VisitError::TooLate { step, limit })
}

async fn read(from: impl AsyncRead, limit: usize) -> Result<Vec<u8>, VisitError> {
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut said = Vec::new();
    let mut from = std::pin::pin!(from.take(most));
    from.read_to_end(&mut said)
        .await
        .map_err(|error: io::Error| VisitError::BrokeOff(openssh::Error::ChildIo(error)))?;
    if said.len() > limit { Err(VisitError::TooMuch(limit)) } else { Ok(said) }
}
