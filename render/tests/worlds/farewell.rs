//! Planners that let machines leave a cluster otherwise than they should.

use nico_crds::names::{LABEL_ROLE, LEAVING, MEMBER_GONE, Role};
use nico_render::rollout::{NodeAct, NodeStep, Plan, Purpose, Removal, Step};
use nico_render::workload::{Member, Node, Presence, presence};

use crate::planner::{Spoiled, delete, write};

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unkind {
    /// It drains a machine that stays.
    DrainsWhoStays,
    /// It deletes Nodes where they should be drained.
    DeletesUndrained,
    /// It has members removed where their Nodes should be drained.
    RemovesUndrained,
    /// It has the members of lost machines removed, however the others are.
    RemovesAnyMember,
    /// It notes that a member is gone that was asked to go.
    NotesUnseen,
    /// It deletes configurations of machines that still have to leave the cluster.
    DoesNotWait,
}

impl Spoiled<'_> {
    pub fn takes_leave(&self, unkind: Unkind, plan: &mut Plan) {
        let waits = |machine: &str, reasons: &[&str]| {
            plan.waiting.iter().any(|waiting| {
                waiting.machine.as_deref() == Some(machine) && reasons.contains(&waiting.reason.reason())
            })
        };
        let more: Vec<Step> = match unkind {
            Unkind::DrainsWhoStays => {
                let stays = self.live().filter(|live| {
                    live.annotation(LEAVING).is_none()
                        && !waits(live.machine().unwrap_or_default(), &["DeletingNode"])
                });
                let nodes = stays.filter_map(|live| self.node(live.machine()?));
                let runs = nodes.filter(|node| node.cordoned);
                let first = self.live().find(|live| live.label(LABEL_ROLE) == Some(Role::Worker.label()));
                let all = runs.chain(first.and_then(|live| self.node(live.machine()?)));
                all.map(|node| self.on(node, NodeAct::Cordon { since: self.now })).take(1).collect()
            }
            Unkind::DeletesUndrained => return instead(plan, |_| Some(NodeAct::Delete)),
            Unkind::RemovesUndrained => {
                return instead(plan, |step| {
                    (step.role == Role::ControlPlane)
                        .then_some(NodeAct::RemoveMember { of: "k3s", at: step.seen_at })
                });
            }
            Unkind::RemovesAnyMember => {
                let reasons =
                    ["WaitingForQuorum", "MemberNotRemoved", "RemovingMember", "ClusterNotAnswering"];
                let waiting = self.live().filter_map(|live| live.machine());
                let nodes = waiting
                    .filter(|machine| waits(machine, &reasons))
                    .filter_map(|machine| self.node(machine));
                let members = nodes.filter(|node| matches!(node.member, Some(Member::In { .. })));
                members.map(|node| self.on(node, NodeAct::RemoveMember { of: "k3s", at: self.now })).collect()
            }
            Unkind::NotesUnseen => {
                let asked =
                    self.live().filter(|live| waits(live.machine().unwrap_or_default(), &["RemovingMember"]));
                let note = |live: &nico_crds::NixosConfiguration| {
                    let mut object = live.clone();
                    let annotations = object.metadata.annotations.get_or_insert_default();
                    annotations.insert(MEMBER_GONE.to_owned(), "gone".to_owned());
                    write(live, object, Purpose::MemberGone)
                };
                asked.map(note).collect()
            }
            Unkind::DoesNotWait => {
                let drained =
                    self.live().filter(|live| waits(live.machine().unwrap_or_default(), &["Draining"]));
                drained.map(|live| delete(live, Removal::Leaves)).collect()
            }
        };
        plan.steps.extend(more);
    }

    fn node(&self, machine: &str) -> Option<&Node> {
        match presence(self.cluster, self.observed.asked(self.cluster), machine, self.now) {
            Presence::Present(node) => Some(node),
            Presence::NotAsked | Presence::Unknown | Presence::Absent => None,
        }
    }

    fn on(&self, node: &Node, act: NodeAct) -> Step {
        Step::Node(NodeStep {
            machine: node.name.clone(),
            role: Role::Worker,
            node: node.name.clone(),
            uid: node.uid.clone(),
            version: node.version.clone(),
            seen_at: self.now,
            act,
        })
    }
}

/// What is done about a Node is something else, where it is to be drained.
fn instead(plan: &mut Plan, other: impl Fn(&NodeStep) -> Option<NodeAct>) {
    for step in &mut plan.steps {
        if let Step::Node(step) = step
            && matches!(step.act, NodeAct::Cordon { .. } | NodeAct::Evict(_))
            && let Some(act) = other(step)
        {
            step.act = act;
        }
    }
}
