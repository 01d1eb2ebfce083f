//! S15 and S16: what is written while a cluster is paused or goes, and what its status says.

use nico_crds::KubernetesCluster;
use nico_crds::names::FORCE_DELETE;
use nico_render::rollout::{Plan, Purpose, Step};

use super::view::Done;
use super::{Checker, Invariant};

impl Checker {
    /// While something waits for the end of a pause, or for the end of the cluster.
    pub fn plan_stands(&mut self, cluster: &KubernetesCluster, _plan: &Plan) {
        if cluster.spec.paused == Some(true) || cluster.metadata.deletion_timestamp.is_some() {
            self.antecedent(Invariant::S15);
        }
    }

    pub fn stands(&mut self, cluster: &KubernetesCluster, done: &Done<'_>) {
        let annotations = cluster.metadata.annotations.as_ref();
        let forced = annotations
            .is_some_and(|annotations| annotations.get(FORCE_DELETE).map(String::as_str) == Some("true"));
        let goes = cluster.metadata.deletion_timestamp.is_some();
        let makes = matches!(done.step, Step::Create(_) | Step::CreateToken);
        self.check(Invariant::S15, !(goes && makes), || {
            format!("{:?} is made for a cluster that goes", cluster.metadata.name)
        });
        let clears = matches!(done.step, Step::Write(write) if write.purpose == Purpose::ClearFullInstall);
        let status = matches!(done.step, Step::Remember(_));
        let paused = cluster.spec.paused == Some(true) && !(goes && forced);
        self.check(Invariant::S15, !paused || clears || status, || {
            format!(
                "{:?} is paused, and written for: {}",
                cluster.metadata.name,
                crate::operator::describe(done.step)
            )
        });
    }
}
