//! Control planes whose disk was wiped after they were settled.

use nico_crds::KubernetesCluster;

use crate::diagnostic::Departure;
use crate::select::known::{Known, Roster};
use crate::wiped::is_wiped_again;

/// Such a one is treated as lost where another one is settled and was not wiped itself: what it was a member
/// with is gone, and as a head it would start a second cluster.
pub(crate) fn release(
    roster: &mut Roster<'_>,
    cluster: &KubernetesCluster,
    is_settled: impl Fn(&Known<'_>) -> bool,
) {
    let is_wiped = |known: &Known<'_>| was_wiped(known, cluster);
    let stays = |known: &&Known<'_>| known.departure.is_none() && known.stands;
    let is_whole = |known: &Known<'_>| !is_wiped(known) && is_settled(known);
    let control_planes = || roster.control_planes.iter().filter(stays);
    if !control_planes().any(is_wiped) || !control_planes().any(is_whole) {
        return;
    }
    for known in &mut roster.control_planes {
        if known.departure.is_none() && was_wiped(known, cluster) {
            known.departure = Some(Departure::WipedAgain);
        }
    }
}

fn was_wiped(known: &Known<'_>, cluster: &KubernetesCluster) -> bool {
    let lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    let line = lines.into_iter().find(|line| line.name == known.machine);
    known.configuration.is_some_and(|configuration| is_wiped_again(line, configuration))
}
