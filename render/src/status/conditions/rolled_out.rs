//! What is proven to run, and what is not: `RolledOut`, `CommitsDiffer`.

use std::collections::BTreeMap;

use nico_crds::machine::Dialect;

use super::{DELETING, Kind, ROLLING_OUT, Truth, Verdict, told};
use crate::diagnostic::Notice;
use crate::rollout::Waiting;
use crate::status::failure;
use crate::status::look::Look;
use crate::status::numbers;
use crate::status::seen::Seen;
use crate::status::state::{self, State};
use crate::status::words::{self, are};

/// The reason of commits that differ, and have not for long.
const OF_LATE: &str = "DifferOfLate";

pub(super) fn rolled_out(look: &Look<'_>) -> Verdict {
    if look.is_deleting() {
        return Verdict::fails(DELETING, "it is being deleted: nothing is rolled out any more");
    }
    if let Err(error) = look.desired {
        let message = format!("what should run cannot be told; {error}");
        return Verdict::of(Truth::Unknown, failure::unrenderable(error), message);
    }
    let is_done = |seen: &Seen<'_>| seen.is_current() && seen.proof(crate::proof::Proof::is_settled);
    let is_whole = look.members().next().is_some()
        && look.members().all(is_done)
        && look.machines.iter().all(|seen| seen.is_member);
    if is_whole {
        let message = words::joined([proven(look).as_str(), &commits_told(look), &on_ref(look)]);
        return Verdict::holds("Proven", message);
    }
    let under_way = words::listed(
        look.members().filter(|seen| seen.is_under_way()).map(|seen| seen.machine.to_owned()),
        ", ",
    );
    let under_way = if under_way.is_empty() { under_way } else { format!("under way: {under_way}") };
    let waiting = words::listed(look.waiting().iter().map(Waiting::to_string), "; ");
    let message =
        words::joined([proven(look).as_str(), &under_way, &waiting, &commits_told(look), &on_ref(look)]);
    Verdict::fails(reason(look), message)
}

/// What is overdue, else the first that waits, else that it is under way.
fn reason(look: &Look<'_>) -> &'static str {
    if look.members().any(|seen| seen.state == State::Overdue) {
        return State::Overdue.word();
    }
    let waits = look.waiting().first().map(|waiting| waiting.reason.reason());
    let moves = || look.members().any(Seen::is_under_way).then_some(State::InFlight.word());
    waits.or_else(moves).unwrap_or(ROLLING_OUT)
}

fn proven(look: &Look<'_>) -> String {
    let all = words::counted(look.members().count(), "machine");
    match look.observed.inventory.dialect {
        Dialect::Python => {
            let proven = numbers::updated(look);
            format!("{proven} of {all} {} proven to run the files that they should", are(proven))
        }
        Dialect::Go => format!("of {all} nothing is proven: this NIO does not tell which files it applied"),
    }
}

/// The commit is NIO's choice, and no part of the proof.
fn on_ref(look: &Look<'_>) -> String {
    let general =
        "proven are the files, not the commit: NIO follows the default branch, whatever spec.ref says";
    let is_commit = |notice: &Notice| matches!(notice, Notice::RefIsCommit { .. });
    let commit = look.diagnostics().iter().find(|diagnostic| is_commit(&diagnostic.notice));
    commit.map_or_else(|| general.to_owned(), |commit| format!("{general}; {commit}"))
}

fn commits<'a>(look: &'a Look<'_>) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut commits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for seen in look.members() {
        if let Some(commit) = seen.live.and_then(state::commit) {
            commits.entry(commit).or_default().push(seen.machine);
        }
    }
    commits
}

fn commits_told(look: &Look<'_>) -> String {
    let commits = commits(look);
    let mut each = commits.keys();
    match (each.next(), each.next()) {
        (None, _) => "no commit is known".to_owned(),
        (Some(commit), None) => format!("all whose commit is known run {commit}"),
        (Some(_), Some(_)) => format!("they run {} different commits", commits.len()),
    }
}

/// It differs for a while whenever somebody pushes. Since when is remembered by the condition itself, which
/// is False until the deadline has passed.
pub(super) fn commits_differ(look: &Look<'_>) -> Verdict {
    let commits = commits(look);
    if commits.len() < 2 || look.is_deleting() {
        return Verdict::Absent;
    }
    let each = commits.iter().map(|(commit, machines)| {
        let machines = words::listed(machines.iter().map(|machine| (*machine).to_owned()), ", ");
        format!("{commit} on {machines}")
    });
    let each = words::listed(each, "; ");
    if differ_for_long(look) {
        Verdict::holds(
            "Differ",
            format!(
                "the machines have run different commits for longer than rollout.progressDeadlineSeconds: {each}. NIO \
                 follows the default branch on every machine by itself: look for what keeps it from the older ones"
            ),
        )
    } else {
        Verdict::fails(OF_LATE, format!("the machines run different commits: {each}"))
    }
}

fn differ_for_long(look: &Look<'_>) -> bool {
    let Some(before) = told(look.previous, Kind::CommitsDiffer) else { return false };
    if before.status.as_deref() == Some(Truth::True.word()) {
        return true;
    }
    words::told(before.last_transition_time.as_deref()).is_some_and(|since| look.is_long_ago(since))
}
