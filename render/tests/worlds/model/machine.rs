//! Machines with a truth of their own, whatever the objects say of them.

use std::collections::BTreeMap;

/// What a machine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    /// The configuration that it came from, by its UID.
    pub uid: String,
    pub hash: String,
    pub commit: u64,
    pub content: String,
    pub cluster: String,
    pub is_control_plane: bool,
}

impl Runs {
    /// Something that no cluster of this world has to do with.
    pub fn of_others(what: &str) -> Self {
        Self {
            uid: what.to_owned(),
            hash: String::new(),
            commit: 0,
            content: what.to_owned(),
            cluster: String::new(),
            is_control_plane: false,
        }
    }
}

/// A machine.
#[derive(Clone, Debug, Default)]
pub struct Hardware {
    pub number: u8,
    /// It cannot be reached until then; for ever: it is dead.
    pub down_until: i64,
    pub reboots_until: i64,
    pub runs: Option<Runs>,
    /// An apply of this content failed half-way, and nothing was applied since.
    pub half: Option<String>,
    pub wipes: u32,
    /// Its clean-up fails for ever.
    pub cleanup_fails: bool,
    /// Every apply fails.
    pub broken: bool,
    /// The hashes of all files that it has run.
    pub delivered: std::collections::BTreeSet<String>,
    /// No status shows what became of it: NIO's twin wiped it and failed, after the other had told of its success;
    /// or an old content, applied again for a push, failed after the new one was delivered.
    pub spoiled: bool,
    /// Its Machine object was made anew since it was applied to: nothing on it shows that it runs anything.
    pub is_unknown: bool,
    /// How many applies are under way on it.
    pub applies: u32,
}

pub const FOR_EVER: i64 = i64::MAX;

impl Hardware {
    pub fn is_dead(&self) -> bool {
        self.down_until == FOR_EVER
    }

    pub fn is_reachable(&self, now: i64) -> bool {
        now >= self.down_until && now >= self.reboots_until
    }
}

/// All machines, and who is a member of which control plane.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    pub machines: BTreeMap<String, Hardware>,
    /// By cluster: the members of etcd.
    pub members: BTreeMap<String, Vec<String>>,
    /// What the clusters' APIs have of their Nodes.
    pub nodes: super::nodes::Nodes,
    /// Kubelets that could not register theirs: by cluster and machine, and whether a budget holds what runs there.
    pub unregistered: BTreeMap<(String, String), bool>,
    /// Counts what is made or changed there.
    pub births: u64,
    /// The commit of the default branch.
    pub commit: u64,
    /// The last content that a cluster asked for, by what it breaks.
    pub contents: super::contents::Contents,
}

impl Truth {
    /// Its Node is Ready, if the API could be asked.
    pub fn is_node_ready(&self, machine: &str, now: i64) -> bool {
        self.machines.get(machine).is_some_and(|hardware| {
            now >= hardware.down_until
                && hardware
                    .runs
                    .as_ref()
                    .is_some_and(|runs| !self.contents.breaks(&runs.content, hardware.number))
                && hardware.half.as_ref().is_none_or(|half| !self.contents.breaks(half, hardware.number))
        })
    }

    /// It runs what a member of a control plane needs.
    pub fn is_member_up(&self, machine: &str, now: i64) -> bool {
        self.machines.get(machine).is_some_and(|hardware| {
            let serves = |content: &String| !self.contents.downs(content, hardware.number);
            now >= hardware.down_until
                && hardware.runs.as_ref().is_some_and(|runs| serves(&runs.content))
                && hardware.half.as_ref().is_none_or(serves)
        })
    }

    /// A majority of the members is up.
    pub fn answers(&self, cluster: &str, now: i64) -> bool {
        let Some(members) = self.members.get(cluster).filter(|members| !members.is_empty()) else {
            return false;
        };
        let up = members.iter().filter(|member| self.is_member_up(member, now)).count();
        up * 2 > members.len()
    }

    pub fn joins(&mut self, cluster: &str, machine: &str, now: i64) {
        let can = self.members.get(cluster).is_none_or(Vec::is_empty) || self.answers(cluster, now);
        let members = self.members.entry(cluster.to_owned()).or_default();
        if can && !members.iter().any(|member| member == machine) {
            members.push(machine.to_owned());
        }
    }

    pub fn leaves(&mut self, cluster: &str, machine: &str) {
        if let Some(members) = self.members.get_mut(cluster) {
            members.retain(|member| member != machine);
        }
    }
}
