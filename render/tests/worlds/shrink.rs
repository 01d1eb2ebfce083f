//! A failing world, made smaller: by leaving out what happens, and who is there, as long as it fails in the
//! same way.

use crate::checker::{Invariant, Violation};
use crate::genes::Genes;
use crate::planner::Planner;
use crate::run::World;

/// Runs a world. What it violates.
pub fn violation(genes: &Genes, planner: Planner) -> Option<Violation> {
    let mut world = World::new(genes.clone(), planner, false);
    world.run();
    world.checker.violation
}

/// The smallest world that was found to violate the same.
pub fn shrink(genes: &Genes, planner: Planner, invariant: Invariant) -> Genes {
    let fails = |genes: &Genes| violation(genes, planner).is_some_and(|found| found.is_of(invariant));
    let mut smallest = genes.clone();
    loop {
        let smaller = candidates(&smallest).into_iter().find(|candidate| fails(candidate));
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

fn candidates(genes: &Genes) -> Vec<Genes> {
    let mut found = Vec::new();
    let mut add = |change: &dyn Fn(&mut Genes)| {
        let mut candidate = genes.clone();
        change(&mut candidate);
        found.push(candidate);
    };
    for place in 0..genes.acts.len() {
        add(&|candidate| {
            candidate.acts.remove(place);
        });
    }
    for place in 0..genes.machines.len() {
        add(&|candidate| {
            candidate.machines.remove(place);
        });
    }
    if genes.clusters.len() > 1 {
        add(&|candidate| {
            candidate.clusters.pop();
        });
    }
    if genes.chance_of_failure > 0 {
        add(&|candidate| candidate.chance_of_failure = 0);
    }
    if genes.tells_status {
        add(&|candidate| candidate.tells_status = false);
    }
    if genes.tells_members {
        add(&|candidate| candidate.tells_members = false);
    }
    if genes.asks_health {
        add(&|candidate| candidate.asks_health = false);
    }
    for content in genes.contents.traits.keys() {
        add(&|candidate| {
            candidate.contents.traits.remove(content);
        });
    }
    found
}
