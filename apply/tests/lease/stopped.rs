//! A process that is stopped (SIGSTOP, a frozen container) and goes on knows at once that it leads no longer.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use nico_harness::{ControlPlane, wait_until};

use crate::support::{BOUND, Contender, settings};

/// This test.
const TEST: &str = "stopped::who_was_stopped_knows_at_once_that_it_leads_no_longer";
/// The namespace; its presence makes this program that other process.
const NAMESPACE: &str = "NICO_TEST_NAMESPACE";
const MARK: &str = "at";

#[tokio::test(flavor = "multi_thread")]
async fn who_was_stopped_knows_at_once_that_it_leads_no_longer() {
    if let Ok(namespace) = std::env::var(NAMESPACE) {
        return the_other_process(&namespace).await;
    }
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("stopped").await;
    let child = OtherProcess::start(control_plane, namespace.name());
    child.until("it leads", |(_at, leads)| leads).await;
    let b = Contender::of(control_plane, &namespace, "b").await;
    b.follows("a").await;

    child.signal("STOP");
    b.leads().await;
    // Both processes look at one clock.
    let succeeded = micros();
    child.signal("CONT");
    let mut after = 0;
    child
        .until("many answers after it goes on", |(at, leads)| {
            assert!(at <= succeeded || !leads, "two lead at once");
            after += u32::from(at > succeeded);
            after > 200
        })
        .await;
    b.leads().await;
}

fn micros() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

/// Another process that stands for election, as `a`, and says all the time whether it leads.
struct OtherProcess {
    child: Child,
    answers: mpsc::Receiver<(u128, bool)>,
}

impl OtherProcess {
    fn start(control_plane: &ControlPlane, namespace: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env(NAMESPACE, namespace)
            .env("KUBECONFIG", control_plane.kubeconfig_path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let words: Vec<_> = line.split(' ').collect();
                if let [MARK, at, leads] = words.as_slice()
                    && sender.send((at.parse().unwrap(), leads.parse().unwrap())).is_err()
                {
                    return;
                }
            }
        });
        Self { child, answers }
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Takes its answers until one is waited for.
    async fn until(&self, what: &str, mut wanted: impl FnMut((u128, bool)) -> bool) {
        wait_until(what, BOUND, async || {
            if self.answers.try_iter().any(&mut wanted) { Ok(()) } else { Err("no such answer") }
        })
        .await
        .unwrap();
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        // This signal reaches also what is stopped.
        let _already_gone = self.child.kill();
        let _exit_status = self.child.wait();
    }
}

async fn the_other_process(namespace: &str) {
    let kubeconfig = Kubeconfig::read().unwrap();
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
    config.proxy_url = None;
    let a = Contender::start(Client::try_from(config).unwrap(), settings(namespace, "a"));
    let mut out = std::io::stdout();
    // Until the test ends it, or is gone itself.
    loop {
        // First the time, then the question: what is said of a time is true of that time or a later one.
        let at = micros();
        let leads = a.leadership.is_valid();
        if writeln!(out, "{MARK} {at} {leads}").and_then(|()| out.flush()).is_err() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
