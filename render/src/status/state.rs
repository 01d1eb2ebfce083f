//! The line of a machine: its state in one word, why, and since when.

use k8s_openapi::jiff::Timestamp;
use nico_crds::NixosConfiguration;
use nico_crds::configuration::NixosConfigurationStatus;
use nico_crds::status::MachineLine;

use super::look::Look;
use super::member;
use super::seen::{Loss, Seen};
use super::words::{self, MAX_LINE, MAX_WORD};
use crate::desired::DesiredConfiguration;
use crate::observed::Health;
use crate::proof::{Finding, Lack, Proof, times};
use crate::wiped;
use crate::workload;

/// How a machine is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It will not come back, or its Machine object is gone.
    Lost,
    /// NIO installed it anew after it was settled.
    WipedAgain,
    /// Its content was not delivered in time, or failed too often.
    Overdue,
    /// NIO cannot log in.
    Unreachable,
    /// Settled, but its Node is not Ready.
    NotReady,
    /// Settled, but the health of its Node cannot be told.
    HealthUnknown,
    /// What it runs cannot be told.
    Unknown,
    /// Delivered, at rest, and not proven: NIO has forgotten the commit, or says no success.
    Delivered,
    /// It leaves.
    Leaving,
    /// It has no configuration yet.
    Waiting,
    /// It may be being installed.
    Installing,
    /// Nothing was ever delivered.
    Joining,
    /// Its content is being applied.
    InFlight,
    /// Proven, and has not stood still for long enough yet.
    Proven,
    /// Proven, it has stood still, and nothing speaks against its Node.
    Settled,
}

impl State {
    /// All of them, in this order.
    pub const ALL: [Self; 15] = [
        Self::Lost,
        Self::WipedAgain,
        Self::Overdue,
        Self::Unreachable,
        Self::NotReady,
        Self::HealthUnknown,
        Self::Unknown,
        Self::Delivered,
        Self::Leaving,
        Self::Waiting,
        Self::Installing,
        Self::Joining,
        Self::InFlight,
        Self::Proven,
        Self::Settled,
    ];

    /// The word that stands in the line of a machine.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "Lost",
            Self::WipedAgain => wiped::STATE,
            Self::Overdue => "Overdue",
            Self::Unreachable => "Unreachable",
            Self::NotReady => "NotReady",
            Self::HealthUnknown => "HealthUnknown",
            Self::Unknown => "Unknown",
            Self::Delivered => "Delivered",
            Self::Leaving => "Leaving",
            Self::Waiting => "Waiting",
            Self::Installing => "Installing",
            Self::Joining => "Joining",
            Self::InFlight => "InFlight",
            Self::Proven => "Proven",
            Self::Settled => "Settled",
        }
    }

    /// The state that a line tells, if NICO wrote it.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// The state of a machine.
pub(super) fn of(seen: &Seen<'_>) -> State {
    if seen.is_wiped_again {
        // Before all others, for it is remembered by this word.
        return State::WipedAgain;
    }
    if seen.loss.is_some() {
        return State::Lost;
    }
    if seen.departure.is_some() || seen.is_going() {
        return State::Leaving;
    }
    let (Some(live), Some(proof)) = (seen.live, &seen.proof) else { return State::Waiting };
    let is_overdue = proof.overdue.is_yes();
    if live.spec.full_install == Some(true) && proof.joining.is_yes() && !is_overdue {
        // It reboots meanwhile, so this may look unreachable.
        State::Installing
    } else if is_overdue {
        State::Overdue
    } else if !proof.reachable.is_yes() {
        State::Unreachable
    } else if proof.joining.is_yes() {
        State::Joining
    } else {
        applied(proof, &seen.health)
    }
}

fn applied(proof: &Proof, health: &Health) -> State {
    match (&proof.delivered, &proof.at_rest) {
        (Finding::Unknown(_), _) | (Finding::Yes(()), Finding::Unknown(_)) => State::Unknown,
        (Finding::No(_), _) | (Finding::Yes(()), Finding::No(_)) => State::InFlight,
        (Finding::Yes(()), Finding::Yes(())) if !proof.proven.is_yes() => State::Delivered,
        (Finding::Yes(()), Finding::Yes(())) if !proof.is_settled() => State::Proven,
        (Finding::Yes(()), Finding::Yes(())) => match health {
            Health::NotAsked | Health::Ready => State::Settled,
            Health::NotReady { .. } => State::NotReady,
            Health::Unknown => State::HealthUnknown,
        },
    }
}

/// The line of a machine.
pub(super) fn line(look: &Look<'_>, seen: &Seen<'_>) -> MachineLine {
    MachineLine {
        name: seen.machine.to_owned(),
        role: Some(seen.role.label().to_owned()),
        state: Some(seen.state.word().to_owned()),
        reason: reason(look, seen).map(|reason| words::bounded(&reason, MAX_LINE)),
        since: Some(words::seconds(since(look, seen))),
        health: health(seen).map(str::to_owned),
        kubelet: seen
            .node
            .and_then(|node| node.kubelet.as_deref())
            .map(|text| words::bounded(text, MAX_WORD)),
        member: member::told(look, seen),
        commit: seen.live.and_then(commit).map(str::to_owned),
        settled_at: settled_at(seen).map(words::seconds),
    }
}

/// What the rollout goes by; where it goes by nothing, what the cluster says.
fn health(seen: &Seen<'_>) -> Option<&'static str> {
    let told = match &seen.health {
        Health::NotAsked => seen.reported.as_ref()?,
        asked @ (Health::Ready | Health::NotReady { .. } | Health::Unknown) => asked,
    };
    match told {
        Health::NotAsked => None,
        Health::Ready => Some("Ready"),
        Health::NotReady { .. } => Some("NotReady"),
        Health::Unknown => Some("Unknown"),
    }
}

/// The commit that a machine runs, as NIO says.
pub(super) fn commit(live: &NixosConfiguration) -> Option<&str> {
    let status: &NixosConfigurationStatus = live.status.as_ref()?;
    let said = [&status.applied_commit, &status.resolved_revision];
    let commit = said.into_iter().find_map(|commit| commit.as_deref().filter(|commit| !commit.is_empty()))?;
    let is_hash = commit.len() <= 64 && commit.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_hash.then_some(commit)
}

/// Why it is in its state, in words.
pub(super) fn reason(look: &Look<'_>, seen: &Seen<'_>) -> Option<String> {
    let lack =
        |finding: fn(&Proof) -> Option<&Lack>| seen.proof.as_ref().and_then(finding).map(ToString::to_string);
    match seen.state {
        State::Lost => seen.loss.map(|loss| match loss {
            Loss::Gone => "its Machine is gone".to_owned(),
            Loss::Marked => "it is marked as lost".to_owned(),
        }),
        State::WipedAgain => {
            let wiped = "NIO installed it anew after it was settled: its disk was wiped";
            Some(words::joined([wiped, &waits_or_leaves(look, seen).unwrap_or_default()]))
        }
        State::Overdue => {
            let proof = seen.proof.as_ref()?;
            let why = proof.overdue.yes()?.why;
            Some(proof.said.as_ref().map_or_else(|| why.to_string(), |said| format!("{why}: {said}")))
        }
        State::Unreachable => lack(|proof| proof.reachable.lack()),
        State::NotReady => match &seen.health {
            Health::NotReady { why } => Some(format!("its Node is not Ready: {why}")),
            Health::NotAsked | Health::Ready | Health::Unknown => None,
        },
        State::HealthUnknown => Some(workload::why_unknown(look.probe(), seen.machine, look.now)),
        State::Leaving => waits_or_leaves(look, seen),
        State::Waiting => Some(waiting(look, seen)),
        State::Installing | State::Joining | State::InFlight | State::Unknown | State::Delivered => {
            lack(Proof::lack)
        }
        State::Proven => lack(Proof::lack),
        State::Settled if !seen.is_member || look.desired.is_err() || seen.is_current() => pressed(seen),
        State::Settled => Some(look.waits(seen.machine).unwrap_or_else(|| "newer content is due".to_owned())),
    }
}

/// It is settled and Ready, and short of something.
fn pressed(seen: &Seen<'_>) -> Option<String> {
    let pressure = &seen.node?.pressure;
    (!pressure.is_empty()).then(|| format!("its Node has {}", pressure.join(", ")))
}

/// What it waits for, else why it goes.
fn waits_or_leaves(look: &Look<'_>, seen: &Seen<'_>) -> Option<String> {
    look.waits(seen.machine).or_else(|| seen.departure.map(|departure| departure.to_string()))
}

fn waiting(look: &Look<'_>, seen: &Seen<'_>) -> String {
    let comes = look.creates(seen.machine);
    let why = look.waits(seen.machine).unwrap_or_else(|| {
        if comes { "its configuration is created now" } else { "it has no configuration yet" }.to_owned()
    });
    let is_wiped = seen.wanted.is_some_and(DesiredConfiguration::wipes_disk);
    if is_wiped { format!("ITS DISK WILL BE WIPED (fullInstall); {why}") } else { why }
}

/// A machine with its state, in words.
pub(super) fn described(look: &Look<'_>, seen: &Seen<'_>) -> String {
    let state = seen.state.word();
    let text = match reason(look, seen) {
        Some(reason) => format!("{} ({state}: {reason})", seen.machine),
        None => format!("{} ({state})", seen.machine),
    };
    words::bounded(&text, MAX_LINE)
}

/// Since when it is in its state: by the objects where they tell, else since it was first seen so.
pub(super) fn since(look: &Look<'_>, seen: &Seen<'_>) -> Timestamp {
    let told = by_objects(seen).map(wiped::whole);
    let before = seen.before.filter(|before| before.state.as_deref() == Some(seen.state.word()));
    told.or_else(|| words::told(before?.since.as_deref())).unwrap_or_else(|| wiped::whole(look.now))
}

fn by_objects(seen: &Seen<'_>) -> Option<Timestamp> {
    let (live, proof) = (seen.live?, seen.proof.as_ref()?);
    match seen.state {
        State::Installing | State::Joining => times::written(live).yes().copied(),
        State::InFlight if !proof.delivered.is_yes() => times::written(live).yes().copied(),
        State::Proven | State::Settled => times::last_applied(live).yes().copied(),
        State::Overdue => proof.overdue.yes()?.since,
        State::Leaving => live.metadata.deletion_timestamp.as_ref().map(|deleted| deleted.0),
        State::InFlight
        | State::Lost
        | State::WipedAgain
        | State::Unreachable
        | State::NotReady
        | State::HealthUnknown
        | State::Unknown
        | State::Delivered
        | State::Waiting => None,
    }
}

/// What was applied when it was last settled: what a later installation is measured by.
fn settled_at(seen: &Seen<'_>) -> Option<Timestamp> {
    let live = seen.live?;
    let is_settled = seen.proof(Proof::is_settled) && !seen.is_wiped_again;
    let now = times::last_applied(live).yes().copied().filter(|_| is_settled).map(wiped::whole);
    now.or_else(|| wiped::settled_before(seen.before?, live))
}
