//! A machine that NIO installed anew after it was settled: what was on its disk is gone.
//!
//! No look at the objects alone can tell it, so the status remembers what each machine was last settled
//! with, and that its disk was wiped.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::status::MachineLine;

use crate::proof::times;

/// The state of such a machine, in the status.
pub(crate) const STATE: &str = "WipedAgain";

/// An installation after it was settled, which nothing but a wipe of what ran can be. It is remembered as
/// long as the configuration is there: the disk stays wiped when NIO switches the machine later.
pub(crate) fn is_wiped_again(before: Option<&MachineLine>, live: &NixosConfiguration) -> bool {
    let Some(before) = before else { return false };
    let Some(settled) = settled_before(before, live) else { return false };
    let installed = live.status.as_ref().and_then(|status| status.has_full_install) == Some(true);
    let moved = times::last_applied(live).yes().is_some_and(|applied| whole(*applied) > settled);
    before.state.as_deref() == Some(STATE) || (installed && moved)
}

/// With what this configuration was last settled; not one of the same name before it.
pub(crate) fn settled_before(before: &MachineLine, live: &NixosConfiguration) -> Option<Timestamp> {
    let settled = whole(before.settled_at.as_deref()?.parse().ok()?);
    let created = live.metadata.creation_timestamp.as_ref().map(|created| whole(created.0));
    created.is_none_or(|created| created <= settled).then_some(settled)
}

/// In whole seconds, as it is told.
pub(crate) fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
