//! Fields of ours that another hand holds with another value: a person's edit is taken back once, and what
//! somebody else applies, or edits again and again, is left alone (L3).

use nico_crds::NixosConfiguration;
use nico_crds::names::FIELD_MANAGER;

use super::{Planner, WaitReason};
use crate::fields::Change;
use crate::fields::managers::{Operation, contests};

/// What may be done about differences.
pub(super) enum Contest {
    /// Nobody else holds them.
    None,
    /// These hands have changed them, and are taken back.
    TakeBack(Vec<String>),
    /// They are left as they are.
    Conflict(WaitReason),
}

impl Planner<'_> {
    pub(super) fn contest(&self, changes: &[Change], live: &NixosConfiguration) -> Contest {
        let others = self.observed.ownership(live).map_or(&[][..], |ownership| ownership.others.as_slice());
        let mut take_back = Vec::new();
        let mut conflict = (Vec::new(), Vec::new());
        for contest in contests(changes, others, FIELD_MANAGER) {
            for holder in contest.holders {
                let kept = match holder.operation {
                    // It will apply it again.
                    Operation::Apply | Operation::Unknown => true,
                    Operation::Update => self.was_put_back(live, &holder.manager),
                };
                if kept {
                    conflict.0.push(holder.manager);
                    conflict.1.push(contest.change.path.clone());
                } else {
                    take_back.push(holder.manager);
                }
            }
        }
        if !conflict.0.is_empty() {
            let (mut managers, mut fields) = conflict;
            sort(&mut managers);
            sort(&mut fields);
            return Contest::Conflict(WaitReason::Conflict { managers, fields });
        }
        sort(&mut take_back);
        if take_back.is_empty() { Contest::None } else { Contest::TakeBack(take_back) }
    }

    fn was_put_back(&self, live: &NixosConfiguration, manager: &str) -> bool {
        self.observed.put_back(live).iter().any(|before| before.manager == manager)
    }
}

fn sort(names: &mut Vec<String>) {
    names.sort_unstable();
    names.dedup();
}
