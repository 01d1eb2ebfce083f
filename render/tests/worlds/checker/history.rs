//! What the checker remembers: of each configuration what was written to it, of each cluster who was in it.

use std::collections::BTreeSet;

use nico_crds::{KubernetesCluster, NixosConfiguration};

use super::view::View;
use super::{Checker, is_content_changed};
use crate::model::nio::CONFIRM_AFTER;
use crate::model::snapshot::uid;

/// Of one configuration.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The hashes of all files that were ever written to it.
    pub written: BTreeSet<String>,
    /// The trigger of the spec with which its content was last written.
    pub trigger: Option<String>,
    /// Its content replaced one that was not delivered: it is to be written once more from then on.
    pub confirm_from: Option<i64>,
    pub cleared: Option<i64>,
    /// The first evidence of an apply was to be seen since then.
    pub evident: Option<i64>,
    pub deleted_by_hand: bool,
    /// An attempt of the handler failed that began then.
    pub failed: Option<i64>,
    /// So many applies began that wiped the disk.
    pub wipes: u32,
    /// When it was last applied as it was told to be settled.
    pub settled_with: Option<i64>,
    /// It was installed after that.
    pub wiped_again: bool,
    /// Contents that were written to it, in number.
    pub contents: u32,
}

/// Of one cluster.
#[derive(Clone, Debug, Default)]
pub struct Chronicle {
    /// A control plane showed an apply.
    pub bootstrapped: bool,
    /// When that was seen last.
    pub shown_at: i64,
    /// The control planes in the text that was written last.
    pub control_planes: Vec<String>,
    pub head: Option<String>,
    /// The last `rebootstrap` that was followed.
    pub rebootstrapped: Option<String>,
}

impl History {
    pub fn saw(&mut self, live: &NixosConfiguration, now: i64) {
        if self.evident.is_none() && live.shows_an_apply() {
            self.evident = Some(now);
        }
    }

    /// It was installed after it was told to be settled.
    pub fn was_moved(&self, applied: Option<i64>, is_installed: bool) -> bool {
        is_installed && self.settled_with.zip(applied).is_some_and(|(was, is)| is > was)
    }

    /// NIO is at rest with the clearing.
    pub fn rests(&mut self) {
        self.cleared = None;
    }
}

impl Checker {
    /// Which clearings NIO has come to rest with.
    pub fn rested(&mut self, live: &NixosConfiguration) {
        if self.histories.get(uid(live)).is_some_and(|history| history.cleared.is_some())
            && self.facts(live).rests
        {
            self.histories.entry(uid(live).to_owned()).or_default().rests();
        }
    }

    pub fn chronicle(&mut self, cluster: &KubernetesCluster) -> &mut Chronicle {
        self.chronicles.entry(cluster.metadata.uid.clone().unwrap_or_default()).or_default()
    }

    pub fn noted_creation(&mut self, cluster: &KubernetesCluster, live: &NixosConfiguration, _now: i64) {
        let text = self.facts(live).text.clone();
        let history = self.histories.entry(uid(live).to_owned()).or_default();
        history.written.insert(text.hash.clone());
        history.trigger = trigger(cluster);
        history.contents = 1;
        self.noted_list(cluster, &text.control_planes);
    }

    pub fn noted_content(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        before: &NixosConfiguration,
        after: &NixosConfiguration,
    ) {
        debug_assert!(is_content_changed(before, after));
        let (old, new) = (self.facts(before), self.facts(after));
        let history = self.histories.entry(uid(after).to_owned()).or_default();
        history.written.insert(old.text.hash.clone());
        history.written.insert(new.text.hash.clone());
        let was_same = old.text.whole == new.text.whole && history.trigger == trigger(cluster);
        history.trigger = trigger(cluster);
        history.contents += 1;
        if !old.delivered {
            history.confirm_from = Some(view.now + CONFIRM_AFTER);
        } else if was_same {
            history.confirm_from = None;
        }
        self.noted_list(cluster, &new.text.control_planes.clone());
    }

    /// The control planes, as they were written last.
    pub fn noted_list(&mut self, cluster: &KubernetesCluster, list: &[String]) {
        let chronicle = self.chronicle(cluster);
        chronicle.control_planes = list.to_vec();
        chronicle.head = list.first().cloned();
    }
}

/// A person lets the cluster begin anew on this machine, and that was not used before.
pub fn may_rebootstrap(cluster: &KubernetesCluster, machine: &str) -> bool {
    let annotations = cluster.metadata.annotations.as_ref();
    annotations.and_then(|annotations| annotations.get(nico_crds::names::REBOOTSTRAP)).map(String::as_str)
        == Some(machine)
}

pub fn trigger(cluster: &KubernetesCluster) -> Option<String> {
    cluster.spec.rollout.as_ref().and_then(|rollout| rollout.trigger.clone())
}
