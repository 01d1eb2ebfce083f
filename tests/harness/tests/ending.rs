//! However a control plane ends, nothing of it is left.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use nico_harness::{ControlPlane, wait_until};

const BOUND: Duration = Duration::from_secs(30);

/// The processes that were started with this folder among their arguments.
fn servers(folder: &Path) -> Vec<String> {
    let folder = folder.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        // Processes end while they are listed.
        .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("cmdline")).ok())
        .filter(|arguments| arguments.contains(folder))
        .map(|arguments| arguments.split('\0').next().unwrap_or_default().to_owned())
        .collect()
}

async fn all_gone(folder: &Path) {
    wait_until("the servers to end", BOUND, async || {
        let left = servers(folder);
        left.is_empty().then_some(()).ok_or(format!("{left:?} run"))
    })
    .await
    .unwrap();
}

async fn folder_gone(folder: &Path) {
    wait_until("the folder to go", BOUND, async || (!folder.exists()).then_some(()).ok_or("it is there"))
        .await
        .unwrap();
}

fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

/// Another test process, and the folder of its control plane.
fn holder() -> (Child, PathBuf) {
    // What a shell starts in the background inherits that interrupts are ignored.
    let mut holder = Command::new("env")
        .args(["--default-signal=INT", env!("CARGO_BIN_EXE_hold-control-plane")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut folder = String::new();
    BufReader::new(holder.stdout.take().unwrap()).read_line(&mut folder).unwrap();
    assert_eq!(servers(Path::new(folder.trim())).len(), 3);
    (holder, folder.trim().into())
}

#[tokio::test]
async fn dropped() {
    let control_plane = ControlPlane::start().await.unwrap();
    let folder = control_plane.folder().to_owned();
    assert_eq!(servers(&folder).len(), 3);
    drop(control_plane);
    assert_eq!(servers(&folder), [""; 0]);
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_supervisor_is_killed() {
    let control_plane = ControlPlane::start().await.unwrap();
    let folder = control_plane.folder().to_owned();
    signal("-KILL", control_plane.supervisor_pid());
    all_gone(&folder).await;

    // Nobody was left to remove the folder: the next one to start does.
    let _next = ControlPlane::start().await.unwrap();
    assert!(!folder.exists());
}

#[tokio::test]
async fn the_supervisor_is_interrupted() {
    let control_plane = ControlPlane::start().await.unwrap();
    let folder = control_plane.folder().to_owned();
    signal("-INT", control_plane.supervisor_pid());
    all_gone(&folder).await;
    folder_gone(&folder).await;
}

#[tokio::test]
async fn the_test_process_is_killed() {
    let (mut holder, folder) = holder();
    holder.kill().unwrap();
    holder.wait().unwrap();
    all_gone(&folder).await;
    folder_gone(&folder).await;
}

#[tokio::test]
async fn the_test_process_is_interrupted() {
    let (mut holder, folder) = holder();
    signal("-INT", holder.id());
    holder.wait().unwrap();
    all_gone(&folder).await;
    folder_gone(&folder).await;
}

#[tokio::test]
async fn a_test_panics() {
    let (tell, told) = std::sync::mpsc::channel();
    let test = tokio::spawn(async move {
        let control_plane = ControlPlane::start().await.unwrap();
        tell.send(control_plane.folder().to_owned()).unwrap();
        panic!("as a failed assertion does");
    });
    test.await.unwrap_err();
    let folder = told.recv().unwrap();
    assert_eq!(servers(&folder), [""; 0]);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_folder_without_crds_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let error = ControlPlane::start_with(&[folder.path()]).await.unwrap_err().to_string();
    assert!(error.contains("recognized file extensions are"), "{error}");
}
