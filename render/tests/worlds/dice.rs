//! Chance that a world is made of. Each throw depends on the seed, on what it is for, and on how often it was
//! thrown for that, and on no other throw: so that a world stays itself when something is left out of it.

/// Chance of one world.
#[derive(Clone, Copy, Debug)]
pub struct Dice {
    pub seed: u64,
}

impl Dice {
    pub fn throw(self, what: &str, who: u64, count: u64) -> u64 {
        let mut hash = mix(self.seed ^ 0x9e37_79b9_7f4a_7c15);
        for byte in what.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        mix(mix(hash ^ who.wrapping_mul(0xd6e8_feb8_6659_fd93)) ^ count)
    }

    /// From `low` to `high`, both included.
    pub fn between(self, what: &str, who: u64, count: u64, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low + 1).unwrap();
        low + i64::try_from(self.throw(what, who, count) % width).unwrap()
    }

    pub fn percent(self, what: &str, who: u64, count: u64, chance: u64) -> bool {
        self.throw(what, who, count) % 100 < chance
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A row of throws, for the making of a world before it begins.
pub struct Row {
    state: u64,
}

impl Row {
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed.wrapping_add(0x5851_f42d_4c95_7f2d)) }
    }

    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low + 1).unwrap();
        low + i64::try_from(self.next() % width).unwrap()
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }
}
