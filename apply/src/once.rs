//! One pass: observe, render, plan, write. What exists and differs is only reported.

use std::collections::BTreeMap;

use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt};
use nico_crds::KubernetesCluster;
use nico_render::rollout::{Plan, Step, Waiting, rollout};
use nico_render::{ClusterKey, Desired, DesiredConfiguration, Diagnostic, Inventory, render_all};

pub use crate::token::Token;
use crate::write::{self, Mode};
use crate::{ApplyError, token};

/// How the pass is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Create configurations that wipe a disk, although nobody here clears `fullInstall` afterwards.
    pub leave_full_install: bool,
    /// Let the server check everything and keep nothing.
    pub dry_run: bool,
}

/// What happened to one cluster.
#[derive(Debug)]
pub struct Outcome {
    /// What there is to say about it.
    pub diagnostics: Vec<Diagnostic>,
    /// What was done, in order.
    pub done: Vec<Done>,
    /// What waits, and for what.
    pub waiting: Vec<Waiting>,
    /// What ended the pass before its time.
    pub error: Option<ApplyError>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The status was written.
    Remembered,
    /// The join token was seen to.
    Token(Token),
    /// A configuration was created.
    Created {
        /// Its machine.
        machine: String,
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
}

/// Makes the pass, over all clusters of the inventory. One that fails keeps no other from its turn.
pub async fn pass(
    client: &Client,
    inventory: &Inventory,
    now: Timestamp,
    options: Options,
) -> BTreeMap<ClusterKey, Outcome> {
    let mut rendered = render_all(inventory);
    let mut outcomes = BTreeMap::new();
    for cluster in &inventory.clusters {
        let key = ClusterKey::of(cluster);
        let Some(desired) = rendered.remove(&key) else {
            continue;
        };
        let outcome = match desired {
            Ok(desired) => turn(client, cluster, desired, inventory, now, options).await,
            Err(source) => Outcome::failed(ApplyError::Render { cluster: key.clone(), source }),
        };
        outcomes.insert(key, outcome);
    }
    outcomes
}

async fn turn(
    client: &Client,
    cluster: &KubernetesCluster,
    desired: Desired,
    inventory: &Inventory,
    now: Timestamp,
    options: Options,
) -> Outcome {
    let Plan { steps, waiting } = rollout(cluster, &desired, inventory, now);
    let mut hand = Hand {
        client,
        cluster: cluster.clone(),
        bootstrapped: desired.bootstrapped,
        mode: if options.dry_run { Mode::DryRun } else { Mode::Real },
        leave_full_install: options.leave_full_install,
        withheld: Vec::new(),
        done: Vec::new(),
    };
    let mut error = None;
    for step in steps {
        if let Err(failure) = hand.take(step).await {
            error = Some(failure);
            break;
        }
    }
    Outcome { diagnostics: desired.diagnostics, done: hand.done, waiting, error }
}

/// Executes the steps of one cluster.
struct Hand<'a> {
    client: &'a Client,
    /// As it is after the last write: the next one is bound to that.
    cluster: KubernetesCluster,
    bootstrapped: bool,
    mode: Mode,
    leave_full_install: bool,
    withheld: Vec<String>,
    done: Vec<Done>,
}

impl Hand<'_> {
    async fn take(&mut self, step: Step) -> Result<(), ApplyError> {
        match step {
            Step::Remember(mut memory) => {
                for machine in &self.withheld {
                    memory.applied_machines.remove(machine);
                }
                let written = write::remember(self.client, &self.cluster, &memory, self.mode).await?;
                if self.mode == Mode::Real && written.resource_version() != self.cluster.resource_version() {
                    self.cluster = written;
                    self.done.push(Done::Remembered);
                }
            }
            Step::EnsureJoinToken => {
                let token = token::ensure(self.client, &self.cluster, self.bootstrapped, self.mode).await?;
                self.done.push(Done::Token(token));
            }
            Step::Create(configuration) => self.create(*configuration).await?,
        }
        Ok(())
    }

    async fn create(&mut self, configuration: DesiredConfiguration) -> Result<(), ApplyError> {
        let machine = configuration.machine.clone();
        let name = configuration.name().to_owned();
        let wipes_disk = configuration.wipes_disk();
        if wipes_disk && !self.leave_full_install {
            self.withheld.push(machine.clone());
            self.done.push(Done::Withheld { machine, configuration: name });
            return Ok(());
        }
        write::create_configuration(self.client, configuration.object, self.mode).await?;
        self.done.push(Done::Created { machine, configuration: name, wipes_disk });
        Ok(())
    }
}

impl Outcome {
    fn failed(error: ApplyError) -> Self {
        Self { diagnostics: Vec::new(), done: Vec::new(), waiting: Vec::new(), error: Some(error) }
    }
}
