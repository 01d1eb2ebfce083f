//! The failed attempts of Python NIO's handler, as kopf notes them.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use serde::Deserialize;

use super::{Finding, Lack, Overdue, Tardiness, times};

/// What kopf notes while a handler fails. It goes with the next success, and may be left over once the
/// handler is at rest.
const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
/// So many failed attempts with the same content are not the network's fault.
const TOO_MANY: u64 = 3;

/// kopf notes more (`delayed`, `message`); this is what is decided on.
#[derive(Deserialize)]
struct Note {
    started: Option<String>,
    retries: Option<u64>,
}

/// That the handler has failed too often with what was written then; an error where that cannot be told.
/// The attempts that the note counts may have begun with the content before: only a note begun after the
/// writing counts.
pub(super) fn too_many(
    configuration: &NixosConfiguration,
    at_rest: &Finding,
    written: Timestamp,
) -> Result<Option<Overdue>, Lack> {
    let Some(note) = configuration.annotation(PROGRESS).filter(|_| !at_rest.is_yes()) else {
        return Ok(None);
    };
    let note: Note = serde_json::from_str(note).map_err(|_| Lack::AttemptsUnreadable)?;
    let failed = note.failed_since(written)?;
    match (at_rest, failed) {
        (Finding::Yes(()), _) | (_, None) => Ok(None),
        (Finding::No(_), Some(overdue)) => Ok(Some(overdue)),
        // The note may be left over.
        (Finding::Unknown(lack), Some(_)) => Err(lack.clone()),
    }
}

impl Note {
    fn failed_since(&self, written: Timestamp) -> Result<Option<Overdue>, Lack> {
        if self.retries.unwrap_or(0) < TOO_MANY {
            return Ok(None);
        }
        let started = self.started.as_deref().and_then(times::parse).ok_or(Lack::AttemptsUnreadable)?;
        let overdue = Overdue { since: Some(started), why: Tardiness::Failed };
        Ok((started > written).then_some(overdue))
    }
}
