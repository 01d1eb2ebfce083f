//! Starting a control plane, and what tests ask of it.

use std::error::Error as _;
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fmt, fs, thread};

use k8s_openapi::api::core::v1;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde::Deserialize;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

use crate::audit::{self, Event};
use crate::namespace::Namespace;
use crate::process::Process;
use crate::servers::Supervisor;

/// It kills its servers and removes its folder: a matter of a tenth of a second.
const STOP_BOUND: Duration = Duration::from_secs(30);

/// A running control plane. Dropping it, or the end of this process in
/// whatever way, stops it and removes its folder.
#[derive(Debug)]
pub struct ControlPlane {
    process: Attached,
    paths: Paths,
}

/// The process whose children the servers are. Dropping it ends them all, also while they start.
#[derive(Debug)]
struct Attached {
    process: Child,
    supervisor: Arc<Supervisor>,
}

/// What the supervisor prints once the servers answer.
#[derive(Debug, Deserialize)]
struct Paths {
    folder: PathBuf,
    kubeconfig: PathBuf,
    audit_log: PathBuf,
    kubectl: PathBuf,
}

/// Why there is no control plane.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// It has not been built.
    #[error("{} is missing: run `make control-plane-binaries`", .0.display())]
    Missing(PathBuf),
    /// It could not be run, or not be talked to.
    #[error("cannot run the control plane")]
    Run(#[from] io::Error),
    /// It says why itself, with the ends of the servers' logs.
    #[error("the control plane did not start: {0}")]
    Failed(String),
    /// It is another version than this crate.
    #[error("the control plane answered what is not understood")]
    Answer(#[from] serde_json::Error),
}

/// As text, because this is how `unwrap` and a test's `?` show it.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        self.source().map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl ControlPlane {
    /// Starts one that knows Kubernetes' own kinds only.
    pub async fn start() -> Result<Self, StartError> {
        Self::start_with(&[]).await
    }

    /// Starts one that has the CRDs of these files or folders from its start.
    /// Whoever stops waiting for it ends it.
    ///
    /// The garbage collector looks for new kinds only every 30 seconds: what is
    /// owned by an object whose CRD came later outlives it by as much.
    pub async fn start_with(crds: &[&Path]) -> Result<Self, StartError> {
        let (mut process, errors) = Attached::start(crds)?;
        let Some(line) = process.supervisor.line().await else {
            let reason = spawn_blocking(move || io::read_to_string(errors)).await;
            process.process.wait()?;
            return Err(StartError::Failed(reason.expect("it does not panic")?.trim_end().to_owned()));
        };
        // Later errors, such as a server that died, are shown among the test's own.
        thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        Ok(Self { process, paths: serde_json::from_str(&line)? })
    }

    /// The one of this test process, with NICO's CRD and those of the Python NIO; started by who asks
    /// first.
    ///
    /// Share it, but no client of it: a client belongs to the runtime that made
    /// it, and each test has its own.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        let (nico, nio) = (repository().join("crds"), repository().join("fixtures/nio/python.yaml"));
        SHARED
            .get_or_try_init(async || Self::start_with(&[&nico, &nio]).await)
            .await
            .expect("the tests need a control plane")
    }

    /// Its admin's kubeconfig.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.paths.kubeconfig
    }

    /// Where all its files are, the servers' logs among them.
    pub fn folder(&self) -> &Path {
        &self.paths.folder
    }

    /// The kubectl of its version.
    pub fn kubectl_path(&self) -> &Path {
        &self.paths.kubectl
    }

    /// The process whose children the servers are.
    pub fn supervisor_pid(&self) -> u32 {
        self.process.process.id()
    }

    pub(crate) fn supervisor(&self) -> &Arc<Supervisor> {
        &self.process.supervisor
    }

    /// The admin's way to it, for clients with settings of their own.
    pub async fn config(&self) -> Config {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig_path()).expect("the kubeconfig is readable");
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("the kubeconfig is complete");
        // HTTPS_PROXY is not meant for a server on this machine.
        config.proxy_url = None;
        config
    }

    /// A new client with the admin's rights.
    pub async fn client(&self) -> Client {
        Client::try_from(self.config().await).expect("the kubeconfig makes a client")
    }

    /// A new namespace, `<prefix>-<something unique>`.
    pub async fn namespace(&self, prefix: &str) -> Namespace {
        let namespaces: Api<v1::Namespace> = Api::all(self.client().await);
        let wanted = v1::Namespace {
            metadata: ObjectMeta { generate_name: Some(format!("{prefix}-")), ..ObjectMeta::default() },
            ..v1::Namespace::default()
        };
        let made = namespaces
            .create(&PostParams::default(), &wanted)
            .await
            .unwrap_or_else(|error| panic!("cannot create the namespace {prefix}: {error}"));
        Namespace(made.metadata.name.expect("the server names what it stores"))
    }

    /// Runs kubectl with the admin's rights, and lets the runtime go on meanwhile.
    pub async fn kubectl(&self, args: &[&str]) -> Output {
        let mut kubectl = Command::new(&self.paths.kubectl);
        kubectl
            .arg("--kubeconfig")
            .arg(self.kubeconfig_path())
            // The usual one is by port, and another server may have had ours.
            .arg("--cache-dir")
            .arg(self.folder().join("kubectl-cache"))
            .args(args)
            .stdin(Stdio::null());
        spawn_blocking(move || kubectl.output())
            .await
            .unwrap_or_else(|error| panic!("{error}"))
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", self.paths.kubectl.display()))
    }

    /// Applies a file or folder of manifests as the field manager `test`, by
    /// force, and waits until the server serves its CRDs.
    pub async fn apply_yaml(&self, path: &Path) {
        let path = path.to_str().expect("kubectl takes paths that are text");
        let apply = [
            "apply",
            "--server-side",
            "--force-conflicts",
            "--field-manager=test",
            "--output=name",
            "-f",
            path,
        ];
        let applied = self.kubectl_succeeds(&apply).await;
        let crds = applied.lines().filter(|name| name.starts_with("customresourcedefinition."));
        let wait: Vec<&str> =
            ["wait", "--for=condition=Established", "--timeout=60s"].into_iter().chain(crds).collect();
        if wait.len() > 3 {
            self.kubectl_succeeds(&wait).await;
        }
    }

    /// Starts one more controller of Kubernetes beside those that are there.
    pub fn controller(&self, name: &str) -> Process {
        let program = self.paths.kubectl.with_file_name("kube-controller-manager");
        let kubeconfig = self.folder().join("controller-manager.kubeconfig");
        Process::start(program, |command| {
            command
                .args(["--leader-elect=false", "--secure-port=0"])
                .arg(format!("--controllers={name}"))
                .arg(format!("--kubeconfig={}", kubeconfig.display()));
        })
    }

    async fn kubectl_succeeds(&self, args: &[&str]) -> String {
        let output = self.kubectl(args).await;
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {args:?}: {}: {errors}", output.status);
        String::from_utf8(output.stdout).expect("kubectl writes UTF-8")
    }

    /// All requests answered so far, oldest first. A request may be answered
    /// before it is in the log: await what must be there.
    pub fn audit(&self) -> Vec<Event> {
        audit::parse(&self.audit_log(), None)
    }

    /// The same, but only those about this namespace and the objects in it.
    pub fn audit_in(&self, namespace: &Namespace) -> Vec<Event> {
        audit::parse(&self.audit_log(), Some(namespace.name()))
    }

    pub(crate) fn audit_log(&self) -> String {
        let log = fs::read(&self.paths.audit_log).expect("the audit log is readable");
        // The end of the last line may be the middle of a character.
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Attached {
    /// With its standard error.
    fn start(crds: &[&Path]) -> Result<(Self, ChildStderr), StartError> {
        let program = repository().join("tests/control-plane/bin/control-plane");
        if !program.exists() {
            return Err(StartError::Missing(program));
        }
        let mut process = Command::new(program)
            .arg("attached")
            .args(crds)
            // It ends when this pipe does.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What interrupts a whole group, as Ctrl-C does, is for this process to tell it.
            .process_group(0)
            .spawn()?;
        let orders = process.stdin.take().expect("it is piped");
        let said = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let errors = process.stderr.take().expect("it is piped");
        Ok((Self { process, supervisor: Arc::new(Supervisor::new(orders, said)) }, errors))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.supervisor.end();
        let asked = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) {
            if asked.elapsed() > STOP_BOUND {
                eprintln!("process {} does not stop its control plane: it is killed", self.process.id());
                let _already_gone = self.process.kill();
                let _exit_status = self.process.wait();
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Tests run where they were built.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate is two folders down")
}
