//! What may end a cluster: `QuorumAtRisk`, `HeadLost`, `TokenLost`, `TokenGuessable`, `WipedAgain`.

use nico_crds::names::{MEMBER_REMOVED, Role, join_token_secret};

use super::{QUORUM_LOST, TOO_FEW_CONTROL_PLANES, Verdict};
use crate::inventory::{is_marked, name};
use crate::observed::TokenState;
use crate::status::look::Look;
use crate::status::seen::Seen;
use crate::status::state::State;
use crate::status::words::{self, are};
use crate::status::{failure, phase};

/// One more control plane that fails takes the majority away. Told once all of them were ready: until then
/// there is less to lose, and it would be so of every cluster that begins.
pub(super) fn quorum_at_risk(look: &Look<'_>) -> Verdict {
    let stands = look.was_ready || phase::is_full(look, Role::ControlPlane);
    let voters: Vec<_> = look.machines.iter().filter(|seen| may_vote(seen)).collect();
    if !stands || look.is_deleting() || voters.is_empty() {
        return Verdict::Absent;
    }
    let majority = (voters.len() / 2).saturating_add(1);
    let sound = voters.iter().filter(|seen| is_sound(seen)).count();
    if sound > majority {
        return Verdict::Absent;
    }
    let unsound = voters.iter().filter(|seen| !is_sound(seen)).map(|seen| seen.machine.to_owned());
    let unsound = words::listed(unsound, ", ");
    let (all, out) = (voters.len(), voters.len().saturating_sub(sound));
    let named = format!("{out} of {all} control planes {} out: {unsound}", are(out));
    if sound < majority {
        let message = format!("{named}. The others are no majority: bring one back before anything else");
        Verdict::holds(QUORUM_LOST, message)
    } else if out == 0 {
        let message = format!(
            "with {all} control {} the cluster stands still while one is touched or fails; three or more survive the \
             loss of one",
            if all == 1 { "plane" } else { "planes" }
        );
        Verdict::holds(TOO_FEW_CONTROL_PLANES, message)
    } else {
        let message = format!("{named}. The loss of one more takes the majority away");
        Verdict::holds("ControlPlanesOut", message)
    }
}

/// It has run as a control plane, and nobody said that it is no member any more.
fn may_vote(seen: &Seen<'_>) -> bool {
    let is_in = |live: &&nico_crds::NixosConfiguration| !is_marked(&live.metadata, MEMBER_REMOVED);
    seen.role == Role::ControlPlane
        && seen.live.filter(is_in).is_some_and(nico_crds::NixosConfiguration::shows_an_apply)
}

/// In flight is no sign that it does not answer; what is released is out.
fn is_sound(seen: &Seen<'_>) -> bool {
    if seen.is_going() {
        return false;
    }
    match seen.state {
        State::Lost
        | State::WipedAgain
        | State::Overdue
        | State::Unreachable
        | State::NotReady
        | State::HealthUnknown
        | State::Unknown => false,
        State::Leaving => seen.proof(|proof| proof.reachable.is_yes()),
        State::Delivered
        | State::Waiting
        | State::Installing
        | State::Joining
        | State::InFlight
        | State::Proven
        | State::Settled => true,
    }
}

pub(super) fn head_lost(look: &Look<'_>) -> Verdict {
    match look.desired {
        Err(_) => Verdict::Untold,
        Ok(_) if look.is_deleting() => Verdict::Absent,
        Ok(_) => Verdict::of_failure(failure::head_lost(look)),
    }
}

pub(super) fn token_lost(look: &Look<'_>) -> Verdict {
    match look.observed.token(look.cluster) {
        // Nobody has looked.
        None => Verdict::Untold,
        Some(_) if look.is_deleting() => Verdict::Absent,
        Some(_) => Verdict::of_failure(failure::token_lost(look)),
    }
}

pub(super) fn token_guessable(look: &Look<'_>) -> Verdict {
    match look.observed.token(look.cluster) {
        None => Verdict::Untold,
        Some(TokenState::Own { guessable: true } | TokenState::Unclaimed { guessable: true }) => {
            let secret = join_token_secret(name(&look.cluster.metadata));
            Verdict::holds(
                "MadeByFormerOperator",
                format!(
                    "the join token in the Secret \"{secret}\" was made by the former operator, and can be guessed. The \
                     machines run with it, so it is kept: let nobody else reach the control planes' ports for joining; a \
                     cluster that is made anew gets a random one"
                ),
            )
        }
        Some(
            TokenState::Own { guessable: false }
            | TokenState::Unclaimed { guessable: false }
            | TokenState::Absent
            | TokenState::Foreign,
        ) => Verdict::Absent,
    }
}

pub(super) fn wiped_again(look: &Look<'_>) -> Verdict {
    let wiped: Vec<_> = look.machines.iter().filter(|seen| seen.is_wiped_again).collect();
    if wiped.is_empty() {
        return Verdict::Absent;
    }
    let named = words::listed(wiped.iter().map(|seen| format!("{} ({})", seen.machine, seen.role)), ", ");
    let said = format!("NIO installed anew what was settled, so what was on these disks is gone: {named}");
    let control_plane = if wiped.iter().any(|seen| seen.role == Role::ControlPlane) {
        "a control plane among them is treated as lost where another one is settled"
    } else {
        ""
    };
    Verdict::holds("Reinstalled", words::joined([said.as_str(), control_plane]))
}
