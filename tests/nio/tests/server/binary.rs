//! The stand-in as a program of its own.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};

use nico_harness::wait_until;
use nio_stand_in::{Control, Kind};

use crate::support::{BOUND, Place, attempts, configuration};

fn start(place: &Place, folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_nio-stand-in"))
        .arg("--kubeconfig")
        .arg(place.control_plane.kubeconfig_path())
        .args(["--namespace", place.namespace.name(), "--seed", "7", "--scale", "0.003", "--log"])
        .arg(folder.join("log"))
        .arg("--control-dir")
        .arg(folder.join("control"))
        .spawn()
        .unwrap()
}

fn terminate(mut child: Child) {
    let status = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// What is in its log. To open it is to go on with it, so only a copy is opened.
fn log(folder: &Path) -> nio_stand_in::Log {
    fs::copy(folder.join("log"), folder.join("copy")).unwrap();
    Control::with_log(&folder.join("copy")).unwrap().log()
}

#[tokio::test]
async fn does_as_files_say_and_logs_what_it_does() {
    let mut place = Place::new("binary", nio_stand_in::Settings::default()).await;
    place.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    fs::create_dir_all(control.join("lose")).unwrap();
    fs::write(control.join("lose/node-2"), "").unwrap();
    fs::create_dir_all(control.join("fail")).unwrap();
    fs::write(control.join("fail/node-1"), "revision = 2;").unwrap();
    let child = start(&place, folder.path());
    for name in ["node-1", "node-2"] {
        place.machine(name).await;
    }
    let discoverable = |machine: &nico_crds::Machine| machine.status.as_ref()?.discoverable;
    assert_eq!(discoverable(&place.machines().get("node-2").await.unwrap()), Some(false));
    place.put(configuration("home-node-1", "node-1", true)).await;
    place.proven("home-node-1").await;
    place.write("home-node-1", 2).await;
    place.until("home-node-1", "a failed attempt", attempts).await;
    fs::remove_file(control.join("fail/node-1")).unwrap();
    fs::remove_file(control.join("lose/node-2")).unwrap();
    fs::write(control.join("commit"), "0123456789012345678901234567890123456789\n").unwrap();
    place
        .until("home-node-1", "the second content, of the new commit", |live| {
            let status = live.status.as_ref()?;
            (status.applied_commit.as_deref()?.starts_with("0123")
                && live.annotation(crate::support::ATTEMPTS).is_none())
            .then_some(())
        })
        .await;
    place
        .machine_until("node-2", "it to be found", |machine| discoverable(machine).filter(|found| *found))
        .await;
    wait_until("the log", BOUND, async || {
        let wipes = log(folder.path()).runs_of("node-1", Kind::Wipe);
        wipes
            .iter()
            .any(|wipe| wipe.succeeded() && wipe.start.revision == Some(2))
            .then_some(())
            .ok_or("not yet")
    })
    .await
    .unwrap();
    terminate(child);
    let before = log(folder.path());
    assert!(before.installations("node-1") >= 2);
    assert_eq!(before.machine("node-1").under_way, 0);

    // It goes on where it was.
    let child = start(&place, folder.path());
    place.put(configuration("home-node-2", "node-2", false)).await;
    place.proven("home-node-2").await;
    terminate(child);
    let after = log(folder.path());
    assert_eq!(&after.events()[..before.events().len()], before.events());
    assert_eq!(after.order(), ["node-1", "node-2"]);
    let places: Vec<u64> = after.events().iter().map(|event| event.seq).collect();
    assert_eq!(places, (1..=places.len() as u64).collect::<Vec<_>>());
}

#[test]
fn says_what_the_files_are() {
    let help = Command::new(env!("CARGO_BIN_EXE_nio-stand-in")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for file in ["commit", "fail/MACHINE", "slow/MACHINE", "lose/MACHINE", "hold/MACHINE"] {
        assert!(help.contains(file), "{file}");
    }
}
