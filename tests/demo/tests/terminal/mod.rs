//! A terminal that can be closed.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The other end of it, and what runs there.
pub struct Terminal {
    controller: File,
    child: Child,
    unread: String,
}

impl Terminal {
    /// Starts a program that is told when the terminal is closed.
    pub fn start(program: &str, set_up: impl FnOnce(&mut Command)) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let size = Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal: OwnedFd = open(name, flags, Mode::empty()).unwrap();
        let mut command = Command::new("setsid");
        // It becomes the program, with the same process id, and the terminal is its own.
        command.args(["--ctty", program]);
        command.stdin(terminal.try_clone().unwrap()).stdout(terminal.try_clone().unwrap()).stderr(terminal);
        command.env("TERM", "xterm").env_remove("NO_COLOR");
        set_up(&mut command);
        let child = command.spawn().unwrap();
        Self { controller: controller.into(), child, unread: String::new() }
    }

    /// Reads on until these words have come.
    pub fn reads(&mut self, words: &str) {
        let mut bytes = [0; 4096];
        loop {
            if let Some((_, after)) = self.unread.split_once(words) {
                self.unread = after.to_owned();
                return;
            }
            let count = self.controller.read(&mut bytes).unwrap_or_default();
            assert!(count > 0, "it ended before {words:?}: {}", self.unread);
            self.unread.push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap()));
        }
    }

    /// How it ended then.
    pub fn close(self) -> ExitStatus {
        let Self { controller, mut child, .. } = self;
        drop(controller);
        child.wait().unwrap()
    }
}
