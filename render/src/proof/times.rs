//! Times as NIO, kopf and Kubernetes write them.

use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::TimeZone;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::NixosConfiguration;
use nico_crds::names::{CONFIRM_AT, WRITTEN_AT};

use super::{CONFIRM_AFTER, Finding, Lack, Overdue, Tardiness, TimeField};

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

/// When an apply of the content can have begun: what was written anew but for its lists keeps the time of
/// its content, and when it replaced the other is told by when it is to be confirmed.
pub(super) fn begun(configuration: &NixosConfiguration) -> Finding<Timestamp> {
    let confirm_at = configuration.annotation(CONFIRM_AT).and_then(parse);
    let replaced = confirm_at.and_then(|time| time.checked_sub(CONFIRM_AFTER).ok());
    written(configuration).and(|written| Finding::Yes(replaced.map_or(written, |time| time.max(written))))
}

/// Whether NIO says when it last applied something.
pub(super) fn has_applied(configuration: &NixosConfiguration) -> bool {
    let status = configuration.status.as_ref();
    status.and_then(|status| status.last_applied_time.as_deref()).is_some_and(|time| !time.is_empty())
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
