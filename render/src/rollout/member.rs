//! The member of etcd of a control plane that leaves: its distribution removes it, or a person does; and never where
//! that could cost the majority.

use nico_crds::names::{MEMBER_GONE, MEMBER_REMOVED};

use super::standing::Standing;
use super::{NodeAct, Parting, Planner, Purpose, Shortcoming, WaitReason};
use crate::inventory::is_marked;
use crate::workload::{Api, Distribution, Member, Node, Presence};

impl<'a> Planner<'a> {
    /// It may be a member, and the cluster cannot be asked to remove it.
    pub(super) fn holds_member(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        standing.may_be_member.then(|| self.by_hand())
    }

    /// Somebody has to see to its member.
    fn by_hand(&self) -> WaitReason {
        let distribution = self.probe().map_or(Distribution::Unknown, Distribution::of);
        WaitReason::Parting(Parting::ByHand { distribution })
    }

    /// It is no member of etcd, by its distribution's word or a person's; and that is noted where it outlives its
    /// Node.
    pub(super) fn is_removed(&mut self, standing: &Standing<'a>, node: &Node) -> bool {
        if is_marked(&standing.live.metadata, MEMBER_REMOVED) {
            return true;
        }
        match &node.member {
            None => self.holds(standing, self.holds_member(standing)),
            Some(Member::In { of, .. }) => {
                let hold = self.holds_member_removal(standing);
                if self.holds(standing, hold) {
                    self.step_on(standing, node, NodeAct::RemoveMember { of, at: self.now });
                    self.parts(standing, Parting::Member { late: false });
                }
                false
            }
            Some(Member::Asked { .. }) => {
                let late = node.member_asked_at.is_some_and(|since| self.is_long_ago(since));
                self.parts(standing, Parting::Member { late });
                false
            }
            Some(Member::Removed { name }) => self.is_noted(standing, name),
        }
    }

    /// What was seen on the Node is noted on the configuration, before the Node goes.
    fn is_noted(&mut self, standing: &Standing<'a>, member: &str) -> bool {
        if standing.live.annotation(MEMBER_GONE) == Some(member) {
            return true;
        }
        if let Some(mut object) = self.as_it_is(standing.live) {
            let annotations = object.metadata.annotations.get_or_insert_default();
            annotations.insert(MEMBER_GONE.to_owned(), member.to_owned());
            self.write(standing, object, Purpose::MemberGone);
        }
        self.parts(standing, Parting::Node { late: false });
        false
    }

    /// No member is removed where that could cost the majority: the others have to be Ready, and to be more than half
    /// of those that remain, also counting those that are released and may be members still. So the last one stays.
    pub(super) fn holds_member_removal(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        let others = || {
            let others = self.standings.iter().filter(|other| other.role == standing.role);
            others.filter(|other| other.machine != standing.machine && other.counts_as_member())
        };
        // Who is let go is not counted on, nor who is none by a person's word.
        let is_ready = |other: &&Standing<'_>| {
            !other.goes() && !other.is_no_member && self.lacks_as_member(other).is_none()
        };
        let (ready, all) = (others().filter(is_ready).count(), others().count());
        if ready.saturating_mul(2) <= all {
            return Some(WaitReason::Parting(Parting::Majority { ready, others: all }));
        }
        others().filter(|other| other.release.is_none()).find_map(|other| {
            let lacks = other.unhealthy().or_else(|| other.lacks_membership())?;
            Some(WaitReason::Quorum { machine: other.machine.to_owned(), lacks })
        })
    }

    /// What keeps it from being a member that the others can count on: by all that is known, asked for or not.
    fn lacks_as_member(&self, other: &Standing<'_>) -> Option<Shortcoming> {
        other.unhealthy().or_else(|| other.lacks_membership()).or_else(|| match other.presence {
            Presence::NotAsked => None,
            Presence::Unknown | Presence::Absent => Some(Shortcoming::HealthUnknown),
            Presence::Present(Node { unready: Some(why), .. }) => {
                Some(Shortcoming::NotReady { why: why.clone() })
            }
            Presence::Present(_) => self.is_unwell(other.machine).then_some(Shortcoming::HealthUnknown),
        })
    }

    /// By the word of its own API server, where that was asked for it.
    fn is_unwell(&self, machine: &str) -> bool {
        let Some(probe) = self.probe() else { return false };
        match probe.apis.get(machine) {
            Some(Api::NotReady(_)) => true,
            Some(Api::Silent) => probe.reaches_own_addresses(),
            Some(Api::Ready) | None => false,
        }
    }
}
