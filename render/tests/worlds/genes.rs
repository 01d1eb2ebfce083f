//! What a world is made of, before it begins: so that it can be told, repeated, and made smaller.

use nico_crds::KubernetesClusterSpec;

use crate::model::contents::Contents;

/// Everything that is given. The rest follows.
#[derive(Clone, Debug)]
pub struct Genes {
    pub seed: u64,
    pub machines: Vec<MachineGene>,
    pub clusters: Vec<ClusterGene>,
    pub contents: Contents,
    /// What happens, and when (seconds from the beginning).
    pub acts: Vec<(i64, Act)>,
    /// From then on nothing fails any more, and a person does what the conditions ask.
    pub calm_at: i64,
    /// In percent, of an apply.
    pub chance_of_failure: u64,
    /// kopf counts the attempts of a new content anew. (It was not measured.)
    pub attempts_begin_anew: bool,
    /// NIO says of a Machine that it sees for the first time that it has no configuration.
    pub first_look_says_false: bool,
    /// The status of the clusters is told and looked at.
    pub tells_status: bool,
    /// There is a prober, and the clusters are asked for the health of their Nodes.
    pub asks_health: bool,
    /// The distribution tells through the API who is a member of etcd, and removes members when it is asked to.
    pub tells_members: bool,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct MachineGene {
    pub number: u8,
    /// `a`: control planes, `b`: workers, `c`: nobody looks for it.
    pub rack: char,
    /// It runs something already, and says so.
    pub used: bool,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct ClusterGene {
    pub name: String,
    pub spec: KubernetesClusterSpec,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Act {
    Edit {
        cluster: usize,
        edit: Edit,
    },
    /// The machine cannot be reached for so long.
    Outage {
        machine: u8,
        seconds: i64,
    },
    /// It never comes back.
    Dies {
        machine: u8,
    },
    /// All applies on it fail.
    Breaks {
        machine: u8,
    },
    CleanupFails {
        machine: u8,
    },
    /// The default branch moves.
    Push,
    DeleteMachine {
        machine: u8,
    },
    /// The Machine object is made, or made anew.
    AddMachine {
        machine: u8,
        rack: char,
    },
    Relabel {
        machine: u8,
        rack: char,
    },
    /// A person writes an annotation on a Machine, or takes it off.
    MarkMachine {
        machine: u8,
        key: &'static str,
        value: Option<&'static str>,
    },
    /// The same, on a configuration.
    MarkConfiguration {
        machine: u8,
        key: &'static str,
        value: Option<&'static str>,
    },
    DeleteConfiguration {
        machine: u8,
    },
    DeleteCluster {
        cluster: usize,
    },
    MarkCluster {
        cluster: usize,
        key: &'static str,
        value: Option<&'static str>,
    },
    /// Somebody deletes the Secret with the join token.
    LoseToken {
        cluster: usize,
    },
    /// The operator is away for so long, and forgets everything.
    Restart {
        seconds: i64,
    },
    /// It is killed after so many more writes, and is away for a minute.
    KillAfter {
        writes: u32,
    },
    /// Its clock is off by so much from now on.
    Clock {
        offset: i64,
    },
    /// It sees everything so much later, for so long.
    Stale {
        lag: i64,
        seconds: i64,
    },
}

/// A person edits the spec of a cluster.
#[derive(Clone, Debug)]
pub enum Edit {
    Ref(String),
    /// `requireNodeHealth: Never`.
    NeverAsk,
    /// `requireNodeHealth: Always`.
    AlwaysAsk,
    Trigger(String),
    ControlPlanes(i32),
    Workers(i32),
    ListControlPlanes(Vec<u8>),
    ListWorkers(Vec<u8>),
    Pause(bool),
    Endpoint(Option<String>),
    MaxUnavailable(String),
    MinReady(i32),
    Deadline(i32),
    ControlPlaneFirst(bool),
}

pub fn machine_name(number: u8) -> String {
    format!("m{number:02}")
}
