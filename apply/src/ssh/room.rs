//! The room in which keys lie while they are used.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tracing::{debug, warn};

/// What it is called. A control socket's path may have about 100 characters (`unix(7)`).
const PREFIX: &str = "nico-ssh-";
const LOCK: &str = "lock";
/// Where memory can be had as a folder.
const MEMORY: &str = "/dev/shm";

/// So often, and with such pauses, is looked whether a connection has ended: two seconds in all.
const LOOKS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(50);

/// The room of this process. It is gone when this is dropped.
#[derive(Debug)]
pub struct Room {
    dir: TempDir,
    /// Held as long as the process lives, however it ends: what is not held was left behind.
    _lock: File,
}

/// There is no place for keys.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a private folder for SSH keys in {}", .base.display())]
pub struct RoomError {
    base: PathBuf,
    source: io::Error,
}

impl Room {
    /// In memory, or else among the temporary files; what an earlier process left there goes first.
    ///
    /// # Errors
    ///
    /// Neither can be written to.
    pub fn open() -> Result<Self, RoomError> {
        let temporary = std::env::temp_dir();
        Self::open_in(Path::new(MEMORY)).or_else(|error| {
            debug!(%error, "no room in memory");
            Self::open_in(&temporary)
        })
    }

    /// Takes away what processes left that did not end by themselves.
    pub fn clear_what_was_left() {
        for base in [Path::new(MEMORY), &std::env::temp_dir()] {
            sweep(base);
        }
    }

    /// In this folder.
    ///
    /// # Errors
    ///
    /// It cannot be written to.
    pub fn open_in(base: &Path) -> Result<Self, RoomError> {
        sweep(base);
        Self::make(base).map_err(|source| RoomError { base: base.to_owned(), source })
    }

    fn make(base: &Path) -> io::Result<Self> {
        let private = Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(private).tempdir_in(base)?;
        // It gets its name once it is held: another one that begins just now would take it for left behind.
        let unnamed = dir.path().join("lock.new");
        let lock = File::create(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, dir.path().join(LOCK))?;
        Ok(Self { dir, _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A folder for one visit.
    pub(super) fn alcove(&self) -> io::Result<TempDir> {
        let private = Permissions::from_mode(0o700);
        tempfile::Builder::new().prefix("v").rand_bytes(4).permissions(private).tempdir_in(self.dir.path())
    }
}

/// Writes what nobody else may read.
pub(super) fn write_secret(path: &Path, secret: &SecretString) -> io::Result<()> {
    let text = secret.expose_secret();
    let mut file = private(path)?;
    file.write_all(text.as_bytes())?;
    // OpenSSH refuses a key whose last line does not end.
    if text.ends_with('\n') { Ok(()) } else { file.write_all(b"\n") }
}

/// The same, of what is no secret.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    private(path)?.write_all(text.as_bytes())
}

fn private(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Takes away the rooms that nobody holds any more, with the connections that are still open in them.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_left_behind(&path) {
            end_masters(&path);
            match fs::remove_dir_all(&path) {
                Ok(()) => debug!(path = %path.display(), "removed what an earlier process left"),
                Err(error) => {
                    warn!(path = %path.display(), %error, "cannot remove what an earlier process left");
                }
            }
        }
    }
}

/// Others' rooms cannot be opened, and are not ours to judge.
fn is_left_behind(room: &Path) -> bool {
    let lock = room.join(LOCK);
    // What is no file could keep whoever opens it for ever.
    if !fs::symlink_metadata(&lock).is_ok_and(|lock| lock.is_file()) {
        return false;
    }
    match File::open(lock).map(|lock| lock.try_lock()) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock | TryLockError::Error(_))) | Err(_) => false,
    }
}

/// A master outlives who began it. Each lies in a folder of its own, in a folder of its visit.
fn end_masters(room: &Path) {
    let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    for visit in folders(room) {
        for socket in folders(&visit).map(|folder| folder.join("master")).filter(|socket| socket.exists()) {
            let mut exit = Command::new("ssh");
            exit.args(["-O", "exit", "-o", "BatchMode=yes", "-F", "/dev/null", "-S"]).arg(&socket).arg("x");
            exit.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            if let Err(error) = exit.spawn().and_then(end_in_time) {
                debug!(%error, "cannot end a connection that was left open");
            }
        }
    }
}

/// One that does not answer is not waited for: it ends by itself once it is idle.
fn end_in_time(mut child: Child) -> io::Result<()> {
    for _ in 0..LOOKS {
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    child.kill()?;
    child.wait().map(|_| ())
}
