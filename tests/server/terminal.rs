//! `nico status --watch` on a terminal: it is drawn on in place, fits, and is given back.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use nico_harness::{ControlPlane, wait_until};
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::status::{BOUND, put_cluster, told};
use crate::support::put_status;

/// A terminal with a program on it, and what the program wrote there.
struct Terminal {
    controller: OwnedFd,
    child: Child,
    written: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(rows: u16, columns: u16, set_up: impl FnOnce(&mut Command)) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let terminal = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        resize(&controller, rows, columns);
        let mut command = Command::new(env!("CARGO_BIN_EXE_nico"));
        command.stdin(Stdio::null()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        set_up(&mut command);
        let child = command.spawn().unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let (mut from, to) = (File::from(controller.try_clone().unwrap()), Arc::clone(&written));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is its end: nobody has it open any more.
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Self { controller, child, written }
    }

    fn written(&self) -> String {
        self.written.lock().unwrap().clone()
    }

    /// The screen as it was drawn last, without colours.
    fn screen(&self) -> Vec<String> {
        let written = self.written();
        let drawn = written.rsplit("\u{1b}[H").find(|drawn| drawn.contains("\u{1b}[J")).unwrap_or_default();
        let drawn = drawn.split_once("\u{1b}[J").map_or("", |(drawn, _)| drawn);
        drawn.split("\r\n").map(|line| plain(line.trim_end_matches("\u{1b}[K"))).collect()
    }

    async fn shows(&self, what: &str, matches: impl Fn(&[String]) -> bool) {
        let shown = async || {
            let screen = self.screen();
            if matches(&screen) { Ok(()) } else { Err(screen.join("\n")) }
        };
        wait_until(what, BOUND, shown).await.unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _had_ended = self.child.kill();
        let _is_gone = self.child.wait();
    }
}

fn resize(terminal: &OwnedFd, rows: u16, columns: u16) {
    tcsetwinsize(terminal, Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
}

fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_drawn_on_in_place_and_given_back() {
    let control_plane = ControlPlane::shared().await;
    let namespace = control_plane.namespace("terminal").await;
    put_cluster(control_plane, &namespace, "home", "Installing").await;
    let terminal = Terminal::start(24, 100, |command| {
        command.args(["status", "--watch", "-n", namespace.name()]);
        command.env("KUBECONFIG", control_plane.kubeconfig_path());
    });
    let has = |words: &'static str| move |screen: &[String]| screen.iter().any(|line| line.contains(words));
    terminal.shows("it", has("Installing")).await;
    assert!(terminal.written().starts_with("\u{1b}[?1049h"), "it has a screen of its own");
    put_status(control_plane, &namespace, "kcluster", "home", &told("Settled")).await;
    terminal.shows("the change", |screen| has("Settled")(screen) && !has("Installing")(screen)).await;
    assert!(terminal.written().contains("\u{1b}[32mSettled\u{1b}[0m"), "in colour");
    // Nothing changes but the time.
    let before = terminal.screen()[0].clone();
    terminal.shows("a later time", |screen| screen[0] != before && has("Settled")(screen)).await;
    resize(&terminal.controller, 3, 100);
    terminal.shows("what fits", |screen| screen.len() == 3 && screen[2].ends_with("more lines")).await;

    let pid = rustix::process::Pid::from_child(&terminal.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut terminal = terminal;
    let ended = async || terminal.child.try_wait().unwrap().ok_or("it runs");
    assert!(wait_until("its end", BOUND, ended).await.unwrap().success());
    let whole = |written: &str| {
        let after = written.split_once("\u{1b}[?1049l").map(|(_, after)| plain(after));
        after.is_some_and(|after| after.contains("Settled") && after.contains("REASON"))
    };
    let left = async || {
        let written = terminal.written.lock().unwrap().clone();
        if whole(&written) { Ok(()) } else { Err(written) }
    };
    wait_until("all that was shown last", BOUND, left).await.unwrap();
    assert_eq!(terminal.written().matches("\u{1b}[?1049h").count(), 1);
    assert!(terminal.written().contains("\u{1b}[?25h"), "the cursor is back");
}
