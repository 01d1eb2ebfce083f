//! What a person does in the end, when nothing fails any more and the world is quiet: what the plan, the
//! diagnostics and the conditions ask for, one thing after the other.

use std::sync::Arc;

use nico_crds::NixosConfiguration;
use nico_crds::cluster::RequireNodeHealth;
use nico_crds::names::{LEAVING, LOST, MEMBER_REMOVED, REBOOTSTRAP, REINSTALL_FOR, Role};
use nico_render::Notice;
use nico_render::rollout::{Shortcoming, WaitReason};

use crate::genes::{Edit, machine_name};
use crate::model::machine::Hardware;
use crate::prober::is_asked;
use crate::run::World;

/// So often, and then it is no help any more.
const PATIENCE: u32 = 40;

/// The content that mends everything.
pub const CORRECTED: &str = "corrected";

impl World {
    /// Whether there was anything to do.
    pub fn helps(&mut self) -> bool {
        self.helped += 1;
        if self.helped > PATIENCE {
            return false;
        }
        self.operator.offset = 0;
        self.operator.stale_until = 0;
        let names: Vec<_> = self.server.objects.clusters.keys().cloned().collect();
        // The first that finds something to do does it; then one waits what comes of it.
        self.marks_the_dead()
            || names.iter().any(|name| self.corrects(name))
            || names.iter().any(|name| self.answers(name))
            || names.iter().any(|name| self.restores_quorum(name))
            || self.releases_uncleaned()
            || names.iter().any(|name| self.provides(name))
            || names.iter().any(|name| self.notices_a_spoiled_machine(name))
            || names.iter().any(|name| self.gives_up_who_leaves(name))
    }

    /// No status tells it, but a person misses its Node.
    fn notices_a_spoiled_machine(&mut self, name: &str) -> bool {
        let cluster = &self.server.objects.clusters[name];
        let machines = self.server.objects.of_cluster(cluster).filter_map(|live| live.machine());
        let is_spoiled =
            |machine: &&str| self.truth.machines.get(*machine).is_some_and(|hardware| hardware.spoiled);
        let spoiled: Vec<_> = machines.filter(is_spoiled).map(str::to_owned).collect();
        let Some(machine) = spoiled.first() else { return false };
        self.checker.danger("machines spoiled, and nobody told");
        self.edit(name, &Edit::Trigger(format!("anew {}", self.now)));
        self.tells(&format!("misses {machine}, and rolls the same out again"))
    }

    /// Control planes that leave wait for each other, as neither is well: neither gets what would mend it.
    fn gives_up_who_leaves(&mut self, name: &str) -> bool {
        let Some((desired, plan)) = self.operator.plans.get(name) else { return false };
        let leaves = |machine: &str| desired.leaving.iter().any(|leaving| leaving.machine == machine);
        let waits = plan.waiting.iter().find_map(|waiting| {
            let WaitReason::Quorum { machine, lacks } = &waiting.reason else { return None };
            let is_unwell = matches!(lacks, Shortcoming::Overdue { .. } | Shortcoming::NotReady { .. });
            (is_unwell && leaves(machine)).then(|| machine.clone())
        });
        let Some(machine) = waits else { return false };
        self.mark_machine(&machine, LOST, Some("true"));
        self.tells(&format!("marks {machine} as lost, which leaves and is not well"))
    }

    fn tells(&mut self, text: &str) -> bool {
        self.note(|| format!("-- a person {text}"));
        true
    }

    /// A bad content is replaced, a pause is ended.
    fn corrects(&mut self, name: &str) -> bool {
        let spec = self.server.objects.clusters[name].spec.clone();
        if spec.paused == Some(true) {
            self.edit(name, &Edit::Pause(false));
            return self.tells("ends the pause");
        }
        let content = spec.git_ref.unwrap_or_default();
        if self.truth.contents.is_bad(&content) {
            // Back to what was good before, if there was anything.
            let before = self.contents.get(name).into_iter().flatten().rev();
            let good = before.into_iter().find(|content| !self.truth.contents.is_bad(content)).cloned();
            self.edit(name, &Edit::Ref(good.unwrap_or_else(|| CORRECTED.to_owned())));
            return self.tells("corrects the spec");
        }
        false
    }

    /// Machines that will never do again what they are told.
    fn marks_the_dead(&mut self) -> bool {
        let is_hopeless = |hardware: &Hardware| hardware.is_dead() || hardware.broken;
        let hopeless: Vec<_> = self
            .truth
            .machines
            .iter()
            .filter(|(_, hardware)| is_hopeless(hardware))
            .map(|(name, _)| name.clone())
            .collect();
        let mut acted = false;
        for name in hopeless {
            let is_wanted = self.is_wanted(&name);
            let unmarked =
                self.server.objects.machines.get(&name).is_some_and(|object| mark(object, LOST).is_none());
            if unmarked && is_wanted {
                self.mark_machine(&name, LOST, Some("true"));
                acted = self.tells(&format!("marks {name} as lost"));
            }
        }
        acted
    }

    /// It has a configuration, or a cluster counts on it.
    fn is_wanted(&self, machine: &str) -> bool {
        let listed = self
            .operator
            .plans
            .values()
            .any(|(desired, _)| desired.members.iter().any(|member| member.machine == machine));
        listed || !self.configurations_of(machine).is_empty()
    }

    /// What the plan waits for a person to do.
    fn answers(&mut self, name: &str) -> bool {
        let Some((desired, plan)) = self.operator.plans.get(name) else { return false };
        let waiting: Vec<_> =
            plan.waiting.iter().map(|waiting| (waiting.machine.clone(), waiting.reason.reason())).collect();
        let head_lost = desired.head_lost || waiting.iter().any(|(_, reason)| *reason == "HeadLost");
        for (machine, reason) in &waiting {
            if *reason == "TokenLost" {
                self.server.restore_token(name);
                return self.tells("restores the token");
            }
            if let ("DrainTimedOut", Some(machine)) = (*reason, machine) {
                self.truth.ends_pods(name, machine);
                self.server.is_new = true;
                return self.tells(&format!("ends what runs on {machine}"));
            }
            if let ("MemberNotRemoved", Some(machine)) = (*reason, machine) {
                for configuration in self.configurations_of(machine) {
                    let live = self.server.live(&configuration);
                    if live.is_some_and(|live| live.annotation(MEMBER_REMOVED).is_none()) {
                        self.truth.leaves(name, machine);
                        self.server.annotate(&configuration, MEMBER_REMOVED, Some("true"));
                        return self.tells(&format!("removes {machine} from the control plane, and says so"));
                    }
                }
            }
        }
        head_lost && self.rebootstraps(name)
    }

    /// Where the API answers nobody, dead members are removed by hand; where that does not help, nobody asks.
    fn restores_quorum(&mut self, name: &str) -> bool {
        let cluster = &self.server.objects.clusters[name];
        let rollout = cluster.spec.rollout.as_ref();
        let never = rollout.and_then(|rollout| rollout.require_node_health) == Some(RequireNodeHealth::Never);
        let runs = self.truth.members.get(name).is_some_and(|members| !members.is_empty());
        // Or who leaves had a Node there, though nobody is left who knows of it.
        let waits = self.operator.plans.get(name).is_some_and(|(_, plan)| {
            plan.waiting.iter().any(|waiting| waiting.reason.reason() == "ClusterNotAnswering")
        });
        let is_expected = !never && (is_asked(cluster) || runs || waits);
        if !self.genes.asks_health || !is_expected || self.truth.answers(name, self.now) {
            return self.restarts_those_removed(name);
        }
        let stands = |machine: &String| self.truth.is_member_up(machine, self.now);
        let members = self.truth.members.get(name).cloned().unwrap_or_default();
        let (up, down): (Vec<_>, Vec<_>) = members.into_iter().partition(stands);
        if up.is_empty() || down.is_empty() {
            self.edit(name, &Edit::NeverAsk);
            return self.tells("asks no more");
        }
        self.truth.members.insert(name.to_owned(), up);
        self.server.is_new = true;
        self.tells(&format!("removes the members {down:?} by hand"))
    }

    /// Who stays, and was removed from etcd, joins again when it is started anew.
    fn restarts_those_removed(&mut self, name: &str) -> bool {
        let cluster = &self.server.objects.clusters[name];
        if !self.truth.answers(name, self.now) {
            return false;
        }
        let stays = |live: &&Arc<NixosConfiguration>| {
            live.metadata.deletion_timestamp.is_none() && live.annotation(LEAVING).is_none()
        };
        let lives = self.server.objects.of_cluster(cluster).filter(stays).filter_map(|live| live.machine());
        let out: Vec<_> =
            lives.filter(|machine| self.truth.is_out(name, machine)).map(str::to_owned).collect();
        let Some(machine) = out.first() else { return false };
        self.truth.joins(name, machine, self.now);
        self.truth.registers(name, machine, false, true);
        self.server.is_new = true;
        self.tells(&format!("starts {machine} anew"))
    }

    /// On a control plane that lives, else on any free machine, else on a new one.
    fn rebootstraps(&mut self, name: &str) -> bool {
        let cluster = &self.server.objects.clusters[name];
        let used = cluster.status.as_ref().and_then(|status| status.rebootstrapped.clone());
        let asked = cluster
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(REBOOTSTRAP).cloned());
        let lives = |machine: &str| {
            let object = self.server.objects.machines.get(machine);
            object.is_some_and(|object| mark(object, LOST).is_none())
                && self.truth.machines[machine].is_reachable(self.now)
        };
        // Who leaves, as one that was wiped again does, is refused.
        let leaves = |machine: &str| {
            let plan = self.operator.plans.get(name);
            plan.is_some_and(|(desired, _)| desired.leaving.iter().any(|leaving| leaving.machine == machine))
        };
        let own = self.server.objects.of_cluster(cluster).filter(|live| {
            crate::model::snapshot::role(live) == Role::ControlPlane
                && live.metadata.deletion_timestamp.is_none()
                && !live.machine().is_some_and(leaves)
        });
        let own: Vec<_> = own.filter_map(|live| live.machine()).map(str::to_owned).collect();
        let taken: Vec<_> = self
            .server
            .objects
            .configurations
            .values()
            .filter_map(|live| live.machine())
            .map(str::to_owned)
            .collect();
        let free = self.server.objects.machines.keys().filter(|machine| !taken.contains(machine)).cloned();
        let candidates: Vec<_> = own.into_iter().chain(free).filter(|machine| lives(machine)).collect();
        let fresh = |machine: &&String| Some(*machine) != used.as_ref() && Some(*machine) != asked.as_ref();
        let Some(machine) = candidates.iter().find(fresh).cloned() else {
            let number = self.new_number();
            self.add_machine(number, 'a');
            return self.tells("adds a machine to begin anew on");
        };
        if self.configurations_of(&machine).is_empty() {
            self.mark_machine(&machine, REINSTALL_FOR, Some(name));
        }
        self.mark_cluster(name, REBOOTSTRAP, Some(&machine));
        self.tells(&format!("lets {name} begin anew on {machine}"))
    }

    /// Whose clean-up fails for ever.
    fn releases_uncleaned(&mut self) -> bool {
        let stuck = self
            .server
            .objects
            .configurations
            .values()
            .filter(|live| live.metadata.deletion_timestamp.is_some());
        let machines: Vec<_> = stuck.filter_map(|live| live.machine()).map(str::to_owned).collect();
        for machine in machines {
            let unmarked =
                self.server.objects.machines.get(&machine).is_some_and(|object| mark(object, LOST).is_none());
            if unmarked {
                self.mark_machine(&machine, LOST, Some("true"));
                return self.tells(&format!("gives {machine} up, which is never cleaned"));
            }
        }
        false
    }

    /// Machines where there are too few.
    fn provides(&mut self, name: &str) -> bool {
        let Some((desired, _)) = self.operator.plans.get(name) else { return false };
        let mut short = Vec::new();
        for diagnostic in &desired.diagnostics {
            if let Notice::TooFew { role, wanted, found } = &diagnostic.notice
                && wanted > found
            {
                short.push(*role);
            } else if let Notice::CannotJoin { role, .. } = &diagnostic.notice {
                short.push(*role);
            } else if matches!(diagnostic.notice, Notice::NoHead | Notice::HeadAwaited { .. }) {
                short.push(Role::ControlPlane);
            }
        }
        short.iter().any(|role| self.provides_for(name, *role))
    }

    fn provides_for(&mut self, name: &str, role: Role) -> bool {
        let spec = &self.server.objects.clusters[name].spec;
        let group = match role {
            Role::ControlPlane => Some(&spec.control_plane),
            Role::Worker => spec.data_plane.as_ref(),
        };
        if let Some(listed) =
            group.and_then(|group| group.machines.clone()).filter(|listed| !listed.is_empty())
        {
            let others = |machine: &String| {
                self.configurations_of(machine)
                    .iter()
                    .any(|configuration| !configuration.starts_with(&format!("{name}-")))
            };
            if listed.iter().any(others) {
                let count = i32::try_from(listed.len()).unwrap();
                let edit = if role == Role::ControlPlane {
                    Edit::ControlPlanes(count)
                } else {
                    Edit::Workers(count)
                };
                self.edit(name, &edit);
                return self.tells("leaves machines of others alone");
            }
            return listed.iter().any(|machine| self.repairs(name, machine));
        }
        let number = self.new_number();
        self.checker.saw_too_few();
        self.add_machine(number, if role == Role::ControlPlane { 'a' } else { 'b' });
        self.tells(&format!("adds machine {} for {name}", machine_name(number)))
    }

    fn new_number(&self) -> u8 {
        let used = self.truth.machines.values().map(|hardware| hardware.number).max();
        used.map_or(0, |used| used + 1)
    }

    /// A listed machine that is not in: it is exchanged or freed, and a person says that it may be wiped.
    fn repairs(&mut self, cluster: &str, name: &str) -> bool {
        if !self.configurations_of(name).is_empty() {
            return false;
        }
        let number = name.trim_start_matches('m').parse().unwrap_or(99);
        let hardware = self
            .truth
            .machines
            .entry(name.to_owned())
            .or_insert_with(|| Hardware { number, ..Hardware::default() });
        let was_hopeless = hardware.is_dead() || hardware.broken || hardware.cleanup_fails;
        if was_hopeless {
            *hardware = Hardware { number, ..Hardware::default() };
            self.server.remove_machine(name);
        }
        self.checker.saw_too_few();
        self.add_machine(number, 'a');
        let object = &self.server.objects.machines[name];
        let (is_lost, wanted) =
            (mark(object, LOST).is_some(), mark(object, REINSTALL_FOR).map(str::to_owned));
        if !was_hopeless && !is_lost && wanted.as_deref() == Some(cluster) {
            return self.takes_back_what_was_used(cluster, name);
        }
        self.mark_machine(name, LOST, None);
        self.mark_machine(name, REINSTALL_FOR, Some(cluster));
        self.tells(&format!("puts {name} in order for {cluster}"))
    }

    /// An annotation that was used counts no more: it is taken off, to be set again.
    fn takes_back_what_was_used(&mut self, cluster: &str, name: &str) -> bool {
        let status = self.server.objects.clusters[cluster].status.clone().unwrap_or_default();
        if !status.reinstalled.is_some_and(|used| used.iter().any(|machine| machine == name)) {
            return false;
        }
        self.mark_machine(name, REINSTALL_FOR, None);
        self.tells(&format!("takes the used annotation off {name}"))
    }
}

fn mark<'a>(object: &'a nico_crds::Machine, key: &str) -> Option<&'a str> {
    object.metadata.annotations.as_ref()?.get(key).map(String::as_str)
}
