//! What concerns the asking of clusters: by whom they can be asked, when they are to be, and what they said.

use std::sync::Arc;

use nico_crds::KubernetesCluster;
use nico_render::ClusterKey;
use nico_render::workload::{Node, Probe, Refusal};

use super::{Board, Ground, Kept};
use crate::observe::now;
use crate::probe::Door;

/// A cluster that can be asked.
pub(crate) struct Open {
    pub cluster: ClusterKey,
    pub door: Arc<Door>,
    pub ground: Arc<Ground>,
    /// It never was, or is to be now.
    pub is_wanted: bool,
    /// It is asked more often.
    pub hurries: bool,
}

impl Board {
    /// The way into a cluster, if there is one.
    pub fn door(&self, cluster: &KubernetesCluster) -> Option<Arc<Door>> {
        let entries = self.entries();
        let entry = entries.get(&ClusterKey::of(cluster)).filter(|entry| entry.is_of(cluster))?;
        entry.kept.as_ref()?.door.clone()
    }

    /// Its API server refuses what is to be done for a machine that leaves.
    pub fn refused(&self, cluster: &ClusterKey, machine: &str, what: &str, why: &str) {
        let mut entries = self.entries();
        let Some(entry) = entries.get_mut(cluster) else { return };
        let refusal = Refusal::next(entry.refusals.get(machine), what, why, now());
        entry.refusals.insert(machine.to_owned(), refusal);
    }

    /// It does what is to be done for it.
    pub fn accepted(&self, cluster: &ClusterKey, machine: &str) {
        if let Some(entry) = self.entries().get_mut(cluster) {
            entry.refusals.remove(machine);
        }
    }

    /// Something was done in a cluster: it is to be asked at once.
    pub fn want(&self, cluster: &ClusterKey) {
        if let Some(entry) = self.entries().get_mut(cluster) {
            entry.is_wanted = true;
        }
        self.wanted.notify_one();
    }

    /// Until a cluster is to be asked at once: it could not be before, or something was done there.
    pub async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// The clusters that can be asked.
    pub fn doors(&self) -> Vec<Open> {
        let entries = self.entries();
        let open = entries.iter().filter_map(|(key, entry)| {
            let post = entry.post.as_ref().filter(|post| post.term.is_valid())?;
            Some(Open {
                cluster: key.clone(),
                door: entry.kept.as_ref()?.door.clone()?,
                ground: post.ground.clone(),
                is_wanted: entry.is_wanted || entry.probe.is_none(),
                hurries: post.ground.hurries,
            })
        });
        open.collect()
    }

    /// The prober begins to ask a cluster.
    pub fn asking(&self, cluster: &ClusterKey) {
        if let Some(entry) = self.entries().get_mut(cluster) {
            entry.is_wanted = false;
        }
    }

    /// The prober has asked a cluster by this door. True: what it says now is not what it said before, or something
    /// waits for it to be said.
    pub fn probed(&self, cluster: &ClusterKey, door: &Arc<Door>, probe: Probe, is_refused: bool) -> bool {
        let (is_news, is_wanted);
        {
            let mut entries = self.entries();
            let Some(entry) = entries.get_mut(cluster) else { return false };
            let is_same = |kept: &&mut Kept| kept.door.as_ref().is_some_and(|one| Arc::ptr_eq(one, door));
            let Some(kept) = entry.kept.as_mut().filter(is_same) else { return false };
            let was_refused = kept
                .kubeconfig
                .stored
                .as_mut()
                .is_some_and(|stored| std::mem::replace(&mut stored.is_refused, is_refused));
            is_news = was_refused != is_refused
                || entry.probe.as_ref().is_none_or(|before| !says_the_same(before, &probe))
                || entry.post.as_ref().is_some_and(|post| post.ground.hurries);
            entry.probe = Some(Arc::new(probe.after(entry.probe.as_deref())));
            is_wanted = entry.is_wanted;
        }
        // It is to be asked once more, which could not be while it was.
        if is_wanted {
            self.wanted.notify_one();
        }
        if is_refused {
            self.news.notify_one();
        }
        is_news
    }
}

/// A cluster says the same of its Nodes and API servers, but for what changes with every sign of life.
fn says_the_same(one: &Probe, other: &Probe) -> bool {
    let node = |node: &Node| Node { version: String::new(), ..node.clone() };
    let nodes = match (&one.nodes, &other.nodes) {
        (Ok(one), Ok(other)) => {
            let are_same = |name: &String| one.get(name).map(node) == other.get(name).map(node);
            one.len() == other.len() && one.keys().all(are_same)
        }
        (one, other) => one == other,
    };
    nodes && one.apis == other.apis
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use k8s_openapi::jiff::Timestamp;
    use nico_render::workload::Silence;

    use super::*;

    fn probe(nodes: Result<&[Node], Silence>) -> Probe {
        let nodes = nodes.map(|nodes| nodes.iter().map(|node| (node.name.clone(), node.clone())).collect());
        Probe {
            at: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            missed: None,
            names: BTreeSet::new(),
            nodes,
            apis: BTreeMap::new(),
        }
    }

    #[test]
    fn a_sign_of_life_is_no_news_and_all_else_is() {
        let node = |version: &str, cordoned| Node {
            name: "a".to_owned(),
            version: version.to_owned(),
            cordoned,
            ..Node::default()
        };
        let before = probe(Ok(&[node("1", false)]));
        assert!(says_the_same(&before, &probe(Ok(&[node("2", false)]))));
        assert!(!says_the_same(&before, &probe(Ok(&[node("1", true)]))));
        let other = Node { name: "b".to_owned(), ..node("1", false) };
        assert!(!says_the_same(&before, &probe(Ok(std::slice::from_ref(&other)))));
        assert!(!says_the_same(&before, &probe(Ok(&[node("1", false), other]))));
        assert!(!says_the_same(&before, &probe(Ok(&[]))));
        assert!(!says_the_same(&before, &probe(Err(Silence::NotAnswering))));
        assert!(says_the_same(&probe(Err(Silence::Denied)), &probe(Err(Silence::Denied))));
    }
}
