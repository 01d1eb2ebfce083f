//! Who is a member of the control plane, by the word of the cluster. It is remembered, for a cluster may be silent just
//! when that is asked for: when its head is lost.

use nico_crds::names::Role;

use super::look::Look;
use super::seen::Seen;
use crate::proof::Proof;
use crate::wiped::settled_before;
use crate::workload::{Probe, shows_member};

/// Whether a control plane is a member, as the cluster said last.
pub(super) fn told(look: &Look<'_>, seen: &Seen<'_>) -> Option<bool> {
    if seen.role != Role::ControlPlane {
        return None;
    }
    let before = remembered(seen);
    let probe = look.probe().filter(|probe| probe.is_fresh(look.now) && probe.nodes.is_ok());
    let Some(probe) = probe else { return before };
    match shows(look, probe, seen) {
        Some(true) => Some(true),
        // Who is only about to join is no member yet.
        Some(false) if !seen.proof(Proof::is_settled) => before,
        Some(false) if has_witness(look, probe, seen) => Some(false),
        // A second cluster, which a machine that was wiped has started, says nothing about the first.
        Some(false) => before.filter(|member| *member),
        None => before,
    }
}

fn shows(look: &Look<'_>, probe: &Probe, seen: &Seen<'_>) -> Option<bool> {
    let control_planes = look.machines.iter().filter(|other| other.role == Role::ControlPlane);
    shows_member(probe, seen.machine, control_planes.map(|other| other.machine))
}

/// What was told of this configuration, and not of one of the same name before it.
fn remembered(seen: &Seen<'_>) -> Option<bool> {
    let before = seen.before?;
    settled_before(before, seen.live?).and(before.member)
}

/// Another control plane, which was a member before and has not lost its disk, is one now.
fn has_witness(look: &Look<'_>, probe: &Probe, seen: &Seen<'_>) -> bool {
    let others = look.machines.iter().filter(|other| other.machine != seen.machine);
    let mut members = others.filter(|other| remembered(other) == Some(true) && !other.is_wiped_again);
    members.any(|other| shows(look, probe, other) == Some(true))
}
