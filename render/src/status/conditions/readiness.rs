//! Who is ready: `Ready`, `ControlPlaneReady`, `DataPlaneReady`.

use nico_crds::names::{LOST, Role};
use nico_crds::status::Phase;

use super::{DELETING, PROVISIONING, ROLLING_OUT, Teller, Truth, Verdict};
use crate::rollout::Waiting;
use crate::status::failure;
use crate::status::look::Look;
use crate::status::phase;
use crate::status::seen::Seen;
use crate::status::state::{self, State};
use crate::status::words::{self, are};

/// The reason of a role that has fewer machines than it should.
const TOO_FEW: &str = "TooFewMachines";

impl Teller<'_, '_> {
    /// The phase, as a condition: with the reason that a person needs first.
    pub(super) fn ready(&self) -> Verdict {
        match (self.phase, self.failure) {
            (Phase::Deleting, _) => Verdict::fails(DELETING, deleting(self.look)),
            (_, Some(failure)) => Verdict::fails(failure.reason, failure.message.as_str()),
            (Phase::Ready, None) => Verdict::holds("AllReady", whole(self.look)),
            (Phase::Provisioning | Phase::ControlPlaneReady | Phase::Failed, None) => missing(self.look),
        }
    }
}

fn whole(look: &Look<'_>) -> String {
    let [control_planes, workers] = Role::ALL.map(|role| words::counted(look.of_role(role).count(), role));
    format!("every machine runs what it should: {control_planes}, {workers}")
}

fn deleting(look: &Look<'_>) -> String {
    let there = look.machines.iter().filter(|seen| seen.live.is_some());
    let there = words::listed(there.map(|seen| seen.machine.to_owned()), ", ");
    let there = if there.is_empty() {
        "no configuration is left".to_owned()
    } else {
        format!("there are still configurations of {there}")
    };
    let waiting = words::listed(look.waiting().iter().map(Waiting::to_string), "; ");
    words::joined(["it is being deleted", &there, &waiting])
}

/// What keeps it from being ready: what is missing, the control planes, the workers, the content.
fn missing(look: &Look<'_>) -> Verdict {
    let verdicts = [group(look, Role::ControlPlane), group(look, Role::Worker)];
    let lacking = verdicts.into_iter().find_map(|verdict| match verdict {
        Verdict::Is { truth: Truth::False, reason, message } => Some(Verdict::fails(reason, message)),
        Verdict::Is { truth: Truth::True | Truth::Unknown, .. } | Verdict::Absent | Verdict::Untold => None,
    });
    lacking.unwrap_or_else(|| {
        let outdated = look.members().filter(|seen| !seen.is_current());
        let outdated = words::listed(outdated.map(|seen| state::described(look, seen)), "; ");
        Verdict::fails(ROLLING_OUT, format!("newer content is due: {outdated}"))
    })
}

pub(super) fn control_plane(look: &Look<'_>) -> Verdict {
    match group(look, Role::ControlPlane) {
        // Until it was ready once, which is remembered by this reason.
        Verdict::Is { truth: Truth::False, reason: _, message } if !look.was_ready => {
            Verdict::fails(PROVISIONING, message)
        }
        verdict @ (Verdict::Is { .. } | Verdict::Absent | Verdict::Untold) => verdict,
    }
}

pub(super) fn data_plane(look: &Look<'_>) -> Verdict {
    group(look, Role::Worker)
}

fn group(look: &Look<'_>, role: Role) -> Verdict {
    let group = look.group(role);
    let total = usize::try_from(group.total).unwrap_or(0);
    if total == 0 {
        return match role {
            Role::ControlPlane => Verdict::fails(TOO_FEW, "there is no control plane; see MachinesSelected"),
            Role::Worker => Verdict::holds("NoneWanted", "no workers are asked for"),
        };
    }
    let summary = format!("{} of {} {} ready", group.ready, words::counted(total, role), are(total));
    if phase::is_full(look, role) {
        return Verdict::holds("AllReady", summary);
    }
    let unready = || look.of_role(role).filter(|seen| !seen.is_ready());
    let named = words::listed(unready().map(|seen| state::described(look, seen)), "; ");
    let is_missing = look.of_role(role).count() < total;
    let missing =
        if is_missing { "fewer machines are selected than were asked for; see MachinesSelected" } else { "" };
    let advice = advice(look, unready());
    let message = words::joined([summary.as_str(), &named, missing, &advice]);
    Verdict::fails(reason(unready(), is_missing), message)
}

/// A machine that needs somebody, else that one is missing, else what passes by itself.
fn reason<'s, 'a: 's>(unready: impl Iterator<Item = &'s Seen<'a>>, is_missing: bool) -> &'static str {
    let gravest = unready.map(|seen| seen.state).min();
    match gravest {
        Some(state) if !is_missing || state < State::Leaving => state.word(),
        Some(_) | None if is_missing => TOO_FEW,
        Some(_) | None => ROLLING_OUT,
    }
}

/// What goes on with the gravest of them.
fn advice<'s, 'a: 's>(look: &Look<'_>, unready: impl Iterator<Item = &'s Seen<'a>>) -> String {
    let gravest = unready.filter(|seen| seen.state > State::Lost).min_by_key(|seen| seen.state);
    match gravest.map(|seen| seen.state) {
        Some(State::Overdue) => failure::overdue_advice(),
        Some(State::Unreachable) => {
            format!("let NIO log in again, or annotate the Machine {LOST}: \"true\" if it will not come back")
        }
        Some(State::NotReady) if gravest.is_some_and(|seen| look.is_long_ago(state::since(look, seen))) => {
            format!(
                "it has lasted longer than rollout.progressDeadlineSeconds: roll the content out again with another \
             spec.rollout.trigger, or annotate the Machine {LOST}: \"true\" if it will not come back"
            )
        }
        Some(State::HealthUnknown) => {
            "spec.rollout.requireNodeHealth: Never goes by what NIO proves alone".to_owned()
        }
        Some(
            State::NotReady
            | State::Lost
            | State::WipedAgain
            | State::Unknown
            | State::Delivered
            | State::Leaving
            | State::Waiting
            | State::Installing
            | State::Joining
            | State::InFlight
            | State::Proven
            | State::Settled,
        )
        | None => String::new(),
    }
}
