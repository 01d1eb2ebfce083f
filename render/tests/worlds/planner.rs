//! The planner that runs in a world: the real one, or one that was broken on purpose. A breakage alters the
//! plan, or what it is made from; each breaks one rule, and the checker has to notice.

use k8s_openapi::jiff::Timestamp;
use nico_crds::cluster::Rollout;
use nico_crds::names::{CONFIRM_AT, LABEL_ROLE, NUDGE, Role, TEXT, WRITTEN_AT};
use nico_crds::status::Phase;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus, NixosConfiguration};
use nico_render::rollout::{Plan, Purpose, Removal, Step, Target, Write, rollout};
use nico_render::{Desired, DesiredConfiguration, Observed};

use crate::farewell::Unkind;
use crate::model::hash::files_hash;
use crate::model::snapshot::is_controlled_by;

/// Who plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planner {
    Real,
    Broken(Breakage),
}

/// How it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// It forgets the machines that it has taken.
    ForgetsTheTaken,
    /// It exchanges the last two control planes in the list.
    Reorders,
    /// It deletes a member that is well.
    DropsAMember,
    /// It creates a configuration at the head of a cluster that runs.
    ResurrectsTheHead,
    /// It makes another token when one is lost.
    InventsATokenAnew,
    /// It does not clear `fullInstall`.
    NeverClears,
    /// It wipes every machine that joins.
    AlwaysInstalls,
    /// It writes content over a running installation.
    WritesOverInstallations,
    /// It writes to all workers at once.
    IgnoresTheBudget,
    /// It writes to all control planes at once.
    TwoControlPlanes,
    /// To it what is delivered is settled.
    Impatient,
    /// It writes to the later role whatever the earlier one does.
    IgnoresTheOrder,
    /// It goes on though the rollout is frozen.
    ForgetsTheFreeze,
    /// It writes texts that were there before.
    ReusesTheRevision,
    /// It never confirms.
    NeverConfirms,
    /// It confirms again and again.
    ConfirmsForEver,
    /// It removes control planes that may be members.
    RemovesMembers,
    /// It takes NIO's finalizer from everything that goes.
    TakesFinalizers,
    /// It does not look whether the cluster is paused.
    WritesWhilePaused,
    /// It says Ready whatever is so.
    SaysReady,
    /// It creates everything at once.
    CreatesAllAtOnce,
    /// It never writes new content.
    Sleeps,
    /// It writes something every day.
    Restless,
    /// Nobody joins a cluster that runs.
    TakesNobody,
    /// Machines do not leave a cluster as they should.
    Farewell(Unkind),
}

impl Planner {
    pub fn plan(
        self,
        cluster: &KubernetesCluster,
        desired: &Desired,
        observed: &Observed<'_>,
        now: Timestamp,
    ) -> Plan {
        match self {
            Self::Real => rollout(cluster, desired, observed, now),
            Self::Broken(breakage) => Spoiled { cluster, desired, observed, now }.plan(breakage),
        }
    }

    pub fn tells(self, mut status: KubernetesClusterStatus) -> KubernetesClusterStatus {
        if self == Self::Broken(Breakage::SaysReady) && status.phase == Some(Phase::ControlPlaneReady) {
            status.phase = Some(Phase::Ready);
        }
        status
    }
}

pub struct Spoiled<'a> {
    pub cluster: &'a KubernetesCluster,
    pub desired: &'a Desired,
    pub observed: &'a Observed<'a>,
    pub now: Timestamp,
}

impl Spoiled<'_> {
    #[allow(clippy::too_many_lines, clippy::wildcard_enum_match_arm, reason = "a list of all of them")]
    fn plan(&self, breakage: Breakage) -> Plan {
        let mut plan = match breakage {
            Breakage::Impatient => rollout(&self.hurried(), self.desired, self.observed, self.now),
            Breakage::WritesWhilePaused => rollout(&self.unpaused(), self.desired, self.observed, self.now),
            _ => rollout(self.cluster, self.desired, self.observed, self.now),
        };
        let steps = &mut plan.steps;
        match breakage {
            Breakage::ForgetsTheTaken => alter(steps, |step| {
                if let Step::Remember(memory) = step {
                    memory.applied_machines.clear();
                }
            }),
            Breakage::Reorders => alter(steps, |step| {
                if let Step::Remember(memory) = step
                    && memory.control_planes.len() > 2
                {
                    let last = memory.control_planes.len() - 1;
                    memory.control_planes.swap(last - 1, last);
                }
            }),
            Breakage::DropsAMember => steps
                .extend(self.live().find(|live| is_worker(live)).map(|live| delete(live, Removal::Leaves))),
            Breakage::ResurrectsTheHead => self.resurrect(steps),
            Breakage::InventsATokenAnew => {
                if plan.waiting.iter().any(|waiting| waiting.reason.reason() == "TokenLost") {
                    steps.push(Step::CreateToken);
                }
            }
            Breakage::NeverClears => steps.retain(|step| !is_for(step, Purpose::ClearFullInstall)),
            Breakage::AlwaysInstalls => alter(steps, |step| {
                if let Step::Create(configuration) = step {
                    configuration.object.spec.full_install = Some(true);
                }
            }),
            Breakage::WritesOverInstallations => {
                steps.extend(self.outdated(|live, _| live.spec.full_install == Some(true)));
            }
            Breakage::IgnoresTheBudget => self.add(steps, |_, wanted| wanted.role == Role::Worker),
            Breakage::TwoControlPlanes => self.add(steps, |_, wanted| wanted.role == Role::ControlPlane),
            Breakage::IgnoresTheOrder => {
                let waits = |machine: &str| {
                    plan.waiting.iter().any(|waiting| {
                        waiting.machine.as_deref() == Some(machine)
                            && waiting.reason.reason() == "WaitingForEarlierRole"
                    })
                };
                let more = self.outdated(|_, wanted| waits(&wanted.machine));
                steps.extend(more.into_iter().take(1));
            }
            Breakage::ForgetsTheFreeze => {
                let frozen = |machine: &str| {
                    plan.waiting.iter().any(|waiting| {
                        waiting.machine.as_deref() == Some(machine) && waiting.reason.reason() == "Frozen"
                    })
                };
                let more = self.outdated(|_, wanted| frozen(&wanted.machine));
                steps.extend(more.into_iter().take(1));
            }
            Breakage::ReusesTheRevision => alter(steps, |step| {
                if let Step::Write(write) = step {
                    forget_revision(&mut write.object);
                }
            }),
            Breakage::NeverConfirms => steps.retain(|step| !is_for(step, Purpose::Confirmation)),
            Breakage::ConfirmsForEver => alter(steps, |step| {
                if let Step::Write(write) = step
                    && write.purpose == Purpose::Confirmation
                {
                    write
                        .object
                        .metadata
                        .annotations
                        .get_or_insert_default()
                        .insert(CONFIRM_AT.to_owned(), self.now.to_string());
                }
            }),
            Breakage::RemovesMembers => {
                let waits = |machine: &str| {
                    plan.waiting.iter().any(|waiting| {
                        waiting.machine.as_deref() == Some(machine)
                            && ["MemberNotRemoved", "WaitingForQuorum"].contains(&waiting.reason.reason())
                    })
                };
                steps.extend(
                    self.live()
                        .filter(|live| waits(live.machine().unwrap_or_default()))
                        .map(|live| delete(live, Removal::Leaves)),
                );
            }
            Breakage::TakesFinalizers => steps.extend(
                self.live()
                    .filter(|live| live.metadata.deletion_timestamp.is_some())
                    .map(|live| Step::ReleaseFromNio(target(live))),
            ),
            Breakage::CreatesAllAtOnce => {
                let new = self.desired.configurations.iter().filter(|wanted| wanted.is_new);
                steps.extend(new.map(|wanted| Step::Create(Box::new(wanted.clone()))));
            }
            Breakage::Sleeps => steps.retain(|step| !is_for(step, Purpose::Content)),
            Breakage::Restless => steps.extend(self.live().next().map(|live| self.note(live))),
            Breakage::TakesNobody => {
                if self.desired.bootstrapped {
                    steps.retain(|step| !matches!(step, Step::Create(_)));
                }
            }
            Breakage::Farewell(unkind) => self.takes_leave(unkind, &mut plan),
            Breakage::Impatient | Breakage::WritesWhilePaused | Breakage::SaysReady => {}
        }
        plan
    }

    fn hurried(&self) -> KubernetesCluster {
        let mut cluster = self.cluster.clone();
        let rollout = cluster.spec.rollout.take().unwrap_or_default();
        // Half as long again as the apply took, at most the deadline.
        cluster.spec.rollout =
            Some(Rollout { min_ready_seconds: Some(0), progress_deadline_seconds: Some(1), ..rollout });
        cluster
    }

    fn unpaused(&self) -> KubernetesCluster {
        let mut cluster = self.cluster.clone();
        cluster.spec.paused = None;
        cluster
    }

    pub fn live(&self) -> impl Iterator<Item = &NixosConfiguration> {
        let all = self.observed.inventory.configurations.iter().map(AsRef::as_ref);
        all.filter(|live| is_controlled_by(live, self.cluster))
    }

    /// New content for those that lack it, whatever holds it back.
    fn outdated(&self, of: impl Fn(&NixosConfiguration, &DesiredConfiguration) -> bool) -> Vec<Step> {
        let wanted =
            self.desired.configurations.iter().filter(|wanted| !wanted.is_new && !wanted.keeps_files);
        let pairs = wanted.filter_map(|wanted| {
            let live = self.live().find(|live| live.metadata.name.as_deref() == Some(wanted.name()))?;
            of(live, wanted).then(|| self.content(live, wanted))
        });
        pairs.collect()
    }

    fn content(&self, live: &NixosConfiguration, wanted: &DesiredConfiguration) -> Step {
        let mut object = wanted.object.clone();
        object
            .metadata
            .annotations
            .get_or_insert_default()
            .insert(WRITTEN_AT.to_owned(), self.now.to_string());
        write(live, object, Purpose::Content)
    }

    /// Of those that are cleared, if anything is rolled out at all.
    fn add(&self, steps: &mut Vec<Step>, of: impl Fn(&NixosConfiguration, &DesiredConfiguration) -> bool) {
        if steps.iter().any(|step| is_for(step, Purpose::Content)) {
            let more = self.outdated(|live, wanted| live.spec.full_install != Some(true) && of(live, wanted));
            steps.extend(more);
        }
    }

    /// Where no control plane can be head any more, a new one is.
    fn resurrect(&self, steps: &mut Vec<Step>) {
        let head = self.desired.members.first().filter(|member| member.role == Role::ControlPlane);
        let Some(head) = head.filter(|_| self.desired.bootstrapped) else { return };
        if self.live().any(|live| live.machine() == Some(&head.machine)) {
            return;
        }
        let Some(other) = self.live().next() else { return };
        let mut object = other.clone();
        object.metadata.name = Some(format!("{}-{}", self.desired.cluster.name, head.machine));
        object.metadata.uid = None;
        object.metadata.finalizers = None;
        object.metadata.deletion_timestamp = None;
        object
            .metadata
            .labels
            .get_or_insert_default()
            .insert(LABEL_ROLE.to_owned(), Role::ControlPlane.label().to_owned());
        object.spec.machine_ref.get_or_insert_default().name.clone_from(&head.machine);
        for file in &mut object.spec.additional_files {
            if file.inline.is_some() {
                file.inline = Some(self.desired.cluster_nix.clone());
            }
        }
        object.status = None;
        steps.push(Step::Create(Box::new(DesiredConfiguration {
            machine: head.machine.clone(),
            role: Role::ControlPlane,
            object,
            is_new: true,
            keeps_files: false,
            confirmation: None,
        })));
    }

    /// Something that nobody needs.
    fn note(&self, live: &NixosConfiguration) -> Step {
        let wanted = self
            .desired
            .configurations
            .iter()
            .find(|wanted| live.metadata.name.as_deref() == Some(wanted.name()));
        let mut object = wanted.map_or_else(|| live.clone(), |wanted| wanted.object.clone());
        let day = self.now.as_second() / 86_400;
        // What the rollout alone sets is carried over.
        object.metadata.annotations.get_or_insert_default().insert(NUDGE.to_owned(), day.to_string());
        object.spec.clone_from(&live.spec);
        write(live, object, Purpose::Metadata)
    }
}

fn alter(steps: &mut [Step], change: impl Fn(&mut Step)) {
    steps.iter_mut().for_each(change);
}

fn is_for(step: &Step, purpose: Purpose) -> bool {
    matches!(step, Step::Write(write) if write.purpose == purpose)
}

fn is_worker(live: &NixosConfiguration) -> bool {
    live.label(LABEL_ROLE) == Some(Role::Worker.label())
}

pub fn delete(live: &NixosConfiguration, why: Removal) -> Step {
    Step::Delete { target: target(live), why }
}

pub fn write(live: &NixosConfiguration, object: NixosConfiguration, purpose: Purpose) -> Step {
    Step::Write(Box::new(Write {
        target: target(live),
        object,
        purpose,
        fields: Vec::new(),
        against: Vec::new(),
    }))
}

fn target(live: &NixosConfiguration) -> Target {
    let metadata = &live.metadata;
    Target {
        machine: live.machine().unwrap_or_default().to_owned(),
        role: live.label(LABEL_ROLE).and_then(Role::from_label).unwrap_or(Role::Worker),
        configuration: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// The text says that it is the first one, whatever it is.
fn forget_revision(object: &mut NixosConfiguration) {
    for file in &mut object.spec.additional_files {
        let Some(text) = &file.inline else { continue };
        let parts =
            text.split_once("revision = ").and_then(|(before, rest)| Some((before, rest.split_once(';')?.1)));
        if let Some((before, after)) = parts {
            file.inline = Some(format!("{before}revision = 1;{after}"));
        }
    }
    // It takes that for its own text.
    let hash = files_hash(&object.spec.additional_files);
    object.metadata.annotations.get_or_insert_default().insert(TEXT.to_owned(), hash);
}
