//! Go NIO, as far as it goes. Its Ready may be left over from before our write, and only a
//! `lastAppliedTime` that has moved twice since then would prove anything: one look cannot tell.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;

use super::{Finding, Lack, Proof, Timing, times};

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
        at_rest: Finding::Unknown(Lack::GoTellsTooLittle),
        proven: delivered.clone(),
        settled: delivered.clone(),
        overdue: overdue(configuration, timing, now),
        delivered,
    }
}

fn delivered(configuration: &NixosConfiguration) -> Finding {
    let Some(status) = &configuration.status else {
        return Finding::No(Lack::NeverApplied);
    };
    if !speaks_of_live(configuration) {
        return Finding::No(Lack::GoBehind);
    }
    let phase = status.phase.clone().unwrap_or_default();
    let ready = status.condition("Ready").is_some_and(|ready| ready.status == "True");
    if phase == "Ready" && ready {
        Finding::Unknown(Lack::GoTellsTooLittle)
    } else {
        Finding::No(Lack::GoPhase { phase })
    }
}

fn overdue(configuration: &NixosConfiguration, timing: &Timing, now: Timestamp) -> Finding {
    let status = configuration.status.as_ref().filter(|_| speaks_of_live(configuration));
    let stalled = status.is_some_and(|status| {
        status.phase.as_deref() == Some("Degraded")
            || status.condition("Stalled").is_some_and(|stalled| stalled.status == "True")
    });
    if stalled {
        return Finding::Yes;
    }
    let in_time = times::written(configuration).and_then(|written| written.checked_add(timing.deadline).ok());
    match in_time {
        None => Finding::Unknown(Lack::NoTime { field: "written-at" }),
        Some(until) if now <= until => Finding::No(Lack::InTime { until }),
        // It may well have been delivered: this NIO does not tell.
        Some(_) => Finding::Unknown(Lack::GoTellsTooLittle),
    }
}

fn speaks_of_live(configuration: &NixosConfiguration) -> bool {
    let observed = configuration.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed == configuration.metadata.generation
}
