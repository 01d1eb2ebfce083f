//! A child process does what it is told, and is gone when it has to be.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use nico_harness::process::{Process, Stream};
use nico_harness::wait_until;

use super::BOUND;

fn shell(script: &str) -> Process {
    Process::start("sh", |command| {
        command.args(["-c", script]);
    })
}

/// Its state as the kernel tells it, such as `S` or `T`; none if it is gone.
fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

#[tokio::test]
async fn its_lines_are_kept_by_stream_and_read_while_it_runs() {
    let process = shell("echo one; echo two >&2; printf '\\377no end'; exec sleep 600");
    let last = process.line("the last", BOUND, |line| line.ends_with("no end"));
    // Its line has no end yet.
    tokio::time::timeout(Duration::from_millis(200), last).await.unwrap_err();
    process.line("two", BOUND, |line| line == "two").await.unwrap();
    process.line("one", BOUND, |line| line == "one").await.unwrap();
    assert_eq!(process.status(), None);
    process.kill_9();
    process.line("the last", BOUND, |line| line.ends_with("no end")).await.unwrap();
    assert_eq!(process.text(Stream::Out), "one\n\u{fffd}no end\n");
    assert_eq!(process.text(Stream::Error), "two\n");
}

#[tokio::test]
async fn the_environment_is_what_was_set_up() {
    let process = Process::start("/usr/bin/env", |command| {
        command.env_clear().env("ONLY", "this");
    });
    assert!(process.ended(BOUND).await.unwrap().success());
    assert_eq!(process.text(Stream::Out), "ONLY=this\n");
}

#[tokio::test]
async fn told_to_end_it_ends_as_it_likes() {
    let process = shell("trap 'echo ending; exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    process.line("ready", BOUND, |line| line == "ready").await.unwrap();
    let status = process.terminate(BOUND).await.unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(process.text(Stream::Out), "ready\nending\n");
}

#[tokio::test]
async fn one_that_does_not_end_is_an_error() {
    let process = shell("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    process.line("ready", BOUND, |line| line == "ready").await.unwrap();
    let error = process.terminate(Duration::from_millis(100)).await.unwrap_err().to_string();
    assert_eq!(error, "waited 100ms for the end of sh; last: it runs");
}

#[tokio::test]
async fn one_whose_output_goes_on_has_not_ended() {
    let process = shell("sleep 600 & echo $!");
    let grandchild = process.line("whose it is", BOUND, |_line| true).await.unwrap();
    let error = process.ended(Duration::from_millis(500)).await.unwrap_err().to_string();
    assert!(error.ends_with("it has ended, but another process has its output"), "{error}");
    assert!(Command::new("kill").arg(grandchild).status().unwrap().success());
    assert!(process.ended(BOUND).await.unwrap().success());
}

#[tokio::test]
async fn killed_it_is_gone_at_once() {
    let process = shell("trap '' TERM INT; exec sleep 600");
    process.kill_9();
    assert_eq!(state(process.pid()), None);
    assert_eq!(process.status().unwrap().signal(), Some(9));
    // As it was already.
    process.kill_9();
}

#[tokio::test]
async fn stopped_it_stands_still_until_it_goes_on() {
    let process = shell("while :; do echo tick; sleep 0.01; done");
    process.line("tick", BOUND, |line| line == "tick").await.unwrap();
    process.stop();
    wait_until("it to stand still", BOUND, async || {
        (state(process.pid()) == Some('T')).then_some(()).ok_or(format!("{:?}", state(process.pid())))
    })
    .await
    .unwrap();
    process.cont();
    let before = process.lines().len();
    wait_until("the next tick", BOUND, async || (process.lines().len() > before).then_some(()).ok_or("none"))
        .await
        .unwrap();
}

#[tokio::test]
async fn dropped_it_is_gone() {
    let process = shell("exec sleep 600");
    let pid = process.pid();
    drop(process);
    assert_eq!(state(pid), None);
}

#[test]
fn it_outlives_the_thread_that_started_it() {
    let process = thread::spawn(|| shell("trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"))
        .join()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        process.line("ready", BOUND, |line| line == "ready").await.unwrap();
        assert_eq!(process.terminate(BOUND).await.unwrap().code(), Some(7));
    });
}

#[tokio::test]
async fn it_does_not_outlive_a_test_process_that_is_killed() {
    let mut holder =
        Command::new(env!("CARGO_BIN_EXE_test-child")).arg("hold").stdout(Stdio::piped()).spawn().unwrap();
    let mut held = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut held).unwrap();
    let held: u32 = held.trim().parse().unwrap();
    wait_until("the held process to be what it is", BOUND, async || {
        let name = fs::read_to_string(format!("/proc/{held}/comm")).unwrap_or_default();
        (name.trim() == "sleep").then_some(()).ok_or(name)
    })
    .await
    .unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    wait_until("the held process to end", BOUND, async || {
        // Who reaps it is not ours to say.
        state(held).is_none_or(|state| state == 'Z').then_some(()).ok_or("it runs")
    })
    .await
    .unwrap();
}
