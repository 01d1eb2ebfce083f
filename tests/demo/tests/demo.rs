//! However the demo ends, nothing of it is left: no process, no folder.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod terminal;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use nico_harness::Process;
use nico_harness::process::Stream;
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use terminal::Terminal;

/// For what takes seconds; for all of it, minutes.
const BOUND: Duration = Duration::from_mins(2);
const WHOLE_BOUND: Duration = Duration::from_mins(8);
/// Whatever the demo starts inherits it.
const MARK: &str = "NICO_DEMO_FOLDER";

/// What may be left is found by this folder: files are in it, and processes have it in their environment.
struct Traces(TempDir);

impl Traces {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn mark(&self, command: &mut Command) {
        command.env(MARK, self.0.path()).env("TMPDIR", self.0.path());
    }

    /// The command lines of those that run.
    fn processes(&self) -> Vec<String> {
        let marked = format!("{MARK}={}\0", self.0.path().display());
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok).map(|entry| entry.path());
        // Processes end while they are listed.
        let is_marked = |process: &PathBuf| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&marked)
        };
        let command = |process: PathBuf| fs::read_to_string(process.join("cmdline")).unwrap_or_default();
        processes.filter(is_marked).map(command).filter(|command| !command.is_empty()).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn assert_none(&self) {
        assert_eq!(self.processes(), [""; 0]);
        assert_eq!(self.files(), Vec::<PathBuf>::new());
    }
}

fn demo(traces: &Traces, arguments: &[&str]) -> Process {
    Process::start(env!("CARGO_BIN_EXE_nico-demo"), |command| {
        // A group of its own, as a shell gives it.
        command.args(arguments).process_group(0);
        traces.mark(command);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_to_its_end_in_plain_lines() {
    let traces = Traces::new();
    let demo = demo(&traces, &[]);
    demo.line("that the operator runs", BOUND, |line| line.starts_with("$ nico run")).await.unwrap();
    let running = traces.processes();
    for name in ["nico-demo", "nico\0run", "control-plane", "kube-apiserver"] {
        // The servers have an environment of their own.
        let is_marked = running.iter().any(|command| command.contains(name));
        assert_eq!(is_marked, name != "kube-apiserver", "{name}: {running:?}");
    }
    let status = demo.ended(WHOLE_BOUND).await.unwrap();
    assert_eq!(status.code(), Some(0));
    let told = demo.text(Stream::Out);
    assert!(told.contains("That is all") && !told.contains('\u{1b}'), "{told}");
    traces.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_at_its_beginning_it_leaves_nothing() {
    let traces = Traces::new();
    let demo = demo(&traces, &[]);
    demo.line("what comes", BOUND, |line| line.contains("stand-in")).await.unwrap();
    // As Ctrl-C does, while the control plane starts.
    let group = Pid::from_raw(demo.pid().try_into().unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    assert_eq!(demo.ended(BOUND).await.unwrap().code(), Some(130));
    traces.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn terminated_in_the_middle_it_leaves_nothing() {
    let traces = Traces::new();
    let demo = demo(&traces, &[]);
    demo.line("that machines are installed", BOUND, |line| line.contains("installs")).await.unwrap();
    assert_eq!(demo.terminate(BOUND).await.unwrap().code(), Some(143));
    traces.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_its_terminal_is_closed_it_leaves_nothing() {
    let traces = Traces::new();
    let mut terminal = Terminal::start(env!("CARGO_BIN_EXE_nico-demo"), |command| traces.mark(command));
    // A table that was drawn is taken away for the next one.
    terminal.reads("\u{1b}[10A\r\u{1b}[J");
    terminal.reads("node-8");
    assert_eq!(terminal.close().code(), Some(129));
    traces.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_reads_it_any_more_it_leaves_nothing() {
    let traces = Traces::new();
    let program = env!("CARGO_BIN_EXE_nico-demo");
    let demo = Process::start("bash", |command| {
        command.args(["-c", "set -o pipefail; \"$0\" | head -n 2", program]);
        traces.mark(command);
    });
    assert_eq!(demo.ended(BOUND).await.unwrap().code(), Some(141));
    traces.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_so_is_said_with_what_was_expected_and_found_and_where_the_logs_are() {
    let traces = Traces::new();
    let demo = demo(&traces, &["--nico", "/bin/false"]);
    assert_eq!(demo.ended(BOUND).await.unwrap().code(), Some(1));
    let errors = demo.text(Stream::Error);
    for words in ["as it was told what would happen", "expected: nico plan says", "found:", "8 to install"] {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    let (_, folder) = errors.trim_end().rsplit_once("the logs are in ").unwrap();
    assert_eq!(traces.files(), [Path::new(folder)]);
    for log in ["nio.log", "kube-apiserver.log"] {
        assert!(Path::new(folder).join(log).exists(), "{log}");
    }
    assert_eq!(traces.processes(), [""; 0]);
}
