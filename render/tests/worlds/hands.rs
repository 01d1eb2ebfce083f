//! The hands: one step of a plan, as the real ones execute it. Each write is create-only, or bound to the
//! object as it was seen.

use std::sync::Arc;

use nico_crds::names::KOPF_FINALIZER;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::{Step, Target};
use nico_render::{ClusterKey, TokenState};

use crate::checker::view::View;
use crate::model::server::Refused;
use crate::run::World;

/// What became of a write.
pub enum Written {
    /// It changed nothing.
    Nothing,
    Refused(Refused),
    Done {
        before: Option<Arc<NixosConfiguration>>,
        after: Option<Arc<NixosConfiguration>>,
    },
}

impl World {
    pub fn write(&mut self, view: &View, cluster: &Arc<KubernetesCluster>, step: &Step) -> Written {
        match step {
            Step::Finalizers { finalizers, .. } => {
                self.write_cluster(cluster, |cluster| cluster.metadata.finalizers = Some(finalizers.clone()))
            }
            Step::AdoptStatus | Step::LookAtToken | Step::Adopt(_) => Written::Nothing,
            Step::Remember(memory) => {
                if let Err(refused) = self.is_bound(cluster) {
                    return Written::Refused(refused);
                }
                let name = cluster.metadata.name.as_deref().unwrap_or_default();
                let before = self.server.objects.clusters.get(name).cloned();
                self.server.remember(name, memory);
                self.cluster_done(before.as_ref(), name)
            }
            Step::CreateToken => self.token(cluster, TokenState::Absent),
            Step::OwnToken { guessable } => {
                self.token(cluster, TokenState::Unclaimed { guessable: *guessable })
            }
            Step::Create(configuration) => {
                let name = configuration.name().to_owned();
                match self.server.create(&configuration.object) {
                    Ok(()) => Written::Done { before: None, after: self.server.live(&name).cloned() },
                    Err(refused) => Written::Refused(refused),
                }
            }
            Step::Write(write) => {
                self.on(&write.target, |world, name| world.server.apply(name, &write.object))
            }
            Step::Delete { target, .. } => {
                let is_same = self
                    .server
                    .live(&target.configuration)
                    .is_some_and(|live| live.metadata.uid.as_deref() == Some(&target.uid));
                if !is_same {
                    return Written::Refused(Refused::Conflict);
                }
                let before = view.objects.configurations.get(&target.configuration).cloned();
                self.server.delete(&target.configuration);
                Written::Done { before, after: self.server.live(&target.configuration).cloned() }
            }
            Step::Node(step) => {
                let name = cluster.metadata.name.as_deref().unwrap_or_default();
                if self.truth.act(name, step, self.now) {
                    Written::Done { before: None, after: None }
                } else {
                    Written::Nothing
                }
            }
            Step::ReleaseFromNio(target) => self.on(target, |world, name| {
                world.server.change(name, |live| {
                    if let Some(finalizers) = &mut live.metadata.finalizers {
                        finalizers.retain(|finalizer| finalizer != KOPF_FINALIZER);
                    }
                })
            }),
        }
    }

    fn on(&mut self, target: &Target, change: impl FnOnce(&mut Self, &str) -> bool) -> Written {
        if let Err(refused) = self.server.bound(&target.configuration, &target.uid, &target.resource_version)
        {
            return Written::Refused(refused);
        }
        let before = self.server.live(&target.configuration).cloned();
        let changed = change(self, &target.configuration);
        if changed {
            Written::Done { before, after: self.server.live(&target.configuration).cloned() }
        } else {
            Written::Nothing
        }
    }

    pub fn is_bound(&self, cluster: &KubernetesCluster) -> Result<(), Refused> {
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let live = self.server.objects.clusters.get(name);
        let is_same =
            live.is_some_and(|live| live.metadata.resource_version == cluster.metadata.resource_version);
        if is_same { Ok(()) } else { Err(Refused::Conflict) }
    }

    fn write_cluster(
        &mut self,
        cluster: &KubernetesCluster,
        change: impl FnOnce(&mut KubernetesCluster),
    ) -> Written {
        if let Err(refused) = self.is_bound(cluster) {
            return Written::Refused(refused);
        }
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let before = self.server.objects.clusters.get(name).cloned();
        self.server.change_cluster(name, change);
        self.cluster_done(before.as_ref(), name)
    }

    fn cluster_done(&self, before: Option<&Arc<KubernetesCluster>>, name: &str) -> Written {
        if before == self.server.objects.clusters.get(name) {
            Written::Nothing
        } else {
            Written::Done { before: None, after: None }
        }
    }

    fn token(&mut self, cluster: &KubernetesCluster, expected: TokenState) -> Written {
        let key = ClusterKey::of(cluster);
        let there = self.server.objects.tokens.get(&key).copied().unwrap_or(TokenState::Absent);
        if there != expected {
            return Written::Refused(Refused::Exists);
        }
        let guessable = matches!(expected, TokenState::Unclaimed { guessable: true });
        self.server.objects.tokens.insert(key, TokenState::Own { guessable });
        self.server.is_new = true;
        Written::Done { before: None, after: None }
    }
}
