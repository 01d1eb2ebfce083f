//! What a Lease says, how long it is to be respected, and what is written into it. Pure.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use super::Settings;

/// Nobody is to wait for one that was released.
const RELEASED_SECONDS: i32 = 1;

/// A Lease, and since when it is as it is, by our own clock: its times are another machine's.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) lease: Lease,
    since: Instant,
}

/// Who has the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// We do.
    Us,
    /// Nobody, or somebody who has let it lapse.
    Nobody,
    /// Somebody else.
    Other(String),
}

impl Seen {
    /// A Lease that was read, by now.
    pub(super) fn new(previous: Option<&Self>, lease: Lease, now: Instant) -> Self {
        let same = previous.filter(|seen| version(&seen.lease) == version(&lease));
        Self { since: same.map_or(now, |seen| seen.since), lease }
    }

    /// Whether it is the same object, changed or not, and not one of the same name.
    pub(super) fn is_same_object(&self, lease: &Lease) -> bool {
        self.lease.metadata.uid == lease.metadata.uid
    }

    /// Who has it now.
    pub(super) fn holder(&self, settings: &Settings, now: Instant) -> Holder {
        let holder = self.spec().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        if holder == settings.identity {
            Holder::Us
        } else if holder.is_empty() || now.saturating_duration_since(self.since) >= self.duration(settings) {
            Holder::Nobody
        } else {
            Holder::Other(holder.to_owned())
        }
    }

    /// For how long its holder asked to be respected. Who did not say it gets as long as we would.
    pub(super) fn duration(&self, settings: &Settings) -> Duration {
        let seconds = self.spec().and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let seconds = u64::try_from(seconds).unwrap_or_default();
        if seconds == 0 { settings.duration } else { Duration::from_secs(seconds) }
    }

    fn spec(&self) -> Option<&LeaseSpec> {
        self.lease.spec.as_ref()
    }
}

/// What changes with every write that changes anything.
pub(super) fn version(lease: &Lease) -> (Option<&str>, Option<&str>) {
    (lease.metadata.uid.as_deref(), lease.metadata.resource_version.as_deref())
}

/// Whether a write of it is bound to the very object and version.
pub(super) fn is_bound(lease: &Lease) -> bool {
    let (uid, resource_version) = version(lease);
    [uid, resource_version].iter().all(|part| part.is_some_and(|part| !part.is_empty()))
}

/// The first one.
pub(super) fn created(settings: &Settings, wall: Timestamp) -> Lease {
    let metadata = ObjectMeta {
        name: Some(settings.name.clone()),
        namespace: Some(settings.namespace.clone()),
        ..ObjectMeta::default()
    };
    let spec = LeaseSpec { lease_transitions: Some(0), ..LeaseSpec::default() };
    Lease { metadata, spec: Some(ours(spec, settings, micro(wall))) }
}

/// The same one, held by us from now on. It keeps its uid and resourceVersion, which bind the write, and
/// what others put there.
pub(super) fn taken(lease: &Lease, settings: &Settings, wall: Timestamp) -> Lease {
    let spec = lease.spec.clone().unwrap_or_default();
    let transitions = spec.lease_transitions.unwrap_or_default().saturating_add(1);
    let now = other_than(spec.renew_time.as_ref(), wall);
    let spec = LeaseSpec { lease_transitions: Some(transitions), ..spec };
    Lease { metadata: lease.metadata.clone(), spec: Some(ours(spec, settings, now)) }
}

/// The same one, still held by us.
pub(super) fn renewed(lease: &Lease, settings: &Settings, wall: Timestamp) -> Lease {
    let spec = lease.spec.clone().unwrap_or_default();
    let acquired = spec.acquire_time.clone();
    let now = other_than(spec.renew_time.as_ref(), wall);
    let spec = ours(spec, settings, now);
    let acquire_time = acquired.or(spec.acquire_time);
    Lease { metadata: lease.metadata.clone(), spec: Some(LeaseSpec { acquire_time, ..spec }) }
}

/// The same one, held by nobody.
pub(super) fn released(lease: &Lease, wall: Timestamp) -> Lease {
    let spec = lease.spec.clone().unwrap_or_default();
    let now = other_than(spec.renew_time.as_ref(), wall);
    let spec = LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(RELEASED_SECONDS),
        renew_time: Some(now),
        ..spec
    };
    Lease { metadata: lease.metadata.clone(), spec: Some(spec) }
}

fn ours(spec: LeaseSpec, settings: &Settings, now: MicroTime) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(settings.identity.clone()),
        lease_duration_seconds: Some(i32::try_from(settings.duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: Some(now.clone()),
        renew_time: Some(now),
        ..spec
    }
}

/// A renewal that changed nothing would leave the resourceVersion as it is, and others would see none: on a
/// clock that stands still the time moves all the same.
fn other_than(previous: Option<&MicroTime>, wall: Timestamp) -> MicroTime {
    let now = micro(wall);
    if previous.is_some_and(|previous| micro(previous.0) == now) {
        let next = now.0.as_microsecond().saturating_add(1);
        return Timestamp::from_microsecond(next).map_or(MicroTime(Timestamp::UNIX_EPOCH), MicroTime);
    }
    now
}

/// As precise as the API server stores it.
fn micro(time: Timestamp) -> MicroTime {
    MicroTime(Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time))
}
