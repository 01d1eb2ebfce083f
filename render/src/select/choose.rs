//! Who stays, who leaves and who joins, role by role.

use nico_crds::names::Role;

use crate::diagnostic::{Departure, Obstacle};
use crate::select::demand::{Demand, RoleDemand};
use crate::select::head::Head;
use crate::select::known::{Known, ordinal};
use crate::select::obstacle::Gate;
use crate::select::{Chosen, Leaving, Member, Why};

/// The outcome, with what stood in the way of those that were wanted.
#[derive(Default)]
pub(crate) struct Choice<'a> {
    pub control_planes: Vec<Member<'a>>,
    pub workers: Vec<Member<'a>>,
    pub leaving: Vec<Leaving<'a>>,
    pub obstacles: Vec<(&'a str, Role, Obstacle)>,
    /// Machines that both roles want.
    pub contested: Vec<&'a str>,
    /// The machine that has to be the head, and is not there yet.
    pub awaited: Option<(&'a str, Obstacle)>,
}

impl<'a> Choice<'a> {
    /// Chooses. `held`: nobody joins or leaves but who is released.
    pub fn make(
        gate: &Gate<'_, 'a>,
        demand: &Demand<'a>,
        head: Head<'a>,
        held: bool,
        chosen: &mut Chosen<'_>,
    ) -> Self {
        let mut choice = Self::default();
        let frozen = held || head.is_lost();
        for role in Role::ALL {
            choice.fill(role, gate, demand, head, frozen);
            chosen(role, choice.of_role(role).len());
        }
        choice
    }

    pub fn members(&self) -> impl Iterator<Item = &Member<'a>> {
        self.control_planes.iter().chain(&self.workers)
    }

    pub fn of_role(&self, role: Role) -> &[Member<'a>] {
        match role {
            Role::ControlPlane => &self.control_planes,
            Role::Worker => &self.workers,
        }
    }

    fn is_member(&self, machine: &str) -> bool {
        self.members().any(|member| member.machine == machine)
    }

    fn fill(&mut self, role: Role, gate: &Gate<'_, 'a>, demand: &Demand<'a>, head: Head<'a>, frozen: bool) {
        let wish =
            Wish { role, demand: demand.of_role(role), other: demand.of_role(other(role)), head, frozen };
        let mut members = self.keep(&wish, gate);
        wish.admit_rebootstrapped(&mut members);
        if !frozen && gate.cluster.metadata.deletion_timestamp.is_none() {
            self.join(&wish, gate, &mut members);
        }
        wish.put_in_order(&mut members, gate);
        number(&mut members);
        match role {
            Role::ControlPlane => self.control_planes = members,
            Role::Worker => self.workers = members,
        }
    }

    /// Who is in already, and stays. The others are noted as leaving.
    fn keep(&mut self, wish: &Wish<'_, 'a>, gate: &Gate<'_, 'a>) -> Vec<Member<'a>> {
        let known = gate.roster.of_role(wish.role);
        let staying = wish.staying(known);
        let mut members = Vec::new();
        for known in known {
            let departure = match known.departure {
                Some(_) if wish.is_lost_head(known) => None,
                Some(departure) => Some(departure),
                None if staying.contains(&known.machine) => None,
                None if wish.other.lists(known.machine) => Some(Departure::RoleChange),
                None => Some(Departure::NotSelected),
            };
            match (departure, known.configuration) {
                // As a control plane, in this pass.
                (None, _) if self.is_member(known.machine) => {}
                (None, _) => members.push(Member::of(known, wish.why(known))),
                (Some(why), Some(configuration)) => {
                    self.leaving.push(Leaving {
                        machine: known.machine,
                        role: wish.role,
                        configuration,
                        why,
                    });
                }
                (Some(_), None) => {}
            }
        }
        members
    }

    fn join(&mut self, wish: &Wish<'_, 'a>, gate: &Gate<'_, 'a>, members: &mut Vec<Member<'a>>) {
        if wish.demand.is_explicit() {
            self.join_listed(wish, gate, members);
        } else {
            self.join_found(wish, gate, members);
            let wants = wish.role == Role::ControlPlane && wish.demand.count() > 0;
            if wants && members.is_empty() && !gate.roster.bootstrapped {
                members.extend(yielding_worker(wish, gate));
            }
        }
    }

    fn join_listed(&mut self, wish: &Wish<'_, 'a>, gate: &Gate<'_, 'a>, members: &mut Vec<Member<'a>>) {
        let starts = !gate.roster.bootstrapped && wish.role == Role::ControlPlane;
        let mut open = starts && !members.iter().any(|member| member.stands);
        for &machine in wish.demand.listed() {
            let obstacle = if members.iter().any(|member| member.machine == machine) {
                None
            } else if self.is_member(machine) {
                self.contested.push(machine);
                continue;
            } else {
                let obstacle = gate.obstacle(machine);
                if obstacle.is_none() {
                    members.push(Member::new(machine, wish.role, Why::Named));
                }
                obstacle
            };
            match obstacle {
                None => open = false,
                // A lost one is not waited for.
                Some(Obstacle::MarkedLost) => self.obstacles.push((machine, wish.role, Obstacle::MarkedLost)),
                Some(obstacle) if open => {
                    open = false;
                    self.awaited = Some((machine, obstacle));
                }
                Some(obstacle) => self.obstacles.push((machine, wish.role, obstacle)),
            }
        }
    }

    fn join_found(&mut self, wish: &Wish<'_, 'a>, gate: &Gate<'_, 'a>, members: &mut Vec<Member<'a>>) {
        let mut room = wish.demand.count().saturating_sub(members.len());
        let mut obstacles = Vec::new();
        for machine in wish.demand.candidates(gate.space) {
            if room == 0 {
                return;
            }
            let matches = gate.space.machine(machine).is_some_and(|object| wish.demand.matches(object));
            let is_in = self.is_member(machine) || members.iter().any(|member| member.machine == machine);
            if !matches || wish.other.lists(machine) || is_in {
                continue;
            }
            if gate.roster.find(machine).is_some_and(|known| known.departure.is_none()) {
                continue;
            }
            match gate.obstacle(machine) {
                None => {
                    members.push(Member::new(machine, wish.role, Why::Found));
                    room = room.saturating_sub(1);
                }
                Some(obstacle) => obstacles.push((machine, wish.role, obstacle)),
            }
        }
        if room > 0 {
            self.obstacles.extend(obstacles);
        }
    }
}

/// What one role wishes for.
struct Wish<'w, 'a> {
    role: Role,
    demand: &'w RoleDemand<'a>,
    other: &'w RoleDemand<'a>,
    head: Head<'a>,
    frozen: bool,
}

impl<'a> Wish<'_, 'a> {
    /// Those of the role that are not released and that the spec has room for.
    fn staying(&self, known: &[Known<'a>]) -> Vec<&'a str> {
        let present = known.iter().filter(|known| known.departure.is_none());
        if self.frozen {
            return present
                .filter(|known| known.stands || self.head.is_lost())
                .map(|known| known.machine)
                .collect();
        }
        let wanted = present.filter(|known| {
            self.is_fixed(known)
                || if self.demand.is_explicit() {
                    self.demand.lists(known.machine)
                } else {
                    !self.other.lists(known.machine)
                }
        });
        if self.demand.is_explicit() {
            return wanted.map(|known| known.machine).collect();
        }
        // Those leave first that never ran anything, then the newest; never the head.
        let mut ranked: Vec<_> = wanted.enumerate().collect();
        ranked.sort_by_key(|(place, known)| (!self.is_first(known), !known.ran, !known.stands, *place));
        let room = self.demand.count();
        let stays = |(rank, known): &(usize, &Known<'a>)| *rank < room || self.is_fixed(known);
        let ranked = ranked.into_iter().map(|(_, known)| known).enumerate();
        ranked.filter(stays).map(|(_, known)| known.machine).collect()
    }

    fn is_fixed(&self, known: &Known<'_>) -> bool {
        self.role == Role::ControlPlane && self.head.fixed() == Some(known.machine)
    }

    fn is_first(&self, known: &Known<'_>) -> bool {
        self.role == Role::ControlPlane && self.head.first() == Some(known.machine)
    }

    /// Where nobody can take its place, a lost head keeps it.
    fn is_lost_head(&self, known: &Known<'_>) -> bool {
        self.head.is_lost() && self.is_fixed(known)
    }

    fn why(&self, known: &Known<'_>) -> Why {
        if self.is_fixed(known) && !self.demand.lists(known.machine) && self.demand.is_explicit() {
            Why::Head
        } else if known.configuration.is_some() {
            Why::Configured
        } else if known.listed {
            Why::Listed
        } else {
            Why::RunsIt
        }
    }

    /// The order is append-only once the cluster runs. Before, the list says it. The head is first.
    fn put_in_order(&self, members: &mut [Member<'a>], gate: &Gate<'_, 'a>) {
        if !gate.roster.bootstrapped {
            members.sort_by_key(|member| self.demand.place(member.machine));
        }
        if self.role == Role::ControlPlane
            && let Some(first) = self.head.first()
        {
            members.sort_by_key(|member| member.machine != first);
        }
    }

    /// The machine that a person lets the cluster start anew on need not have been in it.
    fn admit_rebootstrapped(&self, members: &mut Vec<Member<'a>>) {
        let Head::Rebootstrap(machine) = self.head else {
            return;
        };
        if self.role == Role::ControlPlane && !members.iter().any(|member| member.machine == machine) {
            members.push(Member::new(machine, self.role, Why::Head));
        }
    }
}

/// A machine that is only claimed as a worker gives way where there would be no head at all.
fn yielding_worker<'a>(wish: &Wish<'_, 'a>, gate: &Gate<'_, 'a>) -> Option<Member<'a>> {
    let workers = gate.roster.workers.iter().filter(|known| !known.stands && known.departure.is_none());
    let mut machines: Vec<_> = workers
        .map(|known| known.machine)
        .filter(|machine| gate.space.machine(machine).is_some_and(|object| wish.demand.matches(object)))
        .filter(|machine| !wish.other.lists(machine) && gate.obstacle(machine).is_none())
        .collect();
    machines.sort_unstable();
    machines.first().map(|machine| Member::new(machine, Role::ControlPlane, Why::Found))
}

const fn other(role: Role) -> Role {
    match role {
        Role::ControlPlane => Role::Worker,
        Role::Worker => Role::ControlPlane,
    }
}

/// Ordinals only grow along the list; a live one that fits is kept.
fn number(members: &mut [Member<'_>]) {
    let mut next = 0;
    for member in members {
        let live = member.configuration.and_then(ordinal).unwrap_or(next);
        member.ordinal = live.max(next);
        next = member.ordinal.saturating_add(1);
    }
}
