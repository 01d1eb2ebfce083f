//! What is taken to be so where only files are there: they tell nothing of Secrets, and seldom whose a
//! field is.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use nico_crds::NixosConfiguration;
use nico_crds::names::{FIELD_MANAGER, LABEL_MANAGED_BY, MANAGED_BY, PYTHON_MANAGERS};

use crate::desired::Desired;
use crate::drift::without_default;
use crate::fields;
use crate::fields::managers::applied_by;
use crate::inventory::{Inventory, name, namespace};
use crate::observed::{Ownership, Sight, TokenState};
use crate::rollout::adopted_configuration;

/// Completes what was seen with what is usual: a token is there where a machine may have it already, and is
/// made where none can; what carries NICO's label is NICO's, field by field, and the rest whoever's wrote it
/// before.
pub fn assume<'d>(inventory: &Inventory, desired: impl Iterator<Item = &'d Desired>, sight: &mut Sight) {
    let there = inventory.configurations.iter();
    let there: BTreeMap<_, _> =
        there.map(|live| ((namespace(&live.metadata), name(&live.metadata)), live)).collect();
    for desired in desired {
        let in_use = desired.bootstrapped
            || !desired.memory.applied_machines.is_empty()
            || desired.configurations.iter().any(|configuration| !configuration.is_new);
        let token = if in_use { TokenState::Own { guessable: false } } else { TokenState::Absent };
        sight.tokens.entry(desired.cluster.clone()).or_insert(token);
        let wanted = desired.configurations.iter();
        let wanted = wanted.map(|wanted| (wanted.name(), wanted.object.spec.git_ref.is_some()));
        let leaving = desired.leaving.iter().map(|leaving| (leaving.configuration.as_str(), false));
        for (configuration, wants_ref) in wanted.chain(leaving) {
            let live = there.get(&(desired.cluster.namespace.as_str(), configuration));
            let Some((live, uid)) = live.and_then(|live| Some((live, live.metadata.uid.as_ref()?))) else {
                continue;
            };
            if !sight.ownership.contains_key(uid) {
                let ownership = ownership(live, wants_ref);
                sight.ownership.extend(ownership.map(|ownership| (uid.clone(), Arc::new(ownership))));
            }
        }
    }
}

fn ownership(live: &NixosConfiguration, wants_ref: bool) -> Option<Ownership> {
    // What the server fills in is nobody's; and where NICO wants it, it wrote it.
    let object = without_default(serde_json::to_value(live).ok()?, wants_ref);
    let entry = ManagedFieldsEntry {
        manager: PYTHON_MANAGERS.first().map(|manager| (*manager).to_owned()),
        operation: Some("Update".to_owned()),
        fields_v1: Some(FieldsV1(fields::owned(&object))),
        ..ManagedFieldsEntry::default()
    };
    let others = vec![entry];
    if live.label(LABEL_MANAGED_BY) != Some(MANAGED_BY) {
        return Some(Ownership { own: None, others });
    }
    let managed = adopted_configuration(&others)?;
    let own = applied_by(&managed, FIELD_MANAGER, None).and_then(|entry| entry.fields_v1.as_ref());
    Some(Ownership { own: own.map(|fields| fields.0.clone()), others: Vec::new() })
}
