//! Whatever goes wrong between the operator and its server, by seed: conflicts, refusals, time-outs, answers that
//! are lost after the write, watches that end or are too old, a server that is down. The end is the same, and
//! the invariants hold at every write.

use std::time::Duration;

use futures::future::join_all;
use kube::Client;
use nico_apply::cache::CacheSettings;
use nico_apply::lease::Leadership;
use nico_apply::metrics::Metrics;
use nico_apply::operator::{Operator, Rollout, Settings};
use nico_harness::Event;
use nico_harness::faults::{Faults, Kind, Settings as FaultSettings};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::invariants;
use crate::stage::{OWN_USER, Stage, cluster, shared_account};

/// An operator in this process, behind faults.
pub struct Inside {
    pub metrics: Metrics,
    end: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Inside {
    pub fn start(stage: &Stage<'_>, client: Client) -> Self {
        Self::deciding_by(stage, client, nico_render::rollout::rollout)
    }

    /// The same, that decides otherwise.
    pub fn deciding_by(stage: &Stage<'_>, client: Client, rollout: Rollout) -> Self {
        let settings = Settings {
            cache: CacheSettings {
                namespaces: vec![stage.namespace.name().to_owned()],
                watch_seconds: 5,
                ..CacheSettings::default()
            },
            interval: Duration::from_secs(1),
            rollout,
            ..Settings::default()
        };
        let metrics = Metrics::new("test").unwrap();
        let operator = Operator::new(client.clone(), client, Leadership::always(), metrics.clone(), settings);
        let (end, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(operator.run(async {
            let _ = ended.await;
        }));
        Self { metrics, end: Some(end), task }
    }

    pub async fn end(mut self) {
        let _ = self.end.take().unwrap().send(());
        self.task.await.unwrap();
    }
}

pub fn is_operator(event: &Event) -> bool {
    event.user == OWN_USER
}

/// One cluster's life behind the faults of a seed. Returns the kinds that no request met.
async fn life(seed: u64) -> Vec<Kind> {
    let stage = Stage::new(&format!("faults-{seed}")).await;
    let account = shared_account().await;
    let settings = FaultSettings::new(seed).all(30).hang(Duration::from_secs(3)).outage(4);
    let faults = Faults::new(settings);
    let operator = Inside::start(&stage, faults.client(account.config().await));
    stage.machines(5).await;
    stage.put(&[cluster("home", 2, 2, &json!({}))]).await;
    stage
        .wait("the head", async || (!stage.configurations().await.is_empty()).then_some(()).ok_or("none"))
        .await;
    // Each open watch meets each way to end.
    for kind in [Kind::GoneInWatch, Kind::WatchClosed, Kind::WatchBroken] {
        faults.strike_watches(kind);
    }
    stage.wait_installed(4).await;
    // Another content, while all goes wrong.
    let edit = json!({ "spec": { "rollout": { "trigger": "again" } } });
    stage.patch("kubernetescluster", "home", "person", &edit).await;
    stage
        .wait("all to run it", async || {
            let log = stage.control().log();
            let revisions = ["node-1", "node-2", "node-4", "node-5"].map(|name| {
                log.runs()
                    .iter()
                    .any(|run| run.start.machine == name && run.start.revision > Some(1) && run.succeeded())
            });
            if revisions.iter().all(|done| *done) { Ok(()) } else { Err(format!("{revisions:?}")) }
        })
        .await;
    stage.kubectl(&["delete", "kubernetescluster", "home", "--wait=false"]).await;
    let met = async {
        // Faults stop in the middle of the deletion.
        stage
            .wait("a worker to go", async || {
                let left = stage.configurations().await.len();
                if left < 4 { Ok(()) } else { Err(format!("{left}")) }
            })
            .await;
        faults.stop();
    };
    met.await;
    stage.wait_gone("kubernetesclusters").await;
    stage.wait_gone("nixosconfigurations,secrets").await;
    operator.end().await;
    let log = stage.control().log();
    for machine in ["node-1", "node-2", "node-4", "node-5"] {
        assert_eq!(log.installations(machine), 1, "{machine}, seed {seed}");
    }
    let writes = invariants::hold(&stage.control_plane.audit_in(&stage.namespace), is_operator);
    for (configuration, texts) in writes.texts {
        assert_eq!(texts, 2, "the text of {configuration} was written so often, seed {seed}");
    }
    faults.missing()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_the_end_is_the_same() {
    let missing = join_all([11, 12, 13, 14].map(life)).await;
    // No kind was met by nobody.
    for kind in Kind::ALL {
        let met = missing.iter().any(|missing| !missing.contains(&kind));
        assert!(met, "no request met {kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_one_cluster_is_contained_and_counted() {
    let stage = Stage::new("panics").await;
    let account = shared_account().await;
    let faults = Faults::new(FaultSettings::new(0));
    // Three times in a row, whatever is written for the bad one.
    for _ in 0..3 {
        faults.panic_on(|call| call.is_write() && call.name.as_deref() == Some("bad"));
    }
    let operator = Inside::start(&stage, faults.client(account.config().await));
    stage.machines(5).await;
    let spec = json!({
        "installPolicy": "SwitchOnly",
        "controlPlane": { "machines": ["node-1"] }, "dataPlane": { "machines": ["node-4"] },
    });
    stage.put(&[cluster("bad", 1, 1, &spec)]).await;
    let spec = json!({
        "installPolicy": "SwitchOnly",
        "controlPlane": { "machines": ["node-2"] }, "dataPlane": { "machines": ["node-5"] },
    });
    stage.put(&[cluster("good", 1, 1, &spec)]).await;
    // Both get there, the bad one later.
    stage.wait_installed(4).await;
    let metrics = operator.metrics.render().unwrap();
    let panics = metrics
        .lines()
        .find(|line| line.starts_with("nico_cluster_panics_total{") && line.contains("cluster=\"bad\""))
        .map(str::to_owned);
    assert!(panics.as_deref().is_some_and(|line| line.ends_with(" 3")), "{metrics}");
    operator.end().await;
}
