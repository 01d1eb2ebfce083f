//! Two things in turn, A B A B, and what comes out.

use std::hint::black_box;
use std::time::Instant;

/// How often each is done, after one round that does not count.
const ROUNDS: usize = 9;

/// Seconds of each round.
pub type Times = Vec<f64>;

/// Measures two things in turn, so that a machine that grows slower slows both.
pub fn side_by_side<A, B>(mut a: impl FnMut() -> A, mut b: impl FnMut() -> B) -> (Times, Times) {
    let (mut of_a, mut of_b) = (Times::new(), Times::new());
    black_box(a());
    black_box(b());
    for _ in 0..ROUNDS {
        of_a.push(seconds(&mut a));
        of_b.push(seconds(&mut b));
    }
    (of_a, of_b)
}

/// How long something takes, once.
pub fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let started = Instant::now();
    let result = black_box(work());
    let elapsed = started.elapsed().as_secs_f64();
    // What was made is thrown away off the clock.
    drop(result);
    elapsed
}

/// The ratio, round by round: least, median, most.
pub fn ratio(a: &Times, b: &Times) -> String {
    let ratios = sorted(a.iter().zip(b).map(|(a, b)| a / b).collect());
    let (least, median, most) = (ratios.first(), ratios.get(ratios.len() / 2), ratios.last());
    let show = |ratio: Option<&f64>| ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    format!(
        "ratio {} (least {}, most {}); {:.0} ms beside {:.0} ms",
        show(median),
        show(least),
        show(most),
        median_of(a) * 1e3,
        median_of(b) * 1e3
    )
}

/// The median.
pub fn median_of(times: &Times) -> f64 {
    let times = sorted(times.clone());
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn sorted(mut times: Times) -> Times {
    times.sort_by(f64::total_cmp);
    times
}
