//! Times as NIO, kopf and Kubernetes write them.

use k8s_openapi::jiff::Timestamp;
use k8s_openapi::jiff::civil::DateTime;
use k8s_openapi::jiff::tz::TimeZone;
use nico_crds::NixosConfiguration;
use nico_crds::names::WRITTEN_AT;

/// RFC 3339; Python leaves the zone out now and then, and means UTC.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// When the content of a configuration was written: as noted on it, else when it was created. A note
/// that cannot be read is not replaced by a guess.
pub(super) fn written(configuration: &NixosConfiguration) -> Option<Timestamp> {
    match configuration.annotation(WRITTEN_AT) {
        Some(noted) => parse(noted),
        None => configuration.metadata.creation_timestamp.as_ref().map(|created| created.0),
    }
}
