//! What there is to say about a choice: who could not join and why, who stays against the spec's words.

use nico_crds::names::Role;

use crate::diagnostic::{Diagnostic, Notice};
use crate::inventory::name;
use crate::select::choose::Choice;
use crate::select::claims::is_cleaned;
use crate::select::demand::Demand;
use crate::select::head::{self, Head};
use crate::select::obstacle::{Gate, asks_for_reinstall, is_reinstall};

/// Says it.
pub(crate) fn about(
    gate: &Gate<'_, '_>,
    demand: &Demand<'_>,
    head: Head<'_>,
    choice: &Choice<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    shortfalls(demand, choice, diagnostics);
    about_head(demand, head, choice, gate, diagnostics);
    for leaving in &choice.leaving {
        let notice = Notice::Leaves { role: leaving.role, why: leaving.why };
        diagnostics.push(Diagnostic::of(leaving.machine, notice));
    }
    for machine in &choice.contested {
        diagnostics.push(Diagnostic::of(machine, Notice::WantedByBothRoles));
    }
    for stray in &gate.roster.strays {
        let notice = Notice::StrayConfiguration { configuration: name(&stray.metadata).to_owned() };
        diagnostics.push(Diagnostic { machine: stray.machine().map(str::to_owned), notice });
    }
    members(gate, demand, choice, diagnostics);
    not_cleaned(gate, choice, diagnostics);
}

fn shortfalls(demand: &Demand<'_>, choice: &Choice<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for role in Role::ALL {
        let asked = demand.of_role(role);
        let (wanted, found) = (asked.wanted(), choice.of_role(role).len());
        if found < wanted {
            diagnostics.push(Diagnostic::general(Notice::TooFew { role, wanted, found }));
        }
        if asked.lacks_count() {
            diagnostics.push(Diagnostic::general(Notice::NoCount { role }));
        }
        if asked.has_ignored_selector() {
            diagnostics.push(Diagnostic::general(Notice::SelectorIgnored { role }));
        }
    }
    for (machine, role, obstacle) in &choice.obstacles {
        let notice = Notice::CannotJoin { role: *role, obstacle: obstacle.clone() };
        diagnostics.push(Diagnostic::of(machine, notice));
    }
}

fn about_head(
    demand: &Demand<'_>,
    head: Head<'_>,
    choice: &Choice<'_>,
    gate: &Gate<'_, '_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match head {
        Head::Lost(lost) => {
            let notice = Notice::HeadLost { outside: head::outside(gate) };
            let diagnostic = lost.map(|machine| Diagnostic::of(machine, notice.clone()));
            diagnostics.push(diagnostic.unwrap_or_else(|| Diagnostic::general(notice)));
        }
        Head::Succeeded { lost, by } => {
            diagnostics.push(Diagnostic::of(by, Notice::HeadSucceeded { lost: lost.to_owned() }));
        }
        Head::Open(_) | Head::Stands(_) | Head::Rebootstrap(_) => {}
    }
    if let Some((machine, obstacle)) = &choice.awaited {
        diagnostics.push(Diagnostic::of(machine, Notice::HeadAwaited { obstacle: obstacle.clone() }));
    } else if choice.control_planes.is_empty() && gate.cluster.metadata.deletion_timestamp.is_none() {
        diagnostics.push(Diagnostic::general(Notice::NoHead));
    }
    let asked = demand.of_role(Role::ControlPlane);
    let dropped = |machine: &str| asked.is_explicit() && !asked.lists(machine);
    let moved = |machine: &str| demand.of_role(Role::Worker).lists(machine);
    for member in &choice.control_planes {
        if head::is_kept(head, member.machine) && (dropped(member.machine) || moved(member.machine)) {
            diagnostics.push(Diagnostic::of(member.machine, Notice::HeadKept));
        }
    }
}

fn members(gate: &Gate<'_, '_>, demand: &Demand<'_>, choice: &Choice<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for member in choice.members() {
        let Some(object) = gate.space.machine(member.machine) else {
            continue;
        };
        let asked = demand.of_role(member.role);
        if !asked.is_explicit() && asked.count() > 0 && !asked.matches(object) {
            diagnostics.push(Diagnostic::of(member.machine, Notice::LabelMismatch { role: member.role }));
        }
        if object.status.as_ref().and_then(|status| status.discoverable) != Some(true) {
            diagnostics.push(Diagnostic::of(member.machine, Notice::MemberUnreachable { role: member.role }));
        }
        if member.stands && member.configuration.is_none() {
            let configuration =
                nico_crds::names::configuration_name(name(&gate.cluster.metadata), member.machine);
            diagnostics
                .push(Diagnostic::of(member.machine, Notice::LiveConfigurationMissing { configuration }));
        }
        let used = member.configuration.is_some() || !is_reinstall(gate.cluster, object);
        if asks_for_reinstall(gate.cluster, object) && used {
            diagnostics.push(Diagnostic::of(member.machine, Notice::ReinstallUsed));
        }
    }
}

/// Machines that left, and that NIO has not cleaned: they are free to nobody.
fn not_cleaned(gate: &Gate<'_, '_>, choice: &Choice<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let status = gate.cluster.status.as_ref();
    for machine in status
        .and_then(|status| status.applied_machines.as_ref())
        .into_iter()
        .flatten()
        .map(|(machine, _)| machine)
    {
        let is_in = choice.members().any(|member| member.machine == machine);
        let leaves = gate.roster.find(machine).is_some_and(|known| known.configuration.is_some());
        if !is_in && !leaves && !is_cleaned(gate.space, machine) {
            diagnostics.push(Diagnostic::of(machine, Notice::NotCleaned));
        }
    }
}
