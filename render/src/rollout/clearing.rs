//! The clearing of `fullInstall`: at the first evidence of an apply, alone, before anything else on that
//! configuration, whatever else waits (S5). Left in place, every later apply of NIO's wipes the disk.

use nico_crds::NixosConfiguration;
use nico_crds::names::{LABEL_ROLE, Role};
use serde_json::{Value, json};

use super::{Planner, Purpose, Step, Write};
use crate::fields;
use crate::inventory::name;
use crate::owner;

impl Planner<'_> {
    /// Of all configurations of the cluster, those that leave or are in deletion too: NIO may begin
    /// another apply even then.
    pub(super) fn clear_full_install(&mut self) {
        let own = self.space.configurations.values().copied();
        let wiping: Vec<_> = own.filter(|live| is_due(live) && owner::is_own(live, self.cluster)).collect();
        for live in wiping {
            let Some(object) = self.cleared(live) else { continue };
            let role = live.label(LABEL_ROLE).and_then(Role::from_label).unwrap_or(Role::Worker);
            let machine = live.machine().unwrap_or_default();
            self.step(Step::Write(Box::new(Write {
                target: self.target(machine, role, live),
                object,
                purpose: Purpose::ClearFullInstall,
                fields: vec!["spec.fullInstall".to_owned()],
                against: Vec::new(),
            })));
        }
    }

    /// What NICO owns of it, as it is, and nothing else: what a server-side apply leaves out it removes.
    fn cleared(&self, live: &NixosConfiguration) -> Option<NixosConfiguration> {
        let own = self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref());
        let mut object = match own {
            Some(own) => fields::project(&serde_json::to_value(live).ok()?, own),
            None => json!({}),
        };
        let root = object.as_object_mut()?;
        let metadata = root.entry("metadata").or_insert_with(|| json!({})).as_object_mut()?;
        metadata.insert("name".to_owned(), name(&live.metadata).into());
        metadata.insert("namespace".to_owned(), live.metadata.namespace.clone().into());
        let spec = root.entry("spec").or_insert_with(|| json!({})).as_object_mut()?;
        spec.insert("fullInstall".to_owned(), Value::Bool(false));
        serde_json::from_value(object).ok()
    }
}

/// It would wipe, and something was applied.
pub(super) fn is_due(live: &NixosConfiguration) -> bool {
    live.spec.full_install == Some(true) && live.shows_an_apply()
}
