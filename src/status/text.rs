//! How clusters are, for people: what asks something of them first, then each machine, then what waits.

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::Role;
use nico_crds::status::Phase;
use nico_render::overview::{
    Attention, ClusterOverview, Freshness, MachineOverview, RoleOverview, RolloutOverview,
};
use nico_render::status::{Gravity, State};

use super::age::age;
use crate::page::{BOLD, GREEN, Heading, Page, Piece, RED, Row, UNCOLOURED, YELLOW};

/// Tells all clusters, as of a time.
pub fn write(page: &mut Page, clusters: &[ClusterOverview], at: Timestamp) {
    for (place, cluster) in clusters.iter().enumerate() {
        if place > 0 {
            page.blank();
        }
        page.line(&title(cluster, at));
        if let Some(warning) = out_of_date(cluster) {
            page.paragraph(&Piece::new(&warning, YELLOW));
        }
        attention(page, &cluster.attention, at);
        machines(page, &cluster.roles, at);
        if let Some(rollout) = &cluster.rollout {
            write_rollout(page, rollout, &cluster.roles);
        }
    }
}

fn title(cluster: &ClusterOverview, at: Timestamp) -> Vec<Piece> {
    let mut title = vec![Piece::new(&format!("{}/{}", cluster.namespace, cluster.name), BOLD)];
    if let Some(phase) = cluster.phase {
        title.extend([Piece::plain(" ("), Piece::new(phase.word(), of_phase(phase)), Piece::plain(")")]);
    }
    let roles = cluster.roles.iter().filter(|role| !is_empty(role)).map(named);
    let rollout =
        cluster.rollout.iter().map(|rollout| format!("rollout {}/{}", rollout.updated, rollout.total));
    let kubeconfig = match (&cluster.kubeconfig_secret, cluster.phase) {
        (Some(secret), _) => Some(format!("kubeconfig in the Secret {secret}")),
        (None, Some(_)) => Some("no kubeconfig yet".to_owned()),
        (None, None) => None,
    };
    let deleting = cluster.deleting_since.map(|since| format!("being deleted for {}", age(since, at)));
    let told: Vec<_> = roles.chain(rollout).chain(kubeconfig).chain(deleting).collect();
    if !told.is_empty() {
        title.push(Piece::plain(&format!(": {}", told.join(", "))));
    }
    title
}

fn out_of_date(cluster: &ClusterOverview) -> Option<String> {
    let number = |generation: Option<i64>| generation.map(|number| number.to_string()).unwrap_or_default();
    match cluster.freshness {
        Freshness::Current => None,
        Freshness::Behind => Some(format!(
            "OUT OF DATE: what follows is about generation {} of the spec, which is at {}. The operator has not come to \
             it yet: is it running?",
            number(cluster.observed_generation),
            number(cluster.generation)
        )),
        Freshness::Untold if is_blank(cluster) => {
            Some("the operator has not told anything of it yet: is it running?".to_owned())
        }
        Freshness::Untold => Some(
            "the operator has not told anything of it yet: is it running? What follows somebody else wrote"
                .to_owned(),
        ),
    }
}

/// There is nothing to be shown.
fn is_blank(cluster: &ClusterOverview) -> bool {
    cluster.phase.is_none()
        && cluster.attention.is_empty()
        && cluster.rollout.is_none()
        && cluster.kubeconfig_secret.is_none()
        && cluster.roles.iter().all(is_empty)
}

fn attention(page: &mut Page, attention: &[Attention], at: Timestamp) {
    let text = |text: &Option<String>| Piece::plain(text.as_deref().unwrap_or_default());
    let rows: Vec<_> = attention
        .iter()
        .map(|one| Row {
            cells: [
                Piece::new(&one.type_, of_gravity(one.severity)),
                text(&one.status),
                text(&one.reason),
                Piece::plain(&one.since.map(|since| age(since, at)).unwrap_or_default()),
            ],
            last: vec![text(&one.message)],
        })
        .collect();
    let heading = Heading { cells: ["CONDITION", "STATUS", "REASON", "AGE"], last: "MESSAGE" };
    page.table(&Piece::new("Needs a person", BOLD), &heading, &rows);
}

fn machines(page: &mut Page, roles: &[RoleOverview], at: Timestamp) {
    let mut rows = Vec::new();
    for role in roles.iter().filter(|role| !is_empty(role)) {
        let mut cells: [Piece; 5] = std::array::from_fn(|_| Piece::default());
        cells[0] = Piece::new(&named(role), BOLD);
        rows.push(Row { cells, last: Vec::new() });
        rows.extend(role.machines.iter().map(|machine| of_machine(machine, at)));
    }
    let all = || roles.iter().flat_map(|role| &role.machines);
    // Nobody is asked as long as there is no kubeconfig.
    let is_told = |field: fn(&MachineOverview) -> bool, name| if all().any(field) { name } else { "" };
    let heading = Heading {
        cells: [
            "MACHINE",
            "STATE",
            is_told(|machine| machine.health.is_some(), "HEALTH"),
            "AGE",
            is_told(|machine| machine.kubelet.is_some(), "KUBELET"),
        ],
        last: "REASON",
    };
    page.table(&Piece::new("Machines", BOLD), &heading, &rows);
}

fn of_machine(machine: &MachineOverview, at: Timestamp) -> Row<5> {
    const READY: &str = "Ready";
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let health = machine.health.as_deref().unwrap_or(READY);
    Row {
        cells: [
            Piece::plain(&format!("  {}", machine.name)),
            Piece::new(&text(&machine.state), of_machines(machine)),
            Piece::new(&text(&machine.health), if health == READY { UNCOLOURED } else { YELLOW }),
            Piece::plain(&machine.since.map(|since| age(since, at)).unwrap_or_default()),
            Piece::plain(&text(&machine.kubelet)),
        ],
        last: vec![Piece::plain(&text(&machine.reason))],
    }
}

fn write_rollout(page: &mut Page, rollout: &RolloutOverview, roles: &[RoleOverview]) {
    let row = |what: &str, text: &str| Row { cells: [Piece::plain(what)], last: vec![Piece::plain(text)] };
    let mut rows = Vec::new();
    if !rollout.current.is_empty() {
        rows.push(row("under way", &rollout.current.join(", ")));
    }
    let told: Vec<_> = rollout.waiting.iter().filter_map(|waits| said_beside(waits, roles)).collect();
    if !told.is_empty() {
        rows.push(row("waiting", &format!("{}: the reason stands beside them", told.join(", "))));
    }
    let others = rollout.waiting.iter().filter(|waits| said_beside(waits, roles).is_none());
    rows.extend(others.map(|waits| row("waiting", waits)));
    page.table(&Piece::new("Rollout", BOLD), &Heading { cells: [""], last: "" }, &rows);
}

/// The machine that waits, if what it waits for stands in its line.
fn said_beside<'r>(waits: &str, roles: &'r [RoleOverview]) -> Option<&'r str> {
    let waits = waits.strip_prefix("machine ")?;
    let is_said = |machine: &&MachineOverview| {
        let words = waits.strip_prefix(machine.name.as_str()).and_then(|words| words.strip_prefix(' '));
        let words = words.filter(|words| !words.is_empty());
        words.is_some_and(|words| machine.reason.as_deref().is_some_and(|reason| reason.contains(words)))
    };
    let machine = roles.iter().flat_map(|role| &role.machines).find(is_said)?;
    Some(&machine.name)
}

fn is_empty(role: &RoleOverview) -> bool {
    role.machines.is_empty() && role.total.unwrap_or_default() == 0
}

/// As `control planes 2/3`.
fn named(role: &RoleOverview) -> String {
    let name = match Role::from_label(&role.role) {
        Some(role) => format!("{role}s"),
        None if role.role.is_empty() => "without a role".to_owned(),
        None => role.role.clone(),
    };
    match (role.ready, role.total) {
        (Some(ready), Some(total)) => format!("{name} {ready}/{total}"),
        (_, _) => name,
    }
}

const fn of_phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Provisioning | Phase::ControlPlaneReady => UNCOLOURED,
        Phase::Ready => GREEN,
        Phase::Failed => RED,
        Phase::Deleting => YELLOW,
    }
}

const fn of_gravity(gravity: Gravity) -> &'static str {
    match gravity {
        Gravity::Note => UNCOLOURED,
        Gravity::Warning => YELLOW,
        Gravity::Critical => RED,
    }
}

fn of_machines(machine: &MachineOverview) -> &'static str {
    match machine.severity {
        Some(severity) => of_gravity(severity),
        None if machine.state.as_deref() == Some(State::Settled.word()) => GREEN,
        None => UNCOLOURED,
    }
}
