//! What the spec asks for, ready to be asked: lists, compiled selectors, counts.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::core::{Selector, SelectorExt};
use nico_crds::cluster::{MachineSelector, NodeGroup, SelectorOperator, SelectorTerm};
use nico_crds::names::Role;
use nico_crds::{KubernetesCluster, Machine};

use crate::inventory::Space;

/// What the spec asks for, of both roles.
pub(crate) struct Demand<'a> {
    control_plane: RoleDemand<'a>,
    workers: RoleDemand<'a>,
}

/// What the spec asks for, of one role.
#[derive(Default)]
pub(crate) struct RoleDemand<'a> {
    /// The explicit list, each machine once; it wins where it is not empty.
    machines: Vec<&'a str>,
    /// The place of each machine in the list.
    places: BTreeMap<&'a str, usize>,
    selector: Option<Selector>,
    /// A label that every machine has that the selector finds, if it asks for one.
    label: Option<(&'a str, &'a str)>,
    count: Option<usize>,
}

impl<'a> Demand<'a> {
    pub fn of(cluster: &'a KubernetesCluster) -> Self {
        Self {
            control_plane: RoleDemand::of(&cluster.spec.control_plane),
            workers: cluster.spec.data_plane.as_ref().map(RoleDemand::of).unwrap_or_default(),
        }
    }

    pub const fn of_role(&self, role: Role) -> &RoleDemand<'a> {
        match role {
            Role::ControlPlane => &self.control_plane,
            Role::Worker => &self.workers,
        }
    }
}

impl<'a> RoleDemand<'a> {
    fn of(group: &'a NodeGroup) -> Self {
        let mut places = BTreeMap::new();
        let mut machines = Vec::new();
        for machine in group.machines.iter().flatten() {
            if !places.contains_key(machine.as_str()) {
                places.insert(machine.as_str(), machines.len());
                machines.push(machine.as_str());
            }
        }
        Self {
            machines,
            places,
            selector: group.machine_selector.as_ref().and_then(compile),
            label: group.machine_selector.as_ref().and_then(|selector| {
                let (key, value) = selector.match_labels.as_ref()?.first_key_value()?;
                Some((key.as_str(), value.as_str()))
            }),
            count: group.count.map(|count| usize::try_from(count).unwrap_or(0)),
        }
    }

    /// Machines are listed by name.
    pub fn is_explicit(&self) -> bool {
        !self.machines.is_empty()
    }

    /// The listed machines, in order.
    pub fn listed(&self) -> &[&'a str] {
        &self.machines
    }

    pub fn lists(&self, machine: &str) -> bool {
        self.places.contains_key(machine)
    }

    /// How many machines are asked for.
    pub fn wanted(&self) -> usize {
        if self.is_explicit() { self.machines.len() } else { self.count() }
    }

    /// How many the selector may take; without a selector that says something, none.
    pub fn count(&self) -> usize {
        if self.selector.is_some() { self.count.unwrap_or(0) } else { 0 }
    }

    /// There is a selector, and nobody said how many.
    pub const fn lacks_count(&self) -> bool {
        self.selector.is_some() && self.count.is_none() && self.machines.is_empty()
    }

    /// There are a selector or a count beside the list that wins over them.
    pub const fn has_ignored_selector(&self) -> bool {
        !self.machines.is_empty() && (self.selector.is_some() || self.count.is_some())
    }

    /// The machines that the selector may find, by name: not each of them need satisfy it.
    pub fn candidates<'s>(&'s self, space: &'s Space<'a>) -> Box<dyn Iterator<Item = &'a str> + 's> {
        match self.label {
            Some(label) => Box::new(space.labelled.get(&label).into_iter().flatten().copied()),
            None => Box::new(space.machines.keys().copied()),
        }
    }

    /// The machine's labels satisfy the selector.
    pub fn matches(&self, machine: &Machine) -> bool {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        let labels = machine.metadata.labels.as_ref().unwrap_or(&NONE);
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// The place of a machine in the list; behind all of them where it is not listed.
    pub fn place(&self, machine: &str) -> usize {
        self.places.get(machine).copied().unwrap_or(usize::MAX)
    }
}

/// A selector that says nothing would take every machine there is: it counts as none.
fn compile(selector: &MachineSelector) -> Option<Selector> {
    let terms = selector.match_expressions.iter().flatten().map(term).collect::<Vec<_>>();
    let labels = selector.match_labels.clone().unwrap_or_default();
    if terms.is_empty() && labels.is_empty() {
        return None;
    }
    Selector::try_from(LabelSelector { match_expressions: Some(terms), match_labels: Some(labels) }).ok()
}

fn term(term: &SelectorTerm) -> LabelSelectorRequirement {
    let operator = match term.operator {
        SelectorOperator::In => "In",
        SelectorOperator::NotIn => "NotIn",
        SelectorOperator::Exists => "Exists",
        SelectorOperator::DoesNotExist => "DoesNotExist",
    };
    LabelSelectorRequirement {
        key: term.key.clone(),
        operator: operator.to_owned(),
        values: term.values.clone(),
    }
}
