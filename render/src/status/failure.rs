//! Why a person must act: what makes the phase Failed.

use nico_crds::names::{LOST, Role, join_token_secret};

use super::concern::Concern;
use super::look::Look;
use super::seen::Seen;
use super::state::{self, State};
use super::words;
use crate::diagnostic::{Diagnostic, Notice};
use crate::error::RenderError;
use crate::inventory::name;
use crate::observed::TokenState;
use crate::rollout::{WaitReason, Waiting};

/// Why a person must act.
pub(super) struct Failure {
    pub reason: &'static str,
    pub message: String,
}

/// The gravest reason, if there is one. A cluster in deletion does not fail: what its deletion waits for is
/// said elsewhere.
pub(super) fn of(look: &Look<'_>) -> Option<Failure> {
    if look.is_deleting() {
        return None;
    }
    look.desired
        .err()
        .map(|error| Failure { reason: unrenderable(error), message: error.to_string() })
        .or_else(|| head_lost(look))
        .or_else(|| token_lost(look))
        .or_else(|| foreign_token(look))
        .or_else(|| conflict(look))
        .or_else(|| overdue(look))
}

/// Why a cluster cannot be rendered, in one CamelCase word.
pub(super) const fn unrenderable(error: &RenderError) -> &'static str {
    match error {
        RenderError::NoGitRepo => "NoGitRepo",
        RenderError::Nul(_) | RenderError::Nameless | RenderError::Json(_) => "InvalidSpec",
        RenderError::TooLarge { .. } => "TooLarge",
        RenderError::Twice { .. } => "ObjectTwice",
    }
}

/// That the head is lost, and why a wish to start anew was refused.
pub(super) fn head_lost(look: &Look<'_>) -> Option<Failure> {
    look.desired.ok().filter(|desired| desired.head_lost)?;
    let is_about_it =
        |notice: &Notice| matches!(notice, Notice::HeadLost { .. } | Notice::RebootstrapRefused { .. });
    let about = look.diagnostics().iter().filter(|diagnostic| is_about_it(&diagnostic.notice));
    Some(Failure { reason: "HeadLost", message: words::listed(about.map(Diagnostic::to_string), "; ") })
}

/// That machines run with a token that is gone.
pub(super) fn token_lost(look: &Look<'_>) -> Option<Failure> {
    let is_gone = look.observed.token(look.cluster) == Some(TokenState::Absent) && look.is_bootstrapped();
    is_gone.then(|| {
        let secret = join_token_secret(name(&look.cluster.metadata));
        Failure { reason: "TokenLost", message: WaitReason::TokenLost { secret }.to_string() }
    })
}

/// That the token's Secret is somebody else's.
pub(super) fn foreign_token(look: &Look<'_>) -> Option<Failure> {
    let is_foreign = look.observed.token(look.cluster) == Some(TokenState::Foreign);
    is_foreign.then(|| {
        let secret = join_token_secret(name(&look.cluster.metadata));
        Failure { reason: "ForeignToken", message: WaitReason::ForeignToken { secret }.to_string() }
    })
}

/// That another hand holds fields.
pub(super) fn conflict(look: &Look<'_>) -> Option<Failure> {
    let mut conflicts = look.concerning(Concern::Conflict).peekable();
    conflicts.peek()?;
    let conflicts = words::listed(conflicts.map(Waiting::to_string), "; ");
    let message = words::joined([
        conflicts.as_str(),
        "take these fields out of what that manager applies, or remove its entry from metadata.managedFields",
    ]);
    Some(Failure { reason: "Conflict", message })
}

/// That a machine did not take its content in. A worker that is late to join holds nobody back.
fn overdue(look: &Look<'_>) -> Option<Failure> {
    let is_grave =
        |seen: &&Seen<'_>| seen.state == State::Overdue && !(seen.joins() && seen.role == Role::Worker);
    let mut late = look.members().filter(is_grave).peekable();
    late.peek()?;
    let late = words::listed(late.map(|seen| state::described(look, seen)), "; ");
    let message = words::joined([late.as_str(), &overdue_advice()]);
    Some(Failure { reason: State::Overdue.word(), message })
}

/// What goes on with a machine that is overdue.
pub(super) fn overdue_advice() -> String {
    format!(
        "mend what the repository or the spec gives it (another spec.rollout.trigger tries the same content again), \
         or annotate its Machine {LOST}: \"true\" if it will not come back"
    )
}
