//! Marks in the audit log: what is before one, and what after.
//!
//! The server hands an answer over to the connection when its request is in
//! the log. So what a client was told of before a mark was asked for is before
//! the mark: but for the first pieces of large answers, and open watches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{Event, parse};
use crate::control_plane::ControlPlane;
use crate::wait::wait_until;

const PREFIX: &str = "audit-mark-";

const BOUND: Duration = Duration::from_secs(30);

/// A place in the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// In bytes, after the line that marks it.
    end: usize,
}

impl ControlPlane {
    /// Writes a `ConfigMap` into the namespace `default`, and waits until the log tells of it.
    pub async fn audit_mark(&self) -> Mark {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let config_maps: Api<ConfigMap> = Api::namespaced(self.client().await, "default");
        let mark = ConfigMap {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            ..ConfigMap::default()
        };
        config_maps
            .create(&PostParams::default(), &mark)
            .await
            .unwrap_or_else(|error| panic!("cannot mark the audit log: {error}"));
        let quoted = format!(r#""name":"{name}""#);
        wait_until("the mark in the audit log", BOUND, async || {
            let log = self.audit_log();
            let place = log.find(&quoted).ok_or("it is not there")?;
            let rest = log.get(place..).unwrap_or_default();
            let line = rest.find('\n').ok_or("its line is not complete")?;
            Ok::<_, &str>(Mark { end: place.saturating_add(line).saturating_add(1) })
        })
        .await
        .unwrap_or_else(|error| panic!("{error}"))
    }

    /// What was answered between the two, oldest first, without the marks themselves.
    pub fn audit_between(&self, from: Mark, to: Mark) -> Vec<Event> {
        let log = self.audit_log();
        let part = log.get(from.end..to.end).expect("the second mark is after the first");
        without_marks(parse(part, None))
    }

    /// All that was answered before this is called.
    pub async fn audit_so_far(&self) -> Vec<Event> {
        let mark = self.audit_mark().await;
        self.audit_between(Mark { end: 0 }, mark)
    }
}

fn without_marks(mut events: Vec<Event>) -> Vec<Event> {
    events.retain(|event| !event.name.as_deref().is_some_and(|name| name.starts_with(PREFIX)));
    events
}
