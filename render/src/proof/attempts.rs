//! The failed attempts of Python NIO's handler, as kopf notes them.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::NixosConfiguration;
use serde::Deserialize;

use super::{Finding, Lack, NIO_TIMEOUT, Overdue, Tardiness, said, times};

/// What kopf notes while a handler fails. It goes with the next success, and may be left over once the
/// handler is at rest.
const PROGRESS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
/// So many failed attempts with the same content are not the network's fault.
const TOO_MANY: u64 = 3;
/// kopf waits so long after a failed attempt, and notes when the next one is due.
const PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// kopf notes more; this is what is decided on, and what is told.
#[derive(Deserialize)]
struct Note {
    started: Option<String>,
    delayed: Option<String>,
    retries: Option<u64>,
    message: Option<String>,
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

/// When the first of the attempts that failed was begun, by NIO's clock.
pub(crate) fn begun(configuration: &NixosConfiguration) -> Option<Timestamp> {
    let note: Note = serde_json::from_str(configuration.annotation(PROGRESS)?).ok()?;
    times::parse(&note.started?)
}

/// An attempt that was begun after a time has failed.
pub(super) fn failed_after(configuration: &NixosConfiguration, time: Timestamp) -> bool {
    let note = configuration.annotation(PROGRESS).and_then(|note| serde_json::from_str(note).ok());
    note.is_some_and(|note: Note| note.failed_after(time))
}

/// What was said of the attempt that failed last.
pub(super) fn said(configuration: &NixosConfiguration, at_rest: &Finding) -> Option<String> {
    let note = configuration.annotation(PROGRESS).filter(|_| !at_rest.is_yes())?;
    said::safe(&serde_json::from_str::<Note>(note).ok()?.message?)
}

impl Note {
    /// When the last one began is not noted. Between two of them there is a pause, so it was not before the first
    /// one and all the pauses; nor, as NIO's time-out ends each, longer ago than that.
    fn failed_after(&self, time: Timestamp) -> bool {
        let parse = |text: &Option<String>| text.as_deref().and_then(times::parse);
        let failed = self.retries.unwrap_or(0);
        let pauses = failed.checked_sub(1).and_then(|pauses| i32::try_from(pauses).ok());
        let by_count = parse(&self.started).zip(pauses.and_then(|pauses| PAUSE.checked_mul(pauses)));
        let by_count = by_count.and_then(|(first, pauses)| first.checked_add(pauses).ok());
        let by_end =
            parse(&self.delayed).and_then(|due| due.checked_sub(PAUSE).ok()?.checked_sub(NIO_TIMEOUT).ok());
        failed > 0 && by_count.max(by_end).is_some_and(|begun| begun > time)
    }

    fn failed_since(&self, written: Timestamp) -> Result<Option<Overdue>, Lack> {
        if self.retries.unwrap_or(0) < TOO_MANY {
            return Ok(None);
        }
        let started = self.started.as_deref().and_then(times::parse).ok_or(Lack::AttemptsUnreadable)?;
        let overdue = Overdue { since: Some(started), why: Tardiness::Failed };
        Ok((started > written).then_some(overdue))
    }
}
