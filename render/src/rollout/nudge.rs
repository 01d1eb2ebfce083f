//! A nudge: where NIO has ended with other files than the live ones, any annotation makes it look at once.
//! Else it would look when its timer comes round.

use nico_crds::names::NUDGE;

use super::standing::Standing;
use crate::proof::Lack;

/// The value of the annotation, where one is due: one for each apply that was not of these files.
pub(super) fn due<'s>(standing: &'s Standing<'_>) -> Option<&'s str> {
    let proof = &standing.proof;
    let has_other_files = proof.delivered.lack() == Some(&Lack::OtherFiles);
    if standing.release.is_some() || !has_other_files || !proof.at_rest.is_yes() || !proof.reachable.is_yes()
    {
        return None;
    }
    let status = standing.live.status.as_ref()?;
    let applied = status.last_applied_time.as_deref().filter(|time| !time.is_empty())?;
    (standing.live.annotation(NUDGE) != Some(applied)).then_some(applied)
}
