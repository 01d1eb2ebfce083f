//! Confirming: content that was written over undelivered content is written once more. The apply of the
//! other, which NIO's timer began, can end after the proof of the new one, and its failure is never told.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::names::{CONFIRM_AT, WRITTEN_AT};

use super::standing::Standing;
use super::{Planner, WaitReason};
use crate::proof::{CONFIRM_AFTER, Finding, times};

/// What is to be done about a confirmation.
pub(super) enum Confirmation<'a> {
    /// None is pending.
    None,
    /// It is not yet time.
    Waits(WaitReason),
    /// It may be written, by the rules for new content.
    Due(&'a NixosConfiguration),
}

impl<'a> Planner<'a> {
    /// Of content that is current.
    pub(super) fn confirmation(&self, standing: &Standing<'a>) -> Confirmation<'a> {
        let confirmation = standing.desired.and_then(|desired| desired.confirmation.as_deref());
        let Some((object, at)) = confirmation.zip(due_at(standing.live)) else {
            return Confirmation::None;
        };
        if self.now < at {
            return Confirmation::Waits(WaitReason::Confirmation { at });
        }
        match standing.unsettled() {
            None => Confirmation::Due(object),
            Some(lacks) => Confirmation::Waits(WaitReason::InFlight { lacks: lacks.to_string() }),
        }
    }
}

impl Planner<'_> {
    /// When new files are to be confirmed. Where they replace delivered ones, what is pending stays.
    pub(super) fn confirm_at(&self, standing: &Standing<'_>) -> Option<String> {
        match standing.proof.delivered {
            Finding::Yes(()) => standing.live.annotation(CONFIRM_AT).map(str::to_owned),
            Finding::No(_) | Finding::Unknown(_) => {
                self.now.checked_add(CONFIRM_AFTER).ok().map(|time| time.to_string())
            }
        }
    }
}

/// It is confirmed by this, and needs nothing more.
pub(super) fn confirmed(mut object: NixosConfiguration, now: Timestamp) -> NixosConfiguration {
    let annotations = object.metadata.annotations.get_or_insert_default();
    annotations.insert(WRITTEN_AT.to_owned(), now.to_string());
    annotations.remove(CONFIRM_AT);
    object
}

/// When it is to be confirmed. A note that cannot be read is no reason never to do so.
fn due_at(live: &NixosConfiguration) -> Option<Timestamp> {
    let noted = live.annotation(CONFIRM_AT)?;
    let written = times::written(live).yes().copied();
    noted.parse().ok().or_else(|| written?.checked_add(CONFIRM_AFTER).ok())
}
