//! What a machine that leaves still waits for, by what its cluster says: in one word, and in words that say what a
//! person can do.

use std::fmt;

use k8s_openapi::jiff::Timestamp;
use nico_crds::names::{LOST, MEMBER_REMOVED};

use crate::workload::Distribution;

/// So many pods are named.
const MOST: usize = 5;

/// What a machine that leaves still waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Parting {
    /// The cluster is asked about it, and does not answer.
    Silent {
        /// Why, in words.
        why: String,
    },
    /// Its Node is drained: what runs on it has to go first.
    Draining {
        /// What is still there, in words.
        pods: Vec<String>,
        /// Until when at the most.
        until: Option<Timestamp>,
    },
    /// Its Node could not be drained in time. Nothing more is evicted, and nothing is deleted.
    TimedOut {
        /// What is still there, in words.
        pods: Vec<String>,
        /// After so many seconds.
        seconds: i32,
    },
    /// Its distribution is asked to remove its member of etcd.
    Member {
        /// It takes long.
        late: bool,
    },
    /// Its Node is deleted.
    Node {
        /// Finalizers hold it for long.
        late: bool,
    },
    /// Its member of etcd is not removed, for that could cost the majority.
    Majority {
        /// So many of the others are Ready.
        ready: usize,
        /// Of so many.
        others: usize,
    },
    /// The API server of the cluster refuses what is to be done, time and again.
    Refused {
        /// What it is done to, in words.
        what: String,
        /// What the server said, shortened, and free of whatever may be a secret.
        said: String,
        /// What a person can do about it.
        instead: Instead,
    },
    /// It goes only once it is no member of the control plane any more, and somebody has to see to that.
    ByHand {
        /// How.
        distribution: Distribution,
    },
}

/// What a person can do where the cluster refuses what NICO does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Instead {
    /// Go without a drain.
    GiveUp,
    /// Remove the member of etcd.
    RemoveMember,
    /// Delete the Node.
    DeleteNode,
}

impl Parting {
    /// In one `CamelCase` word.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Silent { .. } => "ClusterNotAnswering",
            Self::Draining { .. } => "Draining",
            Self::TimedOut { .. } => "DrainTimedOut",
            Self::Member { .. } => "RemovingMember",
            Self::Node { .. } => "DeletingNode",
            Self::Refused { .. } => "RefusedByCluster",
            Self::Majority { .. } | Self::ByHand { .. } => "MemberNotRemoved",
        }
    }

    /// Until when at the most.
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Draining { until, .. } => *until,
            Self::Silent { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Member { .. }
            | Self::Node { .. }
            | Self::Majority { .. }
            | Self::ByHand { .. } => None,
        }
    }

    /// Something is done for it now; where that is refused, a person can do this.
    pub(super) const fn instead(&self) -> Option<Instead> {
        match self {
            Self::Draining { .. } | Self::TimedOut { .. } => Some(Instead::GiveUp),
            Self::Member { .. } => Some(Instead::RemoveMember),
            Self::Node { .. } => Some(Instead::DeleteNode),
            Self::Silent { .. } | Self::Refused { .. } | Self::Majority { .. } | Self::ByHand { .. } => None,
        }
    }

    /// It goes on as soon as the cluster says something else.
    pub const fn goes_on(&self) -> bool {
        match self {
            Self::Draining { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Member { .. }
            | Self::Node { .. } => true,
            Self::Silent { .. } | Self::Majority { .. } | Self::ByHand { .. } => false,
        }
    }

    /// It waits for a person.
    pub const fn concerns_a_person(&self) -> bool {
        match self {
            Self::Draining { .. } => false,
            Self::Member { late } | Self::Node { late } => *late,
            Self::Silent { .. }
            | Self::TimedOut { .. }
            | Self::Refused { .. }
            | Self::Majority { .. }
            | Self::ByHand { .. } => true,
        }
    }
}

impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { why } => write!(
                f,
                "is taken out of the cluster once that answers: {why}; rollout.requireNodeHealth: Never goes on without, \
                 and if the machine never comes back, annotate its Machine {LOST}: \"true\""
            ),
            Self::Draining { pods, until } => draining(f, pods, *until),
            Self::TimedOut { pods, seconds } => write!(
                f,
                "was not drained within {seconds} s (rollout.drainTimeoutSeconds), and what a budget forbids is tried no \
                 more: {}; it goes on once these are gone; a longer time tries again, and its Machine annotated {LOST}: \
                 \"true\" goes without",
                named(pods)
            ),
            Self::Member { late: false } => {
                f.write_str("is in etcd still; its distribution was asked to remove its member")
            }
            Self::Member { late: true } => write!(
                f,
                "is in etcd still; its distribution was asked to remove its member, and does not; remove it by \
                 hand, and then annotate its NixosConfiguration {MEMBER_REMOVED}: \"true\""
            ),
            Self::Node { late: false } => {
                f.write_str("is no member any more, and nothing runs on it; its Node is being deleted")
            }
            Self::Node { late: true } => f.write_str(
                "is deleted as a Node, and does not go: finalizers hold it; look who has to take them off",
            ),
            Self::Refused { what, said, instead } => write!(
                f,
                "is held up, for the API server of the cluster refuses what NICO does to {what}: {said} (whole in the \
                 log); it is tried again; {instead}"
            ),
            Self::Majority { ready, others } => write!(
                f,
                "keeps its member of etcd, for {ready} of the {others} others are Ready, which is no majority; bring \
                 them back; if that cannot be, remove it by hand, and then annotate its NixosConfiguration \
                 {MEMBER_REMOVED}: \"true\""
            ),
            Self::ByHand { distribution } => write!(
                f,
                "goes once it is no member of the control plane any more; remove it there ({}), and then annotate its \
                 NixosConfiguration {MEMBER_REMOVED}: \"true\"",
                by_hand(*distribution)
            ),
        }
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GiveUp => write!(f, "its Machine annotated {LOST}: \"true\" goes without a drain"),
            Self::RemoveMember => write!(
                f,
                "or remove its member by hand, and then annotate its NixosConfiguration {MEMBER_REMOVED}: \"true\""
            ),
            Self::DeleteNode => f.write_str("or delete its Node by hand"),
        }
    }
}

fn draining(f: &mut fmt::Formatter<'_>, pods: &[String], until: Option<Timestamp>) -> fmt::Result {
    f.write_str("is being drained")?;
    if let Some(until) = until {
        write!(f, ", until {until} at the most")?;
    }
    if pods.is_empty() { Ok(()) } else { write!(f, ": {}", named(pods)) }
}

/// The first ones, and how many more there are.
fn named(pods: &[String]) -> String {
    let more = pods.len().saturating_sub(MOST);
    let first: Vec<_> = pods.iter().take(MOST).map(String::as_str).collect();
    let first = first.join(", ");
    if more == 0 { first } else { format!("{first} and {more} more") }
}

/// How a person removes a member of etcd.
const fn by_hand(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::K3s | Distribution::Rke2 => {
            "kubectl delete node <its Node>, or etcdctl member remove <ID>; with an external datastore there is nothing to \
             remove"
        }
        Distribution::K0s => "k0s etcd leave --peer-address <its address>, on any other control plane",
        Distribution::Unknown => {
            "kubectl delete node <its Node> with k3s and RKE2, k0s etcd leave, or etcdctl member remove"
        }
        Distribution::Other => {
            "etcdctl member list and etcdctl member remove <ID> on another control plane, as in \
             kubectl -n kube-system exec etcd-<Node> -- etcdctl ...; with an external etcd there is nothing to remove"
        }
    }
}
