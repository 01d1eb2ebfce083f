//! What NICO wants against what the server holds for NICO: the difference that the applier acts on, made
//! ready for people.
//!
//! It is the whole way to what should be. What of it may be done now, and why the rest waits, the rollout
//! says.

use nico_crds::names::{FIELD_MANAGER, ORPHAN_FINALIZER};
use nico_crds::{KubernetesCluster, NixosConfiguration};
use serde_json::{Map, Value};

use crate::desired::{Desired, DesiredConfiguration, LeavingConfiguration};
use crate::fields::managers::applied_by;
use crate::fields::{self, set};
use crate::inventory::{Space, namespace};
use crate::observed::Observed;
use crate::owner;
use crate::rollout::{adopted_configuration, is_content};

/// A configuration that is not as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Its name.
    pub configuration: String,
    /// What there is of it that is NICO's, or is to be; absent: it is to be created.
    pub live: Option<Value>,
    /// What should be; absent: it is to be deleted.
    pub wanted: Option<Value>,
    /// The fields that differ where both are there: in their value, or in whose they are.
    pub fields: Vec<String>,
    /// Some of them are content: NIO applies them to the machine.
    pub reaches_machine: bool,
    /// NICO has never applied it, and takes over what others wrote.
    pub adopts: bool,
}

impl Drift {
    /// Only whose the fields are changes, and none of the values that are shown.
    pub fn is_ownership(&self) -> bool {
        self.live == self.wanted
    }
}

/// The configurations of a cluster that are not as they should be: those that should be in the order of the
/// members, then those that should not.
///
/// When content is written is known only then: the annotation that tells it is shown as it is.
pub fn drift(cluster: &KubernetesCluster, desired: &Desired, observed: &Observed<'_>) -> Vec<Drift> {
    let Some(space) = observed.space(namespace(&cluster.metadata)) else { return Vec::new() };
    let look = Look { cluster, space, observed };
    let wanted = desired.configurations.iter().filter_map(|configuration| look.at(configuration));
    let leaving = desired.leaving.iter().filter_map(|leaving| look.at_leaving(leaving));
    wanted.chain(leaving).collect()
}

struct Look<'a> {
    cluster: &'a KubernetesCluster,
    space: &'a Space<'a>,
    observed: &'a Observed<'a>,
}

impl Look<'_> {
    fn at(&self, configuration: &DesiredConfiguration) -> Option<Drift> {
        let name = configuration.name();
        let wanted = json(&configuration.object);
        let wants_ref = configuration.object.spec.git_ref.is_some();
        let Some(live) = self.space.configurations.get(name).filter(|_| !configuration.is_new) else {
            return Some(Drift { wanted: Some(wanted), ..Drift::of(name) });
        };
        let (entry, adopts) = self.entry(live);
        let live = json(live);
        let changes = fields::difference(&wanted, &live, entry.as_ref());
        if changes.is_empty() && !adopts {
            return None;
        }
        let concerned = set::union(&entry.unwrap_or_else(nothing), &fields::owned(&wanted));
        Some(Drift {
            live: Some(without_default(fields::project(&live, &concerned), wants_ref)),
            wanted: Some(wanted),
            reaches_machine: changes.iter().any(is_content),
            fields: changes.into_iter().map(|change| change.path).collect(),
            adopts,
            ..Drift::of(name)
        })
    }

    /// What is being deleted already is no difference any more: it is waited for.
    fn at_leaving(&self, leaving: &LeavingConfiguration) -> Option<Drift> {
        let name = leaving.configuration.as_str();
        let live = self.space.configurations.get(name).copied()?;
        if live.metadata.deletion_timestamp.is_some() || !self.goes(live) {
            return None;
        }
        let (entry, _) = self.entry(live);
        let part = fields::project(&json(live), &entry.unwrap_or_else(nothing));
        Some(Drift { live: Some(part), ..Drift::of(name) })
    }

    /// With a cluster goes what it controls, and nothing if its deletion is to leave orphans.
    fn goes(&self, live: &NixosConfiguration) -> bool {
        let metadata = &self.cluster.metadata;
        let orphans = metadata.finalizers.iter().flatten().any(|finalizer| finalizer == ORPHAN_FINALIZER);
        metadata.deletion_timestamp.is_none() || (owner::is_controlled(live, self.cluster) && !orphans)
    }

    /// The fields that NICO has applied. Where it never applied any: those that it takes over from others.
    fn entry(&self, live: &NixosConfiguration) -> (Option<Value>, bool) {
        let Some(ownership) = self.observed.ownership(live) else { return (None, false) };
        if ownership.own.is_some() {
            return (ownership.own.clone(), false);
        }
        let Some(managed) = adopted_configuration(&ownership.others) else { return (None, false) };
        let entry = applied_by(&managed, FIELD_MANAGER, None);
        (entry.and_then(|entry| entry.fields_v1.as_ref()).map(|fields| fields.0.clone()), true)
    }
}

impl Drift {
    fn of(configuration: &str) -> Self {
        Self {
            configuration: configuration.to_owned(),
            live: None,
            wanted: None,
            fields: Vec::new(),
            reaches_machine: false,
            adopts: false,
        }
    }
}

/// The reference that both NIOs' definitions fill in where there is none. Who creates an object owns what is
/// filled in; let go by NICO, which takes over what the creator owned, it comes back the same.
const DEFAULT_REF: &str = "main";

/// Without what the server fills in where NICO wants nothing.
pub(crate) fn without_default(mut live: Value, wants_ref: bool) -> Value {
    let is_default = !wants_ref && live.pointer("/spec/ref").and_then(Value::as_str) == Some(DEFAULT_REF);
    if let (true, Some(Value::Object(spec))) = (is_default, live.get_mut("spec")) {
        spec.remove("ref");
    }
    live
}

/// Plain data, which cannot fail to become JSON.
fn json(object: &NixosConfiguration) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

fn nothing() -> Value {
    Value::Object(Map::new())
}
