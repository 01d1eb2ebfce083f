//! What the loops tell each other of each cluster: the operator what it has decided, the keeper how the cluster is
//! reached, the prober what it said. In memory alone, and nobody waits for anybody here.

mod asking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::jiff::Timestamp;
use nico_crds::machine::Dialect;
use nico_crds::{KubernetesCluster, Machine, NixosConfiguration};
use nico_render::ClusterKey;
use nico_render::workload::{Kubeconfig, Probe, Refusal, Sources, Trouble, Workload, is_due};
use tokio::sync::{Notify, mpsc};

use crate::lease::Term;
use crate::observe::now;
use crate::probe::Door;

pub(crate) use asking::Open;

/// Has the operator look at a namespace again.
#[derive(Clone)]
pub(crate) struct Waker(mpsc::UnboundedSender<String>);

impl Waker {
    pub fn new() -> (Self, mpsc::UnboundedReceiver<String>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    pub fn wake(&self, namespace: &str) {
        // Nobody listens any more only at the end.
        let _ = self.0.send(namespace.to_owned());
    }
}

/// What is known of all clusters.
#[derive(Default)]
pub(crate) struct Board {
    entries: Mutex<BTreeMap<ClusterKey, Entry>>,
    /// For the keeper.
    news: Notify,
    /// For the prober.
    wanted: Notify,
}

#[derive(Default)]
struct Entry {
    post: Option<Post>,
    kept: Option<Kept>,
    probe: Option<Arc<Probe>>,
    /// What its API server refused of what the usher does, by the machine's name.
    refusals: BTreeMap<String, Refusal>,
    /// It is to be asked at once.
    is_wanted: bool,
}

impl Entry {
    /// Not of another one that had the same name.
    fn is_of(&self, cluster: &KubernetesCluster) -> bool {
        let uid = self.post.as_ref().and_then(|post| post.cluster.metadata.uid.as_ref());
        uid.is_some() && uid == cluster.metadata.uid.as_ref()
    }

    fn drains(&self, machine: &str) -> bool {
        self.post.as_ref().is_some_and(|post| post.ground.drained.contains(machine))
    }
}

/// What the operator has decided about a cluster.
#[derive(Clone)]
pub(crate) struct Post {
    pub cluster: Arc<KubernetesCluster>,
    /// The version of the labelled Secret with its kubeconfig; None: there is none.
    pub secret: Option<String>,
    pub ground: Arc<Ground>,
    /// The leadership in which it was decided.
    pub term: Term,
}

/// Where a cluster runs.
#[derive(Clone, Default)]
pub(crate) struct Ground {
    /// Which NIO serves its machines.
    pub dialect: Dialect,
    /// The control planes that may give the kubeconfig.
    pub sources: Sources,
    /// In their order.
    pub control_planes: Vec<String>,
    /// The names of all that are in, or leave.
    pub names: BTreeSet<String>,
    /// Those of them that there are, by name.
    pub machines: BTreeMap<String, Arc<Machine>>,
    /// Those that leave, and are drained: what runs on them is asked for.
    pub drained: BTreeSet<String>,
    /// Something waits for what the cluster says next: it is asked more often.
    pub hurries: bool,
    /// The configurations of the sources, by the machine's name.
    pub configurations: BTreeMap<String, Arc<NixosConfiguration>>,
}

/// How a cluster is reached.
#[derive(Clone, Default)]
pub(crate) struct Kept {
    pub kubeconfig: Kubeconfig,
    /// When the stored kubeconfig is to be renewed.
    pub renew_at: Option<Timestamp>,
    /// The way in by the stored kubeconfig.
    pub door: Option<Arc<Door>>,
}

impl Kept {
    /// What kept it from being replaced keeps it from nothing any more: it is to be kept as it is.
    pub fn is_well(&self) -> bool {
        let Kubeconfig { stored, trouble } = &self.kubeconfig;
        trouble.is_some() && stored.as_ref().is_some_and(|stored| !is_due(stored, self.renew_at, now()))
    }

    /// The same, with nothing to complain of.
    pub fn without_trouble(self) -> Self {
        let kubeconfig = Kubeconfig { trouble: None, ..self.kubeconfig };
        Self { kubeconfig, ..self }
    }

    /// The same, with what keeps it from being had, or replaced.
    pub fn with(self, trouble: Trouble) -> Self {
        let kubeconfig = Kubeconfig { trouble: Some(trouble), ..self.kubeconfig };
        Self { kubeconfig, ..self }
    }
}

impl Board {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something was decided. Without its ground (it cannot be rendered) the machines are those of before, and none
    /// of them is a source.
    pub fn post(
        &self,
        cluster: &Arc<KubernetesCluster>,
        secret: Option<String>,
        ground: Option<Ground>,
        term: &Term,
    ) {
        let is_wanted;
        {
            let mut entries = self.entries();
            let entry = entries.entry(ClusterKey::of(cluster)).or_default();
            if !entry.is_of(cluster) {
                *entry = Entry::default();
            }
            let before = || entry.post.as_ref().map(|post| (*post.ground).clone()).unwrap_or_default();
            let ground = ground.unwrap_or_else(|| Ground { sources: Sources::default(), ..before() });
            // What runs on a machine that begins to leave was not asked for yet.
            is_wanted = ground.drained.iter().any(|machine| !entry.drains(machine));
            entry.is_wanted |= is_wanted;
            entry.refusals.retain(|machine, _| ground.names.contains(machine));
            entry.post =
                Some(Post { cluster: cluster.clone(), secret, ground: Arc::new(ground), term: term.clone() });
        }
        self.news.notify_one();
        if is_wanted {
            self.wanted.notify_one();
        }
    }

    /// Until something is decided about any cluster, or a login is refused.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    /// Forgets all but these clusters of a namespace.
    pub fn retain(&self, namespace: &str, there: &[ClusterKey]) {
        self.entries().retain(|key, _| key.namespace != namespace || there.contains(key));
    }

    /// Forgets everything: somebody else leads, and does what was to be done.
    pub fn clear(&self) {
        self.entries().clear();
    }

    /// What is known of a cluster, for who decides. None: it has a kubeconfig, and nobody has looked at it yet, or
    /// nobody has asked the cluster yet. `secret` is the version of the labelled Secret.
    pub fn workload(&self, cluster: &KubernetesCluster, secret: Option<&str>) -> Option<Workload> {
        let entries = self.entries();
        let entry = entries.get(&ClusterKey::of(cluster)).filter(|entry| entry.is_of(cluster));
        let probe = entry.and_then(|entry| entry.probe.clone());
        match entry.and_then(|entry| entry.kept.as_ref()) {
            Some(kept) if kept.door.is_some() && probe.is_none() => None,
            Some(kept) => {
                // What was said says nothing once nobody can be asked any more.
                let probe = probe.filter(|_| kept.door.is_some());
                let refusals = entry.map(|entry| entry.refusals.clone()).unwrap_or_default();
                Some(Workload { kubeconfig: kept.kubeconfig.clone(), probe, refusals })
            }
            None if secret.is_some() => None,
            None => Some(Workload::default()),
        }
    }

    /// What was decided about each cluster, and how it is reached.
    pub fn posts(&self) -> BTreeMap<ClusterKey, (Post, Kept)> {
        let entries = self.entries();
        let posted = entries.iter().filter_map(|(key, entry)| {
            let post = entry.post.clone().filter(|post| post.term.is_valid())?;
            Some((key.clone(), (post, entry.kept.clone().unwrap_or_default())))
        });
        posted.collect()
    }

    /// The keeper knows how a cluster is reached. True: that is news.
    pub fn kept(&self, cluster: &ClusterKey, kept: Kept) -> bool {
        let mut entries = self.entries();
        // One that is gone by now is not brought back.
        let Some(entry) = entries.get_mut(cluster) else { return false };
        let is_news = entry.kept.as_ref().is_none_or(|before| {
            before.kubeconfig != kept.kubeconfig || before.door.is_some() != kept.door.is_some()
        });
        let is_opened = kept.door.is_some() && entry.probe.is_none();
        entry.kept = Some(kept);
        drop(entries);
        if is_opened {
            self.wanted.notify_one();
        }
        is_news
    }

    /// How a cluster is reached, as it stands here now.
    pub fn kept_of(&self, cluster: &ClusterKey) -> Option<Kept> {
        self.entries().get(cluster)?.kept.clone()
    }
}
