//! Which Lease an election is about, who stands for it, and its times.

use std::time::Duration;

use super::LeaseError;

/// The name of NICO's Lease.
pub const LEASE_NAME: &str = "nico.homystack.com";
/// The field manager of writes to the Lease: not that of what NICO orders, so that at rest none are seen
/// under that one.
pub const FIELD_MANAGER: &str = "nico-lease";

/// Who stands by tries again after the retry period and up to as much again times this, so that contenders
/// do not go in step.
pub(super) const JITTER: f64 = 1.2;

/// The settings of an election. All that stand for one Lease should have the same times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of the Lease.
    pub namespace: String,
    /// The name of the Lease.
    pub name: String,
    /// Who stands: unique among all that do, also among those that ran before (the host's name and
    /// something random).
    pub identity: String,
    /// Others may take the Lease when it has not changed for so long. Whole seconds.
    pub duration: Duration,
    /// Leadership is valid for so long after the start of the last successful renewal.
    pub renew_deadline: Duration,
    /// From one renewal, or one try, to the next.
    pub retry_period: Duration,
}

impl Settings {
    /// The usual ones, those of Kubernetes' own components: 15, 10 and 2 seconds.
    pub fn new(namespace: impl Into<String>, identity: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: LEASE_NAME.to_owned(),
            identity: identity.into(),
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }

    /// `namespace/name` of the Lease.
    pub(super) fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// No request takes longer: a connection that has died must leave time for another try.
    pub(super) fn request_timeout(&self) -> Duration {
        self.renew_deadline.checked_div(2).unwrap_or(self.renew_deadline)
    }

    /// Refuses times by which there could be two leaders, or none.
    pub(super) fn check(&self) -> Result<(), LeaseError> {
        let longest_pause = self.retry_period.as_secs_f64() * (1.0 + JITTER);
        let wrong = if self.namespace.is_empty() || self.name.is_empty() {
            "the Lease needs a namespace and a name"
        } else if self.identity.is_empty() {
            "an empty identity means that nobody leads"
        } else if self.duration.subsec_nanos() != 0 || i32::try_from(self.duration.as_secs()).is_err() {
            "the duration of a Lease is in whole seconds, and not for ever"
        } else if self.renew_deadline >= self.duration {
            "the renew deadline must be shorter than the duration: or there are two leaders at once"
        } else if self.retry_period.is_zero() {
            "without a retry period there is no pause between requests"
        } else if longest_pause >= self.renew_deadline.as_secs_f64() {
            "the renew deadline must be longer than 2.2 retry periods: or leadership is lost between two renewals"
        } else {
            return Ok(());
        };
        Err(LeaseError::Settings(wrong))
    }
}
