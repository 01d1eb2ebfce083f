//! What a machine is known by: host keys that a person wrote down, or those that it showed at first, which are kept in
//! the `ConfigMap` `<cluster>-known-hosts` until the machine is installed anew.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;
use kube::api::{Api, Patch};
use nico_crds::names::known_hosts_config_map;
use nico_crds::{KubernetesCluster, Machine};
use nico_render::workload::{Trouble, is_pin_void};
use serde_json::json;

use super::key::Key;
use super::{HostKeyPolicy, secret, trouble};
use crate::ApplyError;
use crate::board::Post;
use crate::hands::writer::Writer;
use crate::observe::now;
use crate::ssh::HostKeys;

/// In front of a pinned key: since when it is. `ssh` takes the line for a comment.
const PINNED_AT: &str = "# pinned at ";

/// The `ConfigMap` of a cluster, as it is now.
pub(super) struct Pins {
    found: Option<ConfigMap>,
}

impl Pins {
    /// Reads it.
    pub async fn read(writer: &Writer, cluster: &KubernetesCluster) -> Result<Self, Trouble> {
        let name = known_hosts_config_map(&cluster.name_any());
        let api = api(writer, cluster);
        let found = writer.read("the ConfigMap with the host keys", api.get_opt(&name)).await;
        let found = found.map_err(|error| trouble::pins_unreadable(&name, &error))?;
        if found.as_ref().is_some_and(|found| !secret::is_of(found, cluster)) {
            return Err(trouble::taken_pins(&name));
        }
        Ok(Self { found })
    }

    fn text(&self, machine: &str) -> Option<&String> {
        self.found.as_ref()?.data.as_ref()?.get(machine)
    }

    /// What a machine has to be known by.
    pub fn expected(
        &self,
        policy: HostKeyPolicy,
        post: &Post,
        machine: &Machine,
        key: &Key,
    ) -> Result<HostKeys, Trouble> {
        let name = machine.name_any();
        match policy {
            HostKeyPolicy::Strict => {
                let place = known_hosts_config_map(&post.cluster.name_any());
                let (text, place) = match (&key.known_hosts, self.text(&name)) {
                    (Some(text), _) => (text, format!("Secret {}", key.secret)),
                    (None, Some(text)) => (text, format!("ConfigMap {place}")),
                    (None, None) => return Err(trouble::host_key_unknown(&name, &key.secret, &place)),
                };
                written_down(machine, text).map_err(|line| trouble::bad_known_hosts(&name, &place, line))
            }
            HostKeyPolicy::AcceptNew => Ok(self.pinned(post, &name)),
        }
    }

    /// What is not as NICO wrote it counts as pinned since ever: a person wrote it.
    fn pinned(&self, post: &Post, machine: &str) -> HostKeys {
        let Some(text) = self.text(machine) else { return HostKeys::AcceptNew };
        let (first, _) = text.split_once('\n').unwrap_or((text, ""));
        let pinned_at: Option<Timestamp> =
            first.strip_prefix(PINNED_AT).and_then(|time| time.trim().parse().ok());
        let configuration = post.ground.configurations.get(machine);
        let is_void = pinned_at
            .zip(configuration)
            .is_some_and(|(pinned_at, configuration)| is_pin_void(pinned_at, configuration));
        if is_void {
            return HostKeys::AcceptNew;
        }
        // A text that holds no key lets nobody in: that is what a person who took it away meant, or did not notice.
        HostKeys::of_person(machine, &[], text).unwrap_or_else(|_| HostKeys::Known(String::new()))
    }

    /// Keeps what a machine showed at first.
    pub async fn pin(
        &mut self,
        writer: &Writer,
        cluster: &KubernetesCluster,
        machine: &str,
        shown: &HostKeys,
    ) -> Result<(), ApplyError> {
        let HostKeys::Known(lines) = shown else { return Ok(()) };
        let text = format!("{PINNED_AT}{}\n{lines}", now());
        let name = known_hosts_config_map(&cluster.name_any());
        let what = || format!("the ConfigMap {name}");
        let api = api(writer, cluster);
        let data = std::collections::BTreeMap::from([(machine.to_owned(), text)]);
        let written = match &self.found {
            None => {
                let metadata = secret::metadata(cluster, name.clone());
                let fresh = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
                writer.write("create", "configmaps", what, api.create(&writer.create(), &fresh)).await?
            }
            Some(found) => {
                let metadata = json!({ "uid": found.uid(), "resourceVersion": found.resource_version() });
                let patch = Patch::Merge(json!({ "metadata": metadata, "data": data }));
                let params = writer.patch();
                let request = api.patch(&name, &params, &patch);
                writer.write("patch", "configmaps", what, request).await?
            }
        };
        self.found = Some(written);
        Ok(())
    }
}

/// The lines of a text that are about this machine.
fn written_down(machine: &Machine, text: &str) -> Result<HostKeys, usize> {
    let addresses = [&machine.spec.ip_address, &machine.spec.hostname, &machine.spec.host];
    let names: Vec<_> = addresses.into_iter().flatten().map(String::as_str).collect();
    HostKeys::of_person(&machine.name_any(), &names, text).map_err(|error| error.line)
}

fn api(writer: &Writer, cluster: &KubernetesCluster) -> Api<ConfigMap> {
    Api::namespaced(writer.client.clone(), &cluster.namespace().unwrap_or_default())
}
