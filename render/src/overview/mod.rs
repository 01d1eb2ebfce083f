//! How a cluster is, as its status tells it: for people and for machines.
//!
//! It decides nothing and looks at nothing else. Its fields are a promise (see the project's page on
//! `nico status`): names and words are added, and not changed.

mod attention;

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::Role;
use nico_crds::status::{GroupStatus, MachineLine, Phase, RolloutStatus};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use serde::Serialize;

use crate::inventory::{name, namespace};
use crate::status::{Gravity, of_state};

pub use attention::Attention;

/// How one cluster is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOverview {
    /// The cluster's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How far it is; absent: nobody has told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Whether what is told is about the spec as it is.
    pub freshness: Freshness,
    /// The generation of the spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// The generation that is spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Since when it is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleting_since: Option<Timestamp>,
    /// The Secret with its kubeconfig, once it exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubeconfig_secret: Option<String>,
    /// What asks something of a person, the gravest first.
    pub attention: Vec<Attention>,
    /// The control planes, the workers, and, where a machine says another role, those.
    pub roles: Vec<RoleOverview>,
    /// How far the newest content is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutOverview>,
}

/// Whether what is told is about the spec as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Freshness {
    /// It is.
    Current,
    /// It is about another generation of the spec.
    Behind,
    /// The operator has told nothing yet. What is there somebody else wrote.
    Untold,
}

/// The machines of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleOverview {
    /// `control-plane`, `worker`, or what a machine says.
    pub role: String,
    /// How many are ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<i32>,
    /// How many there are, or should be where that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i32>,
    /// In the order of the status.
    pub machines: Vec<MachineOverview>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineOverview {
    /// Its name.
    pub name: String,
    /// What NIO's status proves about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What that asks of a person; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Gravity>,
    /// Why it is in that state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The health of its Node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The version of its kubelet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubelet: Option<String>,
    /// The commit that it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// How far the newest content is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutOverview {
    /// How many machines are proven to run it.
    pub updated: i32,
    /// How many there are.
    pub total: i32,
    /// Which are under way.
    pub current: Vec<String>,
    /// What waits, and for what.
    pub waiting: Vec<String>,
}

/// Tells how a cluster is, by its status.
pub fn overview(cluster: &KubernetesCluster) -> ClusterOverview {
    let metadata = &cluster.metadata;
    let nothing = KubernetesClusterStatus::default();
    let status = cluster.status.as_ref().unwrap_or(&nothing);
    ClusterOverview {
        namespace: namespace(metadata).to_owned(),
        name: name(metadata).to_owned(),
        phase: status.phase,
        freshness: freshness(metadata.generation, status.observed_generation),
        generation: metadata.generation,
        observed_generation: status.observed_generation,
        deleting_since: metadata.deletion_timestamp.as_ref().map(|deleted| deleted.0),
        kubeconfig_secret: status.kubeconfig_secret.clone(),
        attention: attention::of(status),
        roles: roles(status),
        rollout: status.rollout.as_ref().map(RolloutOverview::of),
    }
}

/// A former operator noted no generation. In files a person may have left out that of the spec: nothing is newer
/// there than what was told.
fn freshness(generation: Option<i64>, observed: Option<i64>) -> Freshness {
    match (generation, observed) {
        (_, None) => Freshness::Untold,
        // Also an older one: a status that was restored speaks of a spec of former days.
        (Some(generation), Some(observed)) if generation != observed => Freshness::Behind,
        (Some(_) | None, Some(_)) => Freshness::Current,
    }
}

fn roles(status: &KubernetesClusterStatus) -> Vec<RoleOverview> {
    let group = |role: &str, numbers: Option<&GroupStatus>| RoleOverview {
        role: role.to_owned(),
        ready: numbers.map(|numbers| numbers.ready),
        total: numbers.map(|numbers| numbers.total),
        machines: Vec::new(),
    };
    let numbers = |role| match role {
        Role::ControlPlane => status.control_plane.as_ref(),
        Role::Worker => status.data_plane.as_ref(),
    };
    let mut roles: Vec<_> = Role::ALL.map(|role| group(role.label(), numbers(role))).into();
    for line in status.machines.iter().flatten() {
        let role = line.role.as_deref().unwrap_or_default();
        let machine = MachineOverview::of(line);
        match roles.iter_mut().find(|one| one.role == role) {
            Some(one) => one.machines.push(machine),
            None => roles.push(RoleOverview { machines: vec![machine], ..group(role, None) }),
        }
    }
    roles
}

impl MachineOverview {
    fn of(line: &MachineLine) -> Self {
        Self {
            name: line.name.clone(),
            state: line.state.clone(),
            severity: line.state.as_deref().and_then(of_state),
            reason: line.reason.clone(),
            since: time(line.since.as_deref()),
            health: line.health.clone(),
            kubelet: line.kubelet.clone(),
            commit: line.commit.clone(),
        }
    }
}

impl RolloutOverview {
    fn of(rollout: &RolloutStatus) -> Self {
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        Self {
            updated: rollout.updated,
            total: rollout.total,
            current: list(&rollout.current),
            waiting: list(&rollout.waiting),
        }
    }
}

/// What is no time says nothing.
fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}
