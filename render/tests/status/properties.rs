//! What must hold over random worlds.

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use nico_crds::KubernetesClusterStatus;
use nico_crds::names::{LOST, Role, WRITTEN_AT};
use nico_crds::status::Phase;
use nico_render::proof::{Timing, prove};
use nico_render::rollout::rollout;
use nico_render::status::{status, transitions};
use nico_render::{Desired, Health, Observed, Sight, TokenState, render};
use proptest::prelude::*;

use crate::scene::{annotate, deleting, find, handle, merged, owned, time, write_keeping_what_was_told};
use crate::world::{MachineGene, NAMESPACE, SpecGene, World, machine, machines, spec, worlds};

const CASES: u32 = 1000;

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

/// Something that happens to a world, in small numbers.
#[derive(Clone, Debug)]
enum Event {
    Write,
    Nio,
    Edit(SpecGene),
    Machines(Vec<MachineGene>),
    /// To the configuration at this place.
    Spoil(usize, u8),
    Token(u8),
    Health(u8, u8),
    Paused(bool),
    Deleted,
    NoRepository,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Write),
        4 => Just(Event::Nio),
        2 => spec().prop_map(Event::Edit),
        1 => machines().prop_map(Event::Machines),
        4 => (0..12_usize, 0..9_u8).prop_map(|(place, how)| Event::Spoil(place, how)),
        1 => (0..5_u8).prop_map(Event::Token),
        1 => (0..14_u8, 0..4_u8).prop_map(|(machine, health)| Event::Health(machine, health)),
        1 => any::<bool>().prop_map(Event::Paused),
        1 => Just(Event::Deleted),
        1 => Just(Event::NoRepository),
    ]
}

#[derive(Clone, Debug)]
struct Play {
    world: World,
    sight: Sight,
    now: Timestamp,
}

impl Play {
    fn of(world: World) -> Self {
        Self { world, sight: Sight::default(), now: time("2026-11-01T12:00:00Z") }
    }

    fn happens(&mut self, event: &Event) {
        match event {
            Event::Write => {
                write_keeping_what_was_told(&mut self.world);
                self.stamp();
            }
            Event::Nio => {
                self.world.nio();
                for live in self.world.inventory.configurations.iter_mut().map(Arc::make_mut) {
                    if live.status.is_some() && live.spec.full_install == Some(true) {
                        live.spec.full_install = Some(false);
                        handle(live);
                    }
                }
            }
            Event::Edit(gene) => self.world.edit(0, gene),
            Event::Machines(genes) => {
                self.world.inventory.machines = genes.iter().map(machine).map(Arc::new).collect();
            }
            Event::Spoil(place, how) => self.spoil(*place, *how),
            Event::Token(token) => {
                let state = match token {
                    0 => TokenState::Absent,
                    1 => TokenState::Foreign,
                    2 => TokenState::Unclaimed { guessable: true },
                    _ => TokenState::Own { guessable: false },
                };
                self.sight.tokens.insert(crate::scene::key(), state);
            }
            Event::Health(machine, health) => {
                let health = match health {
                    0 => Health::Unknown,
                    1 => Health::NotReady { why: "x".to_owned() },
                    _ => Health::Ready,
                };
                self.sight
                    .health
                    .insert((NAMESPACE.to_owned(), crate::world::machine_name(*machine)), health);
            }
            Event::Paused(paused) => self.cluster(|cluster| cluster.spec.paused = Some(*paused)),
            Event::Deleted => self.cluster(|cluster| deleting(&mut cluster.metadata)),
            Event::NoRepository => self.cluster(|cluster| cluster.spec.git_repo = None),
        }
    }

    fn cluster(&mut self, edit: impl FnOnce(&mut nico_crds::KubernetesCluster)) {
        let same =
            |cluster: &&mut Arc<nico_crds::KubernetesCluster>| cluster.metadata.name.as_deref() == Some("c0");
        if let Some(cluster) = self.world.inventory.clusters.iter_mut().find(same).map(Arc::make_mut) {
            edit(cluster);
        }
    }

    fn stamp(&mut self) {
        for live in self.world.inventory.configurations.iter_mut().map(Arc::make_mut) {
            live.metadata.creation_timestamp.get_or_insert_with(|| Time(time("2026-10-31T23:59:00Z")));
            let annotations = live.metadata.annotations.get_or_insert_default();
            annotations.entry(WRITTEN_AT.to_owned()).or_insert_with(|| "2026-10-31T23:59:00Z".to_owned());
        }
        self.sight.ownership.extend(owned(&self.world));
    }

    fn spoil(&mut self, place: usize, how: u8) {
        let now = self.now;
        let Some(live) = self.world.inventory.configurations.get_mut(place).map(Arc::make_mut) else {
            return;
        };
        let nio = live.status.get_or_insert_default();
        match how {
            0 => nio.applied_commit = Some("beef".to_owned()),
            1 => nio.applied_commit = None,
            2 => nio.additional_files_hash = Some("0".repeat(64)),
            3 => nio.last_applied_time = Some(now.to_string()),
            4 => nio.has_full_install = Some(true),
            5 => deleting(&mut live.metadata),
            6 => annotate(&mut live.metadata, WRITTEN_AT, &now.to_string()),
            7 => annotate(&mut live.metadata, LOST, "true"),
            _ => live.status = None,
        }
    }

    fn desired(&self) -> Option<Result<Desired, nico_render::RenderError>> {
        let cluster =
            self.world.inventory.clusters.iter().find(|one| one.metadata.name.as_deref() == Some("c0"))?;
        Some(render(cluster, &self.world.inventory))
    }

    fn tell(&mut self) -> Option<KubernetesClusterStatus> {
        let desired = self.desired()?;
        let observed = Observed::new(&self.world.inventory, &self.sight);
        let cluster =
            self.world.inventory.clusters.iter().find(|one| one.metadata.name.as_deref() == Some("c0"))?;
        let plan = desired.as_ref().ok().map(|desired| rollout(cluster, desired, &observed, self.now));
        let told = status(cluster, desired.as_ref(), &observed, plan.as_ref(), self.now);
        let kept = told.clone();
        self.cluster(|cluster| cluster.status = Some(merged(cluster, kept)));
        Some(told)
    }

    fn status(&self) -> KubernetesClusterStatus {
        let cluster =
            self.world.inventory.clusters.iter().find(|one| one.metadata.name.as_deref() == Some("c0"));
        cluster.and_then(|cluster| cluster.status.clone()).unwrap_or_default()
    }

    /// Judged by hand: every member has the content that is rendered, has settled, can be reached, and its
    /// Node is not known to be bad; and there are as many as the spec asks for.
    fn is_whole(&self, desired: &Desired) -> bool {
        let inventory = &self.world.inventory;
        let cluster =
            inventory.clusters.iter().find(|one| one.metadata.name.as_deref() == Some("c0")).unwrap();
        let observed = Observed::new(inventory, &self.sight);
        let asked = |group: &nico_crds::cluster::NodeGroup| match &group.machines {
            Some(machines) if !machines.is_empty() => machines.iter().collect::<BTreeSet<_>>().len(),
            _ => usize::try_from(group.count.unwrap_or(0)).unwrap(),
        };
        let of = |role: Role| desired.members.iter().filter(|member| member.role == role).count();
        let enough = of(Role::ControlPlane) >= asked(&cluster.spec.control_plane).max(1)
            && cluster.spec.data_plane.as_ref().is_none_or(|group| of(Role::Worker) >= asked(group));
        enough
            && desired.members.iter().all(|member| {
                let Some(wanted) = desired.configurations.iter().find(|one| one.machine == member.machine)
                else {
                    return false;
                };
                let live = inventory
                    .configurations
                    .iter()
                    .find(|live| live.metadata.name == wanted.object.metadata.name);
                let object = inventory
                    .machines
                    .iter()
                    .find(|object| object.metadata.name.as_deref() == Some(&member.machine));
                let (Some(live), Some(object)) = (live, object) else { return false };
                let proof = prove(live, Some(object), inventory.dialect, &Timing::of(cluster), self.now);
                wanted.object.spec == live.spec
                    && proof.is_settled()
                    && proof.reachable.is_yes()
                    && matches!(observed.health(object), Health::NotAsked | Health::Ready)
            })
    }
}

fn check(
    before: &KubernetesClusterStatus,
    told: &KubernetesClusterStatus,
    now: Timestamp,
) -> Result<(), TestCaseError> {
    prop_assert!(told.phase.is_some());
    for group in [told.control_plane.as_ref().unwrap(), told.data_plane.as_ref().unwrap()] {
        prop_assert!(0 <= group.ready && group.ready <= group.total);
        prop_assert_eq!(
            group.ready_machines.as_ref().map_or(0, Vec::len),
            usize::try_from(group.ready).unwrap()
        );
    }
    let rollout = told.rollout.as_ref().unwrap();
    prop_assert!(0 <= rollout.updated && rollout.updated <= rollout.total);
    for type_ in ["Ready", "ControlPlaneReady", "DataPlaneReady", "MachinesSelected", "RolledOut"] {
        prop_assert!(find(told, type_).is_some(), "{} is always there", type_);
    }
    let conditions = told.conditions.iter().flatten();
    let mut names = BTreeSet::new();
    for one in conditions {
        prop_assert!(names.insert(&one.type_), "{} twice", one.type_);
        let old = find(before, &one.type_);
        let stands = old.is_some_and(|old| old.status == one.status);
        let expected =
            if stands { old.unwrap().last_transition_time.clone().unwrap() } else { now.to_string() };
        prop_assert_eq!(one.last_transition_time.as_ref(), Some(&expected), "{}", one.type_);
        prop_assert!(["True", "False", "Unknown"].contains(&one.status.as_deref().unwrap()));
        let reason = one.reason.as_deref().unwrap();
        prop_assert!(
            !reason.is_empty() && reason.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{}",
            reason
        );
        let message = one.message.as_deref().unwrap();
        prop_assert!(!message.is_empty() && message.len() <= 8192, "{}: {}", one.type_, message.len());
    }
    prop_assert_eq!(short(told, "Ready") == "True", told.phase == Some(Phase::Ready));
    Ok(())
}

fn short<'s>(status: &'s KubernetesClusterStatus, type_: &str) -> &'s str {
    find(status, type_).and_then(|one| one.status.as_deref()).unwrap_or_default()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_status_is_sound(world in worlds(), events in prop::collection::vec(event(), 1..12)) {
        let mut play = Play::of(world);
        let mut was_ready = false;
        for event in &events {
            play.happens(event);
            play.now += SignedDuration::from_secs(30);
            let before = play.status();
            let Some(told) = play.tell() else { return Ok(()) };
            check(&before, &told, play.now)?;
            // That all were healthy for the first time is known from the next plan on.
            let is_first = before.health_seen != told.health_seen;
            let told = if is_first { play.tell().unwrap() } else { told };
            // Again, and later: nothing changes, so nothing is written. (Half a second: what is proven by then
            // is proven now.)
            let again = { play.now += SignedDuration::from_millis(500); play.tell().unwrap() };
            prop_assert_eq!(&again, &told);
            prop_assert!(transitions(&told, &again).is_empty());
            play.now -= SignedDuration::from_millis(500);
            match play.desired().unwrap() {
                Ok(desired) if told.phase == Some(Phase::Ready) => prop_assert!(play.is_whole(&desired)),
                Ok(_) => {}
                Err(_) => {
                    let deleted = told.phase == Some(Phase::Deleting);
                    prop_assert!(deleted || told.phase == Some(Phase::Failed));
                    for (old, new) in [(&before.control_plane, &told.control_plane), (&before.data_plane, &told.data_plane)] {
                        let total = |group: &Option<nico_crds::status::GroupStatus>| group.as_ref().map_or(0, |group| group.total);
                        prop_assert!(total(old) <= total(new));
                    }
                }
            }
            was_ready |= matches!(told.phase, Some(Phase::Ready | Phase::ControlPlaneReady));
            prop_assert!(!(was_ready && told.phase == Some(Phase::Provisioning)));
        }
        // The server would take it.
        let cluster = play.world.inventory.clusters.iter().find(|one| one.metadata.name.as_deref() == Some("c0"));
        let object = serde_json::to_value(cluster.unwrap().as_ref()).unwrap();
        let mut violations = nico_crds::validate::cluster(&object);
        violations.retain(|violation| violation.field.starts_with("status"));
        prop_assert!(violations.is_empty(), "{violations:?}");
    }

    #[test]
    fn a_settled_world_is_at_rest_for_ever(mut world in worlds(), days in 0..4000_i64) {
        for _ in 0..6 {
            let desired = world.render();
            world.write(&desired);
            world.nio();
        }
        let mut play = Play::of(world);
        play.stamp();
        play.happens(&Event::Nio);
        for machine in &mut play.world.inventory.machines {
            Arc::make_mut(machine).status.get_or_insert_default().discoverable = Some(true);
        }
        play.happens(&Event::Nio);
        play.happens(&Event::Write);
        play.happens(&Event::Nio);
        // Since then everything that could be late is.
        play.now += SignedDuration::from_hours(48);
        let Some(_) = play.tell() else { return Ok(()) };
        let told = play.tell().unwrap();
        play.now += SignedDuration::from_hours(24 * days);
        prop_assert_eq!(&play.tell().unwrap(), &told);
        if let Some(Ok(desired)) = play.desired()
            && told.phase != Some(Phase::Failed)
        {
            prop_assert_eq!(play.is_whole(&desired), told.phase == Some(Phase::Ready), "{:?}", told);
        }
    }
}
