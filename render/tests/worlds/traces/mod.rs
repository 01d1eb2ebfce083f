//! Worlds by script: one thing after the other, and what must be so then.

mod contents;
mod heads;
mod leaving;
mod machines;

use std::collections::BTreeMap;

use nico_crds::KubernetesClusterSpec;
use nico_crds::cluster::{NodeGroup, Rollout};
use nico_crds::names::Role;

use crate::checker::view::View;
use crate::genes::{Act, ClusterGene, Edit, Genes, MachineGene, machine_name};
use crate::model::contents::{Contents, Trait};
use crate::model::nio::By;
use crate::model::snapshot::{Probed, role};
use crate::person;
use crate::planner::Planner;
use crate::random;
use crate::run::World;

/// What a script begins with.
pub struct Setup {
    genes: Genes,
    seed: u64,
}

/// A cluster `c0` with control planes m00, m01, ... and workers m10, m11, ..., all by selector, with content
/// `a`.
pub fn world(control_planes: u8, workers: u8) -> Setup {
    let machines = (0..control_planes).map(|number| MachineGene { number, rack: 'a', used: false });
    let workers_there = (10..10 + workers).map(|number| MachineGene { number, rack: 'b', used: false });
    let spec = KubernetesClusterSpec {
        git_repo: Some("https://git.example/fleet.git".to_owned()),
        git_ref: Some("a".to_owned()),
        control_plane: random::found('a', control_planes.into()),
        data_plane: Some(random::found('b', workers.into())),
        rollout: Some(Rollout::default()),
        ..KubernetesClusterSpec::default()
    };
    Setup {
        seed: 1,
        genes: Genes {
            seed: 1,
            machines: machines.chain(workers_there).collect(),
            clusters: vec![ClusterGene { name: "c0".to_owned(), spec }],
            contents: Contents { traits: BTreeMap::new() },
            acts: Vec::new(),
            calm_at: i64::MAX / 4,
            chance_of_failure: 0,
            attempts_begin_anew: true,
            first_look_says_false: true,
            tells_status: true,
            asks_health: false,
            tells_members: false,
        },
    }
}

impl Setup {
    pub fn spec(mut self, edit: Edit) -> Self {
        person::apply(&mut self.genes.clusters[0].spec, &edit);
        self
    }

    pub fn content(mut self, content: &str, does: Trait) -> Self {
        self.genes.contents.traits.insert(content.to_owned(), does);
        self
    }

    pub fn spare(mut self, number: u8, rack: char) -> Self {
        self.genes.machines.push(MachineGene { number, rack, used: false });
        self
    }

    pub fn asks(mut self) -> Self {
        self.genes.asks_health = true;
        self
    }

    /// Nobody is wiped.
    pub fn switches(mut self) -> Self {
        self.genes.clusters[0].spec.install_policy = Some(nico_crds::cluster::InstallPolicy::SwitchOnly);
        self
    }

    /// Everyone comes at once, and nobody is wiped.
    pub fn all_at_once(self) -> Self {
        let mut setup = self.switches();
        setup.genes.clusters[0].spec.rollout.get_or_insert_default().bootstrap =
            Some(nico_crds::cluster::Bootstrap::AllAtOnce);
        setup
    }

    pub fn begin(self) -> Script {
        let Self { genes, seed } = self;
        Script { world: World::new(Genes { seed, ..genes }, Planner::Real, true) }
    }
}

/// A world in the hands of a script.
pub struct Script {
    pub world: World,
}

/// Longer than anything takes that is waited for.
const PATIENCE: i64 = 60_000;

impl Script {
    pub fn edit(&mut self, edit: Edit) -> &mut Self {
        self.act(Act::Edit { cluster: 0, edit })
    }

    pub fn act(&mut self, act: Act) -> &mut Self {
        self.world.act(&act);
        self.world.settle();
        self
    }

    /// The next applies of a machine: how long each takes, and whether it fails.
    pub fn applies(&mut self, machine: u8, by: By, each: &[(i64, bool)]) -> &mut Self {
        self.world.scripted.entry((machine_name(machine), by)).or_default().extend(each);
        self
    }

    pub fn passes(&mut self, seconds: i64) -> &mut Self {
        self.world.run_until(seconds, |_| false);
        self.holds()
    }

    pub fn until(&mut self, what: &str, is_so: impl Fn(&World) -> bool) -> &mut Self {
        let came = self.world.run_until(PATIENCE, is_so);
        self.holds();
        if !came {
            self.tell();
            panic!("it never came to this: {what}");
        }
        self
    }

    /// Everything is as it was asked for.
    pub fn until_done(&mut self) -> &mut Self {
        self.until("everything is done", is_done)
    }

    /// A person does what is asked; then everything has to be well.
    pub fn ends_well(&mut self) {
        self.world.genes.calm_at = self.world.now;
        self.world.run();
        self.holds();
    }

    fn holds(&mut self) -> &mut Self {
        if self.world.checker.has_failed() {
            self.tell();
            panic!("{:?}", self.world.checker.violation);
        }
        self
    }

    pub fn tell(&self) {
        for line in self.world.told.iter().flatten() {
            println!("{line}");
        }
    }

    /// How often something was told.
    pub fn count(&self, text: &str) -> usize {
        count(&self.world, text)
    }

    pub fn assert(&self, holds: bool, what: &str) -> &Self {
        if !holds {
            self.tell();
            panic!("{what}");
        }
        self
    }

    /// What a machine waits for, in one word.
    pub fn waits(&self, machine: u8) -> Vec<String> {
        reasons(&self.world, &machine_name(machine))
    }
}

pub fn count(world: &World, text: &str) -> usize {
    world.told.iter().flatten().filter(|line| line.contains(text)).count()
}

pub fn reasons(world: &World, machine: &str) -> Vec<String> {
    let Some((_, plan)) = world.operator.plans.get("c0") else { return Vec::new() };
    let of_it = plan.waiting.iter().filter(|waiting| waiting.machine.as_deref() == Some(machine));
    of_it.map(|waiting| waiting.reason.reason().to_owned()).collect()
}

/// New contents that were written to a machine.
pub fn contents(world: &World, machine: u8) -> usize {
    count(world, &format!("writes c0-{} (Content", machine_name(machine)))
}

/// The control planes in their order.
pub fn control_planes(world: &World) -> Vec<String> {
    let status = world.server.objects.clusters["c0"].status.clone().unwrap_or_default();
    status.selected_control_plane_machines.unwrap_or_default()
}

pub fn wipes(world: &World, machine: u8) -> u32 {
    world.truth.machines[&machine_name(machine)].wipes
}

pub fn has_configuration(world: &World, machine: u8) -> bool {
    !world.configurations_of(&machine_name(machine)).is_empty()
}

pub fn runs(world: &World, machine: u8, content: &str) -> bool {
    let hardware = &world.truth.machines[&machine_name(machine)];
    hardware.half.is_none() && hardware.runs.as_ref().is_some_and(|runs| runs.content == content)
}

fn with_cases<T>(world: &World, look: impl Fn(&[crate::checker::words::Case]) -> T) -> Option<T> {
    let cluster = world.server.objects.clusters.get("c0")?;
    let (desired, _) = world.operator.plans.get("c0")?;
    let view = View {
        objects: world.server.objects.clone(),
        probed: Probed::default(),
        now: world.now,
        is_fresh: true,
    };
    Some(look(&world.checker.cases(&view, cluster, desired)))
}

pub fn is_settled(world: &World, machine: u8) -> bool {
    with_cases(world, |cases| cases.iter().any(|case| case.machine == machine_name(machine) && case.settled))
        .unwrap_or(false)
}

pub fn is_overdue(world: &World, machine: u8) -> bool {
    with_cases(world, |cases| cases.iter().any(|case| case.machine == machine_name(machine) && case.overdue))
        .unwrap_or(false)
}

/// As many as were asked for, and each current and settled.
pub fn is_done(world: &World) -> bool {
    let Some(cluster) = world.server.objects.clusters.get("c0") else { return false };
    let wants = |group: Option<&NodeGroup>| {
        group.map_or(0, |group| {
            group
                .machines
                .as_ref()
                .map_or_else(|| usize::try_from(group.count.unwrap_or(0)).unwrap(), Vec::len)
        })
    };
    let has =
        |wanted: Role| world.server.objects.of_cluster(cluster).filter(|live| role(live) == wanted).count();
    let is_full = has(Role::ControlPlane) >= wants(Some(&cluster.spec.control_plane))
        && has(Role::Worker) == wants(cluster.spec.data_plane.as_ref());
    let is_seen = world.operator.plans.get("c0").is_some_and(|(desired, plan)| {
        plan.steps.is_empty()
            && desired.configurations.iter().all(|wanted| !wanted.is_new && wanted.keeps_files)
    });
    is_full
        && is_seen
        && with_cases(world, |cases| cases.iter().all(|case| case.current && case.settled && !case.released))
            .unwrap_or(false)
}
