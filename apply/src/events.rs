//! Events on a cluster: what a person wants to read of it with `kubectl describe`. They are told once, when
//! something becomes so; one that cannot be told is a line in the log, and nothing more.
//!
//! They are told one by one beside the work, which never waits for them: of a large first apply they are
//! half of all writes.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};
use nico_crds::names::configuration_name;
use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::ClusterKey;
use nico_render::rollout::{FinalizerChange, Purpose};
use nico_render::status::Transition;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::info;

use crate::error::chain;
use crate::hands::Done;
use crate::lease::Term;

/// Who reports.
const CONTROLLER: &str = "nico.homystack.com/nico";
/// Nothing waits for an event for longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Kubernetes takes no longer note.
const LONGEST_NOTE: usize = 1024;

/// So many events may wait to be told: those of a first apply of thousands of configurations.
const WAITING: usize = 16_384;
/// kube's recorder keeps what it told, to count what is told again: not for ever.
const RECORDED: u32 = 1024;

/// Says what is to be told.
#[derive(Clone)]
pub(crate) struct Herald {
    words: mpsc::Sender<Word>,
    /// The leadership that is told of; None: there is none.
    term: Option<Term>,
}

/// Tells it.
pub(crate) struct Crier {
    client: Client,
    words: mpsc::Receiver<Word>,
}

struct Word {
    term: Term,
    cluster: ClusterKey,
    regarding: ObjectReference,
    event: Event,
}

impl Herald {
    /// With the one that tells, as long as it runs.
    pub fn new(client: Client) -> (Self, Crier) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { words: sender, term: None }, Crier { client, words: receiver })
    }

    /// The same, in this term: in a later one somebody else may have led in between.
    pub fn within(&self, term: &Term) -> Self {
        Self { words: self.words.clone(), term: Some(term.clone()) }
    }

    /// Something was done, if a person wants to know.
    pub fn done(&self, cluster: &KubernetesCluster, done: &Done) {
        let Some((reason, type_)) = reason(done) else { return };
        let about = done.configuration().map(|name| reference_to(cluster, name));
        self.say(cluster, type_, reason, &done.to_string(), about);
    }

    /// A cluster goes, and with it the memory that these machines may still run what they ran.
    pub fn not_cleaned(&self, cluster: &KubernetesCluster, machines: &str) {
        let note = format!("the cluster goes, and NIO does not show that it cleaned {machines}");
        self.say(cluster, EventType::Warning, "NotCleaned", &note, None);
    }

    /// Something was done about the Node of a machine that leaves.
    pub fn of_node(&self, cluster: &KubernetesCluster, machine: &str, reason: &str, note: &str) {
        let name = configuration_name(&cluster.name_any(), machine);
        self.say(cluster, EventType::Normal, reason, note, Some(reference_to(cluster, &name)));
    }

    /// Conditions became true or false.
    pub fn transitions(&self, before: &KubernetesCluster, transitions: &[Transition]) {
        for transition in transitions {
            let type_ = if transition.warning { EventType::Warning } else { EventType::Normal };
            self.say(before, type_, &transition.reason, &transition.message, None);
        }
    }

    fn say(
        &self,
        cluster: &KubernetesCluster,
        type_: EventType,
        reason: &str,
        note: &str,
        secondary: Option<ObjectReference>,
    ) {
        let Some(term) = self.term.clone() else { return };
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note.chars().take(LONGEST_NOTE).collect()),
            action: "Reconcile".to_owned(),
            secondary,
        };
        let word = Word { term, cluster: ClusterKey::of(cluster), regarding: cluster.object_ref(&()), event };
        if let Err(unsaid) = self.words.try_send(word) {
            unsaid.into_inner().untold("too many wait");
        }
    }
}

impl Crier {
    /// Until nobody says anything any more.
    pub async fn run(mut self) {
        let new = |client: &Client| Recorder::new(client.clone(), Reporter::from(CONTROLLER));
        let (mut recorder, mut told) = (new(&self.client), 0_u32);
        while let Some(word) = self.words.recv().await {
            if !word.term.is_valid() {
                continue;
            }
            if told >= RECORDED {
                (recorder, told) = (new(&self.client), 0);
            }
            told = told.saturating_add(1);
            match timeout(PATIENCE, recorder.publish(&word.event, &word.regarding)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => word.untold(&chain(&error)),
                Err(_) => word.untold("no answer in time"),
            }
        }
    }
}

impl Word {
    fn untold(&self, error: &str) {
        let Event { reason, note, .. } = &self.event;
        info!(cluster = %self.cluster, reason, note, error, "event not accepted");
    }
}

/// What is told of what was done, and how grave it is.
fn reason(done: &Done) -> Option<(&'static str, EventType)> {
    let told = match done {
        Done::Finalizers(FinalizerChange::Added)
        | Done::Remembered
        | Done::StatusAdopted
        | Done::Adopted(_)
        | Done::TokenOwned { guessable: false }
        | Done::Changed { purpose: Purpose::Nudge | Purpose::NodeNoted, .. } => return None,
        Done::Finalizers(FinalizerChange::TakenOver) => ("Adopted", EventType::Normal),
        Done::Finalizers(FinalizerChange::Released) => ("Deleted", EventType::Normal),
        Done::TokenCreated => ("TokenCreated", EventType::Normal),
        Done::TokenOwned { guessable: true } => ("TokenGuessable", EventType::Warning),
        Done::Created { wipes_disk: true, .. } => ("Installing", EventType::Warning),
        Done::Created { wipes_disk: false, .. } => ("Created", EventType::Normal),
        Done::Withheld { .. } => ("Withheld", EventType::Warning),
        Done::Changed { purpose: Purpose::ClearFullInstall, .. } => ("Installed", EventType::Normal),
        Done::Changed { purpose: Purpose::Content, .. } => ("Updated", EventType::Normal),
        Done::Changed { purpose: Purpose::Confirmation, .. } => ("Confirming", EventType::Normal),
        Done::Changed { purpose: Purpose::MemberGone, .. } => ("MemberRemoved", EventType::Normal),
        Done::Changed { purpose: Purpose::Leaving, .. } => ("Leaving", EventType::Normal),
        Done::Changed { purpose: Purpose::Metadata, against, .. } if against.is_empty() => return None,
        Done::Changed { purpose: Purpose::Metadata, .. } => ("PutBack", EventType::Warning),
        Done::Deleted { .. } => ("Removing", EventType::Normal),
        Done::Released(_) => ("Released", EventType::Warning),
    };
    Some(told)
}

fn reference_to(cluster: &KubernetesCluster, configuration: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some(NixosConfiguration::api_version(&()).into_owned()),
        kind: Some(NixosConfiguration::kind(&()).into_owned()),
        namespace: cluster.namespace(),
        name: Some(configuration.to_owned()),
        ..ObjectReference::default()
    }
}
