//! Who is in the cluster, in which role and order.
//!
//! Members are sticky (S3): a member stays while its Machine exists, it is not lost, and the spec has
//! room for it. Labels, discoverability and an earlier configuration matter only on the way in.

mod choose;
mod claims;
mod demand;
mod head;
mod known;
mod notices;
mod obstacle;
mod wiped;

use nico_crds::names::{ACCEPT_PENDING, Role};
use nico_crds::{KubernetesCluster, NixosConfiguration};

use crate::diagnostic::{Departure, Diagnostic, Notice};
use crate::inventory::{Inventory, Space, is_marked};

use choose::Choice;
pub(crate) use claims::{Claims, is_cleaned};
use demand::Demand;
pub(crate) use head::Head;
use known::{Known, Roster};
use obstacle::Gate;
pub(crate) use obstacle::{asks_for_reinstall, is_reinstall};

/// Why a machine is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is in already: it has a configuration.
    Configured,
    /// The status lists it.
    Listed,
    /// Its Machine says that it runs this cluster's configuration.
    RunsIt,
    /// The spec names it.
    Named,
    /// The selector finds it.
    Found,
    /// It is the first control plane, and stays whatever the spec says.
    Head,
}

/// A machine of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    pub machine: &'a str,
    pub role: Role,
    pub why: Why,
    pub configuration: Option<&'a NixosConfiguration>,
    /// It has a configuration, here or on the server that the input was taken from.
    pub stands: bool,
    /// Its place among those of its role. Never changes while the order does not.
    pub ordinal: u64,
}

/// A machine that leaves, and still has a configuration.
#[derive(Clone, Debug)]
pub(crate) struct Leaving<'a> {
    pub machine: &'a str,
    pub role: Role,
    pub configuration: &'a NixosConfiguration,
    pub why: Departure,
}

/// Who is in, and who leaves.
pub(crate) struct Selection<'a> {
    pub head: Head<'a>,
    pub control_planes: Vec<Member<'a>>,
    pub workers: Vec<Member<'a>>,
    pub leaving: Vec<Leaving<'a>>,
    pub bootstrapped: bool,
    /// What the Python operator left is taken over in this pass.
    pub adopting: bool,
    /// Configurations may be created.
    pub creates: bool,
    pub diagnostics: Vec<Diagnostic>,
}

impl<'a> Selection<'a> {
    pub fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.control_planes.iter().chain(&self.workers)
    }
}

/// Is told of a role, once its machines are chosen, and how many they are. Control planes come first; where the
/// choice is made twice each is told twice, and the second is what counts.
pub type Chosen<'c> = dyn FnMut(Role, usize) + 'c;

/// Chooses. `claims` says what the clusters that were served before have taken.
pub(crate) fn select<'a>(
    cluster: &'a KubernetesCluster,
    space: &Space<'a>,
    claims: &Claims<'a>,
    inventory: &'a Inventory,
    chosen: &mut Chosen<'_>,
) -> Selection<'a> {
    let demand = Demand::of(cluster);
    let mut roster = known::gather(cluster, space, &demand, inventory.completeness);
    let moment = head::Moment { dialect: inventory.dialect, now: inventory.observed_at };
    wiped::release(&mut roster, cluster, |known| head::may_succeed(known, cluster, space, &moment));
    let gate = Gate { cluster, space, claims, roster: &roster };
    let mut diagnostics = Vec::new();
    let head = head::decide(&gate, &moment, &mut diagnostics);
    let adopting = is_adopting(&roster);

    let free = Choice::make(&gate, &demand, head, false, chosen);
    let choice = if adopting || awaits_acceptance(cluster) {
        let held = Choice::make(&gate, &demand, head, true, chosen);
        diagnostics.extend(pending(&free, &held));
        held
    } else {
        free
    };
    notices::about(&gate, &demand, head, &choice, &mut diagnostics);
    let deleting = cluster.metadata.deletion_timestamp.is_some();
    let creates =
        !deleting && !head.is_lost() && choice.awaited.is_none() && !choice.control_planes.is_empty();
    Selection {
        head,
        control_planes: choice.control_planes,
        workers: choice.workers,
        leaving: choice.leaving,
        bootstrapped: roster.bootstrapped,
        adopting,
        creates,
        diagnostics,
    }
}

/// A configuration of the Python operator's is among them, not stamped yet.
fn is_adopting(roster: &Roster<'_>) -> bool {
    roster.all().filter_map(|known| known.configuration).any(crate::live::is_unstamped_legacy)
}

/// What was pending when the cluster was adopted waits for a newer generation or a person's word.
fn awaits_acceptance(cluster: &KubernetesCluster) -> bool {
    let adopted = cluster.status.as_ref().and_then(|status| status.adopted_generation);
    let changed = |adopted: i64| cluster.metadata.generation.is_some_and(|generation| generation > adopted);
    adopted.is_some_and(|adopted| !changed(adopted)) && !is_marked(&cluster.metadata, ACCEPT_PENDING)
}

fn pending(free: &Choice<'_>, held: &Choice<'_>) -> Option<Diagnostic> {
    let names = |choice: &Choice<'_>, other: &Choice<'_>| -> Vec<String> {
        let mut names: Vec<_> = choice
            .members()
            .filter(|member| {
                !other.members().any(|theirs| theirs.machine == member.machine && theirs.role == member.role)
            })
            .map(|member| member.machine.to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    let (joins, leaves) = (names(free, held), names(held, free));
    (!joins.is_empty() || !leaves.is_empty())
        .then(|| Diagnostic::general(Notice::PendingAtAdoption { joins, leaves }))
}

impl<'a> Member<'a> {
    fn of(known: &Known<'a>, why: Why) -> Self {
        Self {
            machine: known.machine,
            role: known.role,
            why,
            configuration: known.configuration,
            stands: known.stands,
            ordinal: 0,
        }
    }

    fn new(machine: &'a str, role: Role, why: Why) -> Self {
        Self { machine, role, why, configuration: None, stands: false, ordinal: 0 }
    }
}
