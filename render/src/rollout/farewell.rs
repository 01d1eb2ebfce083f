//! How a machine takes leave of the cluster itself, where that can be asked: it is drained, its member of etcd is
//! removed, its Node is deleted; only then its configuration goes. What is still to be done shows in what the cluster
//! says, so that whoever comes next goes on where it stands.
//!
//! As `kubectl drain --force --ignore-daemonsets --delete-emptydir-data` does it, for the machine does not come back:
//! by the eviction API, which keeps to `PodDisruptionBudget`s.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::names::{LEAVING, LEAVING_NODE, MEMBER_REMOVED};

use super::parting::Instead;
use super::standing::{Release, Standing};
use super::{NodeAct, NodeStep, Parting, Planner, Purpose, Step, WaitReason};
use crate::inventory::is_marked;
use crate::proof::said;
use crate::workload::{Member, Node, Pod, Presence, Probe, Refusal, goes_unasked, silence};

/// What takes longer than this is told to a person.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// What is refused as often is told to a person.
const TIMES: u32 = 3;

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
        match standing.presence {
            Presence::Present(node) => {
                if self.notes_node(standing, node)
                    && self.is_drained(standing, node)
                    && self.is_removed(standing, node)
                {
                    self.delete_node(standing, node);
                }
                false
            }
            Presence::Absent if !self.was_asked_since(standing) => {
                self.parts(standing, Parting::Draining { pods: Vec::new(), until: None });
                false
            }
            // Whatever became of the way to it meanwhile.
            Presence::NotAsked if self.had_node(standing) => self.holds(standing, Some(self.silent())),
            Presence::NotAsked | Presence::Unknown | Presence::Absent => {
                self.holds(standing, self.holds_farewell(standing))
            }
        }
    }

    /// The same for a lost one. Nobody waits for what runs on it, and nobody for a cluster that does not answer.
    pub(super) fn is_taken_out(&mut self, standing: &Standing<'a>) -> bool {
        match standing.presence {
            Presence::Present(node) => {
                if self.is_removed(standing, node) {
                    self.delete_node(standing, node);
                }
                false
            }
            // It is about to be.
            Presence::Unknown if self.observed.asked(self.cluster).is_none() => {
                self.holds(standing, Some(self.silent()))
            }
            Presence::NotAsked | Presence::Unknown | Presence::Absent => {
                self.holds(standing, self.holds_member(standing))
            }
        }
    }

    /// What is to be done yet while NIO cleans a machine: k3s and RKE2 may have been started anew after all was done,
    /// and have joined as another member.
    pub(super) fn comes_back(&mut self, standing: &Standing<'a>) {
        let Presence::Present(node) = standing.presence else { return };
        let is_ours = standing.live.annotation(LEAVING).is_some() || standing.release == Some(Release::Lost);
        if !is_ours || self.desired.head_lost {
            return;
        }
        match &node.member {
            Some(Member::In { of, .. }) if !is_marked(&standing.live.metadata, MEMBER_REMOVED) => {
                if self.holds_member_removal(standing).is_none() {
                    self.step_on(standing, node, NodeAct::RemoveMember { of, at: self.now });
                }
            }
            Some(Member::Asked { .. }) => {}
            Some(Member::In { .. } | Member::Removed { .. }) | None => {
                if !standing.may_be_member && node.deleted_at.is_none() {
                    self.step_on(standing, node, NodeAct::Delete);
                }
            }
        }
    }

    /// That it has a Node is noted, where it was not when its removal began.
    fn notes_node(&mut self, standing: &Standing<'a>, node: &Node) -> bool {
        if standing.live.annotation(LEAVING_NODE).is_some() {
            return true;
        }
        if let Some(mut object) = self.as_it_is(standing.live) {
            object
                .metadata
                .annotations
                .get_or_insert_default()
                .insert(LEAVING_NODE.to_owned(), node.name.clone());
            self.write(standing, object, Purpose::NodeNoted);
        }
        self.parts(standing, Parting::Draining { pods: Vec::new(), until: None });
        false
    }

    /// The cluster told of its Node when its removal began, and is asked what became of that, unless a person says that
    /// it need not answer.
    fn had_node(&self, standing: &Standing<'_>) -> bool {
        standing.live.annotation(LEAVING_NODE).is_some() && !goes_unasked(self.cluster)
    }

    /// What the cluster says was said after the removal began: it may have had no Node just before.
    fn was_asked_since(&self, standing: &Standing<'_>) -> bool {
        begun(standing).is_none_or(|begun| self.probe().is_some_and(|probe| probe.at > begun))
    }

    /// Once: what its finalizers hold goes when they are taken off.
    fn delete_node(&mut self, standing: &Standing<'_>, node: &Node) {
        let late = node.deleted_at.is_some_and(|since| self.is_long_ago(since));
        if node.deleted_at.is_none() {
            self.step_on(standing, node, NodeAct::Delete);
        }
        self.parts(standing, Parting::Node { late });
    }

    /// Whatever takes so long takes too long.
    pub(super) fn is_long_ago(&self, since: Timestamp) -> bool {
        since.checked_add(PATIENCE).is_ok_and(|until| self.now > until)
    }

    /// True: nothing holds it.
    pub(super) fn holds(&mut self, standing: &Standing<'_>, reason: Option<WaitReason>) -> bool {
        let holds = reason.map(|reason| self.wait(standing.machine, reason));
        holds.is_none()
    }

    pub(super) fn probe(&self) -> Option<&'a Probe> {
        self.observed.asked(self.cluster)?.probe.as_deref()
    }

    fn silent(&self) -> WaitReason {
        WaitReason::Parting(Parting::Silent { why: silence(self.observed.asked(self.cluster), self.now) })
    }

    pub(super) fn parts(&mut self, standing: &Standing<'_>, parting: Parting) {
        let refused = parting.instead().and_then(|instead| self.refused(standing, instead));
        self.wait(standing.machine, WaitReason::Parting(refused.unwrap_or(parting)));
    }

    /// What its API server refuses, time and again.
    fn refused(&self, standing: &Standing<'_>, instead: Instead) -> Option<Parting> {
        let refusals = &self.observed.asked(self.cluster)?.refusals;
        let refusal = refusals.get(standing.machine).filter(|refusal| refusal.times >= TIMES)?;
        let Refusal { what, why, at, .. } = refusal;
        let said = said::safe(why).unwrap_or_else(|| "the log has its words".to_owned());
        (!self.is_long_ago(*at)).then(|| Parting::Refused { what: what.clone(), said, instead })
    }

    pub(super) fn step_on(&mut self, standing: &Standing<'_>, node: &Node, act: NodeAct) {
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
            let since =
                noted.unwrap_or_else(|| begun(standing).map_or(self.now, |begun| begun.max(self.now)));
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
        let there: Vec<_> = pods.iter().filter(|pod| pod.must_go(Some(since))).collect();
        if there.is_empty() {
            return true;
        }
        let named = there.iter().map(ToString::to_string).collect();
        let is_over = until.is_some_and(|until| self.now > until);
        // The time may have passed while nobody could be asked: what nothing forbids is evicted all the same.
        let is_tried = |pod: &&Pod| !pod.goes && (!is_over || pod.budgets.is_empty());
        let evicted: Vec<Pod> = there.into_iter().filter(is_tried).cloned().collect();
        if !evicted.is_empty() {
            self.step_on(standing, node, NodeAct::Evict(evicted));
        }
        let seconds = self.drain_timeout();
        self.parts(
            standing,
            if is_over {
                Parting::TimedOut { pods: named, seconds }
            } else {
                Parting::Draining { pods: named, until }
            },
        );
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
    node.drained_since.filter(|since| begun(standing).is_none_or(|begun| *since >= begun))
}

/// When its removal began.
fn begun(standing: &Standing<'_>) -> Option<Timestamp> {
    standing.live.annotation(LEAVING)?.parse().ok()
}

const PODS_SILENT: &str = "it gives no list of the pods on its Node";
