//! A real sshd on loopback: a machine that is visited.
//!
//! It lets in the user of this process, with the key that it made for it.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::process::Process;
use crate::wait::wait_until;

const SSHD: &str = "/usr/sbin/sshd";
const PATIENCE: Duration = Duration::from_secs(20);

/// A running sshd. It ends when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    dir: TempDir,
    address: Ipv4Addr,
    port: u16,
    process: Option<Process>,
}

impl Sshd {
    /// Starts one at this loopback address: a machine each.
    pub async fn start(address: Ipv4Addr) -> Self {
        Self::start_with(address, "").await
    }

    /// The same, with more lines of `sshd_config(5)`.
    pub async fn start_with(address: Ipv4Addr, config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        // sshd wants a folder of its own where it gives up its rights.
        let _ = fs::create_dir_all("/run/sshd");
        make_key(&dir.path().join("user"));
        fs::copy(dir.path().join("user.pub"), dir.path().join("authorized")).expect("keys can be copied");
        make_key(&dir.path().join("host"));
        let port = free_port(address);
        let text = format!(
            "ListenAddress {address}:{port}\n\
             HostKey {dir}/host\n\
             AuthorizedKeysFile {dir}/authorized\n\
             PidFile none\n\
             StrictModes no\n\
             UsePAM no\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n\
             {config}\n",
            dir = dir.path().display(),
        );
        fs::write(dir.path().join("config"), text).expect("a configuration can be written");
        let mut sshd = Self { dir, address, port, process: None };
        sshd.start_again().await;
        sshd
    }

    /// The private key that it lets in.
    pub fn key(&self) -> String {
        fs::read_to_string(self.dir.path().join("user")).expect("the key is there")
    }

    /// Its host key, as a line without a name.
    pub fn host_key(&self) -> String {
        fs::read_to_string(self.dir.path().join("host.pub")).expect("the key is there")
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A `ssh_config(5)` that leads to it.
    pub fn client_config(&self) -> PathBuf {
        let path = self.dir.path().join("client");
        let text = format!("Host {}\n  Port {}\n", self.address, self.port);
        fs::write(&path, text).expect("a configuration can be written");
        path
    }

    /// Its own folder.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Ends it: nobody listens there any more.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.terminate(PATIENCE).await.expect("sshd ends when it is told to");
        }
    }

    /// Starts it anew at its place.
    pub async fn start_again(&mut self) {
        self.stop().await;
        let config = self.dir.path().join("config");
        self.process = Some(Process::start(SSHD, |command| {
            command.arg("-D").arg("-e").arg("-f").arg(&config);
        }));
        wait_until("sshd to listen", PATIENCE, async || TcpStream::connect((self.address, self.port)).await)
            .await
            .expect("sshd listens (Debian has it in openssh-server)");
    }

    /// As a machine that was installed anew, or another one at its address.
    pub async fn change_host_key(&mut self) {
        for name in ["host", "host.pub"] {
            fs::remove_file(self.dir.path().join(name)).expect("the key is there");
        }
        make_key(&self.dir.path().join("host"));
        self.start_again().await;
    }
}

fn make_key(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(path);
    let made = command.status().expect("ssh-keygen runs (Debian has it in openssh-client)");
    assert!(made.success(), "a key is made");
}

/// Nobody else is given it soon after.
fn free_port(address: Ipv4Addr) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a loopback address can be listened at");
    listener.local_addr().expect("it listens").port()
}
