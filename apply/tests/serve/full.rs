//! Metrics with something of everything, and ways to read them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use nico_apply::metrics::{Metrics, Told, WriteResult};
use nico_crds::KubernetesClusterStatus;
use nico_crds::names::Role;
use nico_crds::status::{GroupStatus, MachineLine, Phase, RolloutStatus};
use nico_render::ClusterKey;
use nico_render::rollout::{Plan, WaitReason, Waiting};
use nico_render::status::State;
use nico_render::workload::{Kubeconfig, Stored, Workload};

pub const SECOND: Duration = Duration::from_secs(1);

pub fn key(namespace: &str, name: &str) -> ClusterKey {
    ClusterKey { namespace: namespace.to_owned(), name: name.to_owned() }
}

/// The value of a series, in the words of the text.
pub fn value(metrics: &Metrics, series: &str) -> Option<String> {
    let text = metrics.render().unwrap();
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
}

/// A cluster of three control planes, one of which is not ready, and of a worker that waits.
pub fn status() -> KubernetesClusterStatus {
    let line = |name: &str, role: Role, state: State| MachineLine {
        name: name.to_owned(),
        role: Some(role.label().to_owned()),
        state: Some(state.word().to_owned()),
        ..MachineLine::default()
    };
    let group = |ready, total| Some(GroupStatus { ready, total, ready_machines: None });
    KubernetesClusterStatus {
        phase: Some(Phase::ControlPlaneReady),
        control_plane: group(2, 3),
        data_plane: group(0, 2),
        rollout: Some(RolloutStatus { updated: 2, total: 4, ..RolloutStatus::default() }),
        machines: Some(vec![
            line("m1", Role::ControlPlane, State::Settled),
            line("m2", Role::ControlPlane, State::Settled),
            line("m3", Role::ControlPlane, State::Unreachable),
            line("m4", Role::Worker, State::Waiting),
        ]),
        ..KubernetesClusterStatus::default()
    }
}

pub fn plan() -> Plan {
    let waits = |machine: Option<&str>, reason| Waiting { machine: machine.map(str::to_owned), reason };
    Plan {
        waiting: vec![
            waits(None, WaitReason::TokenUnknown),
            waits(Some("m3"), WaitReason::Unreachable),
            waits(Some("m5"), WaitReason::Unreachable),
        ],
        ..Plan::default()
    }
}

/// With a kubeconfig that ends so many seconds after 1970.
pub fn workload(until: i64) -> Workload {
    let until = Timestamp::from_second(until).unwrap();
    let stored = Stored { secret: "home-kubeconfig".to_owned(), until: Some(until), is_refused: false };
    Workload { kubeconfig: Kubeconfig { stored: Some(stored), trouble: None }, ..Workload::default() }
}

/// How that cluster is.
pub fn told() -> Told {
    Told::of(&status(), Some(&plan()), Some(&workload(1_800_000_000)))
}

/// Something of everything, of one cluster.
pub fn full() -> Metrics {
    let metrics = Metrics::new("0.1.0 (0123456789ab)").unwrap();
    metrics.written("patch", "nixosconfigurations", WriteResult::Success);
    metrics.written("patch", "nixosconfigurations", WriteResult::Success);
    metrics.written("patch", "nixosconfigurations", WriteResult::Conflict);
    metrics.written("create", "secrets", WriteResult::Error);
    metrics.written_there("create", "pods/eviction", WriteResult::Success);
    metrics.written_there("create", "pods/eviction", WriteResult::Budget);
    metrics.written_there("delete", "nodes", WriteResult::Conflict);
    metrics.written_there("patch", "nodes", WriteResult::Error);
    metrics.watch_leader(|| true);
    metrics.watch_cache("Machine", || Duration::from_millis(1500));
    let home = key("fleet", "home");
    metrics.keep("fleet", std::slice::from_ref(&home));
    metrics.tell(&home, told());
    let counted = metrics.cluster(&home);
    counted.succeeded(SECOND);
    counted.failed("Conflict", SECOND);
    counted.unrenderable();
    counted.panicked();
    counted.conflicted();
    counted.created(Role::ControlPlane);
    counted.created(Role::Worker);
    counted.deleted();
    counted.kubeconfig_fetched();
    counted.kubeconfig_failed();
    counted.kubeconfig_failed();
    counted.selected(Role::ControlPlane, 3, SECOND);
    counted.selected(Role::Worker, 5, SECOND);
    counted.selected(Role::Worker, 1, SECOND);
    metrics
}

/// What Prometheus' own tool says about something; whether it is content.
pub fn promtool(arguments: &[&str], input: &str) -> (bool, String) {
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: tests/tools.sh installs it (Debian's package prometheus)");
    promtool.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}
