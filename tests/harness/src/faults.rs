//! Faults between a client and the API server, as a layer of a `kube::Client`.
//!
//! Whether a request meets a fault is a matter of the seed, of what it asks
//! and of how often the same was asked before (in whatever namespace, since
//! tests have new ones): not of what else goes on at the time.
//!
//! ```no_run
//! # async fn example() {
//! use nico_harness::ControlPlane;
//! use nico_harness::faults::{Faults, Kind, Order, Settings};
//!
//! let control_plane = ControlPlane::shared().await;
//! let settings = Settings::new(42).all(20).rate(Kind::Conflict, 200).only(|call| call.resource != "leases");
//! let faults = Faults::new(settings);
//! let client = faults.client(control_plane.config().await);
//! faults.order(Order::new(Kind::LostAnswer).times(1).matching(|call| call.verb == "patch"));
//! // ... until all of it was seen:
//! assert_eq!(faults.missing(), []);
//! faults.stop();
//! # drop(client);
//! # }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use kube::client::ClientBuilder;
use kube::{Client, Config};
use tokio::sync::watch;

use crate::call::Call;

mod answers;
mod kind;
mod layer;
mod settings;
mod stream;
#[cfg(test)]
mod tests;

pub use kind::Kind;
pub(crate) use layer::InjectedError;
pub use layer::{AnswerBody, Faulty};
pub use settings::{Order, Settings};

/// Injects faults, and remembers them. Clones share all.
///
/// As a layer it belongs below what is to be tested, such as a retry: give it to
/// `ClientBuilder::with_layer` first.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    settings: Settings,
    state: Mutex<State>,
    /// What open watches are to meet.
    strikes: watch::Sender<Option<Kind>>,
}

struct State {
    on: bool,
    down: bool,
    /// How many requests the server that is down will still refuse.
    outage: u32,
    /// How often each was asked.
    asked: BTreeMap<String, u64>,
    orders: Vec<Order>,
    ordered: Vec<Kind>,
    injected: Vec<Injected>,
}

/// A fault that a request has met.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Injected {
    /// What it met.
    pub kind: Kind,
    /// What was asked.
    pub call: Call,
}

/// What a request is to meet.
pub(crate) struct Planned {
    kind: Kind,
    /// So many events of a watch come before it.
    after_events: u64,
    /// Where it has variants, which one.
    variant: u64,
    /// The place of the order that it came from.
    order: Option<usize>,
}

impl Faults {
    /// They are on from the start.
    pub fn new(settings: Settings) -> Self {
        let state = State {
            on: true,
            down: false,
            outage: 0,
            asked: BTreeMap::new(),
            orders: Vec::new(),
            ordered: Vec::new(),
            injected: Vec::new(),
        };
        Self(Arc::new(Shared { settings, state: Mutex::new(state), strikes: watch::Sender::new(None) }))
    }

    /// A client whose requests meet these faults; what it retries by itself
    /// (`Config::default_retry`) is below them, and does not see them.
    pub fn client(&self, config: Config) -> Client {
        ClientBuilder::try_from(config).expect("the configuration makes a client").with_layer(self).build()
    }

    /// Ends all faults: also outages, and those that open watches would have met.
    /// What hangs already goes on to hang: a caller has to have a bound of its own.
    pub fn stop(&self) {
        let mut state = self.state();
        state.on = false;
        state.down = false;
        state.outage = 0;
    }

    /// Goes on after [`Faults::stop`].
    pub fn start(&self) {
        self.state().on = true;
    }

    /// The next requests that match meet this, before any that chance decides on.
    pub fn order(&self, order: Order) {
        let mut state = self.state();
        state.ordered.push(order.kind);
        state.orders.push(order);
    }

    /// The next request that matches panics in the task that sent it.
    pub fn panic_on(&self, matching: impl Fn(&Call) -> bool + Send + Sync + 'static) {
        self.order(Order::new(Kind::Panic).matching(matching));
    }

    /// The server is down until [`Faults::up`]: open watches break, requests are refused.
    pub fn down(&self) {
        self.state().down = true;
        self.strike(Kind::Refused);
    }

    /// The server is back.
    pub fn up(&self) {
        self.state().down = false;
    }

    /// All watches that are open now meet this, quiet ones too: `GoneInWatch`,
    /// `WatchClosed` or `WatchBroken`.
    pub fn strike_watches(&self, kind: Kind) {
        assert!(kind.is_in_watch(), "{kind} is nothing that an open watch can meet");
        self.strike(kind);
    }

    /// All that were met so far, oldest first.
    pub fn injected(&self) -> Vec<Injected> {
        self.state().injected.clone()
    }

    /// How often this kind was met.
    pub fn count(&self, kind: Kind) -> usize {
        self.state().injected.iter().filter(|injected| injected.kind == kind).count()
    }

    /// The kinds that have a rate or were ordered, and that no request has met yet.
    pub fn missing(&self) -> Vec<Kind> {
        let state = self.state();
        let wanted = |kind: &Kind| self.0.settings.rates.contains_key(kind) || state.ordered.contains(kind);
        let met = |kind: &Kind| state.injected.iter().any(|injected| injected.kind == *kind);
        Kind::ALL.into_iter().filter(|kind| wanted(kind) && !met(kind)).collect()
    }

    fn plan(&self, call: &Call) -> Option<Planned> {
        let settings = &self.0.settings;
        let mut state = self.state();
        if !state.on || !(settings.only)(call) {
            return None;
        }
        let draw = settings.draw(call, &mut state.asked);
        let mut planned =
            Planned { kind: Kind::Refused, after_events: draw.events, variant: draw.variant, order: None };
        if state.down || state.outage > 0 {
            state.outage = state.outage.saturating_sub(1);
        } else if let Some((place, order)) =
            state.orders.iter_mut().enumerate().find(|(_place, order)| order.wants(call))
        {
            order.times = order.times.saturating_sub(1);
            planned =
                Planned { kind: order.kind, after_events: order.after_events, order: Some(place), ..planned };
        } else {
            planned.kind = settings.chosen(call, draw.chance)?;
            if planned.kind == Kind::Refused {
                state.outage = settings.outage.saturating_sub(1);
            }
        }
        if planned.kind.is_certain() {
            state.injected.push(Injected { kind: planned.kind, call: call.clone() });
        }
        let begins_outage = planned.kind == Kind::Refused && state.outage > 0;
        drop(state);
        if begins_outage {
            self.strike(Kind::Refused);
        }
        Some(planned)
    }

    fn strike(&self, kind: Kind) {
        self.0.strikes.send_replace(Some(kind));
    }

    /// To be asked for before the request is planned: nothing is to come between.
    fn strikes(&self) -> watch::Receiver<Option<Kind>> {
        self.0.strikes.subscribe()
    }

    /// Whether what was planned is to happen, now that it can; then it is remembered.
    fn happens(&self, kind: Kind, call: &Call) -> bool {
        let mut state = self.state();
        if state.on {
            state.injected.push(Injected { kind, call: call.clone() });
        }
        state.on
    }

    /// What was planned could not happen.
    fn give_back(&self, planned: &Planned) {
        let mut state = self.state();
        if let Some(order) = planned.order.and_then(|place| state.orders.get_mut(place)) {
            order.times = order.times.saturating_add(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test's own filter may have panicked, which it then says.
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").field("rates", &self.0.settings.rates).finish_non_exhaustive()
    }
}
