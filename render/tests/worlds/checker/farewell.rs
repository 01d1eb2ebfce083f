//! How a machine leaves a cluster that can be asked, and that nobody else is touched there.

use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::{LEAVING, LEAVING_NODE, MEMBER_GONE, Role};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Desired;
use nico_render::rollout::{NodeAct, NodeStep};
use nico_render::workload::{Member, Node};

use super::view::View;
use super::words::Case;
use super::{Checker, Invariant, name};
use crate::model::snapshot::{machine_of, uid};

/// Who need not answer, and has answered, is waited for until it was silent as often.
pub const MISSES: u32 = 3;

impl Checker {
    /// After something was done about a Node. The view is the one before it.
    pub fn seen_off(&mut self, view: &View, cluster: &KubernetesCluster, desired: &Desired, step: &NodeStep) {
        self.antecedent(Invariant::F1);
        let mut lives = view.objects.of_cluster(cluster);
        let live = lives.find(|live| machine_of(live) == step.machine).cloned();
        let Some(live) = live else {
            // NIO let it go, or was made to, just before.
            if step.act == NodeAct::Delete {
                return;
            }
            self.fail(
                Invariant::F1,
                format!("something is done to {}, which has no configuration", step.machine),
            );
            return;
        };
        let lost = view.is_lost(&live) || self.is_wiped_again(&live) || self.is_given_up(&live);
        let begun = live.annotation(LEAVING).is_some();
        // Then NIO cleans it already.
        let goes = live.metadata.deletion_timestamp.is_some();
        self.check(Invariant::F1, begun || lost, || {
            format!("{:?} on the Node of {}, which stays", step.act, step.machine)
        });
        let cluster_name = cluster.metadata.name.as_deref().unwrap_or_default();
        let Some(node) = view.probed.node(cluster_name, &step.machine) else {
            self.fail(Invariant::F1, format!("{:?} on a Node that nobody saw", step.act));
            return;
        };
        let cases = self.cases(view, cluster, desired);
        let Some(x) = cases.iter().find(|case| case.name == name(&live)) else { return };
        match &step.act {
            NodeAct::Cordon { .. } => {}
            NodeAct::Evict(_) => {
                self.check(Invariant::F1, node.cordoned && begun && !view.is_lost(&live), || {
                    format!("{} is drained before it is cordoned, or though it is lost", step.machine)
                });
            }
            NodeAct::RemoveMember { .. } => {
                self.check(Invariant::F1, lost || goes || is_drained(node), || {
                    format!("the member of {} is removed before it is drained", step.machine)
                });
                self.member_may_go(&cases, x);
            }
            NodeAct::Delete => {
                self.check(Invariant::F1, lost || goes || is_drained(node), || {
                    format!("the Node of {} is deleted before it is drained", step.machine)
                });
                let holds = x.role == Role::Worker || x.no_member || !self.chronicle(cluster).bootstrapped;
                self.check(Invariant::F1, holds, || {
                    format!("the Node of {} is deleted while it is a member", step.machine)
                });
            }
        }
    }

    /// No member is removed where a majority of the remaining ones is not Ready.
    fn member_may_go(&mut self, cases: &[Case], x: &Case) {
        let others = || {
            let others = cases.iter().filter(|case| case.role == Role::ControlPlane && case.name != x.name);
            others.filter(|case| !case.no_member)
        };
        let ready = others().filter(|case| !case.unhealthy && !case.haunts).count();
        let all = others().count();
        self.check(Invariant::F1, ready * 2 > all, || {
            format!("the member of {} is removed while {ready} of {all} others are Ready", x.machine)
        });
    }

    /// That its member is gone is noted only where that is seen.
    pub fn member_noted(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        before: &NixosConfiguration,
        after: &NixosConfiguration,
    ) {
        let noted = after.annotation(MEMBER_GONE);
        if noted.is_none() || noted == before.annotation(MEMBER_GONE) {
            return;
        }
        let cluster_name = cluster.metadata.name.as_deref().unwrap_or_default();
        let member = view.probed.node(cluster_name, machine_of(after)).and_then(|node| node.member.as_ref());
        let seen = match member {
            Some(Member::Removed { name }) => Some(name.as_str()) == noted,
            Some(Member::In { .. } | Member::Asked { .. }) | None => false,
        };
        self.check(Invariant::F1, seen, || {
            format!("it is noted of {} that it is no member, and nobody saw that", name(after))
        });
    }

    /// Who leaves a cluster that answers is not in it any more, before its configuration goes.
    pub fn has_left(&mut self, view: &View, cluster: &KubernetesCluster, x: &Case) {
        let cluster_name = cluster.metadata.name.as_deref().unwrap_or_default();
        let Some(workload) = view.probed.workloads.get(cluster_name) else { return };
        let mut lives = view.objects.of_cluster(cluster);
        let had_node =
            lives.any(|live| machine_of(live) == x.machine && live.annotation(LEAVING_NODE).is_some());
        let was_reached = had_node || workload.kubeconfig.stored.is_some();
        let missed = workload.probe.as_ref().and_then(|probe| probe.missed);
        let just_before = missed.is_some_and(|missed| missed < MISSES);
        let rollout = cluster.spec.rollout.as_ref();
        let never = rollout.and_then(|rollout| rollout.require_node_health) == Some(RequireNodeHealth::Never);
        let has_left = match view.probed.nodes(cluster_name) {
            Some(nodes) => !nodes.contains_key(&x.machine),
            None => (never && !just_before) || !was_reached,
        };
        self.check(Invariant::F1, has_left, || {
            format!("{} is deleted before its machine has left the cluster", x.name)
        });
    }

    fn is_given_up(&self, live: &NixosConfiguration) -> bool {
        self.histories.get(uid(live)).is_some_and(|history| history.wiped_again)
    }
}

fn is_drained(node: &Node) -> bool {
    node.cordoned && matches!(&node.pods, Some(Ok(pods)) if pods.iter().all(|pod| !pod.must_go(None)))
}
