//! The hands: they execute a plan for one cluster, step by step, and decide nothing.

mod adopt;
mod done;
mod objects;
pub mod writer;

use kube::ResourceExt;
use nico_crds::names::Role;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::{FinalizerChange, NodeStep, Purpose, Removal, Step, Target, Write};
use nico_render::{ClusterKey, DesiredConfiguration, Memory};
use tracing::{info, warn};

use crate::ApplyError;
use crate::cache::Seen;
use crate::token::Tokens;
use writer::{Mode, Writer};

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The cluster's finalizers were changed.
    Finalizers(FinalizerChange),
    /// What was in the status before became NICO's.
    StatusAdopted,
    /// The selection was remembered.
    Remembered,
    /// The join token was created.
    TokenCreated,
    /// The join token was there, and is the cluster's own now.
    TokenOwned {
        /// Anybody can guess it.
        guessable: bool,
    },
    /// The fields of a configuration became NICO's.
    Adopted(Target),
    /// A configuration was created.
    Created {
        /// Its machine.
        machine: String,
        /// The role of the machine.
        role: Role,
        /// Its name.
        configuration: String,
        /// THE DISK of the machine is wiped.
        wipes_disk: bool,
    },
    /// A configuration was not created: it would wipe a disk, and nobody would clear `fullInstall`.
    Withheld {
        /// Its machine.
        machine: String,
        /// Its name.
        configuration: String,
    },
    /// A configuration was changed.
    Changed {
        /// Which.
        target: Target,
        /// What for.
        purpose: Purpose,
        /// The fields.
        fields: Vec<String>,
        /// Whose changes were taken back.
        against: Vec<String>,
    },
    /// A configuration was deleted.
    Deleted {
        /// Which.
        target: Target,
        /// Why.
        why: Removal,
    },
    /// NIO's finalizer was taken from a configuration.
    Released(Target),
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Turn {
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What went wrong.
    pub errors: Vec<ApplyError>,
    /// What the caches have to have seen before the next plan.
    pub(crate) seen: Vec<Seen>,
    /// Something was looked at: another plan may say more.
    pub(crate) looked: bool,
    /// What is to be done in the cluster itself.
    pub(crate) nodes: Vec<NodeStep>,
}

/// Executes the steps of one cluster.
pub(crate) struct Hands<'a> {
    pub writer: &'a Writer,
    pub tokens: &'a Tokens,
    /// As it is after the last write: the next one is bound to that.
    pub cluster: KubernetesCluster,
    /// Create configurations that wipe a disk, although nobody here clears `fullInstall` afterwards.
    pub installs: bool,
    pub turn: Turn,
    withheld: Vec<String>,
}

impl<'a> Hands<'a> {
    pub fn new(writer: &'a Writer, tokens: &'a Tokens, cluster: KubernetesCluster, installs: bool) -> Self {
        Self { writer, tokens, cluster, installs, turn: Turn::default(), withheld: Vec::new() }
    }

    /// Executes them. What fails keeps those back that depend on it, and no others.
    pub async fn execute(&mut self, steps: Vec<Step>) {
        for step in steps {
            let is_prerequisite = step.is_prerequisite();
            let Err(error) = self.take(step).await else { continue };
            let ends = is_prerequisite || matches!(error, ApplyError::NotLeading);
            self.note(error);
            if ends {
                return;
            }
        }
    }

    fn note(&mut self, error: ApplyError) {
        let key = ClusterKey::of(&self.cluster);
        if let ApplyError::Conflict { what } = &error {
            // Somebody was faster: the next plan knows more.
            info!(cluster = %key, what, "has changed meanwhile");
        } else {
            warn!(cluster = %key, error = crate::error::chain(&error), "a write failed");
        }
        self.turn.errors.push(error);
    }

    async fn take(&mut self, step: Step) -> Result<(), ApplyError> {
        match step {
            Step::Finalizers { finalizers, why } => {
                let cluster = self.writer.finalizers(&self.cluster, &finalizers).await?;
                self.saw_cluster(cluster);
                self.done(Done::Finalizers(why));
            }
            Step::AdoptStatus => {
                if let Some(cluster) = self.writer.adopt_status(&self.cluster).await? {
                    self.saw_cluster(cluster);
                    self.done(Done::StatusAdopted);
                }
            }
            Step::Remember(memory) => self.remember(memory).await?,
            Step::LookAtToken => {
                self.tokens.look(&self.writer.client, &self.cluster).await?;
                self.turn.looked = true;
            }
            Step::CreateToken => {
                let secret = self.writer.create_token(&self.cluster).await;
                // Also where it is not known whether it was created.
                self.tokens.forget(&ClusterKey::of(&self.cluster));
                let secret = secret?;
                self.saw(secret.resource_version(), Seen::Secret);
                self.done(Done::TokenCreated);
            }
            Step::OwnToken { guessable } => {
                let secret = self.writer.own_token(&self.cluster).await?;
                self.tokens.forget(&ClusterKey::of(&self.cluster));
                self.saw(secret.resource_version(), Seen::Secret);
                self.done(Done::TokenOwned { guessable });
            }
            Step::Adopt(target) => self.adopt(target).await?,
            Step::Create(configuration) => self.create(*configuration).await?,
            Step::Write(write) => self.change(*write).await?,
            Step::Delete { target, why } => self.delete(target, why).await?,
            Step::ReleaseFromNio(target) => {
                let live = self.writer.release_from_nio(&self.namespace(), &target).await?;
                self.saw_configuration(&live);
                self.done(Done::Released(target));
            }
            // That is done in the cluster itself, where these hands do not reach.
            Step::Node(step) => self.turn.nodes.push(step),
        }
        Ok(())
    }

    async fn remember(&mut self, mut memory: Memory) -> Result<(), ApplyError> {
        for machine in &self.withheld {
            memory.applied_machines.remove(machine);
        }
        let written = self.writer.remember(&self.cluster, &memory).await?;
        if self.writer.mode == Mode::Real && written.resource_version() != self.cluster.resource_version() {
            self.saw_cluster(written);
            self.done(Done::Remembered);
        }
        Ok(())
    }

    async fn adopt(&mut self, target: Target) -> Result<(), ApplyError> {
        if let Some(live) = self.writer.adopt(&self.namespace(), &target).await? {
            self.saw_configuration(&live);
            self.done(Done::Adopted(target));
        }
        Ok(())
    }

    async fn create(&mut self, configuration: DesiredConfiguration) -> Result<(), ApplyError> {
        let machine = configuration.machine.clone();
        let name = configuration.name().to_owned();
        let wipes_disk = configuration.wipes_disk();
        if wipes_disk && !self.installs {
            self.withheld.push(machine.clone());
            self.done(Done::Withheld { machine, configuration: name });
            return Ok(());
        }
        let role = configuration.role;
        let created = self.writer.create_configuration(configuration.object).await;
        if created.is_err() {
            // It is no member's yet.
            self.withheld.push(machine.clone());
        }
        self.saw_configuration(&created?);
        self.done(Done::Created { machine, role, configuration: name, wipes_disk });
        Ok(())
    }

    async fn change(&mut self, write: Write) -> Result<(), ApplyError> {
        let written = self.writer.change(&write).await?;
        if self.writer.mode == Mode::Real
            && written.resource_version().as_ref() == Some(&write.target.resource_version)
        {
            let what = format!("NixosConfiguration {}/{}", self.namespace(), write.target.configuration);
            return Err(ApplyError::WithoutEffect { what, fields: write.fields.join(", ") });
        }
        self.saw_configuration(&written);
        let Write { target, purpose, fields, against, object: _ } = write;
        self.done(Done::Changed { target, purpose, fields, against });
        Ok(())
    }

    async fn delete(&mut self, target: Target, why: Removal) -> Result<(), ApplyError> {
        if let Some(left) = self.writer.delete_configuration(&self.namespace(), &target).await? {
            self.saw_configuration(&left);
        }
        self.done(Done::Deleted { target, why });
        Ok(())
    }

    fn namespace(&self) -> String {
        self.cluster.namespace().unwrap_or_default()
    }

    fn saw_cluster(&mut self, cluster: KubernetesCluster) {
        self.saw(cluster.resource_version(), Seen::Cluster);
        self.cluster = cluster;
    }

    fn saw_configuration(&mut self, live: &NixosConfiguration) {
        self.saw(live.resource_version(), Seen::Configuration);
    }

    fn saw(&mut self, version: Option<String>, seen: fn(u64) -> Seen) {
        let version = version.and_then(|version| version.parse().ok());
        self.turn.seen.extend(version.filter(|_| self.writer.mode == Mode::Real).map(seen));
    }

    fn done(&mut self, done: Done) {
        let key = ClusterKey::of(&self.cluster);
        info!(cluster = %key, machine = done.machine(), "{done}");
        self.turn.done.push(done);
    }
}
