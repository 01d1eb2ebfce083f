//! What differs and is not written now: each with what it would do to its machine, and why it waits.
//!
//! What the plan has no reason for is told all the same: with the reason of the whole cluster, or as what
//! follows a step of this plan.

use std::collections::BTreeSet;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::names::{Role, configuration_name};
use serde::Serialize;

use super::{Action, Aim, Item};
use crate::desired::{Desired, DesiredConfiguration, LeavingConfiguration};
use crate::drift::{Drift, drift};
use crate::observed::Observed;
use crate::rollout::{Plan, Shortcoming, Step, WaitReason, Waiting};

/// Something that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// What waits; absent: the cluster as a whole.
    #[serde(flatten)]
    pub item: Option<Item>,
    /// Why, in one CamelCase word: the same as in the conditions and metrics.
    pub reason: &'static str,
    /// The machine that is waited for, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Until when at the most, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// In words.
    pub message: String,
}

/// About in the order in which it comes.
pub(super) fn all(
    cluster: &KubernetesCluster,
    desired: &Desired,
    observed: &Observed<'_>,
    plan: &Plan,
) -> Vec<Waits> {
    let drifts = drift(cluster, desired, observed);
    let gather = Gather { desired, plan, drifts: &drifts };
    let mut waiting: Vec<_> = plan.waiting.iter().collect();
    waiting.sort_by_key(|waiting| rank(&waiting.reason));
    let told: Vec<_> =
        waiting.into_iter().map(|waiting| gather.waits(waiting)).chain(gather.untold()).collect();
    // A pause holds nothing where nothing differs.
    let only_paused =
        plan.steps.is_empty() && plan.waiting.iter().all(|one| one.reason == WaitReason::Paused);
    if only_paused && told.iter().all(|waits| waits.item.is_none()) {
        return Vec::new();
    }
    told
}

/// What waits for the other role, or for an hour to pass, comes after what waits for neither.
fn rank(reason: &WaitReason) -> (bool, bool) {
    let later_role = matches!(reason, WaitReason::EarlierRole { .. });
    (matches!(reason, WaitReason::Confirmation { .. }), later_role)
}

struct Gather<'a> {
    desired: &'a Desired,
    plan: &'a Plan,
    drifts: &'a [Drift],
}

impl Gather<'_> {
    fn waits(&self, waiting: &Waiting) -> Waits {
        let item = waiting.machine.as_deref().map(|machine| self.item(machine, &waiting.reason));
        let (waits_for, until) = toward(&waiting.reason);
        Waits {
            item,
            reason: waiting.reason.reason(),
            waits_for: waits_for.map(str::to_owned),
            until,
            message: waiting.reason.to_string(),
        }
    }

    /// What it is that waits.
    fn item(&self, machine: &str, reason: &WaitReason) -> Item {
        if let Some(leaving) = self.desired.leaving.iter().find(|leaving| leaving.machine == machine) {
            return of_leaving(leaving);
        }
        let confirms = matches!(reason, WaitReason::Confirmation { .. });
        match self.desired.configurations.iter().find(|wanted| wanted.machine == machine) {
            Some(wanted) => self.of_wanted(wanted, confirms),
            None => self.of_absent(machine, reason),
        }
    }

    fn of_wanted(&self, wanted: &DesiredConfiguration, confirms: bool) -> Item {
        let drift = self.drifts.iter().find(|drift| drift.configuration == wanted.name());
        let installs = wanted.object.spec.full_install == Some(true);
        let applied = if installs { Action::Install } else { Action::Switch };
        let reaches_machine = drift.is_some_and(|drift| drift.reaches_machine);
        let (action, aim) = match (wanted.is_new, drift) {
            (true, _) => (applied, Aim::Join),
            (false, None) => (applied, Aim::Confirmation),
            (false, Some(_)) if confirms => (applied, Aim::Confirmation),
            (false, Some(drift)) if drift.adopts => (Action::Update, Aim::Adoption),
            (false, Some(_)) if reaches_machine => (applied, Aim::Content),
            (false, Some(_)) => (Action::Update, Aim::Metadata),
        };
        let mut item = Item::of_machine(&wanted.machine, wanted.role, wanted.name(), action, aim);
        if aim != Aim::Confirmation {
            item.fields = drift.map(|drift| self.left(drift)).unwrap_or_default();
        }
        item
    }

    /// It has no configuration, and none could be made for it now.
    fn of_absent(&self, machine: &str, reason: &WaitReason) -> Item {
        let member = self.desired.members.iter().find(|member| member.machine == machine);
        let wanted = if let WaitReason::CannotJoin { role, .. } = reason { Some(*role) } else { None };
        let role = member.map(|member| member.role).or(wanted).unwrap_or(Role::Worker);
        let configuration = configuration_name(&self.desired.cluster.name, machine);
        Item::of_machine(machine, role, &configuration, Action::Join, Aim::Join)
    }

    /// The fields that no step of this plan sets right.
    fn left(&self, drift: &Drift) -> Vec<String> {
        let set_right: BTreeSet<_> = self.fields_written(&drift.configuration).collect();
        let fields = drift.fields.iter().filter(|field| !set_right.contains(field.as_str()));
        fields.cloned().collect()
    }

    fn fields_written<'s>(&'s self, configuration: &'s str) -> impl Iterator<Item = &'s str> {
        let writes = self
            .plan
            .steps
            .iter()
            .filter_map(|step| if let Step::Write(write) = step { Some(write) } else { None });
        let writes = writes.filter(move |write| write.target.configuration == configuration);
        writes.flat_map(|write| &write.fields).map(String::as_str)
    }

    /// Differences that the plan neither sets right nor gives a reason for.
    fn untold(&self) -> impl Iterator<Item = Waits> {
        self.drifts.iter().filter(|drift| !self.is_told(drift)).filter_map(|drift| {
            let item = self.item_of(&drift.configuration)?;
            let general = self.plan.waiting.iter().find(|waiting| waiting.machine.is_none());
            let (reason, message) = match general {
                _ if self.has_step(&drift.configuration) => {
                    ("AfterThis", "follows what is written now, which goes alone".to_owned())
                }
                _ if self.is_not_given(drift) => (
                    "NotGiven",
                    "its NixosConfiguration exists, and is not among the objects given".to_owned(),
                ),
                Some(waiting) => (waiting.reason.reason(), waiting.reason.to_string()),
                None => ("NotYet", "its turn has not come".to_owned()),
            };
            Some(Waits { item: Some(item), reason, waits_for: None, until: None, message })
        })
    }

    /// From files: its machine says that it runs it.
    fn is_not_given(&self, drift: &Drift) -> bool {
        let mut wanted = self.desired.configurations.iter();
        drift.live.is_none() && wanted.any(|wanted| wanted.name() == drift.configuration && !wanted.is_new)
    }

    fn item_of(&self, configuration: &str) -> Option<Item> {
        let leaving = self.desired.leaving.iter().find(|leaving| leaving.configuration == configuration);
        let wanted = self.desired.configurations.iter().find(|wanted| wanted.name() == configuration);
        match (leaving, wanted) {
            (Some(leaving), _) => Some(of_leaving(leaving)),
            (None, Some(wanted)) => {
                let mut item = self.of_wanted(wanted, false);
                if item.aim == Aim::Adoption && self.has_step(configuration) {
                    item.aim = Aim::Metadata;
                }
                Some(item)
            }
            (None, None) => None,
        }
    }

    fn is_told(&self, drift: &Drift) -> bool {
        let machine =
            |machine: &str| self.plan.waiting.iter().any(|one| one.machine.as_deref() == Some(machine));
        let waits =
            self.item_of(&drift.configuration).and_then(|item| item.machine).is_some_and(|one| machine(&one));
        if waits {
            return true;
        }
        let is_change = drift.live.is_some() && drift.wanted.is_some();
        self.has_step(&drift.configuration) && (!is_change || self.left(drift).is_empty())
    }

    fn has_step(&self, configuration: &str) -> bool {
        self.plan.steps.iter().any(|step| match step {
            Step::Adopt(target) | Step::Delete { target, .. } | Step::ReleaseFromNio(target) => {
                target.configuration == configuration
            }
            Step::Create(created) => created.name() == configuration,
            Step::Write(write) => write.target.configuration == configuration,
            Step::Finalizers { .. }
            | Step::AdoptStatus
            | Step::Remember(_)
            | Step::LookAtToken
            | Step::CreateToken
            | Step::OwnToken { .. }
            | Step::Node(_) => false,
        })
    }
}

fn of_leaving(leaving: &LeavingConfiguration) -> Item {
    let LeavingConfiguration { machine, role, configuration, .. } = leaving;
    Item::of_machine(machine, *role, configuration, Action::Remove, Aim::Removal)
}

/// The machine that is waited for, and until when at the most.
fn toward(reason: &WaitReason) -> (Option<&str>, Option<Timestamp>) {
    match reason {
        WaitReason::Bootstrap { head: machine, .. }
        | WaitReason::ControlPlane { machine, .. }
        | WaitReason::HeadAwaited { machine, .. }
        | WaitReason::Frozen { machine, .. }
        | WaitReason::Removal { machine }
        | WaitReason::WorkersFirst { machine } => (Some(machine), None),
        WaitReason::Machine { machine, lacks }
        | WaitReason::EarlierRole { machine, lacks, .. }
        | WaitReason::Quorum { machine, lacks } => (Some(machine), until(lacks)),
        WaitReason::Confirmation { at } => (None, Some(*at)),
        WaitReason::Parting(parting) => (None, parting.until()),
        WaitReason::Paused
        | WaitReason::OldOperatorRunning
        | WaitReason::HeadLost
        | WaitReason::FormerHead { .. }
        | WaitReason::CannotJoin { .. }
        | WaitReason::Clearing { .. }
        | WaitReason::Installing
        | WaitReason::InFlight { .. }
        | WaitReason::Conflict { .. }
        | WaitReason::Unreachable
        | WaitReason::DeletionWaiting
        | WaitReason::LettingGo
        | WaitReason::ForeignToken { .. }
        | WaitReason::TokenLost { .. }
        | WaitReason::TokenUnknown => (None, None),
    }
}

const fn until(lacks: &Shortcoming) -> Option<Timestamp> {
    match lacks {
        Shortcoming::InFlight(flight) => flight.until,
        Shortcoming::NoConfiguration
        | Shortcoming::Begun
        | Shortcoming::Outdated
        | Shortcoming::Overdue { .. }
        | Shortcoming::Unsettled(_)
        | Shortcoming::Unreachable
        | Shortcoming::NotReady { .. }
        | Shortcoming::HealthUnknown
        | Shortcoming::StillMember
        | Shortcoming::NoMember => None,
    }
}
