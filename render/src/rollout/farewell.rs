//! How a machine takes leave of the cluster itself, where that can be asked: it is drained, its member of etcd is
//! removed, its Node is deleted; only then its configuration goes. What is still to be done shows in what the cluster
//! says, so that whoever comes next goes on where it stands.
//!
//! As `kubectl drain --force --ignore-daemonsets --delete-emptydir-data` does it, for the machine does not come back:
//! by the eviction API, which keeps to `PodDisruptionBudget`s.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::names::{LEAVING, MEMBER_GONE, MEMBER_REMOVED};

use super::standing::Standing;
use super::{NodeAct, NodeStep, Parting, Planner, Purpose, Step, WaitReason};
use crate::inventory::is_marked;
use crate::workload::{Distribution, Member, Node, Pod, Presence, Probe, silence};

/// So long a Node may take to be drained, if nobody says otherwise.
const DRAIN_TIMEOUT: i32 = 300;

impl<'a> Planner<'a> {
    /// Why a removal cannot begin, by what the cluster says: it would not get far.
    pub(super) fn holds_farewell(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        match standing.presence {
            Presence::Unknown => Some(self.silent()),
            Presence::NotAsked | Presence::Absent => self.holds_member(standing),
            Presence::Present(_) => None,
        }
    }

    /// What is still to be done for a machine whose removal has begun. True: nothing is.
    pub(super) fn takes_leave(&mut self, standing: &Standing<'a>) -> bool {
        let Presence::Present(node) = standing.presence else {
            return self.holds(standing, self.holds_farewell(standing));
        };
        if self.is_drained(standing, node) && self.is_removed(standing, node) {
            self.step_on(standing, node, NodeAct::Delete);
            self.parts(standing, Parting::Node);
        }
        false
    }

    /// The same for a lost one. Nobody waits for what runs on it, and nobody for a cluster that does not answer.
    pub(super) fn is_taken_out(&mut self, standing: &Standing<'a>) -> bool {
        match standing.presence {
            Presence::Present(node) => {
                if self.is_removed(standing, node) {
                    self.step_on(standing, node, NodeAct::Delete);
                    self.parts(standing, Parting::Node);
                }
                false
            }
            Presence::NotAsked | Presence::Unknown | Presence::Absent => {
                self.holds(standing, self.holds_member(standing))
            }
        }
    }

    /// True: nothing holds it.
    fn holds(&mut self, standing: &Standing<'_>, reason: Option<WaitReason>) -> bool {
        let holds = reason.map(|reason| self.wait(standing.machine, reason));
        holds.is_none()
    }

    /// It may be a member, and the cluster cannot be asked to remove it.
    fn holds_member(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        standing.may_be_member.then(|| self.by_hand())
    }

    /// Somebody has to see to its member.
    fn by_hand(&self) -> WaitReason {
        let distribution = self.probe().map_or(Distribution::Other, Distribution::of);
        WaitReason::Parting(Parting::ByHand { distribution })
    }

    fn probe(&self) -> Option<&'a Probe> {
        self.observed.asked(self.cluster)?.probe.as_deref()
    }

    fn silent(&self) -> WaitReason {
        WaitReason::Parting(Parting::Silent { why: silence(self.observed.asked(self.cluster), self.now) })
    }

    fn parts(&mut self, standing: &Standing<'_>, parting: Parting) {
        self.wait(standing.machine, WaitReason::Parting(parting));
    }

    fn step_on(&mut self, standing: &Standing<'_>, node: &Node, act: NodeAct) {
        let step = NodeStep {
            machine: standing.machine.to_owned(),
            role: standing.role,
            node: node.name.clone(),
            uid: node.uid.clone(),
            version: node.version.clone(),
            seen_at: self.probe().map_or(self.now, |probe| probe.at),
            act,
        };
        self.step(Step::Node(step));
    }
}

impl Planner<'_> {
    /// Nothing that has to go runs on it any more.
    fn is_drained(&mut self, standing: &Standing<'_>, node: &Node) -> bool {
        let noted = drained_since(standing, node);
        let Some(since) = noted.filter(|_| node.cordoned) else {
            // Cordoned anew, it keeps the time that it has.
            let since = noted.unwrap_or(self.now);
            self.step_on(standing, node, NodeAct::Cordon { since });
            self.parts(standing, Parting::Draining { pods: Vec::new(), until: self.drain_ends(since) });
            return false;
        };
        let until = self.drain_ends(since);
        let pods = match &node.pods {
            Some(Ok(pods)) => pods,
            Some(Err(_)) => {
                self.parts(standing, Parting::Silent { why: PODS_SILENT.to_owned() });
                return false;
            }
            // They are asked for from now on.
            None => {
                self.parts(standing, Parting::Draining { pods: Vec::new(), until });
                return false;
            }
        };
        let there: Vec<_> = pods.iter().filter(|pod| pod.must_go()).collect();
        if there.is_empty() {
            return true;
        }
        let named = there.iter().map(ToString::to_string).collect();
        if until.is_some_and(|until| self.now > until) {
            let seconds = self.drain_timeout();
            self.parts(standing, Parting::TimedOut { pods: named, seconds });
            return false;
        }
        let evicted: Vec<Pod> = there.into_iter().filter(|pod| !pod.goes).cloned().collect();
        if !evicted.is_empty() {
            self.step_on(standing, node, NodeAct::Evict(evicted));
        }
        self.parts(standing, Parting::Draining { pods: named, until });
        false
    }

    /// In seconds; 0, as with `kubectl drain`: as long as it takes.
    fn drain_timeout(&self) -> i32 {
        let rollout = self.cluster.spec.rollout.as_ref();
        rollout.and_then(|rollout| rollout.drain_timeout_seconds).unwrap_or(DRAIN_TIMEOUT)
    }

    fn drain_ends(&self, since: Timestamp) -> Option<Timestamp> {
        let timeout = self.drain_timeout();
        if timeout <= 0 {
            return None;
        }
        since.checked_add(SignedDuration::from_secs(timeout.into())).ok()
    }
}

/// Since when it is drained. What was noted before this removal began is of another one, which did not end.
fn drained_since(standing: &Standing<'_>, node: &Node) -> Option<Timestamp> {
    let begun = standing.live.annotation(LEAVING).and_then(|begun| begun.parse::<Timestamp>().ok());
    node.drained_since.filter(|since| begun.is_none_or(|begun| *since >= begun))
}

const PODS_SILENT: &str = "it gives no list of the pods on its Node";

impl<'a> Planner<'a> {
    /// It is no member of etcd, by its distribution's word or a person's; and that is noted where it outlives its
    /// Node.
    fn is_removed(&mut self, standing: &Standing<'a>, node: &Node) -> bool {
        if is_marked(&standing.live.metadata, MEMBER_REMOVED) {
            return true;
        }
        match &node.member {
            None => self.holds(standing, self.holds_member(standing)),
            Some(Member::In { of, .. }) => {
                let hold = self.holds_member_removal(standing);
                if self.holds(standing, hold) {
                    self.step_on(standing, node, NodeAct::RemoveMember { of });
                    self.parts(standing, Parting::Member { late: false });
                }
                false
            }
            Some(Member::Asked { .. }) => {
                let ends = drained_since(standing, node).and_then(|since| self.drain_ends(since));
                let late = ends.is_some_and(|ends| self.now > ends);
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
            self.write(standing, object, Purpose::Leaving);
        }
        self.parts(standing, Parting::Node);
        false
    }

    /// No member is removed where that could cost the majority: the others have to be Ready, and to be more than half
    /// of those that remain, also counting those that are released and may be members still. So the last one stays.
    fn holds_member_removal(&self, standing: &Standing<'_>) -> Option<WaitReason> {
        let others = || {
            let others = self.standings.iter().filter(|other| other.role == standing.role);
            others.filter(|other| other.machine != standing.machine && other.counts_as_member())
        };
        let not_ready = others().filter(|other| other.release.is_none()).find_map(|other| {
            let lacks = other.unhealthy().or_else(|| other.lacks_membership())?;
            Some(WaitReason::Quorum { machine: other.machine.to_owned(), lacks })
        });
        let ready = others().filter(|other| !other.goes() && other.unhealthy().is_none()).count();
        let is_majority = ready.saturating_mul(2) > others().count();
        not_ready.or_else(|| (!is_majority).then(|| self.by_hand()))
    }
}
