//! Python NIO: what its status, and the notes of its framework (kopf), prove.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::configuration::NixosConfigurationStatus;
use nico_crds::{NixosConfiguration, NixosConfigurationSpec};
use serde::Deserialize;

use super::{Finding, InFlight, Lack, Overdue, Proof, Timing, attempts, flight, times};
use crate::files;

/// What kopf notes when a handler has ended: the spec that it ended with.
const LAST_HANDLED: &str = "kopf.zalando.org/last-handled-configuration";

/// `now` comes in whole seconds, and NIO's times do not.
const AHEAD: SignedDuration = SignedDuration::from_secs(-1);

#[derive(Deserialize)]
struct Handled {
    spec: NixosConfigurationSpec,
}

pub(super) fn prove(
    configuration: &NixosConfiguration,
    reachable: Finding,
    timing: &Timing,
    now: Timestamp,
) -> Proof {
    let reading = Reading::of(configuration);
    let proven = reading.proven();
    let still = still(configuration, timing, now);
    Proof {
        reachable,
        at_rest: reading.at_rest(),
        delivered: reading.delivered.clone(),
        in_flight: reading.in_flight(&still, timing),
        settled: proven.clone().and(|()| still),
        proven,
        overdue: reading.overdue(timing, now),
        joining: flight::joining(configuration),
        said: attempts::said(configuration, &reading.handled),
    }
}

/// What one look shows, without regard to the time.
pub(super) struct Reading<'a> {
    configuration: &'a NixosConfiguration,
    handled: Finding,
    delivered: Finding,
}

impl<'a> Reading<'a> {
    pub fn of(configuration: &'a NixosConfiguration) -> Self {
        Self { configuration, handled: handled(configuration), delivered: delivered(configuration) }
    }

    /// From a deletion on NIO's clean-up runs, though its note still names the live spec.
    fn at_rest(&self) -> Finding {
        match self.configuration.metadata.deletion_timestamp {
            Some(_) => Finding::No(Lack::InDeletion),
            None => self.handled.clone(),
        }
    }

    pub fn proven(&self) -> Finding {
        let status = self.configuration.status.as_ref();
        self.delivered.clone().and(|()| self.at_rest()).and(|()| succeeded(status))
    }

    fn in_flight(&self, still: &Finding, timing: &Timing) -> Finding<InFlight> {
        match &self.delivered {
            Finding::Yes(()) => {}
            Finding::No(why) => {
                return Finding::Yes(InFlight::undelivered(self.configuration, timing, why.clone()));
            }
            Finding::Unknown(lack) => return Finding::Unknown(lack.clone()),
        }
        match self.at_rest() {
            Finding::Yes(()) => {}
            Finding::No(why) => return Finding::Yes(InFlight::handled(self.configuration, why)),
            Finding::Unknown(lack) => return Finding::Unknown(lack),
        }
        match still {
            Finding::Yes(()) => Finding::No(Lack::AtRest),
            Finding::No(why) => Finding::Yes(InFlight::moving(self.configuration, why.clone())),
            // A blip takes the time away, and the commit with it.
            Finding::Unknown(_) if !times::has_applied(self.configuration) => {
                Finding::No(Lack::CommitForgotten)
            }
            Finding::Unknown(lack) => Finding::Unknown(lack.clone()),
        }
    }

    fn overdue(&self, timing: &Timing, now: Timestamp) -> Finding<Overdue> {
        match &self.delivered {
            Finding::Yes(()) => return Finding::No(Lack::Delivered),
            Finding::Unknown(lack) => return Finding::Unknown(lack.clone()),
            Finding::No(_) => {}
        }
        times::written(self.configuration).and(|written| {
            let failed = attempts::too_many(self.configuration, &self.handled, written);
            let late = times::late(written, timing.deadline, now);
            match (failed, late) {
                (Ok(Some(overdue)), _) | (_, Finding::Yes(overdue)) => Finding::Yes(overdue),
                (Err(lack), Finding::No(_) | Finding::Unknown(_)) => Finding::Unknown(lack),
                (Ok(None), in_time) => in_time,
            }
        })
    }
}

/// The note is compared as the type that NICO writes and reads. Both were read by the same code, so a
/// null, an absent field and the order of the keys cannot differ where the objects do not; and what the
/// type leaves out is nothing that Python NIO acts upon, or makes what was delivered unknown (`NixosFacter`).
fn handled(configuration: &NixosConfiguration) -> Finding {
    let Some(note) = configuration.annotation(LAST_HANDLED) else {
        return Finding::No(Lack::HandlerNotEnded);
    };
    match serde_json::from_str::<Handled>(note) {
        Ok(handled) if handled.spec == configuration.spec => Finding::Yes(()),
        Ok(_) => Finding::No(Lack::HandlerBehind),
        Err(_) => Finding::Unknown(Lack::HandlerUnreadable),
    }
}

/// Whether the handler has ended with `fullInstall` on. None: it has never ended.
pub(super) fn handled_full_install(configuration: &NixosConfiguration) -> Option<Result<bool, Lack>> {
    let note = configuration.annotation(LAST_HANDLED)?;
    let handled = serde_json::from_str::<Handled>(note).map_err(|_| Lack::HandlerUnreadable);
    Some(handled.map(|handled| handled.spec.full_install == Some(true)))
}

/// After an update the old commit and the old success stay: only the hash binds them to a content.
fn delivered(configuration: &NixosConfiguration) -> Finding {
    let status = configuration.status.as_ref();
    let Some(applied) = status.and_then(|status| status.additional_files_hash.as_deref()) else {
        return Finding::No(Lack::NeverApplied);
    };
    match files::hash(&configuration.spec.additional_files) {
        Some(live) if live == applied => Finding::Yes(()),
        Some(_) => Finding::No(Lack::OtherFiles),
        None => Finding::Unknown(Lack::HashUnknown),
    }
}

/// One failed look at the machine takes the commit away, and leaves the hash.
fn succeeded(status: Option<&NixosConfigurationStatus>) -> Finding {
    let commit = status.and_then(|status| status.applied_commit.as_deref()).unwrap_or_default();
    if commit.is_empty() {
        return Finding::No(Lack::CommitForgotten);
    }
    match status.and_then(|status| status.condition("Applied")) {
        Some(applied) if applied.status == "True" && applied.reason == "Success" => Finding::Yes(()),
        Some(applied) => Finding::No(Lack::NoSuccess { reason: word(&applied.reason) }),
        None => Finding::No(Lack::NoSuccess { reason: None }),
    }
}

/// A reason as Kubernetes knows it. Whatever else stands there is not passed on: it may quote a secret.
fn word(reason: &str) -> Option<String> {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (!reason.is_empty() && reason.len() <= 64 && letters(reason)).then(|| reason.to_owned())
}

/// Long enough without another apply: NIO's second one may still run, and is as long as the first.
fn still(configuration: &NixosConfiguration, timing: &Timing, now: Timestamp) -> Finding {
    let status = configuration.status.as_ref();
    let switched = status.and_then(|status| status.has_full_install) == Some(false);
    times::last_applied(configuration).and(|applied| {
        times::begun(configuration).and(|written| {
            let since = now.duration_since(applied);
            if since <= AHEAD {
                return Finding::No(Lack::AheadOfClock { applied });
            }
            let needed = stillness(applied.duration_since(written), switched, timing);
            if since < needed {
                Finding::No(Lack::NotStill { needed, since: applied })
            } else {
                Finding::Yes(())
            }
        })
    })
}

/// Half as long again as the apply took, at most the deadline, and never less than the minimum. A switch
/// later than the deadline is not ours but a push to the repository, and says nothing about durations.
/// Nor does an apply before its content was written (somebody's clock is wrong): it may have taken long.
fn stillness(took: SignedDuration, switched: bool, timing: &Timing) -> SignedDuration {
    if switched && took > timing.deadline {
        return timing.min_ready;
    }
    let half_again = took.checked_div(2).and_then(|half| took.checked_add(half));
    let half_again = half_again.filter(|_| !took.is_negative()).unwrap_or(timing.deadline);
    half_again.min(timing.deadline).max(timing.min_ready)
}
