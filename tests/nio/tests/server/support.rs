//! What the tests share: a namespace with a stand-in, objects, and waiting for what becomes of them.

use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use nico_crds::{Machine, NixosConfiguration};
use nico_harness::{ControlPlane, Event, Namespace, wait_until};
use nio_stand_in::{Actor, Control, Kind, Log, Nio, Scope, Settings};
use serde_json::{Value, json};

pub const BOUND: Duration = Duration::from_mins(1);
pub const ATTEMPTS: &str = "kopf.zalando.org/unified_nixos_configuration_handler";
pub const FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";

/// Nothing happens by itself: the timer and further attempts come after the test.
pub fn patient() -> Settings {
    let never = Duration::from_hours(1);
    Settings { timer_interval: never, retry_delay: never, ..Settings::default() }
}

/// The timer comes after the test, after its first look.
pub fn without_timer() -> Settings {
    Settings { timer_interval: Duration::from_hours(1), ..Settings::default() }
}

pub struct Place {
    pub control_plane: &'static ControlPlane,
    pub namespace: Namespace,
    pub client: Client,
    pub control: Control,
    pub settings: Settings,
    nio: Option<Nio>,
}

impl Place {
    /// A namespace with a stand-in, and a Secret with the join token.
    pub async fn new(name: &str, settings: Settings) -> Self {
        let place = Self::asleep(name, settings).await;
        place.secret("join-token").await;
        place.started()
    }

    /// The same, without a stand-in and a Secret.
    pub async fn asleep(name: &str, settings: Settings) -> Self {
        let control_plane = ControlPlane::shared().await;
        let namespace = control_plane.namespace(name).await;
        let client = control_plane.client().await;
        Self { control_plane, namespace, client, control: Control::new(), settings, nio: None }
    }

    pub fn started(mut self) -> Self {
        self.start();
        self
    }

    pub fn start(&mut self) {
        let scope = Scope::namespace(self.namespace.name());
        let nio = Nio::start_in(self.client.clone(), scope, self.settings.clone(), self.control.clone());
        self.nio = Some(nio);
    }

    pub async fn stop(&mut self) {
        self.nio.take().unwrap().stop().await;
    }

    pub fn configurations(&self) -> Api<NixosConfiguration> {
        Api::namespaced(self.client.clone(), self.namespace.name())
    }

    pub fn machines(&self) -> Api<Machine> {
        Api::namespaced(self.client.clone(), self.namespace.name())
    }

    pub async fn secret(&self, name: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace.name());
        let secret = json!({ "metadata": { "name": name }, "stringData": { "token": "t" } });
        secrets.create(&PostParams::default(), &serde_json::from_value(secret).unwrap()).await.unwrap();
    }

    pub async fn no_secret(&self, name: &str) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), self.namespace.name());
        secrets.delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// A machine that NIO has looked at.
    pub async fn machine(&self, name: &str) {
        self.put_machine(name).await;
        self.machine_until(name, "NIO to see the machine", |machine| {
            let status = machine.status.clone().unwrap_or_default();
            (status.has_configuration == Some(false) && status.discoverable.is_some()).then_some(())
        })
        .await;
    }

    pub async fn put_machine(&self, name: &str) {
        let spec = json!({ "hostname": format!("{name}.example"), "sshUser": "root" });
        let machine = json!({ "metadata": { "name": name }, "spec": spec });
        let machine = serde_json::from_value(with_type(machine, "Machine")).unwrap();
        self.machines().create(&PostParams::default(), &machine).await.unwrap();
    }

    pub async fn put(&self, configuration: Value) -> NixosConfiguration {
        let configuration = serde_json::from_value(with_type(configuration, "NixosConfiguration")).unwrap();
        self.configurations().create(&PostParams::default(), &configuration).await.unwrap()
    }

    /// As a person, or NICO, would: not as NIO.
    pub async fn patch(&self, name: &str, patch: Value) -> NixosConfiguration {
        let params = PatchParams { field_manager: Some("test".to_owned()), ..PatchParams::default() };
        self.configurations().patch(name, &params, &Patch::Merge(patch)).await.unwrap()
    }

    pub async fn write(&self, name: &str, revision: u64) -> NixosConfiguration {
        self.patch(name, json!({ "spec": { "additionalFiles": files(revision) } })).await
    }

    pub async fn delete(&self, name: &str) {
        self.configurations().delete(name, &DeleteParams::background()).await.unwrap();
    }

    pub async fn configuration(&self, name: &str) -> NixosConfiguration {
        self.configurations().get(name).await.unwrap()
    }

    pub async fn until<T>(
        &self,
        name: &str,
        what: &str,
        ask: impl Fn(&NixosConfiguration) -> Option<T>,
    ) -> T {
        wait_until(what, BOUND, async || {
            let live = self.configurations().get(name).await.map_err(|error| error.to_string())?;
            ask(&live).ok_or_else(|| show(&live, &self.log()))
        })
        .await
        .unwrap()
    }

    pub async fn machine_until<T>(&self, name: &str, what: &str, ask: impl Fn(&Machine) -> Option<T>) -> T {
        wait_until(what, BOUND, async || {
            let live = self.machines().get(name).await.map_err(|error| error.to_string())?;
            ask(&live).ok_or_else(|| show(&live, &self.log()))
        })
        .await
        .unwrap()
    }

    /// The configuration is gone; what the Machine's status says then.
    pub async fn gone(&self, name: &str) {
        wait_until("the configuration to go", BOUND, async || {
            let live = self.configurations().get_opt(name).await.map_err(|error| error.to_string())?;
            live.map_or(Ok(()), |live| Err(show(&live, &self.log())))
        })
        .await
        .unwrap();
    }

    pub async fn log_until<T>(&self, what: &str, ask: impl Fn(&Log) -> Option<T>) -> T {
        wait_until(what, BOUND, async || ask(&self.log()).ok_or_else(|| format!("{:#?}", self.log())))
            .await
            .unwrap()
    }

    /// The configuration is at rest, with an apply of what it says now.
    pub async fn proven(&self, name: &str) -> NixosConfiguration {
        self.until(name, "the configuration to be proven", |live| is_proven(live).then(|| live.clone())).await
    }

    /// Both twins of a machine's first configuration have ended, and have written what there is to write.
    pub async fn created(&self, name: &str, machine: &str) -> NixosConfiguration {
        wait_until("handler and timer to end", BOUND, async || {
            let looks = [Actor::Handler, Actor::Timer].map(|actor| self.control.looks(machine, actor));
            looks.iter().all(|count| *count > 0).then_some(()).ok_or_else(|| format!("{looks:?}"))
        })
        .await
        .unwrap();
        self.proven(name).await
    }

    /// The timer has come round twice since, so that nothing more comes of what was done before.
    pub async fn timer_came_round(&self, machine: &str) {
        let before = self.control.looks(machine, Actor::Timer);
        wait_until("the timer to come round twice", BOUND, async || {
            let looks = self.control.looks(machine, Actor::Timer);
            (looks >= before + 2).then_some(()).ok_or(looks)
        })
        .await
        .unwrap();
    }

    /// The handler is at rest with the generation that there is now.
    pub async fn rests(&self, name: &str) {
        let generation = self.configuration(name).await.metadata.generation.unwrap();
        self.log_until("the handler to be at rest", |log| {
            let rests = |event: &nio_stand_in::Event| {
                event.kind == Kind::Rest && event.configuration == name && event.generation >= generation
            };
            log.events().iter().any(rests).then_some(())
        })
        .await;
    }

    /// A configuration of another machine has come and been applied: whatever was to happen at once to the
    /// others has happened.
    pub async fn meanwhile(&self, name: &str) {
        self.machine(name).await;
        self.put(configuration(&format!("c-{name}"), name, false)).await;
        self.created(&format!("c-{name}"), name).await;
    }

    pub fn log(&self) -> Log {
        self.control.log()
    }

    /// What NIO wrote in this namespace, up to now: the audit log lags, but keeps the order.
    pub async fn written(&self) -> Vec<Event> {
        let last = format!("last-{}", self.log().events().len() + self.audit().len());
        self.secret(&last).await;
        let events = wait_until("the last write in the audit log", BOUND, async || {
            let events = self.audit();
            let is_last = |event: &Event| event.name.as_deref() == Some(&last) && event.is_write();
            events.iter().any(is_last).then_some(events).ok_or("not yet")
        })
        .await
        .unwrap();
        events.into_iter().filter(|event| event.user_agent == "nio-stand-in" && event.is_write()).collect()
    }

    fn audit(&self) -> Vec<Event> {
        self.control_plane.audit_in(&self.namespace)
    }
}

pub fn is_proven(live: &NixosConfiguration) -> bool {
    nico_render::proof::is_proven(live, nico_crds::machine::Dialect::Python)
}

fn show(live: &impl Debug, log: &Log) -> String {
    format!("{live:#?}\n{log:#?}")
}

fn with_type(mut object: Value, kind: &str) -> Value {
    object["apiVersion"] = json!("nio.homystack.com/v1alpha1");
    object["kind"] = json!(kind);
    object
}

pub fn files(revision: u64) -> Value {
    let text = format!("{{\n  name = \"home\";\n  nico = {{\n    revision = {revision};\n  }};\n}}\n");
    json!([
        { "path": "cluster.nix", "valueType": "Inline", "inline": text },
        { "path": "join-token", "valueType": "SecretRef", "secretRef": { "name": "join-token" } },
    ])
}

pub fn configuration(name: &str, machine: &str, full_install: bool) -> Value {
    json!({
        "metadata": { "name": name, "labels": { "role": "worker" } },
        "spec": {
            "gitRepo": "https://git.example/fleet.git",
            "flake": format!("#{machine}"),
            "onRemoveFlake": "#minimal",
            "fullInstall": full_install,
            "machineRef": { "name": machine },
            "additionalFiles": files(1),
        },
    })
}

pub fn hash(live: &NixosConfiguration) -> String {
    nio_stand_in::files_hash(&serde_json::to_value(&live.spec).unwrap(), &Value::Null)
}

pub fn has_status_hash(live: &NixosConfiguration, hash: &str) -> bool {
    live.status.as_ref().and_then(|status| status.additional_files_hash.as_deref()) == Some(hash)
}

pub fn attempts(live: &NixosConfiguration) -> Option<Value> {
    live.annotation(ATTEMPTS).map(|note| serde_json::from_str(note).unwrap())
}

pub fn condition(live: &NixosConfiguration) -> (String, String) {
    let status = live.status.clone().unwrap_or_default();
    status.condition("Applied").map(|found| (found.status.clone(), found.reason.clone())).unwrap_or_default()
}
