//! What must always hold, looked at from outside: after each write at the whole world, and in the end at what
//! came of it. Nothing of the planner's is used: hashes, times and words are formed here a second time.

pub mod content;
pub mod danger;
pub mod ends;
pub mod facts;
pub mod farewell;
pub mod history;
pub mod installs;
pub mod members;
pub mod removal;
pub mod standing;
pub mod status;
pub mod texts;
pub mod view;
pub mod words;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use nico_crds::names::{LEAVING, Role, WRITTEN_AT};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::rollout::{Plan, Step};
use nico_render::{Desired, RenderError};

use self::facts::{Facts, Memo};
use self::history::{Chronicle, History};
use self::view::{Done, View};
use crate::model::server::Server;
use crate::model::snapshot::{role, uid};

/// What must hold, by its name in the list of invariants; D: dangers to machines; R: creation; F: farewell to a cluster
/// that can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    S1,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
    S11,
    S12,
    S15,
    S16,
    R2,
    F1,
    D1,
    D2,
    L1,
    L2,
    L6,
    L7,
}

impl Invariant {
    pub const ALL: [Self; 21] = [
        Self::S1,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
        Self::S11,
        Self::S12,
        Self::S15,
        Self::S16,
        Self::R2,
        Self::F1,
        Self::D1,
        Self::D2,
        Self::L1,
        Self::L2,
        Self::L6,
        Self::L7,
    ];

    /// Those whose antecedent has to be true in one world of a hundred at least.
    pub const ASKED: [Self; 15] = [
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
        Self::S11,
        Self::S15,
        Self::R2,
        Self::F1,
        Self::L1,
        Self::L6,
        Self::L7,
    ];
}

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub invariant: Invariant,
    /// Others that it violates at once.
    pub also: Vec<Invariant>,
    pub text: String,
}

impl Violation {
    pub fn is_of(&self, invariant: Invariant) -> bool {
        self.invariant == invariant || self.also.contains(&invariant)
    }
}

/// How often each was looked at, and whether its antecedent was ever true.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub checks: BTreeMap<Invariant, u64>,
    pub antecedents: BTreeMap<Invariant, u64>,
    /// Dangers to machines, by name.
    pub dangers: BTreeMap<&'static str, u64>,
}

/// The checker of one world.
#[derive(Default)]
pub struct Checker {
    pub violation: Option<Violation>,
    pub tally: Tally,
    memo: RefCell<Memo>,
    /// By UID of the configuration.
    pub histories: BTreeMap<String, History>,
    /// By UID of the cluster.
    pub chronicles: BTreeMap<String, Chronicle>,
    /// The operator was away, or saw late, until then: it cannot be blamed for what it did not see.
    pub excused_until: i64,
    pub too_few: bool,
    /// What is not looked at: to see that what it would hide is caught elsewhere too.
    pub muted: Option<Invariant>,
}

impl Checker {
    pub fn has_failed(&self) -> bool {
        self.violation.is_some()
    }

    pub fn fail(&mut self, invariant: Invariant, text: String) {
        if self.muted == Some(invariant) {
            return;
        }
        self.violation.get_or_insert(Violation { invariant, also: Vec::new(), text });
    }

    /// Looks whether something holds.
    pub fn check(&mut self, invariant: Invariant, holds: bool, otherwise: impl FnOnce() -> String) {
        *self.tally.checks.entry(invariant).or_default() += 1;
        if !holds {
            self.fail(invariant, otherwise());
        }
    }

    pub fn antecedent(&mut self, invariant: Invariant) {
        *self.tally.antecedents.entry(invariant).or_default() += 1;
    }

    pub fn had(&self, invariant: Invariant) -> bool {
        self.tally.antecedents.contains_key(&invariant)
    }

    pub fn danger(&mut self, name: &'static str) {
        *self.tally.dangers.entry(name).or_default() += 1;
    }

    pub fn facts(&self, live: &NixosConfiguration) -> Rc<Facts> {
        self.memo.borrow_mut().facts(live)
    }

    /// After each change of the objects, by whomever.
    pub fn saw(&mut self, server: &Server, now: i64) {
        for live in server.objects.configurations.values() {
            let history = self.histories.entry(uid(live).to_owned()).or_default();
            history.saw(live, now);
            self.rested(live);
        }
    }

    /// Before a plan is carried out.
    pub fn planned(&mut self, view: &View, cluster: &KubernetesCluster, desired: &Desired, plan: &Plan) {
        // What the operator never saw it cannot know; and of a machine that NIO says to have cleaned it sees no more.
        let is_cleaned = |live: &NixosConfiguration| {
            let conditions = live.status.iter().flat_map(|status| &status.conditions);
            conditions.map(|one| one.reason.as_str()).any(|reason| reason == "Removed")
        };
        let shown = view
            .objects
            .of_cluster(cluster)
            .any(|live| role(live) == Role::ControlPlane && live.shows_an_apply() && !is_cleaned(live));
        let has_control_plane = view.objects.of_cluster(cluster).any(|live| role(live) == Role::ControlPlane);
        let remembers = cluster.status.as_ref().is_some_and(|status| status.bootstrapped == Some(true));
        let excused_until = self.excused_until;
        let chronicle = self.chronicle(cluster);
        if shown {
            chronicle.bootstrapped = true;
            chronicle.shown_at = view.objects.at;
        } else if !remembers && !has_control_plane && excused_until >= chronicle.shown_at {
            // It was killed, or saw too late, before it could write that down; and who ran is gone since.
            chronicle.bootstrapped = false;
            chronicle.head = None;
        }
        self.plan_stands(cluster, plan);
        self.note_antecedents(view, cluster, desired);
    }

    /// After a write. The view is the one before it.
    pub fn wrote(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        done: &Done<'_>,
        now: i64,
    ) {
        self.stands(cluster, done);
        match done.step {
            Step::Remember(memory) => self.remembered(view, cluster, memory),
            Step::CreateToken | Step::OwnToken { .. } => self.token(view, cluster, done.step),
            Step::Finalizers { .. } | Step::AdoptStatus | Step::LookAtToken => {}
            Step::Create(configuration) => {
                self.created(view, cluster, desired, configuration);
                if let Some(after) = &done.after {
                    self.noted_creation(cluster, after, view.now);
                }
            }
            Step::Adopt(_) | Step::Write(_) => self.changed(view, cluster, desired, done, now),
            Step::Delete { .. } => self.deleted(view, cluster, desired, done),
            Step::ReleaseFromNio(_) => self.let_go(view, cluster, done),
            Step::Node(step) => self.seen_off(view, cluster, desired, step),
        }
    }

    /// A configuration that was there was written to.
    fn changed(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        done: &Done<'_>,
        now: i64,
    ) {
        let (Some(before), Some(after)) = (&done.before, &done.after) else { return };
        self.install_respected(view, cluster, before, after);
        self.belongs(cluster, before);
        if before.annotation(LEAVING).is_none() && after.annotation(LEAVING).is_some() {
            self.leaves(view, cluster, desired, before);
        }
        self.member_noted(view, cluster, before, after);
        if is_content_changed(before, after) {
            self.clearing_settled(before, now);
            self.content_allowed(view, cluster, desired, before);
            self.text_allowed(view, cluster, desired, before, after);
            let list = self.facts(after).text.control_planes.clone();
            self.list_kept(view, cluster, &list);
            self.noted_content(view, cluster, before, after);
        }
        if before.spec.full_install == Some(true) && after.spec.full_install == Some(false) {
            self.histories.entry(uid(after).to_owned()).or_default().cleared = Some(now);
        }
        let noted = after.annotation(WRITTEN_AT) != before.annotation(WRITTEN_AT);
        self.check(
            Invariant::S10,
            !noted || is_content_changed(before, after) || before.annotation(WRITTEN_AT).is_none(),
            || format!("written-at of {} moves without a new content", name(after)),
        );
    }

    pub fn not_rendered(&mut self, cluster: &str, error: &RenderError) {
        self.fail(Invariant::L1, format!("{cluster} cannot be rendered: {error}"));
    }

    pub fn saw_too_few(&mut self) {
        self.too_few = true;
        self.antecedent(Invariant::L7);
    }

    pub fn deleted_by_hand(&mut self, server: &Server, name: &str) {
        if let Some(live) = server.live(name) {
            self.histories.entry(uid(live).to_owned()).or_default().deleted_by_hand = true;
        }
    }
}

pub fn name(live: &NixosConfiguration) -> &str {
    live.metadata.name.as_deref().unwrap_or_default()
}

/// What reaches the machine.
pub fn is_content_changed(before: &NixosConfiguration, after: &NixosConfiguration) -> bool {
    let (before, after) = (&before.spec, &after.spec);
    before.additional_files != after.additional_files
        || before.flake != after.flake
        || before.git_repo != after.git_repo
        || before.git_ref != after.git_ref
        || before.configuration_subdir != after.configuration_subdir
        || before.machine_ref != after.machine_ref
}
