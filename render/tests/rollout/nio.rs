//! NIO, in a small world: it does what a test tells it to.

use std::sync::Arc;

use k8s_openapi::jiff::SignedDuration;
use nico_crds::NixosConfiguration;
use nico_crds::configuration::{NioCondition, NixosConfigurationStatus};
use nico_render::files;

use crate::world::{HANDLED, PROGRESS, World};

impl World {
    /// The machine is installed anew with what its configuration holds.
    pub fn wipe(&mut self, name: &str) {
        self.apply(name);
        self.nc(name).status.get_or_insert_default().has_full_install = Some(true);
    }

    pub fn find(&self, name: &str) -> Option<&NixosConfiguration> {
        let name = format!("c-{name}");
        let mut configurations = self.inventory.configurations.iter();
        configurations.find(|live| live.metadata.name.as_ref() == Some(&name)).map(AsRef::as_ref)
    }

    pub fn nc(&mut self, name: &str) -> &mut NixosConfiguration {
        let name = format!("c-{name}");
        let mut configurations = self.inventory.configurations.iter_mut();
        Arc::make_mut(configurations.find(|live| live.metadata.name.as_ref() == Some(&name)).unwrap())
    }

    pub fn names(&self) -> Vec<String> {
        let names = self.inventory.configurations.iter().filter_map(|live| live.metadata.name.as_deref());
        names.map(|name| name.trim_start_matches("c-").to_owned()).collect()
    }

    /// The live files are applied now, and the handler ends with the live spec.
    pub fn apply(&mut self, name: &str) {
        self.deliver(name);
        self.handle(name);
    }

    /// The live files are applied now, by the timer: the handler has not ended.
    pub fn deliver(&mut self, name: &str) {
        let now = self.now.to_string();
        let live = self.nc(name);
        live.status = Some(NixosConfigurationStatus {
            applied_commit: Some("0123456789012345678901234567890123456789".to_owned()),
            last_applied_time: Some(now.clone()),
            additional_files_hash: files::hash(&live.spec.additional_files),
            has_full_install: live.spec.full_install,
            conditions: vec![condition("True", "Success")],
            ..NixosConfigurationStatus::default()
        });
        let configuration = format!("c-{name}");
        let status = self.machine(name).status.get_or_insert_default();
        status.has_configuration = Some(true);
        status.applied_configuration = Some(configuration);
        status.last_applied_time = Some(now);
    }

    /// The handler ends with the live spec.
    pub fn handle(&mut self, name: &str) {
        let note = serde_json::json!({ "spec": self.nc(name).spec }).to_string();
        self.annotate(name, HANDLED, &note);
        self.nc(name).metadata.annotations.get_or_insert_default().remove(PROGRESS);
    }

    /// It is installed, the clearing is taken in, and it stands still for long.
    #[track_caller]
    pub fn install(&mut self, name: &str) {
        self.pass(100);
        self.apply(name);
        assert_eq!(self.tick(), [format!("{name} ClearFullInstall")]);
        self.handle(name);
        self.pass(4300);
    }

    /// NIO looks at everything, and applies what it has not.
    pub fn apply_all(&mut self) {
        self.apply_all_but(&[]);
    }

    fn apply_all_but(&mut self, but: &[&str]) {
        for name in self.names().iter().filter(|name| !but.contains(&name.as_str())) {
            let live = self.nc(name);
            let status = live.status.clone().unwrap_or_default();
            let hash = files::hash(&live.spec.additional_files);
            if status.additional_files_hash != hash || status.applied_commit.is_none() {
                self.deliver(name);
            }
            self.handle(name);
        }
    }

    pub fn handle_all(&mut self) {
        for name in self.names() {
            self.handle(&name);
        }
    }

    /// The handler has failed so often with what was written before now.
    pub fn fail(&mut self, name: &str, retries: u64) {
        let started = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
        let due = started.checked_add(SignedDuration::from_secs(90)).unwrap();
        let note = serde_json::json!({
            "started": started.to_string(), "delayed": due.to_string(), "retries": retries,
            "message": "Command failed with exit status 1",
        });
        self.annotate(name, PROGRESS, &note.to_string());
        self.pass(200);
    }

    /// One look of NIO's could not reach it.
    pub fn blip(&mut self, name: &str) {
        let status = self.nc(name).status.get_or_insert_default();
        status.applied_commit = None;
        status.last_applied_time = None;
        status.conditions = vec![condition("False", "MissingCredentials")];
    }

    pub fn reachable(&mut self, name: &str, is: bool) {
        self.machine(name).status.get_or_insert_default().discoverable = Some(is);
    }

    /// NIO has cleaned what is being deleted, and lets it go.
    pub fn clean(&mut self) {
        let going = |live: &NixosConfiguration| live.metadata.deletion_timestamp.is_some();
        let machines: Vec<_> = self
            .inventory
            .configurations
            .iter()
            .filter(|live| going(live))
            .filter_map(|live| live.machine().map(str::to_owned))
            .collect();
        self.inventory.configurations.retain(|live| !going(live));
        for machine in machines {
            if self.inventory.machines.iter().any(|object| object.metadata.name.as_ref() == Some(&machine)) {
                self.machine(&machine).status.get_or_insert_default().has_configuration = Some(false);
            }
        }
    }

    /// Everything that is written is applied, and stands still; until nothing more is written.
    pub fn settle(&mut self) -> Vec<String> {
        self.settle_but(&[])
    }

    /// The same, until this is done.
    #[track_caller]
    pub fn until(&mut self, step: &str) {
        for _ in 0..40 {
            if self.tick().iter().any(|done| done == step) {
                return;
            }
            self.pass(100);
            self.clean();
            self.apply_all_but(&[]);
            self.pass(300);
        }
        panic!("{step} never comes: {:#?}", self.plan().waiting);
    }

    /// The same, but of some nothing is ever applied.
    pub fn settle_but(&mut self, but: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for _ in 0..40 {
            all.extend(self.tick());
            self.pass(100);
            self.clean();
            self.apply_all_but(but);
            self.pass(300);
        }
        assert_eq!(self.steps(), Vec::<String>::new(), "it never ends: {all:#?}");
        all
    }
}

fn condition(status: &str, reason: &str) -> NioCondition {
    NioCondition {
        type_: "Applied".to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        ..NioCondition::default()
    }
}
