//! Which requests meet which fault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::kind::Kind;
use crate::call::Call;

/// Whether a request is meant.
pub(crate) type Filter = Arc<dyn Fn(&Call) -> bool + Send + Sync>;

/// What of a thousand requests happens to how many.
#[derive(Clone)]
pub struct Settings {
    seed: u64,
    pub(super) rates: BTreeMap<Kind, u32>,
    pub(super) only: Filter,
    pub(super) retry_after: Duration,
    pub(super) hang: Option<Duration>,
    pub(super) outage: u32,
}

/// Before a fault that chance decided on come fewer events of a watch than this.
const EVENT_COUNTS: u64 = 4;

pub(super) struct Draw {
    pub(super) chance: u32,
    pub(super) events: u64,
    pub(super) variant: u64,
}

impl Settings {
    /// No faults yet.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rates: BTreeMap::new(),
            only: Arc::new(|_call| true),
            retry_after: Duration::from_secs(1),
            hang: None,
            outage: 5,
        }
    }

    /// So many of a thousand of those requests that can meet this kind. Together
    /// the rates are at most a thousand: a request meets one fault.
    #[must_use]
    pub fn rate(mut self, kind: Kind, per_thousand: u32) -> Self {
        self.rates.insert(kind, per_thousand);
        self.rates.retain(|_kind, rate| *rate > 0);
        let sum: u32 = self.rates.values().sum();
        assert!(sum <= 1000, "the rates sum up to {sum} of a thousand");
        self
    }

    /// The same rate for each kind but panics.
    #[must_use]
    pub fn all(self, per_thousand: u32) -> Self {
        Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::Panic)
            .fold(self, |settings, kind| settings.rate(kind, per_thousand))
    }

    /// Other requests than these never meet a fault.
    #[must_use]
    pub fn only(mut self, matching: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.only = Arc::new(matching);
        self
    }

    /// What a 429 tells, in whole seconds. One, unless this is called.
    #[must_use]
    pub fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = time;
        self
    }

    /// A time-out ends after this, with an I/O error. Never, unless this is
    /// called: then it ends when the caller drops it.
    #[must_use]
    pub fn hang(mut self, bound: Duration) -> Self {
        self.hang = Some(bound);
        self
    }

    /// So many requests find the server down when it goes down by chance. Five, unless this is called.
    #[must_use]
    pub fn outage(mut self, requests: u32) -> Self {
        self.outage = requests;
        self
    }

    pub(super) fn draw(&self, call: &Call, asked: &mut BTreeMap<String, u64>) -> Draw {
        let Call { verb, api_group, resource, subresource, name, .. } = call;
        let key = format!("{verb} {api_group}/{resource}/{subresource:?} {name:?}");
        let before = asked.entry(key.clone()).or_default();
        let state =
            key.bytes().fold(mix(self.seed ^ mix(*before)), |state, byte| mix(state ^ u64::from(byte)));
        *before = before.saturating_add(1);
        Draw {
            chance: u32::try_from(state % 1000).expect("it is below a thousand"),
            events: mix(state) % EVENT_COUNTS,
            variant: mix(mix(state)),
        }
    }

    pub(super) fn chosen(&self, call: &Call, chance: u32) -> Option<Kind> {
        let mut bound: u32 = 0;
        self.rates.iter().filter(|(kind, _rate)| kind.can_meet(call)).find_map(|(kind, rate)| {
            bound = bound.saturating_add(*rate);
            (chance < bound).then_some(*kind)
        })
    }
}

/// `SplitMix64`, by Sebastiano Vigna.
fn mix(seed: u64) -> u64 {
    let a = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}

/// A fault that does not wait for chance: one line of a script.
#[derive(Clone)]
pub struct Order {
    pub(super) kind: Kind,
    pub(super) times: u32,
    pub(super) after_events: u64,
    matching: Filter,
}

impl Order {
    /// For the next request that can meet it.
    pub fn new(kind: Kind) -> Self {
        Self { kind, times: 1, after_events: 0, matching: Arc::new(|_call| true) }
    }

    /// For so many requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// In a watch, after so many events; else at once.
    #[must_use]
    pub fn after_events(mut self, events: u64) -> Self {
        self.after_events = events;
        self
    }

    /// For requests that match.
    #[must_use]
    pub fn matching(mut self, matching: impl Fn(&Call) -> bool + Send + Sync + 'static) -> Self {
        self.matching = Arc::new(matching);
        self
    }

    pub(super) fn wants(&self, call: &Call) -> bool {
        self.times > 0 && self.kind.can_meet(call) && (self.matching)(call)
    }
}
