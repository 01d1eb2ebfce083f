//! Planners that were broken on purpose: each is caught, by the invariant that it breaks.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::checker::Invariant;
use crate::farewell::Unkind;
use crate::planner::{Breakage, Planner};
use crate::random;
use crate::run::World;

/// In so many worlds each has to be caught.
const WORLDS: u64 = 2_000;

fn caught(breakage: Breakage, invariant: Invariant, muted: Option<Invariant>) -> Option<u64> {
    let (next, found) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let processors = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= WORLDS || found.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let mut world = World::new(random::genes(seed), Planner::Broken(breakage), false);
                    world.checker.muted = muted;
                    world.run();
                    if world.checker.violation.is_some_and(|violation| violation.is_of(invariant)) {
                        found.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let seed = found.into_inner();
    (seed != u64::MAX).then_some(seed)
}

#[test]
fn every_broken_planner_is_caught() {
    use Invariant::{
        D1, D2, F1, L1, L2, L6, L7, R2, S1, S3, S4, S5, S6, S7, S8, S9, S10, S11, S12, S15, S16,
    };
    let cases = [
        (Breakage::ForgetsTheTaken, S1, None),
        (Breakage::Reorders, S3, None),
        (Breakage::DropsAMember, S3, None),
        (Breakage::ResurrectsTheHead, S3, None),
        (Breakage::InventsATokenAnew, S4, None),
        (Breakage::NeverClears, S5, None),
        (Breakage::NeverClears, D1, Some(S5)),
        (Breakage::AlwaysInstalls, S5, None),
        (Breakage::AlwaysInstalls, D2, Some(S5)),
        (Breakage::WritesOverInstallations, S5, None),
        (Breakage::IgnoresTheBudget, S6, None),
        (Breakage::Impatient, S6, None),
        (Breakage::TwoControlPlanes, S7, None),
        (Breakage::Impatient, S7, None),
        (Breakage::IgnoresTheOrder, S8, None),
        (Breakage::ForgetsTheFreeze, S9, None),
        (Breakage::ReusesTheRevision, S10, None),
        (Breakage::NeverConfirms, S10, None),
        (Breakage::ConfirmsForEver, S10, None),
        (Breakage::RemovesMembers, S11, None),
        (Breakage::TakesFinalizers, S12, None),
        (Breakage::Farewell(Unkind::DrainsWhoStays), F1, None),
        (Breakage::Farewell(Unkind::DeletesUndrained), F1, None),
        (Breakage::Farewell(Unkind::RemovesUndrained), F1, None),
        (Breakage::Farewell(Unkind::RemovesAnyMember), F1, None),
        (Breakage::Farewell(Unkind::NotesUnseen), F1, None),
        (Breakage::Farewell(Unkind::DoesNotWait), F1, None),
        (Breakage::WritesWhilePaused, S15, None),
        (Breakage::SaysReady, S16, None),
        (Breakage::CreatesAllAtOnce, R2, None),
        (Breakage::Sleeps, L1, None),
        (Breakage::Restless, L2, None),
        (Breakage::ReusesTheRevision, L6, Some(S10)),
        (Breakage::TakesNobody, L7, None),
    ];
    let mut missed = Vec::new();
    for (breakage, invariant, muted) in cases {
        match caught(breakage, invariant, muted) {
            Some(seed) => println!("{breakage:?}: {invariant:?} in world {seed}"),
            None => missed.push((breakage, invariant)),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
    let tried: Vec<_> = cases.iter().map(|(_, invariant, _)| *invariant).collect();
    for invariant in Invariant::ALL {
        assert!(tried.contains(&invariant), "nobody breaks {invariant:?}");
    }
}
