//! Chance that can be repeated: a number for each question, from the seed and the question alone, so that it
//! does not matter in which order tasks ask.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The numbers of one seed.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    asked: Mutex<BTreeMap<String, u64>>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self { seed, asked: Mutex::default() }
    }

    /// From 0 to below 1; the next one about this subject.
    fn next(&self, subject: &str) -> f64 {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let count = asked.entry(subject.to_owned()).or_default();
        *count += 1;
        let start = subject.bytes().fold(self.seed ^ 0xcbf2_9ce4_8422_2325, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let number = mixed(start.wrapping_add(mixed(*count)));
        f64::from(u32::try_from(number >> 32).unwrap_or(0)) / 4_294_967_296.0
    }

    /// A duration of a range.
    pub fn within(&self, subject: &str, range: &RangeInclusive<Duration>) -> Duration {
        let width = range.end().saturating_sub(*range.start());
        *range.start() + width.mul_f64(self.next(subject))
    }

    /// A duration, give or take a quarter.
    pub fn about(&self, subject: &str, duration: Duration) -> Duration {
        self.within(subject, &(duration.mul_f64(0.75)..=duration.mul_f64(1.25)))
    }
}

/// The finisher of `SplitMix64`.
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Random;

    #[test]
    fn the_same_seed_and_question_give_the_same_answers() {
        let range = Duration::from_millis(100)..=Duration::from_millis(200);
        let answers = |seed, other: &str| {
            let random = Random::new(seed);
            random.within(other, &range);
            [(); 50].map(|()| random.within("node-1", &range))
        };
        assert_eq!(answers(1, "node-2"), answers(1, "node-3"), "what else was asked does not matter");
        assert_ne!(answers(1, "node-2"), answers(2, "node-2"));
        assert!(answers(1, "a").iter().all(|answer| range.contains(answer)));
        let distinct: std::collections::BTreeSet<_> = answers(1, "a").into_iter().collect();
        assert!(distinct.len() > 45);
    }
}
