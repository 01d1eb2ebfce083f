//! How far the cluster is, in one word.

use nico_crds::names::Role;
use nico_crds::status::Phase;

use super::failure::Failure;
use super::look::Look;

/// The phase. Once all control planes were ready it is never Provisioning again: what is in flight or
/// unreachable later shows in the numbers and conditions.
pub(super) fn of(look: &Look<'_>, failure: Option<&Failure>) -> Phase {
    if look.is_deleting() {
        Phase::Deleting
    } else if failure.is_some() {
        Phase::Failed
    } else if is_whole(look) {
        Phase::Ready
    } else if look.was_ready || is_full(look, Role::ControlPlane) {
        Phase::ControlPlaneReady
    } else {
        Phase::Provisioning
    }
}

/// Every member is current, settled and healthy, and none is missing.
fn is_whole(look: &Look<'_>) -> bool {
    let full =
        is_full(look, Role::ControlPlane) && (is_full(look, Role::Worker) || look.data_plane.total == 0);
    full && look.desired.is_ok() && look.members().all(|seen| seen.is_ready() && seen.is_current())
}

/// There are machines of the role, none is missing, and all are ready.
pub(super) fn is_full(look: &Look<'_>, role: Role) -> bool {
    let group = look.group(role);
    group.total > 0 && group.ready == group.total
}
