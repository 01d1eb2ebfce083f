//! The writes that are allowed now: what each does to its machine, and what for.

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{Role, join_token_secret};
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use serde_json::Value;

use super::{Action, Aim, CLUSTER, Change, Item, NODE, SECRET};
use crate::desired::DesiredConfiguration;
use crate::inventory::name;
use crate::memory::Memory;
use crate::observed::Observed;
use crate::rollout::{FinalizerChange, NodeAct, NodeStep, Plan, Purpose, Removal, Step, Target, Write};
use crate::workload::{Presence, presence};

pub(super) fn changes(
    cluster: &KubernetesCluster,
    observed: &Observed<'_>,
    plan: &Plan,
    now: Timestamp,
) -> Vec<Change> {
    let remembered = cluster.status.as_ref().map(Memory::remembered).unwrap_or_default();
    let workload = observed.asked(cluster);
    let presence = |machine: &str| presence(cluster, workload, machine, now);
    let mut teller = Teller { cluster: name(&cluster.metadata), remembered, presence: &presence };
    let told = plan.steps.iter().map(|step| teller.tell(step));
    told.zip(1..).map(|((item, message), order)| Change { order, item, message }).collect()
}

struct Teller<'a> {
    cluster: &'a str,
    /// As it is after the steps before.
    remembered: Memory,
    /// What the cluster says of a machine's Node.
    presence: &'a dyn Fn(&str) -> Presence<'a>,
}

impl Teller<'_> {
    fn tell(&mut self, step: &Step) -> (Item, String) {
        match step {
            Step::Finalizers { why, .. } => {
                let field = vec!["metadata.finalizers".to_owned()];
                self.of_cluster(Aim::Finalizers, field, finalizers(*why))
            }
            Step::AdoptStatus => {
                let words = "what others wrote into the status becomes NICO's; no value changes";
                self.of_cluster(Aim::Adoption, Vec::new(), words)
            }
            Step::Remember(memory) => {
                let before = std::mem::replace(&mut self.remembered, memory.clone());
                let words = "what NICO has to remember is written into the status";
                self.of_cluster(Aim::Memory, changed(&before, memory), words)
            }
            Step::LookAtToken => self.of_token("the Secret with the join token is looked at"),
            Step::CreateToken => self.of_token("the join token is made, once"),
            Step::OwnToken { guessable: false } => {
                self.of_token("the Secret with the join token becomes the cluster's own; what is in it stays")
            }
            Step::OwnToken { guessable: true } => self.of_token(
                "the Secret with the join token becomes the cluster's own; what is in it stays, though anybody can guess it",
            ),
            Step::Adopt(target) => of_target(
                target,
                Action::Update,
                Aim::Adoption,
                "what others wrote becomes NICO's; no value changes",
            ),
            Step::Create(configuration) => created(configuration),
            Step::Write(write) if write.purpose == Purpose::Leaving => self.leaving(write),
            Step::Write(write) => written(write),
            Step::Delete { target, why } => of_target(target, Action::Remove, Aim::Removal, removed(*why)),
            Step::ReleaseFromNio(target) => of_target(
                target,
                Action::Remove,
                Aim::Removal,
                "NIO never lets it go: its finalizer is taken off, and nobody cleans the machine",
            ),
            Step::Node(step) => of_node(step),
        }
    }

    /// What will be done about its Node is told beforehand.
    fn leaving(&self, write: &Write) -> (Item, String) {
        let is_control_plane = write.target.role == Role::ControlPlane;
        let words = match (self.presence)(&write.target.machine) {
            Presence::NotAsked | Presence::Unknown | Presence::Absent => "its removal begins",
            Presence::Present(_) if is_control_plane => {
                "its removal begins: its Node is cordoned and drained, its member of etcd removed, its Node deleted, and \
                 then its configuration"
            }
            Presence::Present(_) => {
                "its removal begins: its Node is cordoned, drained and deleted, and then its configuration"
            }
        };
        let (mut item, message) = of_target(&write.target, Action::Remove, Aim::Removal, words);
        item.fields.clone_from(&write.fields);
        (item, message)
    }

    fn of_cluster(&self, aim: Aim, fields: Vec<String>, words: &str) -> (Item, String) {
        (Item::of_cluster(CLUSTER, self.cluster.to_owned(), aim, fields), words.to_owned())
    }

    fn of_token(&self, words: &str) -> (Item, String) {
        let secret = join_token_secret(self.cluster);
        (Item::of_cluster(SECRET, secret, Aim::JoinToken, Vec::new()), words.to_owned())
    }
}

const fn finalizers(why: FinalizerChange) -> &'static str {
    match why {
        FinalizerChange::Added => "NICO's finalizer is put on, before anything is made for the cluster",
        FinalizerChange::TakenOver => "NICO's finalizer takes the place of the Python operator's",
        FinalizerChange::Released => "nothing is left to be done: the cluster may go",
    }
}

const fn removed(why: Removal) -> &'static str {
    match why {
        Removal::Leaves => "its configuration is deleted, and NIO cleans the machine",
        Removal::Lost => "it is lost: its configuration is deleted, and nobody cleans the machine",
        Removal::ClusterDeleted => {
            "the cluster goes: its configuration is deleted, and NIO cleans the machine"
        }
        Removal::Forced => "the cluster goes by force: the machine cannot be reached, and keeps what it runs",
    }
}

fn of_node(step: &NodeStep) -> (Item, String) {
    let words = match &step.act {
        NodeAct::Cordon { .. } => "its Node is cordoned: nothing new is scheduled to it".to_owned(),
        NodeAct::Evict(pods) => {
            let named: Vec<_> = pods.iter().map(ToString::to_string).collect();
            format!("evicted from its Node: {}", named.join(", "))
        }
        NodeAct::RemoveMember { of, .. } => format!("{of} is asked to remove its member of etcd"),
        NodeAct::Delete => "its Node is deleted".to_owned(),
    };
    let mut item = Item::of_machine(&step.machine, step.role, &step.node, Action::Remove, Aim::Removal);
    item.kind = NODE;
    (item, words)
}

fn of_target(target: &Target, action: Action, aim: Aim, words: &str) -> (Item, String) {
    let item = Item::of_machine(&target.machine, target.role, &target.configuration, action, aim);
    (item, words.to_owned())
}

fn created(configuration: &DesiredConfiguration) -> (Item, String) {
    let (action, words) = if configuration.wipes_disk() {
        (Action::Install, "its configuration is created: NIO WIPES THE DISK and installs it")
    } else {
        (Action::Switch, "its configuration is created: NIO switches it, and wipes nothing")
    };
    let DesiredConfiguration { machine, role, .. } = configuration;
    (Item::of_machine(machine, *role, configuration.name(), action, Aim::Join), words.to_owned())
}

fn written(write: &Write) -> (Item, String) {
    // Left on, as what is overdue with its installation keeps it: NIO installs with whatever it is given.
    let installs = write.object.spec.full_install == Some(true);
    let applied = if installs { Action::Install } else { Action::Switch };
    let (action, aim, words) = match write.purpose {
        Purpose::ClearFullInstall => (
            Action::Update,
            Aim::ClearFullInstall,
            "fullInstall is taken off: from now on nothing that NIO applies wipes the disk",
        ),
        Purpose::Content if installs => {
            (applied, Aim::Content, "new content for an installation that failed: NIO WIPES THE DISK again")
        }
        Purpose::Content => (applied, Aim::Content, "new content, which NIO applies"),
        Purpose::Metadata if installs => {
            (applied, Aim::Metadata, "no new content, but NIO tries again: it WIPES THE DISK")
        }
        Purpose::Metadata => (Action::Update, Aim::Metadata, "NIO applies nothing"),
        Purpose::Confirmation => (
            applied,
            Aim::Confirmation,
            "the same content once more: what it replaced may have been applied after it",
        ),
        Purpose::Leaving => (Action::Remove, Aim::Removal, "its removal begins"),
        Purpose::NodeNoted => (Action::Remove, Aim::Removal, "that it has a Node is noted, before that goes"),
        Purpose::MemberGone => {
            (Action::Remove, Aim::Removal, "that its member of etcd is gone is noted, before its Node goes")
        }
        Purpose::Nudge => {
            (applied, Aim::Nudge, "NIO has applied other files last, and is made to look at once")
        }
    };
    let (mut item, mut message) = of_target(&write.target, action, aim, words);
    item.fields.clone_from(&write.fields);
    if !write.against.is_empty() {
        message = format!("{message}; takes back what {} changed", write.against.join(", "));
    }
    (item, message)
}

/// The fields of the status that change.
fn changed(before: &Memory, after: &Memory) -> Vec<String> {
    // Plain data, which cannot fail to become JSON.
    let json = |memory: &Memory| {
        serde_json::to_value::<KubernetesClusterStatus>(memory.as_status()).unwrap_or_default()
    };
    let (before, after) = (json(before), json(after));
    let is_set = |value: Option<&Value>| value.cloned().filter(|value| *value != Value::Array(Vec::new()));
    let differs = |field: &&&str| is_set(before.get(**field)) != is_set(after.get(**field));
    Memory::FIELDS.iter().filter(differs).map(|field| format!("status.{field}")).collect()
}
