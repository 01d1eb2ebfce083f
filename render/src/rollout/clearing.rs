//! The clearing of `fullInstall`: at the first evidence of an apply, alone, before anything else on that
//! configuration, whatever else waits (S5). Left in place, every later apply of NIO's wipes the disk.

use nico_crds::NixosConfiguration;
use nico_crds::names::{LABEL_ROLE, Role};

use super::{Planner, Purpose, Step, Target, Write};
use crate::owner;

/// The field that is cleared.
pub(super) const FIELD: &str = "spec.fullInstall";
/// What everything else on that configuration waits for.
pub(super) const UNDER_WAY: &str = "fullInstall is taken off first, alone";

impl Planner<'_> {
    /// Of all configurations of the cluster, those that leave or are in deletion too: NIO may begin
    /// another apply even then.
    pub(super) fn clear_full_install(&mut self) {
        let own = self.space.configurations.values().copied();
        let is_wiping = |live: &&NixosConfiguration| {
            is_due(live) && owner::is_own(live, self.cluster) && !self.is_adopted_now(live)
        };
        let wiping: Vec<_> = own.filter(is_wiping).collect();
        for live in wiping {
            let Some(object) = self.cleared(live) else { continue };
            let role = live.label(LABEL_ROLE).and_then(Role::from_label).unwrap_or(Role::Worker);
            let machine = live.machine().unwrap_or_default();
            self.step(Step::Write(Box::new(Write {
                target: Target::of(machine, role, live),
                object,
                purpose: Purpose::ClearFullInstall,
                fields: vec![FIELD.to_owned()],
                against: Vec::new(),
            })));
        }
    }

    fn cleared(&self, live: &NixosConfiguration) -> Option<NixosConfiguration> {
        let mut object = self.as_it_is(live)?;
        object.spec.full_install = Some(false);
        Some(object)
    }
}

/// It would wipe, and something was applied.
pub(super) fn is_due(live: &NixosConfiguration) -> bool {
    live.spec.full_install == Some(true) && live.shows_an_apply()
}
