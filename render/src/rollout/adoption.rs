//! Taking over what others wrote: the Python operator, or whoever restored the objects from a backup. No
//! value changes, so no machine is touched.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::NixosConfiguration;
use nico_crds::names::{
    CLEANUP_FINALIZER, CONFIGURATION_ANNOTATIONS, FIELD_MANAGER, KOPF_FINALIZER, LABEL_CLUSTER,
    LABEL_MANAGED_BY, LABEL_ROLE, PYTHON_MANAGERS, STATUS_MANAGER,
};
use serde_json::{Map, Value, json};

use crate::desired::DesiredConfiguration;
use crate::fields::adoption::{Adoption, adopt};
use crate::inventory::name;
use crate::memory::Memory;

use super::{FinalizerChange, Planner, Step, Target, WaitReason, clearing, has_finalizer};

/// So long after its last write the Python operator counts as stopped. It wrote every 30 s.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);

/// The finalizers that a cluster should have, where it has not.
pub(super) fn claimed(finalizers: &[String]) -> Option<(Vec<String>, FinalizerChange)> {
    let theirs = finalizers.iter().any(|finalizer| finalizer == KOPF_FINALIZER);
    let ours = finalizers.iter().any(|finalizer| finalizer == CLEANUP_FINALIZER);
    if ours && !theirs {
        return None;
    }
    let others = finalizers
        .iter()
        .filter(|finalizer| ![KOPF_FINALIZER, CLEANUP_FINALIZER].contains(&finalizer.as_str()));
    let finalizers = others.cloned().chain([CLEANUP_FINALIZER.to_owned()]).collect();
    Some((finalizers, if theirs { FinalizerChange::TakenOver } else { FinalizerChange::Added }))
}

impl Planner<'_> {
    /// The Python operator has put its finalizer back beside ours, and has not been silent for long.
    pub(super) fn old_operator_runs(&self) -> bool {
        let finalizers = self.cluster.metadata.finalizers.as_ref();
        if !self.has_our_finalizer() || !has_finalizer(finalizers, KOPF_FINALIZER) {
            return false;
        }
        let silent_since = self.last_python_write();
        // What cannot be told is unsafe.
        silent_since.and_then(|since| since.checked_add(SILENCE).ok()).is_none_or(|until| self.now < until)
    }

    fn last_python_write(&self) -> Option<Timestamp> {
        let entries = self.cluster.metadata.managed_fields.iter().flatten();
        let theirs = entries.filter(|entry| is_by(entry, &PYTHON_MANAGERS));
        theirs.filter_map(|entry| entry.time.as_ref().map(|time| time.0)).max()
    }

    /// What others wrote into the status stays beside ours for ever, unless it becomes ours.
    pub(super) fn adopt_status(&mut self) {
        let managed = self.cluster.metadata.managed_fields.as_deref().unwrap_or_default();
        if adopted_status(managed).is_some() {
            self.step(Step::AdoptStatus);
        }
    }

    /// Configurations of the cluster's that NICO has never applied.
    pub(super) fn adopt_configurations(&mut self) {
        let desired = self.desired;
        for configuration in desired.configurations.iter().filter(|configuration| !configuration.is_new) {
            let Some(live) = self.space.configurations.get(configuration.name()).copied() else { continue };
            if !self.is_to_be_adopted(live) {
                continue;
            }
            let proof = self.proof(&configuration.machine, live);
            let may_install =
                live.spec.full_install == Some(true) && !clearing::is_due(live) && !proof.overdue.is_yes();
            if may_install {
                self.wait(&configuration.machine, WaitReason::Installing);
                continue;
            }
            let target = Target::of(&configuration.machine, configuration.role, live);
            self.step(Step::Adopt(target));
        }
    }

    /// NICO has never applied it (but for a clearing, perhaps), and somebody wrote what NICO wants to own.
    pub(super) fn is_to_be_adopted(&self, live: &NixosConfiguration) -> bool {
        self.observed.ownership(live).is_some_and(|ownership| {
            !ownership.own.as_ref().is_some_and(is_whole)
                && adopted_configuration(&ownership.others).is_some()
        })
    }

    /// Its ownership moves in this very plan: what follows is bound to what it is then.
    pub(super) fn is_adopted_now(&self, live: &NixosConfiguration) -> bool {
        let goes_on = self.cluster.metadata.deletion_timestamp.is_none()
            && self.cluster.spec.paused != Some(true)
            && !self.old_operator_runs();
        let is_member = |configuration: &DesiredConfiguration| {
            !configuration.is_new && configuration.name() == name(&live.metadata)
        };
        goes_on && self.desired.configurations.iter().any(is_member) && self.is_to_be_adopted(live)
    }
}

/// What NICO applies always has labels; a clearing of what is not adopted has nothing else.
fn is_whole(own: &Value) -> bool {
    own.pointer("/f:metadata/f:labels").is_some()
}

fn is_by(entry: &ManagedFieldsEntry, managers: &[&str]) -> bool {
    entry.manager.as_deref().is_some_and(|manager| managers.contains(&manager))
}

/// The `managedFields` of a configuration once what others wrote of NICO's fields is NICO's; None if there
/// is nothing to move. What others noted on it stays theirs.
pub fn adopted_configuration(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let map = |keys: &[&str]| -> Value {
        Value::Object(keys.iter().map(|key| (format!("f:{key}"), json!({}))).collect())
    };
    let only = json!({
        "f:metadata": {
            "f:annotations": map(&CONFIGURATION_ANNOTATIONS),
            "f:labels": map(&[LABEL_CLUSTER, LABEL_MANAGED_BY, LABEL_ROLE]),
            "f:ownerReferences": {},
        },
        "f:spec": {},
    });
    adopted(managed, FIELD_MANAGER, None, &only)
}

/// The `managedFields` of a cluster once what others wrote into its status is NICO's: what must be
/// remembered the applier's, the rest the aggregator's. None if there is nothing to move.
pub fn adopted_status(managed: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let remembered: Map<String, Value> =
        Memory::FIELDS.iter().map(|field| (format!("f:{field}"), json!({}))).collect();
    let status = Some("status");
    let first = adopted(managed, FIELD_MANAGER, status, &json!({ "f:status": remembered }));
    let second =
        adopted(first.as_deref().unwrap_or(managed), STATUS_MANAGER, status, &json!({ "f:status": {} }));
    second.or(first)
}

fn adopted(
    managed: &[ManagedFieldsEntry],
    manager: &str,
    subresource: Option<&str>,
    only: &Value,
) -> Option<Vec<ManagedFieldsEntry>> {
    let others: Vec<&str> = managed.iter().filter_map(|entry| entry.manager.as_deref()).collect();
    adopt(managed, &Adoption { manager, from: &others, subresource, only: Some(only) })
}
