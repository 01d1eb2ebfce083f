//! Visits to a real sshd: what is read, how each failure is told apart, and what is left behind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "a test may read its environment")]

mod fetching;

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nico_apply::ssh::{HostKeys, Limits, Room, Target, Visit, VisitError};
use nico_harness::Sshd;
use secrecy::SecretString;
use tempfile::TempDir;

/// What one test works with.
struct Scene {
    sshd: Sshd,
    address: String,
    user: String,
    room: Room,
    _base: TempDir,
    limits: Limits,
}

impl Scene {
    async fn new(address: [u8; 4]) -> Self {
        let base = tempfile::Builder::new().prefix("n").tempdir().unwrap();
        let address = Ipv4Addr::from(address);
        Self {
            sshd: Sshd::start(address).await,
            address: address.to_string(),
            user: user(),
            room: Room::open_in(base.path()).unwrap(),
            _base: base,
            limits: Limits {
                connect: Duration::from_secs(10),
                command: Duration::from_secs(10),
                output: 64 * 1024,
            },
        }
    }

    async fn visit(&self, keys: &HostKeys) -> Result<Visit<'_>, VisitError> {
        self.visit_with(&self.sshd.key(), keys, &self.sshd.client_config()).await
    }

    async fn visit_with(&self, key: &str, keys: &HostKeys, config: &Path) -> Result<Visit<'_>, VisitError> {
        let target = Target { machine: "node-1", host: &self.address, user: &self.user };
        let key = SecretString::from(key);
        Visit::begin(&self.room, target, &key, keys, Some(config), self.limits).await
    }

    /// What lies in the room but its lock.
    fn left(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.room.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| !path.ends_with("lock")).collect()
    }
}

fn user() -> String {
    let id = std::process::Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(id.stdout).unwrap().trim().to_owned()
}

fn failed<T>(visit: Result<T, VisitError>) -> VisitError {
    visit.err().expect("it comes to nothing")
}

#[tokio::test]
async fn a_file_is_read_and_nothing_is_left() {
    let scene = Scene::new([127, 0, 3, 1]).await;
    let file = scene.sshd.folder().join("a file; with 'odd' $(name)");
    std::fs::write(&file, "what is in it\n").unwrap();
    let visit = scene.visit(&HostKeys::AcceptNew).await.unwrap();
    let [alcove] = &scene.left()[..] else { panic!("one visit") };
    for path in [scene.room.path(), alcove, &alcove.join("key")] {
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "nobody else reads it: {mode:o}");
    }
    let answer = visit.run(&["cat", "--", file.to_str().unwrap()]).await.unwrap();
    assert_eq!((answer.code, answer.output.as_slice()), (Some(0), b"what is in it\n".as_slice()));
    let missing = visit.run(&["cat", "--", "/nowhere"]).await.unwrap();
    assert_eq!(missing.code, Some(1));
    visit.end().await;
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn the_host_key_that_was_seen_first_is_kept_and_another_is_refused() {
    let mut scene = Scene::new([127, 0, 3, 2]).await;
    let visit = scene.visit(&HostKeys::AcceptNew).await.unwrap();
    let seen = visit.host_keys().unwrap();
    visit.end().await;
    let shown = HostKeys::of_person("node-1", &[], &scene.sshd.host_key()).unwrap();
    assert_eq!(seen, shown);
    scene.visit(&seen).await.unwrap().end().await;
    scene.sshd.change_host_key().await;
    let refused = failed(scene.visit(&seen).await);
    assert!(matches!(refused, VisitError::HostKeyChanged), "{refused:?}");
    let unknown = failed(scene.visit(&HostKeys::Known(String::new())).await);
    assert!(matches!(unknown, VisitError::HostKeyUnknown), "{unknown:?}");
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_wrong_key_a_closed_port_and_an_odd_name_are_told_apart() {
    let mut scene = Scene::new([127, 0, 3, 3]).await;
    let config = scene.sshd.client_config();
    let other = Sshd::start(Ipv4Addr::new(127, 0, 3, 4)).await;
    let denied = failed(scene.visit_with(&other.key(), &HostKeys::AcceptNew, &config).await);
    assert!(matches!(denied, VisitError::Denied), "{denied:?}");
    let garbage = failed(scene.visit_with("canary", &HostKeys::AcceptNew, &config).await);
    assert!(matches!(garbage, VisitError::Denied), "{garbage:?}");
    assert!(!format!("{garbage:?}").contains("canary"));
    scene.sshd.stop().await;
    let gone = failed(scene.visit(&HostKeys::AcceptNew).await);
    assert!(matches!(gone, VisitError::Unreachable(_)), "{gone:?}");
    scene.user = "-oProxyCommand=touch /tmp/x".to_owned();
    let odd = failed(scene.visit(&HostKeys::AcceptNew).await);
    assert!(matches!(odd, VisitError::NoWord("sshUser")), "{odd:?}");
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn who_accepts_and_says_nothing_is_left_in_time() {
    let mut scene = Scene::new([127, 0, 3, 5]).await;
    let silent = TcpListener::bind((Ipv4Addr::new(127, 0, 3, 5), 0)).unwrap();
    let config = scene.sshd.folder().join("silent");
    let port = silent.local_addr().unwrap().port();
    std::fs::write(&config, format!("Host *\n  Port {port}\n")).unwrap();
    scene.limits.connect = Duration::from_secs(1);
    let key = scene.sshd.key();
    let error = failed(scene.visit_with(&key, &HostKeys::AcceptNew, &config).await);
    assert!(matches!(error, VisitError::TooLate { .. } | VisitError::Unreachable(_)), "{error:?}");
    assert_eq!(scene.left(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn endless_output_and_endless_work_are_cut_off() {
    let mut scene = Scene::new([127, 0, 3, 6]).await;
    scene.limits.command = Duration::from_secs(1);
    let visit = scene.visit(&HostKeys::AcceptNew).await.unwrap();
    let error = failed(visit.run(&["cat", "/dev/zero"]).await);
    assert!(matches!(error, VisitError::TooMuch(_)), "{error:?}");
    let marker = scene.sshd.folder().join("marker").display().to_string();
    let error = failed(visit.run(&["sh", "-c", &format!("sleep 1000; touch {marker}")]).await);
    assert!(matches!(error, VisitError::TooLate { .. }), "timeout(1) ended it there: {error:?}");
    visit.end().await;
}

#[tokio::test]
async fn what_a_killed_process_left_is_removed_and_what_lives_is_not() {
    let base = tempfile::Builder::new().prefix("n").tempdir().unwrap();
    let alive = Room::open_in(base.path()).unwrap();
    let left = base.path().join("nico-ssh-left");
    std::fs::create_dir_all(left.join("v1/.ssh-connection")).unwrap();
    std::fs::write(left.join("lock"), "").unwrap();
    std::fs::write(left.join("v1/key"), "canary").unwrap();
    let other = base.path().join("other");
    std::fs::create_dir(&other).unwrap();
    let new = Room::open_in(base.path()).unwrap();
    assert!(alive.path().exists() && new.path().exists() && other.exists());
    assert!(!left.exists(), "it was left behind");
    let path = alive.path().to_owned();
    drop(alive);
    assert!(!path.exists());
}
