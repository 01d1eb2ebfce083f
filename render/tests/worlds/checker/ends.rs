//! What came of it: every world that is left alone reaches what was asked for, and then stays there (L1, L2,
//! L6, L7).

use std::sync::Arc;

use nico_crds::KubernetesCluster;
use nico_crds::names::Role;
use nico_render::Desired;

use super::view::View;
use super::{Checker, Invariant, name};
use crate::model::snapshot::{Probed, Snapshot, role, uid};
use crate::run::World;

impl Checker {
    pub fn at_the_end(&mut self, world: &World) {
        let objects = &world.server.objects;
        let view = View {
            objects: Snapshot::clone(objects),
            probed: Probed::default(),
            now: world.now,
            is_fresh: true,
        };
        self.antecedent(Invariant::L1);
        for (name, cluster) in &objects.clusters {
            let goes = cluster.metadata.deletion_timestamp.is_some();
            self.check(Invariant::L1, !goes, || {
                format!("{name} is never gone; waiting: {}", waiting(world, name))
            });
            if let (false, Some((desired, _))) = (goes, world.operator.plans.get(name)) {
                self.is_whole(world, &view, cluster, desired);
            }
        }
    }

    fn is_whole(&mut self, world: &World, view: &View, cluster: &Arc<KubernetesCluster>, desired: &Desired) {
        let cluster_name = cluster.metadata.name.clone().unwrap_or_default();
        let why = || waiting(world, &cluster_name);
        for of_role in Role::ALL {
            let group = match of_role {
                Role::ControlPlane => Some(&cluster.spec.control_plane),
                Role::Worker => cluster.spec.data_plane.as_ref(),
            };
            let lives: Vec<_> =
                view.objects.of_cluster(cluster).filter(|live| role(live) == of_role).collect();
            let listed = group.and_then(|group| group.machines.clone()).filter(|listed| !listed.is_empty());
            if let Some(listed) = listed {
                let missing = listed.iter().find(|machine| {
                    !view.objects.of_cluster(cluster).any(|live| live.machine() == Some(machine))
                });
                self.check(Invariant::L1, missing.is_none(), || {
                    format!("{cluster_name} lacks {missing:?}; waiting: {}", why())
                });
            } else {
                let count = group.and_then(|group| group.count).unwrap_or(0);
                let least = if of_role == Role::ControlPlane { count.max(1) } else { count };
                let holds = i32::try_from(lives.len()).unwrap_or(0) == least;
                let invariant = if self.too_few { Invariant::L7 } else { Invariant::L1 };
                self.check(invariant, holds, || {
                    format!("{cluster_name} has {} of {least} {of_role}s; waiting: {}", lives.len(), why())
                });
            }
        }
        let content = cluster.spec.git_ref.clone().unwrap_or_default();
        let before = world.contents.get(&cluster_name).cloned().unwrap_or_default();
        let returned = before.iter().position(|other| *other == content);
        let is_back = returned
            .is_some_and(|place| before[place..].iter().any(|other| world.truth.contents.is_bad(other)));
        let restored = if is_back { Invariant::L6 } else { Invariant::L1 };
        if is_back {
            self.antecedent(Invariant::L6);
        }
        for case in self.cases(view, cluster, desired) {
            let done = case.selected && case.current && case.settled && !case.released;
            self.check(Invariant::L1, done, || {
                format!(
                    "{} is not done: selected {}, current {}, delivered {}, at rest {}, settled {}, overdue {}; waiting: {}",
                    case.name, case.selected, case.current, case.facts.delivered, case.facts.rests, case.settled, case.overdue, why()
                )
            });
            let Some(live) = view.objects.configurations.get(&case.name) else { continue };
            self.check(Invariant::S5, live.spec.full_install != Some(true), || {
                format!("fullInstall stays on {}", case.name)
            });
            let pending = self.histories.get(uid(live)).and_then(|history| history.confirm_from);
            self.check(Invariant::S10, pending.is_none(), || {
                format!("{} replaced undelivered content, and is never confirmed", case.name)
            });
            let hardware = world.truth.machines.get(&case.machine);
            let runs = hardware.is_some_and(|hardware| {
                hardware.half.is_none()
                    && hardware.runs.as_ref().is_some_and(|runs| {
                        runs.hash == case.facts.text.hash && runs.commit == world.truth.commit
                    })
            });
            self.check(restored, runs, || {
                let half = hardware.and_then(|hardware| hardware.half.clone());
                format!("{} does not run what it should ({}; half of {half:?})", case.machine, name(live))
            });
        }
    }

    pub fn stays_quiet(&mut self, writes: u64) {
        self.antecedent(Invariant::L2);
        self.check(Invariant::L2, writes == 0, || format!("{writes} more writes at rest"));
    }
}

fn waiting(world: &World, cluster: &str) -> String {
    let Some((desired, plan)) = world.operator.plans.get(cluster) else { return "no plan".to_owned() };
    let waiting =
        plan.waiting.iter().map(|waiting| format!("{:?} {}", waiting.machine, waiting.reason.reason()));
    let said = desired
        .diagnostics
        .iter()
        .map(|diagnostic| format!("{:?} {:?}", diagnostic.machine, diagnostic.notice));
    waiting.chain(said).collect::<Vec<_>>().join("; ")
}
