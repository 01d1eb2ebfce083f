//! Events on a cluster: what a person wants to read of it with `kubectl describe`. They are told once, when
//! something becomes so; one that cannot be told is a line in the log, and nothing more.

use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource, ResourceExt};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus, NixosConfiguration};
use nico_render::ClusterKey;
use nico_render::rollout::{FinalizerChange, Purpose};
use nico_render::status::transitions;
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

/// Tells events.
#[derive(Clone)]
pub(crate) struct Herald {
    recorder: Recorder,
    /// The leadership that is told of; None: there is none.
    term: Option<Term>,
}

impl Herald {
    pub fn new(client: Client) -> Self {
        Self { recorder: Recorder::new(client, Reporter::from(CONTROLLER)), term: None }
    }

    /// The same, in this term: in a later one somebody else may have led in between.
    pub fn within(&self, term: &Term) -> Self {
        Self { recorder: self.recorder.clone(), term: Some(term.clone()) }
    }

    /// Something was done, if a person wants to know.
    pub async fn done(&self, cluster: &KubernetesCluster, done: &Done) {
        let Some((reason, type_)) = reason(done) else { return };
        let about = done.configuration().map(|name| reference_to(cluster, name));
        self.tell(cluster, type_, reason, done.to_string(), about).await;
    }

    /// Conditions became true or false.
    pub async fn transitions(&self, before: &KubernetesCluster, after: &KubernetesClusterStatus) {
        let status = before.status.clone().unwrap_or_default();
        for transition in transitions(&status, after) {
            let type_ = if transition.warning { EventType::Warning } else { EventType::Normal };
            self.tell(before, type_, &transition.reason, transition.message, None).await;
        }
    }

    async fn tell(
        &self,
        cluster: &KubernetesCluster,
        type_: EventType,
        reason: &str,
        note: String,
        secondary: Option<ObjectReference>,
    ) {
        if !self.term.as_ref().is_some_and(Term::is_valid) {
            return;
        }
        let note: String = note.chars().take(LONGEST_NOTE).collect();
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note),
            action: "Reconcile".to_owned(),
            secondary,
        };
        let reference = cluster.object_ref(&());
        let key = ClusterKey::of(cluster);
        match timeout(PATIENCE, self.recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                info!(cluster = %key, reason, note = event.note, error = chain(&error), "event not accepted");
            }
            Err(_) => info!(cluster = %key, reason, note = event.note, "event not accepted in time"),
        }
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
        | Done::Changed { purpose: Purpose::Nudge, .. } => return None,
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
