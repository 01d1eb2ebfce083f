//! What is asked of a fleet after the fact: what the operator wrote, to whom and in which order; what it told; what
//! the files list; and what `nico plan` says of the live server.

use nico_crds::names::LEAVING;
use nico_harness::process::Stream;
use nico_harness::{Event, Process, audit};
use serde_json::Value;

use crate::faults::is_operator;
use crate::fleet::{Fleet, HOME};
use crate::invariants;
use crate::stage::{BOUND, CONFIGURATIONS, Stage, shared_account};

impl Fleet {
    /// What the operator was answered well to, from one place of the audit log to now.
    pub async fn writes(&self, from: audit::Mark) -> Vec<Event> {
        let to = self.stage.control_plane.audit_mark().await;
        let mut events = self.stage.control_plane.audit_between(from, to);
        let namespace = self.stage.namespace.name();
        events.retain(|event| event.is_write() && event.namespace.as_deref() == Some(namespace));
        events.retain(|event| is_operator(event) && (200..300).contains(&event.code));
        events
    }

    /// Every status that was told since then.
    pub async fn told(&self, from: audit::Mark) -> Vec<Value> {
        let writes = self.writes(from).await;
        let statuses = writes.into_iter().filter(|event| {
            event.resource == "kubernetesclusters" && event.subresource.as_deref() == Some("status")
        });
        statuses.filter_map(|event| Some(event.request_object?.get("status")?.clone())).collect()
    }

    /// What the operator did to configurations, in words, oldest first: to which machine's, and what.
    pub async fn done(&self, from: audit::Mark) -> Vec<(String, &'static str)> {
        let writes = self.writes(from).await;
        let of_configurations = writes.iter().filter(|event| event.resource == CONFIGURATIONS);
        let machine =
            |event: &Event| event.name.as_deref()?.strip_prefix(&format!("{HOME}-")).map(str::to_owned);
        of_configurations.map(|event| (machine(event).unwrap(), said(event))).collect()
    }

    /// The same of one of them.
    pub async fn done_to(&self, from: audit::Mark, machine: &str) -> Vec<&'static str> {
        let done = self.done(from).await;
        done.into_iter().filter(|(of, _)| of == machine).map(|(_, what)| what).collect()
    }

    /// What must hold at every write held.
    pub fn assert_invariants(&self) {
        invariants::hold(&self.stage.control_plane.audit_in(&self.stage.namespace), is_operator);
    }

    /// What `cluster.nix` of a machine lists.
    pub async fn listed(&self, on: &str) -> String {
        let live = self.configuration(on).await;
        live["spec"]["additionalFiles"][0]["inline"].as_str().unwrap().to_owned()
    }

    /// What `nico plan` says of the live server, and how it ends.
    pub async fn plan(&self, more: &[&str]) -> (String, Option<i32>) {
        plan(&self.stage, more).await
    }
}

/// What `nico plan` says of a namespace, and how it ends.
pub async fn plan(stage: &Stage<'_>, more: &[&str]) -> (String, Option<i32>) {
    let kubeconfig = shared_account().await.kubeconfig();
    let planned = Process::start(env!("CARGO_BIN_EXE_nico"), |command| {
        command.args(["plan", "--namespace", stage.namespace.name()]).args(more);
        command.arg("--kubeconfig").arg(&kubeconfig).env_remove("KUBECONFIG");
    });
    let status = planned.ended(BOUND).await.unwrap();
    (planned.text(Stream::Out), status.code())
}

fn said(event: &Event) -> &'static str {
    let sent = event.request_object.as_ref().unwrap();
    if event.verb == "delete" {
        "deleted"
    } else if event.code == 201 {
        "created"
    } else if sent.is_array() {
        "let go"
    } else if sent["metadata"]["annotations"][LEAVING].is_string() {
        "leaves"
    } else {
        "written"
    }
}
