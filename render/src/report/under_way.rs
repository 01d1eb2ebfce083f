//! Machines that have their content, and have not settled with it: it is being applied, or that is overdue.

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{Role, configuration_name};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use serde::{Serialize, Serializer};

use super::Action;
use crate::desired::Desired;
use crate::inventory::{Space, name, namespace};
use crate::observed::Observed;
use crate::owner;
use crate::proof::{self, Finding, InFlight, Lack, Overdue, Proof, Timing};
use crate::rollout::{Plan, WaitReason};

/// A machine that NIO has not settled yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnderWay {
    /// What happens to it.
    pub action: Action,
    /// THE DISK of the machine is wiped, or was just now.
    pub wipes_disk: bool,
    /// The machine.
    pub machine: String,
    /// Its role.
    #[serde(serialize_with = "by_label")]
    pub role: Role,
    /// The name of its configuration.
    pub object: String,
    /// It was not delivered in time, or failed too often: a person should look.
    pub overdue: bool,
    /// In one CamelCase word.
    pub reason: &'static str,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Until when at the most, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// In words.
    pub message: String,
}

/// Members in their order.
pub(super) fn all(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    plan: &Plan,
    now: Timestamp,
) -> Vec<UnderWay> {
    let empty = Space::default();
    let space = observed.space(namespace(&cluster.metadata)).unwrap_or(&empty);
    let timing = Timing::of(cluster);
    let see = |machine: &str, role: Role| {
        let configuration = configuration_name(name(&cluster.metadata), machine);
        let live = space.configurations.get(configuration.as_str()).copied()?;
        let is_going = live.metadata.deletion_timestamp.is_some();
        if is_going || is_told(plan, machine) || !owner::is_own(live, cluster) {
            return None;
        }
        let dialect = observed.inventory.dialect;
        let proof = proof::prove(live, space.machine(machine), dialect, &timing, now);
        UnderWay::of(machine, role, live, &proof)
    };
    let leaves = |machine: &str| desired.leaving.iter().any(|leaving| leaving.machine == machine);
    let members = desired.members.iter().filter(|member| !leaves(&member.machine));
    members.filter_map(|member| see(&member.machine, member.role)).collect()
}

/// It stands among what waits already, with the same words.
fn is_told(plan: &Plan, machine: &str) -> bool {
    let tells = |reason: &WaitReason| matches!(reason, WaitReason::InFlight { .. });
    plan.waiting.iter().any(|waiting| waiting.machine.as_deref() == Some(machine) && tells(&waiting.reason))
}

impl UnderWay {
    fn of(machine: &str, role: Role, live: &NixosConfiguration, proof: &Proof) -> Option<Self> {
        let installs = live.spec.full_install == Some(true);
        let under_way = Self {
            action: if installs { Action::Install } else { Action::Switch },
            wipes_disk: installs,
            machine: machine.to_owned(),
            role,
            object: name(&live.metadata).to_owned(),
            overdue: false,
            reason: if installs { "Installing" } else { "InFlight" },
            since: None,
            until: None,
            message: String::new(),
        };
        match (&proof.overdue, &proof.in_flight) {
            (Finding::Yes(overdue), _) => Some(under_way.late(overdue, proof.said.as_deref())),
            (_, Finding::Yes(flight)) => Some(under_way.flying(flight, proof.said.as_deref())),
            (_, Finding::Unknown(lack)) => {
                Some(Self { reason: "Unknown", message: lack.to_string(), ..under_way })
            }
            (_, Finding::No(_)) => None,
        }
    }

    fn late(self, overdue: &Overdue, said: Option<&str>) -> Self {
        let message = with_what_was_said(overdue.to_string(), said);
        Self { overdue: true, reason: "Overdue", since: overdue.since, message, ..self }
    }

    fn flying(self, flight: &InFlight, said: Option<&str>) -> Self {
        let reason =
            if matches!(flight.why, Lack::NotStill { .. }) { "MinReadyNotOver" } else { self.reason };
        let message = with_what_was_said(flight.to_string(), said);
        Self { reason, since: flight.since, until: flight.until, message, ..self }
    }
}

fn with_what_was_said(message: String, said: Option<&str>) -> String {
    match said {
        Some(said) => format!("{message}: {said}"),
        None => message,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn by_label<S: Serializer>(role: &Role, serializer: S) -> Result<S::Ok, S::Error> {
    role.label().serialize(serializer)
}
