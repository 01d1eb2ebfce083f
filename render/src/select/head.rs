//! The first control plane. Flakes bootstrap the cluster on it, so an empty machine in its place would
//! start a second one: it changes only if it is lost, and then to a settled one (S3).

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesCluster;
use nico_crds::machine::Dialect;
use nico_crds::names::REBOOTSTRAP;

use crate::diagnostic::{Diagnostic, Notice, Obstacle};
use crate::inventory::{Space, annotation};
use crate::proof::{self, Timing};
use crate::select::known::Known;
use crate::select::obstacle::Gate;

/// Who is the first control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Head<'a> {
    /// Nothing runs yet. Who has a configuration is the head, but may be replaced.
    Open(Option<&'a str>),
    /// It runs, or ran, and is not lost.
    Stands(&'a str),
    /// It is lost; this settled one takes its place.
    Succeeded { lost: &'a str, by: &'a str },
    /// It is lost, and nobody can take its place. Without a name no control plane has a configuration.
    Lost(Option<&'a str>),
    /// A person lets the cluster start anew on this one.
    Rebootstrap(&'a str),
}

impl<'a> Head<'a> {
    /// The machine that keeps its place at the head whatever the spec says.
    pub const fn fixed(self) -> Option<&'a str> {
        match self {
            Self::Stands(machine) | Self::Succeeded { by: machine, .. } | Self::Rebootstrap(machine) => {
                Some(machine)
            }
            Self::Open(_) => None,
            Self::Lost(machine) => machine,
        }
    }

    /// The machine that comes first among those that stay.
    pub const fn first(self) -> Option<&'a str> {
        match self {
            Self::Open(machine) => machine,
            Self::Stands(_) | Self::Succeeded { .. } | Self::Lost(_) | Self::Rebootstrap(_) => self.fixed(),
        }
    }

    /// Nothing may be created or removed.
    pub const fn is_lost(self) -> bool {
        matches!(self, Self::Lost(_))
    }
}

/// What decides beside the roster.
pub(crate) struct Moment {
    pub dialect: Dialect,
    pub now: Option<Timestamp>,
}

/// Finds the head.
pub(crate) fn decide<'a>(
    gate: &Gate<'_, 'a>,
    moment: &Moment,
    diagnostics: &mut Vec<Diagnostic>,
) -> Head<'a> {
    let roster = gate.roster;
    let control_planes = &roster.control_planes;
    if !roster.bootstrapped {
        return Head::Open(
            control_planes.iter().find(|known| known.stands && known.departure.is_none()).map(of),
        );
    }
    let request = rebootstrap(gate);
    if let Some(machine) = request
        && control_planes
            .first()
            .is_some_and(|first| first.machine == machine && first.listed && !first.stands)
    {
        // The list was written, the configuration was not: go on where it stopped.
        return granted(machine, gate, diagnostics).unwrap_or(Head::Lost(None));
    }
    // Who was succeeded, or replaced before anything ran, is in no list any more, even while its configuration
    // still stands, and though a mark was taken off again: one that is listed and runs goes on without it.
    let listed_ran = control_planes.iter().any(|known| known.listed && known.stands && known.ran);
    let succeeded = |known: &&Known<'a>| {
        (known.departure.is_some() || listed_ran) && !known.listed && roster.lists_written
    };
    let head = control_planes.iter().filter(|known| known.stands).find(|known| !succeeded(known));
    let lost = match head {
        Some(head) if head.departure.is_none() => return Head::Stands(head.machine),
        Some(head) => Some(head.machine),
        None => None,
    };
    let successor = control_planes.iter().find(|known| {
        Some(known.machine) != lost
            && known.departure.is_none()
            && may_succeed(known, gate.cluster, gate.space, moment)
    });
    match (lost, successor, request) {
        (Some(lost), Some(successor), _) => Head::Succeeded { lost, by: successor.machine },
        (_, _, Some(machine)) => granted(machine, gate, diagnostics).unwrap_or(Head::Lost(lost)),
        (_, _, None) => Head::Lost(lost),
    }
}

const fn of<'a>(known: &Known<'a>) -> &'a str {
    known.machine
}

/// The machine that a person named in the annotation, unless that was used already.
fn rebootstrap<'a>(gate: &Gate<'_, 'a>) -> Option<&'a str> {
    let machine = annotation(&gate.cluster.metadata, REBOOTSTRAP)?;
    let used = gate.cluster.status.as_ref().and_then(|status| status.rebootstrapped.as_deref());
    (used != Some(machine)).then_some(machine)
}

fn granted<'a>(machine: &'a str, gate: &Gate<'_, 'a>, diagnostics: &mut Vec<Diagnostic>) -> Option<Head<'a>> {
    let known = gate.roster.control_planes.iter().find(|known| known.machine == machine);
    let obstacle = match known {
        Some(known) if known.departure.is_none() => None,
        Some(_) | None => gate.obstacle(machine).or_else(|| known.map(|_| Obstacle::MarkedLost)),
    };
    match obstacle {
        None => {
            diagnostics.push(Diagnostic::of(machine, Notice::Rebootstraps));
            Some(Head::Rebootstrap(machine))
        }
        Some(obstacle) => {
            diagnostics.push(Diagnostic::of(machine, Notice::RebootstrapRefused { obstacle }));
            None
        }
    }
}

/// Settled, and nothing that the cluster said last speaks against its being a member: who never joined, or was removed,
/// would start a second cluster.
pub(crate) fn may_succeed(
    known: &Known<'_>,
    cluster: &KubernetesCluster,
    space: &Space<'_>,
    moment: &Moment,
) -> bool {
    !is_outside(known, cluster) && is_settled(known, cluster, space, moment)
}

/// The cluster said last that it is no member.
fn is_outside(known: &Known<'_>, cluster: &KubernetesCluster) -> bool {
    let mut lines = cluster.status.iter().flat_map(|status| status.machines.iter().flatten());
    lines.any(|line| line.name == known.machine && line.member == Some(false))
}

/// Used by the diagnostics: those that could be the head, but for the cluster's word.
pub(crate) fn outside(gate: &Gate<'_, '_>) -> Vec<String> {
    let stays = |known: &&Known<'_>| known.stands && known.departure.is_none();
    let known = gate.roster.control_planes.iter().filter(stays);
    known.filter(|known| is_outside(known, gate.cluster)).map(|known| known.machine.to_owned()).collect()
}

/// Settled; without a time, proven counts.
fn is_settled(known: &Known<'_>, cluster: &KubernetesCluster, space: &Space<'_>, moment: &Moment) -> bool {
    let Some(configuration) = known.configuration else {
        return false;
    };
    let machine = space.machine(known.machine);
    let timing = Timing::of(cluster);
    match moment.now {
        Some(now) => proof::prove(configuration, machine, moment.dialect, &timing, now).is_settled(),
        None => proof::is_proven(configuration, moment.dialect),
    }
}

/// Used by the diagnostics: whether the head stays against the spec's wish.
pub(crate) fn is_kept(head: Head<'_>, machine: &str) -> bool {
    matches!(head, Head::Stands(head) if head == machine)
}
