//! What the tests share: those that stand for election, and looking at the Lease and its writes.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Client;
use kube::api::Api;
use nico_apply::lease::{Election, FIELD_MANAGER, LEASE_NAME, Leadership, LeaseError, Settings, Term};
use nico_harness::{ControlPlane, Event, Namespace, wait_until};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const BOUND: Duration = Duration::from_secs(30);

/// Shorter times than the usual ones, long beside a request on a busy machine.
pub fn settings(namespace: &str, identity: &str) -> Settings {
    Settings {
        duration: Duration::from_secs(8),
        renew_deadline: Duration::from_secs(6),
        retry_period: Duration::from_millis(400),
        ..Settings::new(namespace, identity)
    }
}

/// One that stands for election, in a task.
pub struct Contender {
    pub leadership: Leadership,
    pub task: JoinHandle<Result<(), LeaseError>>,
    shutdown: oneshot::Sender<()>,
}

impl Contender {
    pub fn start(client: Client, settings: Settings) -> Self {
        let (election, leadership) = Election::new(client, settings).unwrap();
        let (shutdown, told) = oneshot::channel();
        let run = election.run(async {
            let _told_or_gone = told.await;
        });
        Self { leadership, task: tokio::spawn(run), shutdown }
    }

    /// One with the admin's rights.
    pub async fn of(control_plane: &ControlPlane, namespace: &Namespace, identity: &str) -> Self {
        Self::start(control_plane.client().await, settings(namespace.name(), identity))
    }

    pub async fn leads(&self) -> Term {
        wait("leadership", self.leadership.acquired()).await
    }

    /// Waits until it has seen that somebody else leads.
    pub async fn follows(&self, other: &str) {
        let wanted = format!("stands by: {other} leads");
        self.shows(&wanted).await;
    }

    /// Waits until its status begins so.
    pub async fn shows(&self, wanted: &str) {
        wait_until(wanted, BOUND, async || {
            let status = self.leadership.status();
            if status.starts_with(wanted) { Ok(()) } else { Err(status) }
        })
        .await
        .unwrap();
    }

    /// Ends it in good order.
    pub async fn end(self) -> Leadership {
        let leadership = self.leadership.clone();
        self.end_somehow().await.unwrap();
        leadership
    }

    /// Ends it; how that went.
    pub async fn end_somehow(self) -> Result<(), LeaseError> {
        self.shutdown.send(()).unwrap();
        wait("the end", self.task).await.unwrap()
    }
}

/// With a bound, so that a test that waits for ever says for what.
pub async fn wait<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("waited {BOUND:?} for {what}"))
}

/// When the write was begun by which this term was won or last renewed: its leader did not lead before.
pub fn begun(term: &Term, settings: &Settings) -> Instant {
    term.valid_until().expect("it leads").checked_sub(settings.renew_deadline).unwrap()
}

pub async fn leases(control_plane: &ControlPlane, namespace: &Namespace) -> Api<Lease> {
    Api::namespaced(control_plane.client().await, namespace.name())
}

pub async fn spec(control_plane: &ControlPlane, namespace: &Namespace) -> LeaseSpec {
    leases(control_plane, namespace).await.get(LEASE_NAME).await.unwrap().spec.unwrap()
}

/// The writes of elections to the Lease, once they are as they are waited for. Each of them must have been
/// bound, whatever else a test asks.
pub async fn writes(
    control_plane: &ControlPlane,
    namespace: &Namespace,
    what: &str,
    enough: impl Fn(&[Event]) -> bool,
) -> Vec<Event> {
    let writes = wait_until(what, BOUND, async || {
        let writes: Vec<_> = control_plane.audit_in(namespace).into_iter().filter(is_election).collect();
        if enough(&writes) { Ok(writes) } else { Err(format!("{writes:#?}")) }
    })
    .await
    .unwrap();
    for write in &writes {
        let metadata = &write.request_object.as_ref().unwrap()["metadata"];
        let is_set = |field: &str| metadata[field].as_str().is_some_and(|value| !value.is_empty());
        let bound = (is_set("uid"), is_set("resourceVersion"));
        match write.verb.as_str() {
            "create" => assert_eq!(bound, (false, false), "{write:?}"),
            "update" => assert_eq!(bound, (true, true), "{write:?}"),
            other => panic!("an election has no {other}"),
        }
    }
    writes
}

fn is_election(event: &Event) -> bool {
    event.is_write() && event.resource == "leases" && event.field_manager.as_deref() == Some(FIELD_MANAGER)
}

/// Who would have had the Lease by this write.
pub fn holder(write: &Event) -> &str {
    write.request_object.as_ref().unwrap()["spec"]["holderIdentity"].as_str().unwrap()
}

pub fn with_code<'a>(writes: &'a [Event], verb: &str, code: u16) -> Vec<&'a Event> {
    writes.iter().filter(|write| write.verb == verb && write.code == code).collect()
}
