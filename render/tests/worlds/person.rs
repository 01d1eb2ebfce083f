//! People: they set a world up, edit it and spoil it by its script, and in the end do what they are asked to.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use nico_crds::cluster::{
    ControlPlaneEndpoint, MachineSelector, NodeGroup, RequireNodeHealth, Rollout, RolloutOrder,
};
use nico_crds::machine::MachineStatus;
use nico_crds::{KubernetesCluster, KubernetesClusterSpec, Machine, MachineSpec};

use crate::genes::{Act, Edit, machine_name};
use crate::model::machine::{FOR_EVER, Hardware, Runs};
use crate::model::{NAMESPACE, timestamp};
use crate::run::{Event, World};

impl World {
    /// Sets the world up.
    pub fn people(&mut self) {
        for gene in self.genes.machines.clone() {
            let name = machine_name(gene.number);
            let runs = gene.used.then(|| Runs::of_others("other"));
            let hardware = Hardware { number: gene.number, runs, ..Hardware::default() };
            self.truth.machines.insert(name.clone(), hardware);
            let mut machine = machine(&name, gene.rack);
            machine.status = Some(MachineStatus {
                discoverable: Some(true),
                has_configuration: Some(false),
                last_applied_time: gene.used.then(|| "2026-01-01T00:00:00Z".to_owned()),
                ..MachineStatus::default()
            });
            self.server.add_machine(machine);
        }
        for (place, gene) in self.genes.clusters.clone().into_iter().enumerate() {
            let mut cluster = KubernetesCluster { spec: gene.spec, ..KubernetesCluster::default() };
            cluster.metadata = ObjectMeta {
                name: Some(gene.name.clone()),
                namespace: Some(NAMESPACE.to_owned()),
                ..ObjectMeta::default()
            };
            self.server.now += i64::try_from(place).unwrap();
            self.server.add_cluster(cluster);
        }
        self.server.now = self.now;
    }

    pub fn cluster_name(&self, place: usize) -> String {
        self.genes.clusters.get(place).map(|gene| gene.name.clone()).unwrap_or_default()
    }

    /// Something happens, as the script has it.
    pub fn act(&mut self, act: &Act) {
        self.note(|| format!("-- {act:?}"));
        let calm_at = self.genes.calm_at;
        match act {
            Act::Edit { cluster, edit } => {
                let name = self.cluster_name(*cluster);
                self.edit(&name, edit);
            }
            Act::Outage { machine, seconds } => self.goes_down(*machine, (self.now + seconds).min(calm_at)),
            Act::Dies { machine } => self.goes_down(*machine, FOR_EVER),
            Act::Breaks { machine } => self.hardware(*machine, |hardware| hardware.broken = true),
            Act::CleanupFails { machine } => {
                self.hardware(*machine, |hardware| hardware.cleanup_fails = true);
            }
            Act::Push => self.truth.commit += 1,
            Act::DeleteMachine { machine } => self.server.remove_machine(&machine_name(*machine)),
            Act::AddMachine { machine, rack } => self.add_machine(*machine, *rack),
            Act::Relabel { machine, rack } => {
                self.server.change_machine(&machine_name(*machine), |object| label(object, *rack));
            }
            Act::MarkMachine { machine, key, value } => {
                self.mark_machine(&machine_name(*machine), key, *value);
            }
            Act::MarkConfiguration { machine, key, value } => {
                for name in self.configurations_of(&machine_name(*machine)) {
                    self.server.annotate(&name, key, *value);
                }
            }
            Act::DeleteConfiguration { machine } => {
                for name in self.configurations_of(&machine_name(*machine)) {
                    self.checker.deleted_by_hand(&self.server, &name);
                    self.server.delete(&name);
                }
            }
            Act::DeleteCluster { cluster } => {
                let now = Time(timestamp(self.now));
                let name = self.cluster_name(*cluster);
                self.server.change_cluster(&name, |cluster| {
                    cluster.metadata.deletion_timestamp.get_or_insert(now);
                });
            }
            Act::MarkCluster { cluster, key, value } => {
                let name = self.cluster_name(*cluster);
                self.mark_cluster(&name, key, *value);
            }
            Act::LoseToken { cluster } => {
                let name = self.cluster_name(*cluster);
                self.server.lose_token(&name);
            }
            Act::Restart { seconds } => {
                self.operator.restart(self.now, *seconds);
                self.checker.excused_until = self.checker.excused_until.max(self.operator.down_until);
            }
            Act::KillAfter { writes } => self.operator.kill_after = Some(*writes),
            Act::Clock { offset } => self.operator.offset = *offset,
            Act::Stale { lag, seconds } => {
                self.operator.lag = *lag;
                self.operator.stale_until = self.now + seconds;
                self.checker.excused_until = self.checker.excused_until.max(self.operator.stale_until);
            }
        }
    }

    fn hardware(&mut self, machine: u8, change: impl FnOnce(&mut Hardware)) {
        if let Some(hardware) = self.truth.machines.get_mut(&machine_name(machine)) {
            change(hardware);
        }
    }

    fn goes_down(&mut self, machine: u8, until: i64) {
        let name = machine_name(machine);
        let Some(hardware) = self.truth.machines.get_mut(&name) else { return };
        if hardware.down_until >= until {
            return;
        }
        hardware.down_until = until;
        self.interrupt(&name);
        self.reachability_changes(&name, until);
    }

    pub fn add_machine(&mut self, number: u8, rack: char) {
        let name = machine_name(number);
        if self.server.objects.machines.contains_key(&name) {
            return;
        }
        let hardware = self.truth.machines.entry(name.clone());
        hardware.or_insert_with(|| Hardware { number, ..Hardware::default() }).is_unknown = true;
        self.server.add_machine(machine(&name, rack));
        self.at(self.now + 20, Event::Discover(name));
    }

    pub fn mark_machine(&mut self, name: &str, key: &str, value: Option<&str>) {
        self.server.change_machine(name, |object| {
            let annotations = object.metadata.annotations.get_or_insert_default();
            match value {
                Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
                None => annotations.remove(key),
            };
        });
    }

    pub fn mark_cluster(&mut self, name: &str, key: &str, value: Option<&str>) {
        self.server.change_cluster(name, |object| {
            let annotations = object.metadata.annotations.get_or_insert_default();
            match value {
                Some(value) => annotations.insert(key.to_owned(), value.to_owned()),
                None => annotations.remove(key),
            };
        });
    }

    pub fn configurations_of(&self, machine: &str) -> Vec<String> {
        let of_it = |live: &&std::sync::Arc<nico_crds::NixosConfiguration>| live.machine() == Some(machine);
        self.server
            .objects
            .configurations
            .values()
            .filter(of_it)
            .filter_map(|live| live.metadata.name.clone())
            .collect()
    }

    pub fn edit(&mut self, cluster: &str, edit: &Edit) {
        if let (Edit::Ref(content), Some(object)) = (edit, self.server.objects.clusters.get(cluster)) {
            let before = object.spec.git_ref.clone().unwrap_or_default();
            if *content != before {
                self.contents.entry(cluster.to_owned()).or_default().push(before);
            }
        }
        self.server.change_cluster(cluster, |object| apply(&mut object.spec, edit));
    }
}

fn machine(name: &str, rack: char) -> Machine {
    let mut machine = Machine::new(
        name,
        MachineSpec { hostname: Some(format!("{name}.example")), ..MachineSpec::default() },
    );
    machine.metadata.namespace = Some(NAMESPACE.to_owned());
    label(&mut machine, rack);
    machine
}

fn label(machine: &mut Machine, rack: char) {
    machine.metadata.labels.get_or_insert_default().insert("rack".to_owned(), rack.to_string());
}

pub fn listed(machines: &[u8]) -> Vec<String> {
    machines.iter().copied().map(machine_name).collect()
}

fn rollout(spec: &mut KubernetesClusterSpec) -> &mut Rollout {
    spec.rollout.get_or_insert_default()
}

fn workers(spec: &mut KubernetesClusterSpec) -> &mut NodeGroup {
    spec.data_plane.get_or_insert_default()
}

/// By a count instead of a list.
fn found(mut group: NodeGroup, rack: char, count: i32) -> NodeGroup {
    let selector = MachineSelector {
        match_labels: Some(BTreeMap::from([("rack".to_owned(), rack.to_string())])),
        match_expressions: None,
    };
    group.machine_selector.get_or_insert(selector);
    NodeGroup { machines: None, count: Some(count), ..group }
}

pub fn apply(spec: &mut KubernetesClusterSpec, edit: &Edit) {
    match edit {
        Edit::NeverAsk => rollout(spec).require_node_health = Some(RequireNodeHealth::Never),
        Edit::AlwaysAsk => rollout(spec).require_node_health = Some(RequireNodeHealth::Always),
        Edit::Ref(content) => spec.git_ref = Some(content.clone()),
        Edit::Trigger(text) => rollout(spec).trigger = Some(text.clone()),
        Edit::ControlPlanes(count) => {
            spec.control_plane = found(std::mem::take(&mut spec.control_plane), 'a', *count);
        }
        Edit::Workers(count) => {
            let group = found(std::mem::take(workers(spec)), 'b', *count);
            spec.data_plane = Some(group);
        }
        Edit::ListControlPlanes(machines) => spec.control_plane.machines = Some(listed(machines)),
        Edit::ListWorkers(machines) => {
            workers(spec).machines = Some(listed(machines)).filter(|listed| !listed.is_empty());
        }
        Edit::Pause(paused) => spec.paused = Some(*paused),
        Edit::Endpoint(host) => {
            spec.control_plane_endpoint = host.clone().map(|host| ControlPlaneEndpoint { host, port: 6443 });
        }
        Edit::MaxUnavailable(text) => {
            let number = text.parse().map_or_else(|_| IntOrString::String(text.clone()), IntOrString::Int);
            rollout(spec).max_unavailable = Some(number);
        }
        Edit::MinReady(seconds) => rollout(spec).min_ready_seconds = Some(*seconds),
        Edit::Deadline(seconds) => rollout(spec).progress_deadline_seconds = Some(*seconds),
        Edit::ControlPlaneFirst(first) => {
            rollout(spec).order =
                Some(if *first { RolloutOrder::ControlPlaneFirst } else { RolloutOrder::WorkersFirst });
        }
    }
}
