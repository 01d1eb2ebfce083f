//! The first apply of many configurations: by the operator; by bare requests, so many at once, that repeat all
//! the writes that the operator made; and by kubectl, which applies the configurations alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, WatchEvent, WatchParams};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_harness::Event;
use tempfile::NamedTempFile;
use tokio::time::timeout;

use super::operator::{BOUND, Operator};
use super::replay::{Move, requests};
use super::requests::{CONNECTIONS, make};
use super::site::Site;
use crate::timing::median_of;
use crate::{objects, to_yaml};

const CLUSTERS: usize = 100;
const MACHINES: usize = 10;
/// The first one warms everything up, and does not count.
const ROUNDS: usize = 4;

/// What was applied, and where.
pub struct Applied {
    pub site: Site,
    /// Where NICO has applied them.
    pub namespace: String,
}

/// Seconds of one round.
struct Round {
    nico: f64,
    before_first_write: f64,
    /// Of the operator's own processor time.
    cpu: f64,
    bare: f64,
    kubectl: f64,
}

pub async fn measure() -> Applied {
    println!("First apply of {} configurations ({CLUSTERS} clusters of {MACHINES}):", CLUSTERS * MACHINES);
    let site = Site::open().await;
    let mut rounds = Vec::new();
    for number in 0..ROUNDS {
        let round = round(&site, number).await;
        println!(
            "  {}nico run {:.2} s (first write after {:.2} s; its own processor time {:.2} s), bare {:.2} s, kubectl {:.2} s",
            if number == 0 { "(warming up) " } else { "" },
            round.nico,
            round.before_first_write,
            round.cpu,
            round.bare,
            round.kubectl
        );
        rounds.push(round);
    }
    let counted: Vec<_> = rounds.iter().skip(1).collect();
    let ratios = |of: fn(&Round) -> f64| median_of(&counted.iter().map(|round| of(round)).collect());
    println!(
        "  nico run took {:.2} times as long as its own writes, bare, {CONNECTIONS} at once (aim: 1.3 at most; \
         without its start {:.2})",
        ratios(|round| round.nico / round.bare),
        ratios(|round| (round.nico - round.before_first_write) / round.bare),
    );
    println!(
        "  kubectl apply --server-side of the configurations alone took {:.2} times as long as nico run (aim: more \
         than 1)",
        ratios(|round| round.kubectl / round.nico)
    );
    Applied { site, namespace: name(ROUNDS - 1, "nico") }
}

fn name(round: usize, by: &str) -> String {
    format!("by-{by}-{round}")
}

async fn round(site: &Site, number: usize) -> Round {
    let [by_nico, bare, by_kubectl] = ["nico", "bare", "kubectl"].map(|by| name(number, by));
    for namespace in [&by_nico, &bare, &by_kubectl] {
        site.put_fleet(namespace, CLUSTERS, MACHINES).await;
    }
    let Operated { took, writes, before_first_write, cpu } = by_operator(site, &by_nico).await;
    let way = Move {
        from: &by_nico,
        to: &bare,
        owners_from: &site.cluster_uids(&by_nico).await,
        owners_to: &site.cluster_uids(&bare).await,
    };
    if number == 0 {
        println!("  nico run makes {} writes: {}", writes.len(), counts(&writes));
    }
    let requests = requests(&writes, &way);
    let account = site.account.client().await;
    let bare_took = make(&account, requests).await;
    assert_eq!(site.configurations(&bare).await, CLUSTERS * MACHINES, "all were made once more");
    let kubectl = kubectl_apply(site, &by_kubectl).await;
    Round {
        nico: took.as_secs_f64(),
        before_first_write,
        cpu,
        bare: bare_took.as_secs_f64(),
        kubectl: kubectl.as_secs_f64(),
    }
}

/// The operator's part of a round: from its start until all configurations exist and the statuses remember
/// them.
struct Operated {
    took: Duration,
    /// Its writes until then.
    writes: Vec<Event>,
    /// Seconds.
    before_first_write: f64,
    /// Seconds of processor time.
    cpu: f64,
}

async fn by_operator(site: &Site, namespace: &str) -> Operated {
    let api: Api<KubernetesCluster> = Api::namespaced(site.admin.clone(), namespace);
    let version = api.list(&ListParams::default()).await.expect("the clusters").metadata.resource_version;
    let from = site.control_plane.audit_mark().await;
    let (begun, begun_at) = (Instant::now(), Timestamp::now());
    let operator = Operator::start(&site.account.kubeconfig(), &["--namespace", namespace]);
    let params = WatchParams::default();
    let mut events = api.watch(&params, &version.unwrap_or_default()).await.expect("a watch").boxed();
    let mut remembered = BTreeSet::new();
    let all = async {
        while remembered.len() < CLUSTERS {
            if let Some(Ok(WatchEvent::Modified(cluster))) = events.next().await
                && is_remembered(&cluster)
            {
                remembered.insert(cluster.name_any());
            }
        }
    };
    if timeout(BOUND, all).await.is_err() {
        unfinished(&operator, remembered.len());
    }
    let took = begun.elapsed();
    let cpu = operator.cpu();
    let to = site.control_plane.audit_mark().await;
    drop(operator);
    assert_eq!(site.configurations(namespace).await, CLUSTERS * MACHINES, "all are remembered");
    let user = site.account.user();
    let mut writes = site.control_plane.audit_between(from, to);
    writes.retain(|event| event.user == user && event.is_write() && event.code < 300);
    let first = writes.iter().map(|event| event.received.as_str()).min().expect("it wrote");
    let first: Timestamp = first.parse().expect("a time");
    let before = first.duration_since(begun_at).as_secs_f64();
    Operated { took, writes, before_first_write: before, cpu }
}

fn is_remembered(cluster: &KubernetesCluster) -> bool {
    let applied = cluster.status.as_ref().and_then(|status| status.applied_machines.as_ref());
    applied.is_some_and(|applied| applied.len() == MACHINES)
}

#[allow(clippy::panic, reason = "a bench that cannot run has to say so and end")]
fn unfinished(operator: &Operator, clusters: usize) {
    let log = operator.log();
    let last: Vec<_> = log.lines().rev().take(20).collect();
    panic!("only {clusters} of {CLUSTERS} clusters are done; the end of the log, last line first: {last:#?}")
}

/// By verb and resource.
fn counts(writes: &[Event]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in writes {
        let subresource = event.subresource.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        *counts.entry(format!("{} {}{subresource}", event.verb, event.resource)).or_default() += 1;
    }
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

impl Site {
    /// How many configurations there are in a namespace.
    async fn configurations(&self, namespace: &str) -> usize {
        let api: Api<NixosConfiguration> = Api::namespaced(self.admin.clone(), namespace);
        api.list_metadata(&ListParams::default()).await.expect("the configurations").items.len()
    }
}

async fn kubectl_apply(site: &Site, namespace: &str) -> Duration {
    let rendered = rendered(site, namespace).await;
    let path = rendered.path().to_str().expect("a path that is text");
    let begun = Instant::now();
    let output = site.control_plane.kubectl(&["apply", "--server-side", "-f", path]).await;
    let took = begun.elapsed();
    assert!(output.status.success(), "kubectl apply: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(site.configurations(namespace).await, CLUSTERS * MACHINES, "kubectl applied all");
    took
}

/// What should be in a namespace, as a file.
pub async fn rendered(site: &Site, namespace: &str) -> NamedTempFile {
    let text = to_yaml(&objects(&site.inventory(namespace).await));
    let mut file = NamedTempFile::with_suffix(".yaml").expect("a temporary file");
    file.write_all(text.as_bytes()).expect("room for the objects");
    file
}
