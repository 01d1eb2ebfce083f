//! The writes that are allowed now: what each does to its machine, and what for.

use nico_crds::names::join_token_secret;
use nico_crds::{KubernetesCluster, KubernetesClusterStatus};
use serde_json::Value;

use super::{Action, Aim, CLUSTER, Change, Item, SECRET};
use crate::desired::DesiredConfiguration;
use crate::inventory::name;
use crate::memory::Memory;
use crate::rollout::{FinalizerChange, Plan, Purpose, Removal, Step, Target, Write};

pub(super) fn changes(cluster: &KubernetesCluster, plan: &Plan) -> Vec<Change> {
    let remembered = cluster.status.as_ref().map(Memory::remembered).unwrap_or_default();
    let mut teller = Teller { cluster: name(&cluster.metadata), remembered };
    let told = plan.steps.iter().map(|step| teller.tell(step));
    told.zip(1..).map(|((item, message), order)| Change { order, item, message }).collect()
}

struct Teller<'a> {
    cluster: &'a str,
    /// As it is after the steps before.
    remembered: Memory,
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
            Step::Write(write) => written(write),
            Step::Delete { target, why } => of_target(target, Action::Remove, Aim::Removal, removed(*why)),
            Step::ReleaseFromNio(target) => of_target(
                target,
                Action::Remove,
                Aim::Removal,
                "NIO never lets it go: its finalizer is taken off, and nobody cleans the machine",
            ),
        }
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
