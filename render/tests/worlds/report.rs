//! Many worlds, on all processors; a table of what was looked at; and of one that fails the whole story.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::checker::{Invariant, Tally, Violation};
use crate::genes::{Genes, machine_name};
use crate::planner::Planner;
use crate::random;
use crate::run::World;
use crate::shrink::shrink;

/// So long at the most, unless `WORLDS` says how many.
const TIME: Duration = Duration::from_secs(90);
const ENOUGH: u64 = 100_000;
/// Of fewer it cannot be said what share of them put an invariant to the test.
const TELLING: u64 = 1_000;

/// All worlds together.
#[derive(Default)]
pub struct Sum {
    worlds: u64,
    turns: u64,
    ticks: u64,
    checks: BTreeMap<Invariant, u64>,
    antecedents: BTreeMap<Invariant, u64>,
    dangers: BTreeMap<&'static str, (u64, u64)>,
    failures: Vec<(u64, Violation)>,
}

impl Sum {
    fn add(&mut self, seed: u64, world: &World) {
        self.worlds += 1;
        self.turns += u64::from(world.turns);
        self.ticks += world.operator.ticks;
        let Tally { checks, antecedents, dangers } = &world.checker.tally;
        for (invariant, count) in checks {
            *self.checks.entry(*invariant).or_default() += count;
        }
        for invariant in antecedents.keys() {
            *self.antecedents.entry(*invariant).or_default() += 1;
        }
        for (name, count) in dangers {
            let sum = self.dangers.entry(name).or_default();
            *sum = (sum.0 + 1, sum.1 + count);
        }
        if let Some(violation) = &world.checker.violation {
            self.failures.push((seed, violation.clone()));
        }
    }

    fn print(&self, took: Duration) {
        println!(
            "{} worlds in {} s, {} events and ticks and {} plans in each",
            self.worlds,
            took.as_secs(),
            self.turns / self.worlds.max(1),
            self.ticks / self.worlds.max(1)
        );
        println!("{:<6}{:>12}{:>12}{:>10}{:>10}", "", "checks", "worlds", "percent", "failed");
        for invariant in Invariant::ALL {
            let checks = self.checks.get(&invariant).copied().unwrap_or(0);
            let worlds = self.antecedents.get(&invariant).copied().unwrap_or(0);
            let failed =
                self.failures.iter().filter(|(_, violation)| violation.invariant == invariant).count();
            let thousandths = worlds * 1000 / self.worlds.max(1);
            println!(
                "{:<6}{checks:>12}{worlds:>12}{:>8}.{}{failed:>10}",
                format!("{invariant:?}"),
                thousandths / 10,
                thousandths % 10
            );
        }
        for (name, (worlds, count)) in &self.dangers {
            println!("{name}: {count}, in {worlds} worlds");
        }
    }
}

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not \"{text}\"")))
}

/// Tells one world from its beginning to its end.
pub fn tell(seed: u64, planner: Planner) -> Option<Violation> {
    let genes = random::genes(seed);
    let mut world = World::new(genes.clone(), planner, true);
    world.run();
    let violation = world.checker.violation.clone();
    print_genes(&genes);
    for line in world.told.iter().flatten() {
        println!("{line}");
    }
    println!("seed {seed}: {violation:?}");
    violation
}

/// Runs random worlds.
pub fn run(planner: Planner) {
    if let Some(seed) = from_environment("WORLDS_SEED") {
        let violation = tell(seed, planner);
        if let Some(violation) = violation {
            story(seed, planner, &violation);
            panic!("{violation:?}");
        }
        return;
    }
    let asked = from_environment("WORLDS");
    let first = from_environment("WORLDS_FROM").unwrap_or(0);
    let began = Instant::now();
    let sum = many(planner, first, asked.unwrap_or(ENOUGH), asked.is_none().then_some(TIME));
    sum.print(began.elapsed());
    if let Some((seed, violation)) = sum.failures.iter().min_by_key(|(seed, _)| *seed) {
        story(*seed, planner, violation);
        for (seed, violation) in &sum.failures {
            println!("WORLDS_SEED={seed}: {:?} {}", violation.invariant, violation.text);
        }
        panic!("{} of {} worlds fail", sum.failures.len(), sum.worlds);
    }
    if sum.worlds < TELLING {
        println!("too few worlds to ask how often each was put to the test");
        return;
    }
    for invariant in Invariant::ASKED {
        let worlds = sum.antecedents.get(&invariant).copied().unwrap_or(0);
        assert!(
            worlds * 100 >= sum.worlds,
            "{invariant:?} was put to the test in {worlds} of {} worlds only",
            sum.worlds
        );
    }
}

/// Runs worlds on all processors.
pub fn many(planner: Planner, first: u64, count: u64, time: Option<Duration>) -> Sum {
    let sum = Mutex::new(Sum::default());
    let (next, enough) = (AtomicU64::new(first), AtomicBool::new(false));
    let began = Instant::now();
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let late = time.is_some_and(|time| began.elapsed() > time);
                    if seed >= first + count || late || enough.load(Ordering::Relaxed) {
                        return;
                    }
                    let mut world = World::new(random::genes(seed), planner, false);
                    let begun = Instant::now();
                    world.run();
                    if std::env::var("WORLDS_SLOW").is_ok() && begun.elapsed().as_millis() > 20 {
                        println!(
                            "seed {seed}: {} ms, {} turns, {} ticks, {} s",
                            begun.elapsed().as_millis(),
                            world.turns,
                            world.operator.ticks,
                            world.now - crate::run::BEGINNING
                        );
                    }
                    let mut sum = sum.lock().unwrap();
                    sum.add(seed, &world);
                    enough.fetch_or(sum.failures.len() >= 50, Ordering::Relaxed);
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

/// A failing world, made as small as it can be, from its beginning.
fn story(seed: u64, planner: Planner, violation: &Violation) {
    let smallest = shrink(&random::genes(seed), planner, violation.invariant);
    let mut world = World::new(smallest.clone(), planner, true);
    world.run();
    print_genes(&smallest);
    for line in world.told.iter().flatten() {
        println!("{line}");
    }
    println!("the smallest world like that of seed {seed}: {:?}", world.checker.violation);
}

fn print_genes(genes: &Genes) {
    let Genes {
        seed,
        machines,
        clusters,
        contents,
        acts,
        calm_at,
        chance_of_failure,
        attempts_begin_anew,
        first_look_says_false,
        tells_status,
        asks_health,
        tells_members,
    } = genes;
    println!(
        "seed {seed}, calm from {calm_at} s on, {chance_of_failure} % fail, attempts begin anew: {attempts_begin_anew}, hasConfiguration false at first look: {first_look_says_false}, asks health: {asks_health}, tells members: {tells_members}, tells status: {tells_status}"
    );
    for machine in machines {
        println!(
            "  machine {} rack {}{}",
            machine_name(machine.number),
            machine.rack,
            if machine.used { " used" } else { "" }
        );
    }
    for cluster in clusters {
        println!(
            "  cluster {} {}",
            cluster.name,
            serde_json::to_string(&cluster.spec).unwrap().replace('"', "")
        );
    }
    for (content, does) in &contents.traits {
        println!("  content {content} {does:?}");
    }
    for (time, act) in acts {
        println!("  at {time}: {act:?}");
    }
}
