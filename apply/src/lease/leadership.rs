//! Whether this process may write: what the election has found, and the clock at each question.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

/// How far ahead the end of a leadership is said to be that has none.
const DAY: Duration = Duration::from_hours(24);

/// What is so when a leadership has ended by itself.
const NOT_RENEWED: &str = "stands by: its leadership was not renewed in time";

/// Whether this process leads. Cheap to clone; each clone shows the same.
///
/// Where the election's task has ended, a leadership ends by itself with its validity, and never begins
/// again: watch that task too.
#[derive(Clone, Debug)]
pub struct Leadership(watch::Receiver<State>);

/// One leadership, from its beginning to its end. What was begun in one term must not go on in a later one:
/// somebody else may have led in between.
#[derive(Clone, Debug)]
pub struct Term {
    state: watch::Receiver<State>,
    number: u64,
}

/// What the election writes for [`Leadership`] to read.
#[derive(Debug)]
pub(super) struct Terms(watch::Sender<State>);

#[derive(Clone, Debug, Default)]
struct State {
    number: u64,
    validity: Validity,
    /// Where nobody leads here: what is so instead.
    otherwise: String,
    trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Validity {
    #[default]
    No,
    Until(Instant),
    Always,
}

/// What a successful renewal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Led {
    /// A term has begun.
    Begun,
    /// The term goes on.
    Extended,
    /// The answer came after the time that it was good for.
    TooLate,
}

impl Leadership {
    /// That of a process that runs without election.
    pub fn always() -> Self {
        let state = State { number: 1, validity: Validity::Always, ..State::default() };
        Self(watch::channel(state).1)
    }

    /// Whether this process leads, at this very moment. Ask before every write: a process that was stopped
    /// for a while and goes on has lost its leadership without having been told.
    pub fn is_valid(&self) -> bool {
        self.valid_until().is_some()
    }

    /// Until when this process leads if it cannot renew its leadership any more; None: it does not lead.
    /// Without election it is always a day ahead.
    pub fn valid_until(&self) -> Option<Instant> {
        self.0.borrow().until()
    }

    /// The term at this moment; None: this process does not lead.
    pub fn term(&self) -> Option<Term> {
        // In one look, so that the number is that of the validity.
        let number = {
            let state = self.0.borrow();
            state.until().map(|_valid| state.number)
        };
        number.map(|number| Term { state: self.0.clone(), number })
    }

    /// Waits until this process leads.
    pub async fn acquired(&self) -> Term {
        let mut state = self.0.clone();
        loop {
            state.mark_unchanged();
            if let Some(term) = self.term() {
                return term;
            }
            change(&mut state).await;
        }
    }

    /// Waits until this process leads no longer; at once where it does not.
    pub async fn lost(&self) {
        if let Some(term) = self.term() {
            term.lost().await;
        }
    }

    /// One line for people: who leads, or what is in the way.
    pub fn status(&self) -> String {
        let state = self.0.borrow();
        let role = match (state.until(), state.validity) {
            (Some(_), Validity::Always) => "leads, without election",
            (Some(_), Validity::Until(_) | Validity::No) => "leads",
            (None, _) => state.otherwise.as_str(),
        };
        state.trouble.as_ref().map_or_else(|| role.to_owned(), |trouble| format!("{role}; {trouble}"))
    }

    /// What keeps the election from going on, such as missing rights; None: nothing does.
    pub fn trouble(&self) -> Option<String> {
        self.0.borrow().trouble.clone()
    }
}

impl Term {
    /// Whether it still lasts, at this very moment.
    pub fn is_valid(&self) -> bool {
        self.valid_until().is_some()
    }

    /// Until when it lasts if it cannot be renewed any more; None: it is over.
    pub fn valid_until(&self) -> Option<Instant> {
        self.state.borrow().until_in(self.number)
    }

    /// Which one it is, of those of this process, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Waits until it is over.
    pub async fn lost(&self) {
        let mut state = self.state.clone();
        loop {
            // Looked at and marked as seen in one, so that no change is missed.
            let until = state.borrow_and_update().until_in(self.number);
            let Some(until) = until else {
                return;
            };
            tokio::select! {
                () = change(&mut state) => {}
                () = sleep_until(until.into()) => {}
            }
        }
    }
}

impl Terms {
    /// Before anything is known.
    pub(super) fn unknown() -> (Self, Leadership) {
        let otherwise = "stands by: the Lease has not been seen yet".to_owned();
        let (sender, receiver) = watch::channel(State { otherwise, ..State::default() });
        (Self(sender), Leadership(receiver))
    }

    /// The number of the present term; None: this process does not lead.
    pub(super) fn present(&self) -> Option<u64> {
        let state = self.0.borrow();
        state.until().map(|_valid| state.number)
    }

    /// The Lease was renewed, and is good until then. A term whose validity has run out meanwhile is not
    /// prolonged: somebody was told that it is over.
    pub(super) fn lead(&self, until: Option<Instant>) -> Led {
        let mut led = Led::TooLate;
        self.0.send_modify(|state| {
            // The clock is read under the lock, as by who asks: what was found invalid stays so.
            let now = Instant::now();
            let Some(until) = until.filter(|until| *until > now) else {
                return;
            };
            led = if state.until().is_some() { Led::Extended } else { Led::Begun };
            if led == Led::Begun {
                state.number = state.number.wrapping_add(1);
                // What was in the way is so no longer.
                state.trouble = None;
            }
            state.validity = Validity::Until(until);
            NOT_RENEWED.clone_into(&mut state.otherwise);
        });
        led
    }

    /// This process does not lead, at once; what is so instead. Whether it did until now.
    pub(super) fn end(&self, otherwise: String) -> bool {
        let mut led = false;
        self.0.send_modify(|state| {
            led = state.until().is_some();
            state.validity = Validity::No;
            state.otherwise = otherwise;
        });
        led
    }

    /// Whether a term has run out since it was asked last.
    pub(super) fn has_lapsed(&self) -> bool {
        self.0.send_if_modified(|state| match state.validity {
            Validity::Until(_) if state.until().is_none() => {
                state.validity = Validity::No;
                true
            }
            Validity::Until(_) | Validity::No | Validity::Always => false,
        })
    }

    /// What is in the way, or that nothing is. Returns whether this is news.
    pub(super) fn set_trouble(&self, trouble: Option<String>) -> bool {
        self.0.send_if_modified(|state| {
            let news = state.trouble != trouble;
            state.trouble = trouble;
            news
        })
    }
}

impl State {
    fn until(&self) -> Option<Instant> {
        let now = Instant::now();
        match self.validity {
            Validity::No => None,
            Validity::Until(until) => Some(until).filter(|until| *until > now),
            Validity::Always => Some(now.checked_add(DAY).unwrap_or(now)),
        }
    }

    fn until_in(&self, number: u64) -> Option<Instant> {
        self.until().filter(|_until| self.number == number)
    }
}

/// The next change; never, where none can come any more.
async fn change(state: &mut watch::Receiver<State>) {
    if state.changed().await.is_err() {
        pending::<()>().await;
    }
}
