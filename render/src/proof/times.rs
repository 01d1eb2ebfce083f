//! Times as NIO, kopf and Kubernetes write them.

use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::NixosConfiguration;
use nico_crds::names::WRITTEN_AT;

use super::{Finding, Lack, Overdue, Tardiness, TimeField};

/// RFC 3339; Python leaves the zone out now and then, and means UTC. A day alone is no time: as its
/// midnight it would seem to have stood still for hours.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: DateTime = text.contains(['T', ' ']).then(|| text.parse().ok())??;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// When the content of a configuration was written: as noted on it, else when it was created. A note
/// that cannot be read is not replaced by a guess.
pub(crate) fn written(configuration: &NixosConfiguration) -> Finding<Timestamp> {
    let written = match configuration.annotation(WRITTEN_AT) {
        Some(noted) => parse(noted),
        None => configuration.metadata.creation_timestamp.as_ref().map(|created| created.0),
    };
    written.map_or(Finding::Unknown(Lack::NoTime(TimeField::Written)), Finding::Yes)
}

/// When NIO last applied something.
pub(crate) fn last_applied(configuration: &NixosConfiguration) -> Finding<Timestamp> {
    let noted = configuration.status.as_ref().and_then(|status| status.last_applied_time.as_deref());
    noted.and_then(parse).map_or(Finding::Unknown(Lack::NoTime(TimeField::LastApplied)), Finding::Yes)
}

/// Whether the deadline since the writing is over. Its last moment still counts as in time.
pub(super) fn late(written: Timestamp, deadline: SignedDuration, now: Timestamp) -> Finding<Overdue> {
    match written.checked_add(deadline) {
        Ok(until) if now <= until => Finding::No(Lack::InTime { until }),
        Ok(until) => Finding::Yes(Overdue { since: Some(until), why: Tardiness::Deadline }),
        Err(_) => Finding::Unknown(Lack::NoTime(TimeField::Written)),
    }
}
