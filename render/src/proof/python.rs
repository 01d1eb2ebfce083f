//! Python NIO: what its status, and the notes of its framework (kopf), prove.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::NixosConfigurationStatus;
use nico_crds::{NixosConfiguration, NixosConfigurationSpec};
use serde::Deserialize;

use super::{Finding, Lack, Proof, Timing, times};
use crate::files;

/// What kopf notes when a handler has ended: the spec that it ended with.
const LAST_HANDLED: &str = "kopf.zalando.org/last-handled-configuration";
/// What kopf notes while a handler fails.
const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
/// So many failed attempts with the same content are not the network's fault.
const FAILED_ATTEMPTS: u64 = 3;

#[derive(Deserialize)]
struct Handled {
    spec: NixosConfigurationSpec,
}

/// kopf writes more; this is what is read.
#[derive(Deserialize)]
struct Progress {
    started: Option<String>,
    retries: Option<u64>,
}

pub(super) fn prove(
    configuration: &NixosConfiguration,
    reachable: Finding,
    timing: &Timing,
    now: Timestamp,
) -> Proof {
    let reading = Reading::of(configuration);
    Proof {
        reachable,
        at_rest: reading.at_rest.clone(),
        delivered: reading.delivered.clone(),
        proven: reading.proven(),
        settled: reading.proven().and(|| reading.still(timing, now)),
        overdue: reading.overdue(timing, now),
    }
}

/// What one look shows, without regard to the time.
pub(super) struct Reading<'a> {
    configuration: &'a NixosConfiguration,
    at_rest: Finding,
    delivered: Finding,
}

impl<'a> Reading<'a> {
    pub fn of(configuration: &'a NixosConfiguration) -> Self {
        Self { configuration, at_rest: at_rest(configuration), delivered: delivered(configuration) }
    }

    pub fn proven(&self) -> Finding {
        let status = self.configuration.status.as_ref();
        self.delivered.clone().and(|| self.at_rest.clone()).and(|| succeeded(status))
    }

    /// Long enough without another apply: NIO's second one may still run, and is as long as the first.
    fn still(&self, timing: &Timing, now: Timestamp) -> Finding {
        let status = self.configuration.status.as_ref();
        let applied = status.and_then(|status| status.last_applied_time.as_deref()).and_then(times::parse);
        let Some(applied) = applied else {
            return Finding::Unknown(Lack::NoTime { field: "status.lastAppliedTime" });
        };
        let Some(written) = times::written(self.configuration) else {
            return Finding::Unknown(Lack::NoTime { field: "written-at" });
        };
        let since = now.duration_since(applied);
        if since.is_negative() {
            return Finding::No(Lack::AheadOfClock { applied });
        }
        let switched = status.and_then(|status| status.has_full_install) == Some(false);
        let needed = stillness(applied.duration_since(written), switched, timing);
        if since < needed { Finding::No(Lack::NotStill { needed, since: applied }) } else { Finding::Yes }
    }

    fn overdue(&self, timing: &Timing, now: Timestamp) -> Finding {
        match &self.delivered {
            Finding::Yes => return Finding::No(Lack::Delivered),
            Finding::Unknown(lack) => return Finding::Unknown(lack.clone()),
            Finding::No(_) => {}
        }
        let Some(written) = times::written(self.configuration) else {
            return Finding::Unknown(Lack::NoTime { field: "written-at" });
        };
        if self.has_failed_since(written) {
            return Finding::Yes;
        }
        match written.checked_add(timing.deadline) {
            Ok(until) if now <= until => Finding::No(Lack::InTime { until }),
            Ok(_) => Finding::Yes,
            Err(_) => Finding::Unknown(Lack::NoTime { field: "written-at" }),
        }
    }

    /// Three attempts that began after the content was written. The note is stale once the handler rests.
    fn has_failed_since(&self, written: Timestamp) -> bool {
        let progress = self.configuration.annotation(PROGRESS);
        let progress = progress.and_then(|note| serde_json::from_str::<Progress>(note).ok());
        let Some(progress) = progress.filter(|_| !self.at_rest.is_yes()) else {
            return false;
        };
        let started = progress.started.as_deref().and_then(times::parse);
        progress.retries.unwrap_or(0) >= FAILED_ATTEMPTS && started.is_some_and(|started| started > written)
    }
}

/// Half as long again as the apply took, at most the deadline, and never less than the minimum. A switch
/// later than the deadline is not ours but a push to the repository, and says nothing about durations.
fn stillness(took: SignedDuration, switched: bool, timing: &Timing) -> SignedDuration {
    if switched && took > timing.deadline {
        return timing.min_ready;
    }
    let took = took.max(SignedDuration::ZERO);
    let half_again = took.checked_add(took.checked_div(2).unwrap_or(took)).unwrap_or(timing.deadline);
    half_again.min(timing.deadline).max(timing.min_ready)
}

/// The note is compared as the type that is written: defaults of the server stand in both, and what
/// neither NICO nor NIO knows makes NIO apply nothing.
fn at_rest(configuration: &NixosConfiguration) -> Finding {
    let Some(note) = configuration.annotation(LAST_HANDLED) else {
        return Finding::No(Lack::HandlerNotEnded);
    };
    match serde_json::from_str::<Handled>(note) {
        Ok(handled) if handled.spec == configuration.spec => Finding::Yes,
        Ok(_) => Finding::No(Lack::HandlerBehind),
        Err(_) => Finding::Unknown(Lack::HandlerUnreadable),
    }
}

fn delivered(configuration: &NixosConfiguration) -> Finding {
    let status = configuration.status.as_ref();
    let Some(applied) = status.and_then(|status| status.additional_files_hash.as_deref()) else {
        return Finding::No(Lack::NeverApplied);
    };
    match files::hash(&configuration.spec.additional_files) {
        Some(live) if live == applied => Finding::Yes,
        Some(_) => Finding::No(Lack::OtherFiles),
        None => Finding::Unknown(Lack::HashUnknown),
    }
}

fn succeeded(status: Option<&NixosConfigurationStatus>) -> Finding {
    let applied = status.and_then(|status| status.condition("Applied"));
    if !applied.is_some_and(|applied| applied.status == "True" && applied.reason == "Success") {
        let reason =
            applied.map_or_else(|| "no condition Applied".to_owned(), |applied| applied.reason.clone());
        return Finding::No(Lack::NoSuccess { reason });
    }
    let commit = status.and_then(|status| status.applied_commit.as_deref()).unwrap_or_default();
    if commit.is_empty() { Finding::No(Lack::CommitForgotten) } else { Finding::Yes }
}
