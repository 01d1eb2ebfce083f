//! What the story is played on: the control plane, NIO with its machines, the operator; and who looks at them.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use kube::Client;
use nico_harness::process::Stream;
use nico_harness::{ControlPlane, Process};
use nio_stand_in::{Control, Nio, Scope, Settings};
use tokio::time::sleep;

use crate::claim::{Unexpected, holds, same};
use crate::table::{Refs, Table};
use crate::teller::Teller;
use crate::view::View;

/// For what takes seconds.
const BOUND: Duration = Duration::from_mins(2);
/// How often it is looked, and the table may change.
const PAUSE: Duration = Duration::from_millis(200);
/// Where the operator is installed, and its account.
const OWN_NAMESPACE: &str = "nico-operator-system";
const OWN_NAME: &str = "nico-operator";
/// They are for servers elsewhere.
const PROXIES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// All of it ends with this.
pub struct Stage {
    pub teller: Teller,
    /// What goes wrong on machines, and what was done to them.
    pub machines: Control,
    operator: Option<Process>,
    _nio: Nio,
    client: Client,
    control_plane: ControlPlane,
    nico: PathBuf,
    folder: PathBuf,
    refs: Refs,
}

impl Stage {
    /// A control plane with the CRDs of NICO and NIO, and NIO.
    pub async fn set_up(teller: Teller, nico: PathBuf, folder: PathBuf) -> Result<Self> {
        let (own, nio) = (root().join("crds"), root().join("fixtures/nio/python.yaml"));
        let control_plane = ControlPlane::start_with(&[&own, &nio]).await?;
        let client = control_plane.client().await;
        let machines = Control::with_log(&folder.join("nio.log")).context("NIO has no log")?;
        let nio = Nio::start_in(client.clone(), Scope::All, Settings::default(), machines.clone());
        let (operator, refs) = (None, Refs::default());
        Ok(Self { teller, machines, operator, _nio: nio, client, control_plane, nico, folder, refs })
    }

    /// Where a person can look too.
    pub fn kubeconfig(&self) -> &Path {
        self.control_plane.kubeconfig_path()
    }

    /// A file of the story's own.
    pub fn write(&self, name: &str, content: &str) -> Result<String> {
        let path = self.folder.join(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Starts the operator, as its account.
    pub async fn start_operator(&mut self) -> Result<()> {
        let account = self.control_plane.service_account(OWN_NAMESPACE, OWN_NAME).await;
        let arguments =
            ["run", "--interval", "1s", "--metrics-port", "0", "--metrics-bind-address", "127.0.0.1"];
        self.teller.command(&format!("nico {}", arguments.join(" ")))?;
        self.operator = Some(self.process(&self.nico, &account.kubeconfig(), &arguments));
        Ok(())
    }

    /// It ends when it is told to.
    pub async fn end_operator(&mut self) -> Result<()> {
        let Some(operator) = &self.operator else { return Ok(()) };
        let status = operator.terminate(BOUND).await?;
        same("the exit code of the operator", &status.code(), &Some(0))?;
        Ok(())
    }

    /// Types a command of kubectl's, which has to succeed.
    pub async fn kubectl(&mut self, arguments: &[&str]) -> Result<String> {
        let program = self.control_plane.kubectl_path().to_owned();
        self.typed("kubectl", &program, arguments, 0).await
    }

    /// Types a command of NICO's, which has to end with this code.
    pub async fn nico(&mut self, arguments: &[&str], code: i32) -> Result<String> {
        let program = self.nico.clone();
        self.typed("nico", &program, arguments, code).await
    }

    async fn typed(&mut self, name: &str, program: &Path, arguments: &[&str], code: i32) -> Result<String> {
        let words: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
        let command = format!("{name} {}", words.join(" "));
        self.teller.command(&command)?;
        let process = self.process(program, self.kubeconfig(), arguments);
        let status = process.ended(BOUND).await?;
        let said = process.text(Stream::Out);
        let found = || format!("{status}: {}{said}", process.text(Stream::Error));
        holds(status.code() == Some(code), &format!("{command} ends with {code}"), found)?;
        self.teller.line(said.trim_end())?;
        Ok(said)
    }

    /// It ends with this one, and only this one is interrupted.
    fn process(&self, program: &Path, kubeconfig: &Path, arguments: &[&str]) -> Process {
        Process::quiet(program, |command: &mut Command| {
            command.args(arguments).current_dir(root()).process_group(0);
            command.env("KUBECONFIG", kubeconfig).env_remove("RUST_LOG");
            command.env("KUBECACHEDIR", self.control_plane.folder().join("kubectl-cache"));
            for name in PROXIES {
                command.env_remove(name);
            }
        })
    }

    /// Shows how it goes until something is so.
    pub async fn until<T>(&mut self, what: &str, is_so: impl Fn(&View) -> Result<T, String>) -> Result<T> {
        let begun = Instant::now();
        loop {
            let view = self.look().await?;
            self.teller.table(&Table::of(&view, &mut self.refs))?;
            match is_so(&view) {
                Ok(value) => {
                    self.teller.leave();
                    return Ok(value);
                }
                Err(found) if begun.elapsed() > BOUND => {
                    let expected = format!("{what}, within {} seconds", BOUND.as_secs());
                    return Err(Unexpected { expected, found }.into());
                }
                Err(_) => sleep(PAUSE).await,
            }
        }
    }

    /// What is there now.
    pub async fn look(&self) -> Result<View> {
        if let Some(operator) = &self.operator {
            let status = operator.status();
            holds(status.is_none(), "the operator runs", || format!("it has ended: {status:?}"))?;
        }
        Ok(View::of(&self.client, self.machines.log()).await?)
    }

    /// For whoever wants to know why it ended badly.
    pub fn keep_logs(&self) -> Result<()> {
        if let Some(operator) = &self.operator {
            let lines: Vec<_> = operator.lines().iter().map(|line| format!("{line}\n")).collect();
            self.write("operator.log", &lines.concat())?;
        }
        for entry in fs::read_dir(self.control_plane.folder())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                fs::copy(&path, self.folder.join(path.file_name().unwrap_or_default()))?;
            }
        }
        Ok(())
    }
}

/// Where the repository is: the demo runs where it was built.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=./:,".contains(letter);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{word}'") }
}
