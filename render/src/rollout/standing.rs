//! How each configuration of the cluster stands: looked at once, for all the rules.

use std::collections::BTreeMap;

use nico_crds::NixosConfiguration;
use nico_crds::names::{LOST, MEANING_BUT_LISTS, MEMBER_GONE, MEMBER_REMOVED, Role, TEXT};

use super::correction::is_content;
use super::shortcoming::Shortcoming;
use super::{Planner, clearing};
use crate::desired::DesiredConfiguration;
use crate::diagnostic::Departure;
use crate::fields::Change;
use crate::files;
use crate::inventory::is_marked;
use crate::observed::Health;
use crate::proof::{Finding, Lack, Proof};
use crate::workload::{Member, Membership, Presence, presence};

/// How one configuration stands.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub machine: &'a str,
    pub role: Role,
    pub live: &'a NixosConfiguration,
    /// What it should be; None where it should not be any more.
    pub desired: Option<&'a DesiredConfiguration>,
    pub release: Option<Release>,
    pub proof: Proof,
    pub health: Health,
    /// What the cluster says of its Node.
    pub presence: Presence<'a>,
    /// Seen, or said by a person, to be no member of the control plane.
    pub is_no_member: bool,
    /// A control plane runs that it may be a member of.
    pub may_be_member: bool,
    /// What keeps it from being as it should be.
    pub changes: Vec<Change>,
    pub content: Content,
}

/// How a machine is let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// Marked by a person, or its Machine object is gone.
    Lost,
    /// It is no longer selected, and nothing was done about it yet.
    Leaving,
    /// Its removal has begun, by whatever hand.
    Begun,
}

/// How far the live content is the desired one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It is.
    Current,
    /// But for the lists of machines.
    CurrentButForLists,
    Outdated,
}

impl Standing<'_> {
    pub fn joins(&self) -> bool {
        self.proof.joining.is_yes()
    }

    pub fn is_overdue(&self) -> bool {
        self.proof.overdue.is_yes()
    }

    /// An apply may run, and nobody has given it up. What cannot be told may be.
    pub fn is_in_flight(&self) -> bool {
        !self.is_overdue() && (clearing::is_due(self.live) || !matches!(self.proof.in_flight, Finding::No(_)))
    }

    /// An installation may be running: a change would wipe the disk once more.
    pub fn may_be_installing(&self) -> bool {
        self.live.spec.full_install == Some(true) && !clearing::is_due(self.live) && !self.is_overdue()
    }

    pub fn is_not_ready(&self) -> bool {
        let says_so = match self.health {
            Health::NotReady { .. } => true,
            Health::NotAsked | Health::Ready | Health::Unknown => false,
        };
        says_so && self.proof.reachable.is_yes()
    }

    /// Why it is unhealthy, if it is.
    pub fn unhealthy(&self) -> Option<Shortcoming> {
        if !self.proof.reachable.is_yes() {
            return Some(Shortcoming::Unreachable);
        }
        match &self.health {
            Health::NotAsked | Health::Ready => None,
            Health::NotReady { why } => Some(Shortcoming::NotReady { why: why.clone() }),
            Health::Unknown => Some(Shortcoming::HealthUnknown),
        }
    }

    /// What it lacks to be settled, if it does.
    pub fn unsettled(&self) -> Option<Shortcoming> {
        if clearing::is_due(self.live) {
            // It is written to just now, and until NIO has taken that in it may be wiped.
            return Some(Shortcoming::Unsettled(Lack::WipesDisk));
        }
        let lack = self.proof.lack()?;
        Some(match (&self.proof.overdue, &self.proof.in_flight) {
            (Finding::Yes(overdue), _) => {
                Shortcoming::Overdue { overdue: overdue.clone(), said: self.proof.said.clone() }
            }
            (_, Finding::Yes(flight)) => Shortcoming::InFlight(flight.clone()),
            (_, Finding::No(_) | Finding::Unknown(_)) => Shortcoming::Unsettled(lack.clone()),
        })
    }

    /// It is let go, by whatever hand.
    pub const fn goes(&self) -> bool {
        match self.release {
            Some(Release::Lost | Release::Begun) => true,
            // Nothing was done about it yet.
            Some(Release::Leaving) | None => false,
        }
    }

    /// It is one of the members that have to be a majority of, as far as is known.
    pub const fn counts_as_member(&self) -> bool {
        self.may_be_member || !self.goes()
    }

    /// It stays, and its distribution says that it is no member any more, or is about to remove it.
    pub fn lacks_membership(&self) -> Option<Shortcoming> {
        let Presence::Present(node) = self.presence else { return None };
        let is_removed = match &node.member {
            Some(Member::Asked { .. } | Member::Removed { .. }) => true,
            Some(Member::In { .. }) | None => false,
        };
        (self.release.is_none() && is_removed).then_some(Shortcoming::NoMember)
    }

    /// A control plane that does not come, and is seen to be no member: nobody waits for it.
    pub fn is_late_and_no_member(&self) -> bool {
        self.joins() && self.is_overdue() && self.is_no_member
    }

    /// It is in, and runs, or shall run, the current content but for the lists.
    pub const fn is_current_but_for_lists(&self) -> bool {
        match self.content {
            Content::Current | Content::CurrentButForLists => true,
            Content::Outdated => false,
        }
    }
}

impl<'a> Planner<'a> {
    /// Looks at all of them: members in their order, then those that leave.
    pub(super) fn look(&self) -> Vec<Standing<'a>> {
        let desired = self.desired;
        let existing = desired.configurations.iter().filter(|configuration| !configuration.is_new);
        let existing: BTreeMap<_, _> =
            existing.map(|desired| ((desired.machine.as_str(), desired.role), desired)).collect();
        let members = desired.members.iter().filter_map(|member| {
            let desired = existing.get(&(member.machine.as_str(), member.role)).copied();
            self.look_at(&member.machine, member.role, desired, None)
        });
        let leaving = desired.leaving.iter();
        let leaving = leaving
            .filter_map(|leaving| self.look_at(&leaving.machine, leaving.role, None, Some(leaving.why)));
        members.chain(leaving).collect()
    }

    fn look_at(
        &self,
        machine: &'a str,
        role: Role,
        desired: Option<&'a DesiredConfiguration>,
        why: Option<Departure>,
    ) -> Option<Standing<'a>> {
        let live = self.space.configurations.get(self.name_of(machine).as_str()).copied()?;
        let proof = self.proof(machine, live);
        let health = self.machine(machine).map(|machine| self.observed.health(machine)).unwrap_or_default();
        let presence = presence(self.cluster, self.observed.asked(self.cluster), machine, self.now);
        let is_no_member = is_no_member(presence, live);
        let changes = desired.map(|desired| self.changes(&desired.object, live)).unwrap_or_default();
        Some(Standing {
            machine,
            role,
            live,
            desired,
            release: self.released(machine, why, live),
            proof,
            health,
            presence,
            is_no_member,
            // Before anything runs there is nothing to be a member of.
            may_be_member: role == Role::ControlPlane && self.desired.bootstrapped && !is_no_member,
            content: content(&changes, desired, live),
            changes,
        })
    }

    fn released(&self, machine: &str, why: Option<Departure>, live: &NixosConfiguration) -> Option<Release> {
        match why {
            Some(Departure::Lost | Departure::MachineGone | Departure::WipedAgain) => Some(Release::Lost),
            Some(Departure::BeingDeleted | Departure::Begun) => Some(Release::Begun),
            Some(Departure::NotSelected | Departure::RoleChange | Departure::Elsewhere) => {
                Some(Release::Leaving)
            }
            // A lost head that nobody succeeds stays in.
            None => self
                .is_lost(machine, live)
                .then_some(Release::Lost)
                .or_else(|| live.metadata.deletion_timestamp.is_some().then_some(Release::Begun)),
        }
    }

    fn is_lost(&self, machine: &str, live: &NixosConfiguration) -> bool {
        let object = self.machine(machine);
        is_marked(&live.metadata, LOST) || object.is_none_or(|object| is_marked(&object.metadata, LOST))
    }
}

/// By a person's word, by the cluster's, or as it was noted. What cannot be told may be one.
fn is_no_member(presence: Presence<'_>, live: &NixosConfiguration) -> bool {
    is_marked(&live.metadata, MEMBER_REMOVED)
        || match presence.membership() {
            Membership::NoMember => true,
            Membership::Member => false,
            Membership::NotAsked | Membership::Unknown => live.annotation(MEMBER_GONE).is_some(),
        }
}

fn content(changes: &[Change], desired: Option<&DesiredConfiguration>, live: &NixosConfiguration) -> Content {
    let Some(desired) = desired else { return Content::Outdated };
    let mut contents = changes.iter().filter(|change| is_content(change)).peekable();
    if contents.peek().is_none() {
        return Content::Current;
    }
    let only_files = contents.all(|change| change.path.starts_with("spec.additionalFiles"));
    let same_meaning = live.annotation(MEANING_BUT_LISTS) == desired.object.annotation(MEANING_BUT_LISTS);
    // Nobody has changed the files since they were written for that meaning.
    let is_text = || {
        let hash = files::hash(&live.spec.additional_files);
        hash.is_some_and(|hash| live.annotation(TEXT) == Some(hash.as_str()))
    };
    if only_files && same_meaning && is_text() { Content::CurrentButForLists } else { Content::Outdated }
}
