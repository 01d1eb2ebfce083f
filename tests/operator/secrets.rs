//! No secret is anywhere but where it belongs (S18): canaries are looked for in everything that the operator writes,
//! says and leaves behind, at the most talkative log level.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use k8s_openapi::ByteString;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_harness::Process;
use nico_harness::process::Stream;
use serde_json::{Value, json};

use crate::quiet::{metrics_address, page, passes};
use crate::stage::{CONFIGURATIONS, shared_account};
use crate::visits::{Visits, visited};

const CANARY: &str = "canary-that-must-not-sing";

/// An operator that says all it can, and whose visits note how they are called.
async fn talkative(visits: &Visits<'_>, tools: &Path) -> Process {
    let account = shared_account().await.kubeconfig();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let config = visits.file("client");
    fs::write(&config, format!("Host *\n  Port {}\n", visits.sshd.port())).unwrap();
    Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
        command
            .args(["run", "--namespace", visits.namespace().name(), "--interval", "1s"])
            .args(["--metrics-port", "0", "--metrics-bind-address", "127.0.0.1", "--ssh-timeout", "20s"])
            .arg("--ssh-config")
            .arg(&config)
            .arg("--kubeconfig")
            .arg(&account)
            .env_remove("KUBECONFIG")
            .env("RUST_LOG", "trace")
            .env("TMPDIR", tools)
            .env("PATH", path);
    })
}

/// Stands before ssh, and notes its arguments.
fn note_arguments(tools: &Path) {
    let script =
        format!("#!/bin/sh\necho \"$0 $*\" >>{}/arguments\nexec /usr/bin/ssh \"$@\"\n", tools.display());
    let ssh = tools.join("ssh");
    fs::write(&ssh, script).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Pieces by which a text would be known again.
fn pieces(text: &str) -> Vec<String> {
    let long = text.lines().map(str::trim).filter(|line| line.len() >= 24 && !line.starts_with("-----"));
    long.map(|line| line.chars().take(64).collect()).collect()
}

fn decoded(value: &Value) -> String {
    let bytes: ByteString = serde_json::from_value(value.clone()).unwrap();
    String::from_utf8(bytes.0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_anywhere_but_where_it_belongs() {
    let visits = Visits::new("canary", [127, 0, 4, 41]).await;
    let tools = tempfile::tempdir().unwrap();
    note_arguments(tools.path());
    let hour = SignedDuration::from_hours(1);
    let good = visits.workload.certified(Timestamp::now() - hour, Timestamp::now() + hour * 240);
    let server = "https://127.0.0.1";
    visits.lay_kubeconfig("good", good.clone(), server);
    let with_user = |user: Value| {
        let mut kubeconfig = good.clone();
        kubeconfig["users"][0]["user"] = user;
        kubeconfig
    };
    visits.lay_kubeconfig("stranger", with_user(json!({ "token": CANARY })), server);
    visits.lay_kubeconfig(
        "plugin",
        with_user(json!({ "exec": { "command": CANARY, "args": [CANARY] } })),
        server,
    );
    visits.lay("garbage", format!("users: [{{user: {{token: \"{CANARY}\"]"));
    let silent = TcpListener::bind((Ipv4Addr::new(127, 0, 4, 42), visits.sshd.port())).unwrap();

    let operator = talkative(&visits, tools.path()).await;
    for name in ["good", "stranger", "plugin", "garbage", "hanging"] {
        let machine = format!("{name}-1");
        let at = if name == "hanging" { json!({ "hostname": "127.0.4.42" }) } else { json!({}) };
        visits.stage.put(&[visits.machine(&machine, &at), visits.cluster(name, &machine, name)]).await;
    }
    visits.wait_reason("good", "Available").await;
    visits.wait_reason("stranger", "LoginFailed").await;
    visits.wait_reason("plugin", "NotAcceptable").await;
    visits.wait_reason("garbage", "NotAcceptable").await;
    // In the middle of a visit: the key lies in a room that the next one has to clear away.
    let first = visited(&silent).await;
    operator.kill_9();
    let mut said = operator.text(Stream::Error);
    let operator = talkative(&visits, tools.path()).await;
    passes(&visits.stage, &operator, 3).await;
    let second = visited(&silent).await;
    let metrics = page(&metrics_address(&operator).await, "/metrics").await;
    operator.terminate(crate::stage::BOUND).await.unwrap();
    said.push_str(&operator.text(Stream::Error));
    assert!(said.contains("TRACE"), "it says all that it can");
    drop((first, second));

    let mut canaries = vec![CANARY.to_owned()];
    // The first line of all keys is the same.
    canaries.extend(pieces(&visits.sshd.key()).into_iter().skip(1));
    let token = visits.stage.get("secret", "good-join-token").await;
    canaries.push(decoded(&token["data"]["token"]));
    for field in ["client-key-data", "client-certificate-data"] {
        canaries.extend(pieces(good["users"][0]["user"][field].as_str().unwrap()));
    }
    canaries.extend(pieces(&decoded(&good["users"][0]["user"]["client-key-data"])));
    canaries.extend(pieces(visits.secret("good").await["data"]["value"].as_str().unwrap()));
    let arguments = fs::read_to_string(tools.path().join("arguments")).unwrap();
    assert!(arguments.contains("127.0.4.41"), "{arguments}");
    let mut places = vec![
        ("the log".to_owned(), said),
        ("the metrics".to_owned(), metrics),
        ("the arguments of ssh".to_owned(), arguments),
    ];
    for kind in ["events.v1.events.k8s.io", "kubernetesclusters", CONFIGURATIONS, "configmaps", "machines"] {
        places.push((kind.to_owned(), json!(visits.stage.list(kind).await).to_string()));
    }
    for folder in [Path::new("/dev/shm"), tools.path()] {
        read_all(folder, &mut places);
    }
    for (place, text) in &places {
        for canary in &canaries {
            assert!(!text.contains(canary), "{place} has {canary}");
        }
    }
}

/// What lies in a folder, and in those in it. Some may go meanwhile: they belong to other tests.
fn read_all(folder: &Path, places: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => read_all(&path, places),
            Ok(kind) if kind.is_file() => {
                let bytes = fs::read(&path).unwrap_or_default();
                places.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
            }
            Ok(_) | Err(_) => {}
        }
    }
}
