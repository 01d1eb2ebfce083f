//! What would happen to a cluster, for people and for machines: each write that is allowed now, in order,
//! with what it does to its machine; what is under way; and for every other difference what waits, and why.
//!
//! It decides nothing: it tells a [`Plan`], beside what is observed. Its fields are a promise (see the
//! project's page on `nico plan`): names and words are added, and not changed.

mod step;
mod under_way;
mod waits;

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use serde::{Serialize, Serializer};

use crate::desired::Desired;
use crate::diagnostic::{Diagnostic, Severity};
use crate::observed::Observed;
use crate::rollout::Plan;
use crate::status::status;

pub use under_way::UnderWay;
pub use waits::Waits;

/// What would happen to one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// The cluster's namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its phase, as the status tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Why it is Failed, where it is: a person must act.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// In numbers.
    pub summary: Summary,
    /// What is written now, in order.
    pub changes: Vec<Change>,
    /// Machines that NIO has not settled yet.
    pub under_way: Vec<UnderWay>,
    /// What differs and is not written now.
    pub waiting: Vec<Waits>,
    /// What else there is to say.
    pub notices: Vec<Said>,
}

/// Why a person must act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// In one CamelCase word, as in the condition `Ready`.
    pub reason: String,
    /// In words, with what a person can do.
    pub message: String,
}

/// How many machines each thing happens to, now or later; and how much there is of each list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Machines whose DISK IS WIPED.
    pub install: usize,
    /// Machines that are switched, and keep their disk.
    pub switch: usize,
    /// Machines that are wanted and cannot join yet.
    pub join: usize,
    /// Machines that leave.
    pub remove: usize,
    /// Writes that touch no machine.
    pub update: usize,
    /// What is written now.
    pub now: usize,
    /// Machines that NIO has not settled yet.
    pub under_way: usize,
    /// What waits.
    pub wait: usize,
}

/// What something does to a machine, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Action {
    /// It is installed: its DISK IS WIPED.
    Install,
    /// It is taken out of the cluster.
    Remove,
    /// It is switched to another content, and keeps its disk.
    Switch,
    /// It joins; whether its disk is wiped shows when it can.
    Join,
    /// Nothing is applied to it.
    Update,
}

/// What something is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Aim {
    /// A machine gets its first configuration.
    Join,
    /// New content.
    Content,
    /// The same content once more, for what it replaced may have been applied after it.
    Confirmation,
    /// NIO is made to look at once.
    Nudge,
    /// `fullInstall` is taken off, so that no later apply wipes the disk.
    ClearFullInstall,
    /// What disturbs no machine: labels, annotations, owner, credentials.
    Metadata,
    /// Fields that others wrote become NICO's, without a change of value.
    Adoption,
    /// A machine leaves.
    Removal,
    /// The finalizers of an object.
    Finalizers,
    /// What NICO must remember in the cluster's status.
    Memory,
    /// The Secret with the join token.
    JoinToken,
}

/// Something that happens to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// What it does to the machine.
    pub action: Action,
    /// THE DISK of the machine is wiped.
    pub wipes_disk: bool,
    /// What it is for.
    #[serde(rename = "purpose")]
    pub aim: Aim,
    /// The machine; absent: it is about the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The role of the machine.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "by_label")]
    pub role: Option<Role>,
    /// The kind of the object that is written.
    pub kind: &'static str,
    /// The name of that object.
    pub object: String,
    /// The fields that change; of what is created, and of what goes, none are listed.
    pub fields: Vec<String>,
}

/// A write that is allowed now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Its place, from 1.
    pub order: usize,
    /// What it is.
    #[serde(flatten)]
    pub item: Item,
    /// In words.
    pub message: String,
}

/// What there is to say about the rendering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Said {
    /// `Warning` or `Note`.
    pub severity: &'static str,
    /// In one CamelCase word.
    pub reason: &'static str,
    /// The machine that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// In words.
    pub message: String,
}

const CLUSTER: &str = "KubernetesCluster";
const CONFIGURATION: &str = "NixosConfiguration";
const SECRET: &str = "Secret";
/// In the cluster itself.
const NODE: &str = "Node";

/// Tells what a plan would do.
pub fn report(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    plan: &Plan,
    now: Timestamp,
) -> ClusterReport {
    let status = status(cluster, Ok(desired), observed, Some(plan), now);
    let mut report = ClusterReport {
        namespace: desired.cluster.namespace.clone(),
        name: desired.cluster.name.clone(),
        phase: status.phase,
        failure: Failure::of(&status),
        summary: Summary::default(),
        changes: step::changes(cluster, observed, plan, now),
        under_way: under_way::all(cluster, desired, observed, plan, now),
        waiting: waits::all(cluster, desired, observed, plan),
        notices: desired.diagnostics.iter().map(Said::of).collect(),
    };
    report.summary = Summary::of(&report);
    report
}

impl ClusterReport {
    /// There is nothing to do, and nothing is under way, waits or has failed. (A cluster that is paused has nothing to
    /// do as long as nothing differs.)
    pub const fn is_at_rest(&self) -> bool {
        self.failure.is_none()
            && self.changes.is_empty()
            && self.under_way.is_empty()
            && self.waiting.is_empty()
    }
}

impl Failure {
    fn of(status: &KubernetesClusterStatus) -> Option<Self> {
        if status.phase != Some(Phase::Failed) {
            return None;
        }
        let ready = status.conditions.iter().flatten().find(|condition| condition.type_ == "Ready");
        ready.map(|ready| Self {
            reason: ready.reason.clone().unwrap_or_default(),
            message: ready.message.clone().unwrap_or_default(),
        })
    }
}

impl Summary {
    fn of(report: &ClusterReport) -> Self {
        let changes = report.changes.iter().map(|change| &change.item);
        let waiting = report.waiting.iter().filter_map(|waits| waits.item.as_ref());
        let items: Vec<_> = changes.chain(waiting).collect();
        let machines = |action: Action| {
            let of_action = items.iter().filter(|item| item.action == action);
            of_action.filter_map(|item| item.machine.as_deref()).collect::<BTreeSet<_>>().len()
        };
        Self {
            install: machines(Action::Install),
            switch: machines(Action::Switch),
            join: machines(Action::Join),
            remove: machines(Action::Remove),
            update: items.iter().filter(|item| item.action == Action::Update).count(),
            now: report.changes.len(),
            under_way: report.under_way.len(),
            wait: report.waiting.len(),
        }
    }
}

impl Item {
    /// About the configuration of a machine.
    fn of_machine(machine: &str, role: Role, configuration: &str, action: Action, aim: Aim) -> Self {
        Self {
            action,
            wipes_disk: action == Action::Install,
            aim,
            machine: Some(machine.to_owned()),
            role: Some(role),
            kind: CONFIGURATION,
            object: configuration.to_owned(),
            fields: Vec::new(),
        }
    }

    /// About the cluster, or its Secret. No machine is touched.
    fn of_cluster(kind: &'static str, object: String, aim: Aim, fields: Vec<String>) -> Self {
        Self {
            action: Action::Update,
            wipes_disk: false,
            aim,
            machine: None,
            role: None,
            kind,
            object,
            fields,
        }
    }
}

impl Said {
    fn of(diagnostic: &Diagnostic) -> Self {
        Self {
            severity: match diagnostic.severity() {
                Severity::Warning => "Warning",
                Severity::Note => "Note",
            },
            reason: diagnostic.reason(),
            machine: diagnostic.machine.clone(),
            message: diagnostic.notice.to_string(),
        }
    }
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn by_label<S: Serializer>(role: &Option<Role>, serializer: S) -> Result<S::Ok, S::Error> {
    role.map(Role::label).serialize(serializer)
}
