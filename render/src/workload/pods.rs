//! What runs on a Node that leaves, and what of it has to go before.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// What was bound to a Node just before that was cordoned may be created a while later.
const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// A pod on a Node that leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// What becomes of it.
    pub kind: Kind,
    /// Since when it is there.
    pub created_at: Option<Timestamp>,
    /// It is going already.
    pub goes: bool,
    /// The `PodDisruptionBudget`s that forbid its eviction now, by name.
    pub budgets: Vec<String>,
}

/// What a pod is to a drain, as `kubectl drain` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is evicted.
    Evictable,
    /// A `DaemonSet`'s, which would put it back at once. It goes with its Node.
    OfDaemonSet,
    /// What the API shows of a static pod, which only the machine itself can end.
    Mirror,
    /// It has ended, and runs nothing.
    Ended,
}

impl Pod {
    /// It has to be gone before its Node goes, which is drained since then. What came later tolerates that nothing is
    /// to be scheduled there, and would come again and again.
    pub fn must_go(&self, since: Option<Timestamp>) -> bool {
        match self.kind {
            Kind::Evictable => {
                let last = since.and_then(|since| since.checked_add(GRACE).ok());
                last.zip(self.created_at).is_none_or(|(last, created)| created <= last)
            }
            Kind::OfDaemonSet | Kind::Mirror | Kind::Ended => false,
        }
    }
}

impl std::fmt::Display for Pod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)?;
        match (self.goes, self.budgets.as_slice()) {
            (true, _) => f.write_str(" (it is ending)"),
            (false, []) => Ok(()),
            (false, [budget]) => write!(f, " (the PodDisruptionBudget {budget} forbids it)"),
            (false, budgets) => write!(f, " (the PodDisruptionBudgets {} forbid it)", budgets.join(", ")),
        }
    }
}
