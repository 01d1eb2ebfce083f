//! The operator when there is nothing to do: what it asks for, which is asserted, and what it costs, which is
//! told.

use std::time::{Duration, Instant};

use kube::api::{Api, ListParams};
use nico_crds::NixosConfiguration;
use nico_harness::audit::Mark;
use nico_harness::wait_until;
use tokio::time::sleep;

use super::operator::{BOUND, Operator};
use super::site::{OWN_NAMESPACE, Site};

const NAMESPACES: usize = 100;
/// In each namespace.
const CLUSTERS: usize = 10;
const MACHINES: usize = 10;
const ALL_CLUSTERS: usize = NAMESPACES * CLUSTERS;
/// How long nothing is done but to look, and how often all clusters are gone over meanwhile.
const WATCHED: Duration = Duration::from_mins(1);
const INTERVAL: &str = "5s";
/// Longer than an interval with its jitter: who asks for nothing meanwhile has nothing to do.
const QUIET: Duration = Duration::from_secs(12);

pub async fn measure() {
    println!("At rest with {} configurations in {ALL_CLUSTERS} clusters:", ALL_CLUSTERS * MACHINES);
    let site = Site::open().await;
    for number in 0..NAMESPACES {
        site.put_fleet(&format!("team-{number:03}"), CLUSTERS, MACHINES).await;
    }
    let begun = Instant::now();
    let first = start(&site);
    await_rest(&site).await;
    let (resident, most) = first.memory();
    println!(
        "  all was made and told within {:.0} s, with {:.0} s of processor time; resident memory then {resident:.0} MB, \
         at most {most:.0} MB",
        begun.elapsed().saturating_sub(QUIET).as_secs_f64(),
        first.cpu()
    );
    drop(first);
    // As after an upgrade: nothing is left to do from the start.
    let operator = start(&site);
    await_rest(&site).await;
    let from = site.control_plane.audit_mark().await;
    let turns = operator.turns().await;
    let cpu = operator.cpu();
    sleep(WATCHED).await;
    let cpu = operator.cpu() - cpu;
    let turns = operator.turns().await - turns;
    let to = site.control_plane.audit_mark().await;
    let asked = asked(&site, from, to);
    assert!(asked.is_empty(), "at rest nothing is asked for but watches and the Lease: {asked:#?}");
    let ticks = turns as f64 / ALL_CLUSTERS as f64;
    assert!(ticks > 3.0, "{turns} turns are no ticks");
    let (resident, most) = operator.memory();
    println!("  {ticks:.0} ticks without a request but watches and the Lease");
    println!("  a tick took {:.0} ms of processor time", cpu / ticks * 1e3);
    println!("  resident memory {resident:.0} MB (aim: under 100), at most {most:.0} MB while it started");
}

fn start(site: &Site) -> Operator {
    let lease = ["--leader-elect", "--leader-elect-namespace", OWN_NAMESPACE];
    Operator::start(&site.account.kubeconfig(), &[&["--interval", INTERVAL][..], &lease].concat())
}

/// Until all configurations are there and nothing is asked for any more.
async fn await_rest(site: &Site) {
    let configurations: Api<NixosConfiguration> = Api::all(site.admin.clone());
    let rest = wait_until("the operator to have nothing to do", BOUND, async || {
        let from = site.control_plane.audit_mark().await;
        sleep(QUIET).await;
        let to = site.control_plane.audit_mark().await;
        let asked = asked(site, from, to).len();
        if asked > 0 {
            return Err(format!("it asked {asked} times in {} s", QUIET.as_secs()));
        }
        let there = configurations.list_metadata(&ListParams::default()).await;
        let there = there.expect("the configurations").items.len();
        if there == ALL_CLUSTERS * MACHINES { Ok(()) } else { Err(format!("{there} are there")) }
    });
    rest.await.expect("an end");
}

/// What the operator asked for beside watches and the Lease.
fn asked(site: &Site, from: Mark, to: Mark) -> Vec<String> {
    let user = site.account.user();
    let events = site.control_plane.audit_between(from, to);
    let asked = events
        .iter()
        .filter(|event| event.user == user && event.verb != "watch" && event.resource != "leases");
    asked.map(|event| format!("{} {}", event.verb, event.uri)).collect()
}
