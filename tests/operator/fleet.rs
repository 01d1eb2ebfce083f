//! What the tests of rollouts share: a cluster that runs, the ways to change it, and what is waited for and asked
//! of the server.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use nico_crds::names::{CONFIRM_AT, FIELD_MANAGER};
use nico_harness::{Event, Process};
use nio_stand_in::{Actor, Content, Control, Log, Mark, Settings};
use serde_json::{Value, json};

use crate::faults::is_operator;
use crate::stage::{CONFIGURATIONS, Stage, cluster};

/// What the clusters of these tests are called.
pub const HOME: &str = "home";
/// For so long each machine has to stand still, at least.
pub const MIN_READY: i64 = 1;

/// A cluster that runs: control planes from `node-1` on, workers from `node-4` on.
pub struct Fleet {
    pub stage: Stage<'static>,
    pub operator: Process,
}

impl Fleet {
    /// Installed before, and settled. Of the three machines for control planes some may be left over; where there are
    /// more the workers come after them.
    pub async fn new(prefix: &str, control_planes: usize, workers: usize, rollout: &Value) -> Self {
        let fleet = Self::without_cluster(prefix, control_planes.max(3), workers).await;
        begin(&fleet.stage, control_planes, workers, rollout).await;
        fleet
    }

    /// The same with a NIO of another pace.
    pub async fn at_pace(prefix: &str, workers: usize, rollout: &Value, settings: Settings) -> Self {
        let fleet = Self::on(Stage::with(prefix, settings).await).await;
        fleet.stage.machines(3 + workers).await;
        begin(&fleet.stage, 1, workers, rollout).await;
        fleet
    }

    /// Machines for so many control planes and workers, and no cluster yet.
    pub async fn without_cluster(prefix: &str, control_planes: usize, workers: usize) -> Self {
        let fleet = Self::on(Stage::new(prefix).await).await;
        fleet.stage.racks(control_planes, workers).await;
        fleet
    }

    async fn on(stage: Stage<'static>) -> Self {
        let operator = stage.operator().await;
        Self { stage, operator }
    }

    pub fn control(&self) -> &Control {
        self.stage.control()
    }

    /// Changes the cluster's spec, as a person. What comes in the log from now on comes after it, or of it.
    pub async fn edit(&self, spec: Value) -> Mark {
        let mark = self.control().log().mark();
        self.stage.patch("kubernetescluster", HOME, "person", &json!({ "spec": spec })).await;
        mark
    }

    /// New content for all machines.
    pub async fn roll(&self, git_ref: &str) -> Mark {
        self.edit(json!({ "ref": git_ref })).await
    }

    /// What was done to machines since then.
    pub fn since(&self, mark: Mark) -> Log {
        self.control().log().since(mark)
    }

    /// Waits until every member runs what the spec says now, and all is well.
    pub async fn whole(&self) {
        whole(&self.stage).await;
    }

    /// The operator has seen the spec as it is now, and gone over it so many times more.
    pub async fn passes(&self, count: u64) {
        let generation = self.cluster().await["metadata"]["generation"].clone();
        self.wait_status("it to have seen the spec", |status| status["observedGeneration"] == generation)
            .await;
        crate::quiet::passes(&self.stage, &self.operator, count).await;
    }

    pub async fn cluster(&self) -> Value {
        self.stage.get("kubernetescluster", HOME).await
    }

    /// Waits until the status tells something.
    pub async fn wait_status(&self, what: &str, tells: impl Fn(&Value) -> bool) -> Value {
        self.stage
            .wait(what, async || {
                let status = self.cluster().await["status"].clone();
                if tells(&status) { Ok(status) } else { Err(status.to_string()) }
            })
            .await
    }

    /// Waits until the line of a machine tells this state.
    pub async fn wait_state(&self, machine: &str, state: &str) -> Value {
        let what = format!("{machine} to be {state}");
        let status = self.wait_status(&what, |status| line(status, machine)["state"] == state).await;
        line(&status, machine)
    }

    /// The configuration of a machine.
    pub async fn configuration(&self, machine: &str) -> Value {
        self.stage.get(CONFIGURATIONS, &format!("{HOME}-{machine}")).await
    }

    /// Waits until the configuration of a machine is gone.
    pub async fn wait_gone(&self, machine: &str) {
        self.stage
            .wait(&format!("the configuration of {machine} to go"), async || {
                let live = self.configuration(machine).await;
                if live.is_null() { Ok(()) } else { Err(live["metadata"].to_string()) }
            })
            .await;
    }

    /// Sends the operator's last apply of a configuration once more, changed: so an operator would have written it at
    /// another time, or another build of it. Every field stays the operator's own.
    pub async fn as_nico(&self, machine: &str, change: impl FnOnce(&mut Value)) {
        let name = format!("{HOME}-{machine}");
        let events = self.stage.control_plane.audit_in(&self.stage.namespace);
        let is_apply = |event: &&Event| {
            event.resource == CONFIGURATIONS
                && event.name.as_deref() == Some(name.as_str())
                && event.field_manager.as_deref() == Some(FIELD_MANAGER)
                && event.request_object.as_ref().is_some_and(|sent| sent["spec"].is_object())
        };
        let written = events.iter().filter(|event| is_operator(event) && (200..300).contains(&event.code));
        let mut sent = written.rev().find(is_apply).unwrap().request_object.clone().unwrap();
        for bound in ["uid", "resourceVersion"] {
            sent["metadata"].as_object_mut().unwrap().remove(bound);
        }
        change(&mut sent);
        let kind = GroupVersionKind::gvk("nio.homystack.com", "v1alpha1", "NixosConfiguration");
        let resource = ApiResource::from_gvk(&kind);
        let client = self.stage.client.clone();
        let api: Api<DynamicObject> = Api::namespaced_with(client, self.stage.namespace.name(), &resource);
        api.patch(&name, &PatchParams::apply(FIELD_MANAGER).force(), &Patch::Apply(sent)).await.unwrap();
    }

    /// Two hours pass for what is to be confirmed on a machine: NIO's time-out is over.
    pub async fn confirmation_falls_due(&self, machine: &str) {
        self.as_nico(machine, |sent| {
            let noted = &mut sent["metadata"]["annotations"][CONFIRM_AT];
            let at: Timestamp = noted.as_str().unwrap().parse().unwrap();
            assert!(at > Timestamp::now() + SignedDuration::from_mins(110), "after NIO's time-out: {at}");
            *noted = json!((at - SignedDuration::from_hours(2)).to_string());
        })
        .await;
    }

    /// Waits until what is to be confirmed on a machine is: it runs what was written for that, which NIO tells. What
    /// the cluster's status says meanwhile may be from before.
    pub async fn wait_confirmed(&self, machine: &str) {
        self.stage
            .wait(&format!("{machine} to be confirmed"), async || {
                let live = self.configuration(machine).await;
                if !live["metadata"]["annotations"][CONFIRM_AT].is_null() {
                    return Err(live["metadata"]["annotations"].to_string());
                }
                let Content::Runs(runs) = self.control().log().machine(machine).content else {
                    return Err("it is half".to_owned());
                };
                let text = live["spec"]["additionalFiles"][0]["inline"].as_str().unwrap();
                let revision = runs.revision.map(|revision| format!("revision = {revision};"));
                let is_told = live["status"]["additionalFilesHash"] == runs.files_hash;
                if is_told && revision.is_some_and(|revision| text.contains(&revision)) {
                    Ok(())
                } else {
                    Err(format!("it runs {runs:?}"))
                }
            })
            .await;
        self.whole().await;
    }

    /// Holds what NIO applies to a machine from now on, be it by its handler or by its timer.
    pub fn hold(&self, machine: &str) {
        for actor in [Actor::Handler, Actor::Timer] {
            self.control().hold(machine, actor);
        }
    }

    /// The end of that.
    pub fn release(&self, machine: &str) {
        for actor in [Actor::Handler, Actor::Timer] {
            self.control().release(machine, actor);
        }
    }

    /// Waits until both, who are held, have begun to apply something to a machine. A timer that is late would find
    /// nothing to apply any more when only it is held.
    pub async fn wait_both(&self, machine: &str) {
        self.stage
            .wait(&format!("both to be at {machine}"), async || {
                let runs = self.control().log().of(machine).runs();
                let is_at_it = |actor| runs.iter().any(|run| run.start.actor == actor && run.end.is_none());
                if is_at_it(Actor::Handler) && is_at_it(Actor::Timer) {
                    Ok(())
                } else {
                    Err(format!("{runs:?}"))
                }
            })
            .await;
    }

    /// Waits until NIO can log in on a machine, or cannot.
    pub async fn wait_reachable(&self, machine: &str, reachable: bool) {
        self.stage
            .wait(&format!("{machine} to be seen"), async || {
                let status = self.stage.get("machine", machine).await["status"].clone();
                if status["discoverable"] == reachable { Ok(()) } else { Err(status.to_string()) }
            })
            .await;
    }
}

/// Creates the cluster of a stage, and waits until it runs.
pub async fn begin(stage: &Stage<'_>, control_planes: usize, workers: usize, rollout: &Value) {
    let mut whole_rollout = json!({
        "bootstrap": "AllAtOnce", "minReadySeconds": MIN_READY, "progressDeadlineSeconds": 600,
    });
    for (field, value) in rollout.as_object().unwrap() {
        whole_rollout[field] = value.clone();
    }
    let spec = json!({ "installPolicy": "SwitchOnly", "rollout": whole_rollout });
    stage.put(&[cluster(HOME, control_planes, workers, &spec)]).await;
    stage.wait_installed(control_planes + workers).await;
    whole(stage).await;
}

/// Waits until the status tells that every member runs what the spec says now.
pub async fn whole(stage: &Stage<'_>) {
    stage
        .wait("all to run what they should", async || {
            let live = stage.get("kubernetescluster", HOME).await;
            let status = &live["status"];
            let is_seen = status["observedGeneration"] == live["metadata"]["generation"];
            if is_seen && status["phase"] == "Ready" { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
}

/// The line of a machine in a status; null if there is none.
pub fn line(status: &Value, machine: &str) -> Value {
    let lines = status["machines"].as_array().cloned().unwrap_or_default();
    lines.into_iter().find(|line| line["name"] == machine).unwrap_or_default()
}

/// The machines with these numbers.
pub fn nodes(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("node-{number}")).collect()
}
