//! Random worlds: a seed, and what becomes of it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::KubernetesClusterSpec;
use nico_crds::cluster::{
    Bootstrap, InstallPolicy, MachineSelector, NodeGroup, RequireNodeHealth, Rollout, RolloutOrder,
};
use nico_crds::names::{LOST, MEMBER_REMOVED, REINSTALL_FOR};

use crate::dice::Row;
use crate::genes::{Act, ClusterGene, Edit, Genes, MachineGene};
use crate::model::contents::{Contents, Trait};
use crate::person::listed;

const REPOSITORY: &str = "https://git.example/fleet.git";

/// The genes of a seed.
pub fn genes(seed: u64) -> Genes {
    let mut row = Row::new(seed);
    let row = &mut row;
    let control_planes = [1, 1, 1, 2, 3, 3][row.below(6)];
    let workers = [0, 1, 1, 2, 2, 3, 4, 6][row.below(8)];
    let spare_control_planes = [0, 0, 1, 2][row.below(4)];
    let spare_workers = [0, 0, 1][row.below(3)];
    let mut machines = Vec::new();
    for place in 0..control_planes + spare_control_planes + workers + spare_workers {
        let rack = if place < control_planes + spare_control_planes { 'a' } else { 'b' };
        machines.push(MachineGene { number: u8::try_from(place).unwrap(), rack, used: row.percent(5) });
    }
    let all: Vec<u8> = machines.iter().map(|gene| gene.number).collect();
    let split = usize::try_from(control_planes + spare_control_planes).unwrap();
    let (firsts, lasts) = all.split_at(split);
    let spec = spec(row, firsts, lasts, control_planes, workers);
    let mut clusters = vec![ClusterGene { name: "c0".to_owned(), spec }];
    if row.percent(10) {
        let mut second = self::spec(row, firsts, lasts, 1, 1);
        second.control_plane = found('a', 1);
        clusters.push(ClusterGene { name: "c1".to_owned(), spec: second });
    }
    let contents = contents(row, &all);
    let calm_at = row.between(4_000, 40_000);
    let asks_health = row.percent(50);
    let tells_members = row.percent(70);
    if !asks_health {
        // Where nobody is there to ask, nobody has to be asked.
        clusters.iter_mut().for_each(asks_if_it_can);
    }
    let mut acts = Vec::new();
    for _ in 0..row.between(0, 9) {
        let time = row.between(0, calm_at);
        // Half of what happens happens while the cluster is young or in the middle of something.
        let time = if row.percent(40) { time / 8 } else { time };
        acts.push((time, act(row, &all, firsts, lasts, clusters.len(), calm_at)));
    }
    acts.sort_by_key(|(time, _)| *time);
    Genes {
        seed,
        machines,
        clusters,
        contents,
        acts,
        calm_at,
        chance_of_failure: [0, 0, 4, 15][row.below(4)],
        attempts_begin_anew: row.percent(50),
        first_look_says_false: row.percent(50),
        asks_health,
        tells_members,
        tells_status: row.percent(30),
    }
}

fn asks_if_it_can(cluster: &mut ClusterGene) {
    let rollout = cluster.spec.rollout.get_or_insert_default();
    rollout.require_node_health.take_if(|require| *require == RequireNodeHealth::Always);
}

fn group(row: &mut Row, machines: &[u8], rack: char, count: i64) -> NodeGroup {
    if row.percent(25) && count > 0 {
        let mut chosen = machines.to_vec();
        chosen.truncate(usize::try_from(count).unwrap());
        return NodeGroup { machines: Some(listed(&chosen)), ..NodeGroup::default() };
    }
    found(rack, count)
}

pub fn found(rack: char, count: i64) -> NodeGroup {
    NodeGroup {
        machines: None,
        machine_selector: Some(MachineSelector {
            match_labels: Some(BTreeMap::from([("rack".to_owned(), rack.to_string())])),
            match_expressions: None,
        }),
        count: i32::try_from(count).ok(),
    }
}

fn spec(
    row: &mut Row,
    firsts: &[u8],
    lasts: &[u8],
    control_planes: i64,
    workers: i64,
) -> KubernetesClusterSpec {
    let switch_only = row.percent(25);
    let unavailable = [None, None, Some("2"), Some("40%"), Some("100%")][row.below(5)];
    let rollout = Rollout {
        bootstrap: (switch_only && row.percent(40)).then_some(Bootstrap::AllAtOnce),
        order: row.percent(30).then_some(RolloutOrder::ControlPlaneFirst),
        max_unavailable: unavailable
            .map(|text| text.parse().map_or_else(|_| IntOrString::String(text.to_owned()), IntOrString::Int)),
        min_ready_seconds: [None, None, Some(30), Some(10), Some(200)][row.below(5)],
        progress_deadline_seconds: [None, None, Some(600), Some(1800)][row.below(4)],
        require_node_health: [None, None, Some(RequireNodeHealth::Always), Some(RequireNodeHealth::Never)]
            [row.below(4)],
        ..Rollout::default()
    };
    KubernetesClusterSpec {
        git_repo: Some(REPOSITORY.to_owned()),
        git_ref: Some(content(row)),
        control_plane: group(row, firsts, 'a', control_planes),
        data_plane: (workers > 0 || row.percent(50)).then(|| group(row, lasts, 'b', workers)),
        rollout: Some(rollout),
        install_policy: switch_only.then_some(InstallPolicy::SwitchOnly),
        ..KubernetesClusterSpec::default()
    }
}

const CONTENTS: [&str; 6] = ["v1", "v1", "v1", "v2", "v3", "v4"];

fn content(row: &mut Row) -> String {
    CONTENTS[row.below(CONTENTS.len())].to_owned()
}

fn contents(row: &mut Row, all: &[u8]) -> Contents {
    let mut traits = BTreeMap::new();
    for content in ["v2", "v3", "v4"] {
        let some: Vec<u8> = all.iter().copied().filter(|_| row.percent(60)).collect();
        let kind = match row.below(5) {
            0 | 1 => Trait::Fails(some),
            2 if row.percent(50) => Trait::Breaks(some),
            2 => Trait::Downs(some),
            3 => Trait::Slow(some, row.between(200, 4_000)),
            _ => Trait::Good,
        };
        traits.insert(content.to_owned(), kind);
    }
    Contents { traits }
}

fn edit(row: &mut Row, firsts: &[u8], lasts: &[u8]) -> Edit {
    match row.below(16) {
        0..=5 => Edit::Ref(content(row)),
        6 => Edit::Trigger(row.below(3).to_string()),
        7 => Edit::ControlPlanes(i32::try_from(row.between(1, 3)).unwrap()),
        8 | 9 => Edit::Workers(i32::try_from(row.between(0, 4)).unwrap()),
        10 => {
            let mut list = firsts.to_vec();
            let turn = row.below(list.len());
            list.rotate_left(turn);
            list.truncate(1 + row.below(3));
            Edit::ListControlPlanes(list)
        }
        11 => Edit::ListWorkers(lasts.iter().copied().filter(|_| row.percent(60)).collect()),
        12 => Edit::Pause(row.percent(50)),
        13 => Edit::Endpoint(row.percent(60).then(|| "10.0.0.1".to_owned())),
        14 => Edit::MaxUnavailable(["1", "2", "50%"][row.below(3)].to_owned()),
        _ => Edit::ControlPlaneFirst(row.percent(50)),
    }
}

fn act(row: &mut Row, all: &[u8], firsts: &[u8], lasts: &[u8], clusters: usize, calm_at: i64) -> Act {
    let machine = all[row.below(all.len())];
    let cluster = row.below(clusters);
    match row.below(60) {
        0..=22 => Act::Edit { cluster, edit: edit(row, firsts, lasts) },
        23..=27 => Act::Outage { machine, seconds: row.between(10, 200) },
        28..=30 => Act::Outage { machine, seconds: row.between(1_000, calm_at) },
        31 | 32 => Act::Dies { machine },
        33 => Act::Breaks { machine },
        34 => Act::CleanupFails { machine },
        35 | 36 => Act::Push,
        37 | 38 => Act::DeleteMachine { machine },
        39..=41 => Act::AddMachine { machine, rack: if firsts.contains(&machine) { 'a' } else { 'b' } },
        42 => Act::Relabel { machine, rack: ['a', 'b', 'c'][row.below(3)] },
        43 | 44 => Act::MarkMachine { machine, key: LOST, value: Some("true") },
        45 => Act::MarkMachine { machine, key: LOST, value: None },
        46 => Act::MarkMachine { machine, key: REINSTALL_FOR, value: Some("c0") },
        47 => Act::MarkConfiguration { machine, key: LOST, value: Some("true") },
        48 => Act::MarkConfiguration { machine, key: MEMBER_REMOVED, value: Some("true") },
        49 => Act::MarkConfiguration { machine, key: "example.org/note", value: Some("hello") },
        50 | 51 => Act::DeleteConfiguration { machine },
        52 => Act::DeleteCluster { cluster },
        53 | 54 => Act::Restart { seconds: row.between(1, 2_000) },
        55 | 56 => Act::KillAfter { writes: u32::try_from(row.between(1, 4)).unwrap() },
        57 if row.percent(30) => Act::LoseToken { cluster },
        57 => Act::Clock { offset: row.between(-900, 900) },
        _ => Act::Stale { lag: row.between(20, 400), seconds: row.between(100, 4_000) },
    }
}
