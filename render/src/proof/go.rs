//! Go NIO, as far as it goes. Its Ready may be left over from before our write, and only a
//! `lastAppliedTime` that has moved twice since then would prove anything: one look cannot tell. What
//! one look can tell is that it has not moved at all, and that NIO has given up.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::configuration::NixosConfigurationStatus;

use super::{Finding, GoPhase, InFlight, Lack, Overdue, Proof, Tardiness, Timing, flight, times};

/// What a single look proves.
pub(super) fn prove(
    configuration: &NixosConfiguration,
    reachable: Finding,
    timing: &Timing,
    now: Timestamp,
) -> Proof {
    let delivered = delivered(configuration);
    Proof {
        reachable,
        at_rest: match configuration.metadata.deletion_timestamp {
            Some(_) => Finding::No(Lack::InDeletion),
            None => Finding::Unknown(Lack::GoTellsTooLittle),
        },
        proven: delivered.clone(),
        settled: delivered.clone(),
        overdue: overdue(configuration, timing, now),
        in_flight: in_flight(configuration, &delivered, timing),
        joining: flight::joining(configuration),
        said: None,
        delivered,
    }
}

/// What was delivered, and whether NIO is at rest, this NIO does not tell.
fn in_flight(configuration: &NixosConfiguration, delivered: &Finding, timing: &Timing) -> Finding<InFlight> {
    match delivered {
        Finding::No(why) => Finding::Yes(InFlight::undelivered(configuration, timing, why.clone())),
        Finding::Yes(()) | Finding::Unknown(_) => Finding::Unknown(Lack::GoTellsTooLittle),
    }
}

fn delivered(configuration: &NixosConfiguration) -> Finding {
    let Some(status) = &configuration.status else {
        return Finding::No(Lack::NeverApplied);
    };
    if !speaks_of_live(configuration) {
        return Finding::No(Lack::GoBehind);
    }
    if let Some(phase) = unready(status) {
        return Finding::No(Lack::GoPhase(phase));
    }
    if !is_true(status, "Ready") {
        return Finding::No(Lack::GoNotReady);
    }
    applied_since_written(configuration).and(|()| Finding::Unknown(Lack::GoTellsTooLittle))
}

/// Whether anything was applied since the content was written; not whether it was that content.
fn applied_since_written(configuration: &NixosConfiguration) -> Finding {
    if !times::has_applied(configuration) {
        return Finding::No(Lack::NeverApplied);
    }
    times::written(configuration).and(|written| {
        times::last_applied(configuration).and(|applied| {
            if applied < written { Finding::No(Lack::GoAppliedBefore { applied }) } else { Finding::Yes(()) }
        })
    })
}

fn overdue(configuration: &NixosConfiguration, timing: &Timing, now: Timestamp) -> Finding<Overdue> {
    let live = configuration.status.as_ref().filter(|_| speaks_of_live(configuration));
    if let Some(overdue) = live.and_then(given_up) {
        return Finding::Yes(overdue);
    }
    let late = times::written(configuration).and(|written| times::late(written, timing.deadline, now));
    late.and(|overdue| match applied_since_written(configuration) {
        Finding::No(_) => Finding::Yes(overdue),
        // It may well have been delivered: this NIO does not tell.
        Finding::Yes(()) => Finding::Unknown(Lack::GoTellsTooLittle),
        Finding::Unknown(lack) => Finding::Unknown(lack),
    })
}

fn given_up(status: &NixosConfigurationStatus) -> Option<Overdue> {
    if is_true(status, "Stalled") {
        return Some(Overdue { since: changed(status, "Stalled"), why: Tardiness::GoStalled });
    }
    (unready(status) == Some(GoPhase::Degraded))
        .then(|| Overdue { since: changed(status, "Ready"), why: Tardiness::GoDegraded })
}

fn is_true(status: &NixosConfigurationStatus, condition: &str) -> bool {
    status.condition(condition).is_some_and(|condition| condition.status == "True")
}

fn changed(status: &NixosConfigurationStatus, condition: &str) -> Option<Timestamp> {
    status.condition(condition)?.last_transition_time.as_deref().and_then(times::parse)
}

fn speaks_of_live(configuration: &NixosConfiguration) -> bool {
    let observed = configuration.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed == configuration.metadata.generation
}

/// The phase, unless it is Ready.
fn unready(status: &NixosConfigurationStatus) -> Option<GoPhase> {
    match status.phase.as_deref().unwrap_or_default() {
        "Ready" => None,
        "Pending" => Some(GoPhase::Pending),
        "Blocked" => Some(GoPhase::Blocked),
        "Installing" => Some(GoPhase::Installing),
        "Converging" => Some(GoPhase::Converging),
        "Degraded" => Some(GoPhase::Degraded),
        "Removing" => Some(GoPhase::Removing),
        _ => Some(GoPhase::Other),
    }
}
