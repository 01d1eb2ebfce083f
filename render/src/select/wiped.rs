//! Control planes whose disk was wiped after they were settled.

use nico_crds::KubernetesCluster;

use crate::diagnostic::Departure;
use crate::select::known::{Known, Roster};
use crate::wiped::is_wiped_again;

/// Such a one is treated as lost where another one could succeed it, and was not wiped itself: what it was a member
/// with is gone, and as a head it would start a second cluster. Who was let go for that, and is in no list any
/// more, stays so, whatever becomes of the others.
pub(crate) fn release(
    roster: &mut Roster<'_>,
    cluster: &KubernetesCluster,
    may_succeed: impl Fn(&Known<'_>) -> bool,
) {
    let stays = |known: &Known<'_>| known.departure.is_none() && known.stands;
    let is_wiped = |known: &Known<'_>| stays(known) && was_wiped(known, cluster);
    let control_planes = &roster.control_planes;
    let wiped: Vec<_> =
        control_planes.iter().filter(|known| is_wiped(known)).map(|known| known.machine).collect();
    if wiped.is_empty() {
        return;
    }
    let is_whole = |known: &Known<'_>| stays(known) && !wiped.contains(&known.machine) && may_succeed(known);
    let has_whole = control_planes.iter().any(is_whole);
    for known in &mut roster.control_planes {
        let was_let_go = roster.lists_written && !known.listed;
        if wiped.contains(&known.machine) && (has_whole || was_let_go) {
            known.departure = Some(Departure::WipedAgain);
        }
    }
}

fn was_wiped(known: &Known<'_>, cluster: &KubernetesCluster) -> bool {
    let mut lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    let line = lines.find(|line| line.name == known.machine);
    known.configuration.is_some_and(|configuration| is_wiped_again(line, configuration))
}
