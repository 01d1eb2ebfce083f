//! Getting, keeping and releasing the Lease.

use std::convert::Infallible;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Api, PostParams};
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::error::{CREATE, GET, UPDATE};
use super::leadership::{Led, Terms};
use super::record::{Holder, Seen, created, is_bound, released, renewed, taken, version};
use super::settings::JITTER;
use super::{FIELD_MANAGER, Leadership, LeaseError, Settings};
use crate::error::has_code;

/// How often one try is made anew because the Lease has changed in the middle of it.
const ROUNDS: usize = 3;

/// One that stands for election. [`Election::run`] drives it; [`Leadership`] shows how it goes.
#[derive(Debug)]
#[must_use = "nobody is elected unless the election is run"]
pub struct Election {
    api: Api<Lease>,
    settings: Settings,
    terms: Terms,
    seen: Option<Seen>,
    /// Since when there has been no Lease where there was one.
    vacant_since: Option<Instant>,
    /// A write has been sent that would make the Lease ours: it may have been carried out, whatever was
    /// answered.
    may_hold: bool,
}

impl Election {
    /// Stands for election.
    ///
    /// # Errors
    ///
    /// Where with these settings nobody could lead, or two could.
    pub fn new(client: Client, settings: Settings) -> Result<(Self, Leadership), LeaseError> {
        settings.check()?;
        let (terms, leadership) = Terms::unknown();
        let api = Api::namespaced(client, &settings.namespace);
        let election = Self { api, settings, terms, seen: None, vacant_since: None, may_hold: false };
        Ok((election, leadership))
    }

    /// Tries, renews and tries again until `shutdown`, then releases the Lease if it is ours. Let `shutdown`
    /// come when the last write has been answered: the next leader begins at once.
    ///
    /// What goes wrong before is logged, shown by [`Leadership::status`] and tried again.
    ///
    /// # Errors
    ///
    /// Where the Lease could not be released: others must wait until it has lapsed.
    pub async fn run(mut self, shutdown: impl Future<Output = ()>) -> Result<(), LeaseError> {
        tokio::select! {
            biased;
            () = pin!(shutdown) => {}
            never = self.drive() => match never {},
        }
        let lease = self.settings.lease();
        if self.terms.end("stands by: it has been told to end".to_owned()) {
            info!(%lease, "leads no longer: it ends");
        }
        let after = self.settings.renew_deadline;
        let release = timeout(after, self.release()).await;
        release.unwrap_or(Err(LeaseError::TimedOut { action: "release", lease, after }))
    }

    async fn drive(&mut self) -> Infallible {
        loop {
            let begun = Instant::now();
            let outcome = self.attempt().await;
            self.tell(outcome.err());
            sleep(self.pause(begun.elapsed())).await;
        }
    }

    /// From one renewal to the next it is the retry period, not counting what the first one took: after one
    /// that timed out the next must come at once.
    fn pause(&self, taken: Duration) -> Duration {
        let period = self.settings.retry_period;
        if self.terms.present().is_some() {
            return period.saturating_sub(taken);
        }
        let random = getrandom::u32().map_or(0.0, |random| f64::from(random) / f64::from(u32::MAX));
        Duration::try_from_secs_f64(period.as_secs_f64() * random.mul_add(JITTER, 1.0)).unwrap_or(period)
    }

    /// Says what is in the way once, and once that it no longer is.
    fn tell(&self, error: Option<LeaseError>) {
        let lease = self.settings.lease();
        let trouble = error.map(|error| error.to_string());
        match (self.terms.set_trouble(trouble.clone()), trouble) {
            (true, Some(trouble)) => warn!(%lease, "leader election does not go on: {trouble}"),
            (true, None) => info!(%lease, "leader election goes on"),
            (false, Some(trouble)) => debug!(%lease, "leader election still does not go on: {trouble}"),
            (false, None) => {}
        }
    }

    /// One try to get the Lease, or to keep it.
    async fn attempt(&mut self) -> Result<(), LeaseError> {
        if self.terms.has_lapsed() {
            warn!(lease = %self.settings.lease(), "leads no longer: its leadership was not renewed in time");
        }
        // A leader knows the Lease as it wrote it, and need not read it.
        if self.terms.present().is_some()
            && let Some(seen) = self.seen.clone()
            && self.write(&seen.lease, renewed).await?
        {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            let done = match self.read().await? {
                Some(lease) => self.meet(lease).await?,
                None => self.fill().await?,
            };
            if done {
                return Ok(());
            }
        }
        Err(LeaseError::Contested { lease: self.settings.lease() })
    }

    /// There is a Lease. Whether the try is over.
    async fn meet(&mut self, lease: Lease) -> Result<bool, LeaseError> {
        let now = Instant::now();
        if self.seen.as_ref().is_some_and(|seen| !seen.is_same_object(&lease)) {
            // Whoever led, led by one that is gone.
            self.step_down("the Lease was deleted, and is another one now");
        }
        self.vacant_since = None;
        let seen = Seen::new(self.seen.as_ref(), lease, now);
        let holder = seen.holder(&self.settings, now);
        let lease = self.seen.insert(seen).lease.clone();
        match holder {
            // Also where an answer was lost and the write was not.
            Holder::Us => self.write(&lease, renewed).await,
            Holder::Nobody => {
                self.step_down("nobody holds the Lease");
                self.write(&lease, taken).await
            }
            Holder::Other(other) => {
                self.step_down(&format!("{other} leads"));
                Ok(true)
            }
        }
    }

    /// There is no Lease. Whether the try is over.
    async fn fill(&mut self) -> Result<bool, LeaseError> {
        let now = Instant::now();
        let why = if self.seen.is_some() { "the Lease was deleted" } else { "there is no Lease yet" };
        let led = self.step_down(why);
        if !led && let Some(seen) = &self.seen {
            // Somebody may still lead by it. It will be there again before that one's time is over.
            let since = *self.vacant_since.get_or_insert(now);
            let respected = seen.duration(&self.settings).max(self.settings.duration);
            if now.saturating_duration_since(since) < respected {
                return Ok(true);
            }
        }
        self.create().await
    }

    async fn read(&self) -> Result<Option<Lease>, LeaseError> {
        self.bounded(GET, self.api.get_opt(&self.settings.name))
            .await?
            .map_err(|cause| self.error(GET, cause))
    }

    async fn create(&mut self) -> Result<bool, LeaseError> {
        self.may_hold = true;
        let begun = Instant::now();
        let lease = created(&self.settings, wall());
        match self.bounded(CREATE, self.api.create(&params(), &lease)).await? {
            Ok(written) => self.won(begun, written).map(|()| true),
            Err(cause) if has_code(&cause, 409) => Ok(false),
            Err(cause) => Err(self.error(CREATE, cause)),
        }
    }

    /// Writes the Lease, bound to the version that it was seen in. Whether it was written: not where it has
    /// changed meanwhile.
    async fn write(
        &mut self,
        lease: &Lease,
        change: fn(&Lease, &Settings, Timestamp) -> Lease,
    ) -> Result<bool, LeaseError> {
        self.may_hold = true;
        let begun = Instant::now();
        let changed = change(lease, &self.settings, wall());
        match self.replace(&changed).await? {
            Some(written) if version(&written) == version(lease) => {
                Err(LeaseError::Unchanged { lease: self.settings.lease() })
            }
            Some(written) => self.won(begun, written).map(|()| true),
            None => Ok(false),
        }
    }

    /// None: it has changed, or is gone. Never without the uid: a Lease that was deleted would be created by
    /// this; and never without the version: it would be replaced whatever it has become.
    async fn replace(&self, lease: &Lease) -> Result<Option<Lease>, LeaseError> {
        if !is_bound(lease) {
            return Ok(None);
        }
        match self.bounded(UPDATE, self.api.replace(&self.settings.name, &params(), lease)).await? {
            Ok(written) => Ok(Some(written)),
            Err(cause) if has_code(&cause, 409) || has_code(&cause, 404) => Ok(None),
            Err(cause) => Err(self.error(UPDATE, cause)),
        }
    }

    /// The Lease is ours, by a write that was begun then.
    fn won(&mut self, begun: Instant, written: Lease) -> Result<(), LeaseError> {
        let (lease, identity) = (self.settings.lease(), &self.settings.identity);
        self.seen = Some(Seen::new(None, written, Instant::now()));
        self.vacant_since = None;
        match self.terms.lead(begun.checked_add(self.settings.renew_deadline)) {
            Led::Begun => info!(%lease, %identity, "leads"),
            Led::Extended => debug!(%lease, "leads on"),
            Led::TooLate => {
                return Err(LeaseError::TimedOut {
                    action: UPDATE,
                    lease,
                    after: self.settings.renew_deadline,
                });
            }
        }
        Ok(())
    }

    /// This process does not lead now. Whether it did.
    fn step_down(&self, why: &str) -> bool {
        let led = self.terms.end(format!("stands by: {why}"));
        if led {
            warn!(lease = %self.settings.lease(), "leads no longer: {why}");
        }
        led
    }

    async fn release(&mut self) -> Result<(), LeaseError> {
        if !self.may_hold {
            return Ok(());
        }
        for _ in 0..ROUNDS {
            let now = Instant::now();
            let seen = self.read().await?.map(|lease| Seen::new(None, lease, now));
            let Some(seen) = seen.filter(|seen| seen.holder(&self.settings, now) == Holder::Us) else {
                return Ok(());
            };
            if self.replace(&released(&seen.lease, wall())).await?.is_some() {
                info!(lease = %self.settings.lease(), "the Lease is released");
                return Ok(());
            }
        }
        Err(LeaseError::Contested { lease: self.settings.lease() })
    }

    /// kube itself would wait for ever.
    async fn bounded<T>(
        &self,
        action: &'static str,
        request: impl Future<Output = T>,
    ) -> Result<T, LeaseError> {
        let after = self.settings.request_timeout();
        let lease = || self.settings.lease();
        timeout(after, request).await.map_err(|_elapsed| LeaseError::TimedOut {
            action,
            lease: lease(),
            after,
        })
    }

    fn error(&self, action: &'static str, cause: kube::Error) -> LeaseError {
        LeaseError::of(action, self.settings.lease(), cause)
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}

/// For people who look at the Lease. Nothing is decided by it: a clock may be wrong.
fn wall() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}
