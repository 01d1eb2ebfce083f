//! What is said of the selection: `MachinesSelected`, `NotCleaned`, `StaleSinceAdoption`.

use nico_crds::names::Role;

use super::{DELETING, Truth, Verdict};
use crate::diagnostic::{Diagnostic, Notice, Obstacle};
use crate::status::failure;
use crate::status::look::Look;
use crate::status::words;

/// Where a notice is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Topic {
    /// A machine is missing.
    Missing,
    /// Good to know about the selection.
    Selection,
    NotCleaned,
    Adoption,
    /// In another condition, or where configurations are looked at.
    Elsewhere,
}

/// Every notice is thought about here.
const fn topic(notice: &Notice) -> Topic {
    match notice {
        Notice::CannotJoin { .. } | Notice::TooFew { .. } | Notice::HeadAwaited { .. } | Notice::NoHead => {
            Topic::Missing
        }
        Notice::WipesDisk { .. }
        | Notice::NoCount { .. }
        | Notice::SelectorIgnored { .. }
        | Notice::WantedByBothRoles
        | Notice::LabelMismatch { .. }
        | Notice::Leaves { .. }
        | Notice::HeadKept
        | Notice::HeadSucceeded { .. }
        | Notice::Rebootstraps
        | Notice::RebootstrapRefused { .. }
        | Notice::ReinstallUsed
        | Notice::ReinstallWithoutInstall
        | Notice::StrayConfiguration { .. } => Topic::Selection,
        Notice::NotCleaned => Topic::NotCleaned,
        Notice::PendingAtAdoption { .. } | Notice::StaleSinceAdoption => Topic::Adoption,
        Notice::HeadLost { .. }
        | Notice::MemberUnreachable { .. }
        | Notice::LiveConfigurationMissing { .. }
        | Notice::UnencryptedRepository
        | Notice::RefIsCommit { .. }
        | Notice::RefNotHonoured { .. }
        | Notice::MinReadyTooShort { .. }
        | Notice::KeyInStore
        | Notice::NoKey
        | Notice::KeyElsewhere { .. }
        | Notice::NoUid
        | Notice::Paused
        | Notice::Deleting => Topic::Elsewhere,
    }
}

fn about<'a>(look: &Look<'a>, of: Topic) -> impl Iterator<Item = &'a Diagnostic> {
    look.diagnostics().iter().filter(move |diagnostic| topic(&diagnostic.notice) == of)
}

fn told<'a>(diagnostics: impl Iterator<Item = &'a Diagnostic>) -> String {
    words::listed(diagnostics.map(Diagnostic::to_string), "; ")
}

pub(super) fn machines_selected(look: &Look<'_>) -> Verdict {
    if look.is_deleting() {
        return Verdict::fails(DELETING, "it is being deleted: no machine is selected any more");
    }
    if let Err(error) = look.desired {
        let message = format!("the selection cannot be told; {error}");
        return Verdict::of(Truth::Unknown, failure::unrenderable(error), message);
    }
    let [control_planes, workers] = Role::ALL.map(|role| words::counted(look.of_role(role).count(), role));
    let summary = format!("selected: {control_planes}, {workers}");
    let (missing, notes) = (told(about(look, Topic::Missing)), told(about(look, Topic::Selection)));
    let message = words::joined([summary.as_str(), &missing, &notes]);
    match reason(look) {
        Some(reason) => Verdict::fails(reason, message),
        None => Verdict::holds("Selected", message),
    }
}

/// Without a head nothing comes; else that there are too few; else what stands in one machine's way.
fn reason(look: &Look<'_>) -> Option<&'static str> {
    let rank = |notice: &Notice| {
        if matches!(notice, Notice::HeadAwaited { .. } | Notice::NoHead) {
            0
        } else if matches!(notice, Notice::TooFew { .. }) {
            1
        } else {
            2
        }
    };
    let missing = about(look, Topic::Missing);
    missing.min_by_key(|diagnostic| rank(&diagnostic.notice)).map(Diagnostic::reason)
}

/// The names of configurations that somebody else has (S2).
pub(super) fn names_taken(look: &Look<'_>) -> String {
    let is_taken = |notice: &Notice| {
        matches!(
            notice,
            Notice::CannotJoin { obstacle: Obstacle::NameTaken { .. }, .. }
                | Notice::HeadAwaited { obstacle: Obstacle::NameTaken { .. } }
        )
    };
    told(look.diagnostics().iter().filter(|diagnostic| is_taken(&diagnostic.notice)))
}

pub(super) fn not_cleaned(look: &Look<'_>) -> Verdict {
    if look.desired.is_err() {
        return Verdict::Untold;
    }
    let uncleaned = told(about(look, Topic::NotCleaned));
    if uncleaned.is_empty() { Verdict::Absent } else { Verdict::holds("NotCleaned", uncleaned) }
}

pub(super) fn stale_since_adoption(look: &Look<'_>) -> Verdict {
    if look.desired.is_err() {
        return Verdict::Untold;
    }
    let mut stale = about(look, Topic::Adoption).peekable();
    match stale.peek() {
        Some(first) => Verdict::holds(first.reason(), told(stale)),
        None => Verdict::Absent,
    }
}
