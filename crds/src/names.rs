//! Every name that NICO shares with somebody else: labels, annotations, finalizers, field managers,
//! Secrets. They are contracts with people, with NIO and with the Python operator of the same name.

/// Label on a configuration: the cluster that it belongs to.
pub const LABEL_CLUSTER: &str = "nico.homystack.com/cluster";
/// Label on a configuration: the role of its machine, see [`Role`].
pub const LABEL_ROLE: &str = "nico.homystack.com/role";
/// Kubernetes' recommended label for the tool that manages an object.
pub const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// What NICO writes into [`LABEL_MANAGED_BY`]. The Python operator did not write it.
pub const MANAGED_BY: &str = "nico";

/// Annotation on a configuration: the place of its machine among those of its role.
pub const ORDINAL: &str = "nico.homystack.com/ordinal";
/// Annotation on a configuration: the hash of what its files mean.
pub const MEANING: &str = "nico.homystack.com/meaning";
/// Annotation on a configuration: [`MEANING`] without the lists of machines.
pub const MEANING_BUT_LISTS: &str = "nico.homystack.com/meaning-but-lists";
/// Annotation on a configuration: the hash of the files that were written for [`MEANING`].
pub const TEXT: &str = "nico.homystack.com/text";
/// Annotation on a configuration: when its files were written (RFC 3339).
pub const WRITTEN_AT: &str = "nico.homystack.com/written-at";
/// Annotation on a configuration: when its files are to be written once more (RFC 3339).
pub const CONFIRM_AT: &str = "nico.homystack.com/confirm-at";
/// Annotation on a configuration: its removal has begun, and will be finished.
pub const LEAVING: &str = "nico.homystack.com/leaving";
/// Annotation on a configuration: the Node that its machine had when its removal began. What became of that is asked
/// before the configuration goes.
pub const LEAVING_NODE: &str = "nico.homystack.com/leaving-node";
/// Annotation on a configuration: makes NIO look at it at once.
pub const NUDGE: &str = "nico.homystack.com/nudge";

/// Annotation on the configuration of a control plane that leaves: the name of its member of etcd, which was seen to
/// be removed. Its Node, which showed it, is deleted after that.
pub const MEMBER_GONE: &str = "nico.homystack.com/member-gone";

/// All annotations on a configuration that NICO writes.
pub const CONFIGURATION_ANNOTATIONS: [&str; 10] = [
    CONFIRM_AT,
    LEAVING,
    LEAVING_NODE,
    MEANING,
    MEANING_BUT_LISTS,
    MEMBER_GONE,
    NUDGE,
    ORDINAL,
    TEXT,
    WRITTEN_AT,
];

/// Annotation on a Node of a cluster that was built: NICO drains it, since then (RFC 3339).
pub const DRAINED_SINCE: &str = "nico.homystack.com/drained-since";
/// Annotation on a Node of a cluster that was built: its distribution was asked to remove its member of etcd, then
/// (RFC 3339).
pub const MEMBER_ASKED_AT: &str = "nico.homystack.com/member-asked-at";

/// Annotation on a Machine: it is installed already, never wipe it.
pub const FULL_INSTALLATION_APPLIED: &str = "nico.homystack.com/fullInstallationApplied";
/// Annotation on a Machine: wipe it when it joins the cluster named here.
pub const REINSTALL_FOR: &str = "nico.homystack.com/reinstall-for";
/// Annotation on a Machine or a configuration: it will not come back, let it go.
pub const LOST: &str = "nico.homystack.com/lost";
/// Annotation on a configuration: this control plane is no member of the cluster any more.
pub const MEMBER_REMOVED: &str = "nico.homystack.com/member-removed";
/// Annotation on a cluster: it may be started anew on the machine named here.
pub const REBOOTSTRAP: &str = "nico.homystack.com/rebootstrap";
/// Annotation on a cluster: delete it without the machines that cannot be reached.
pub const FORCE_DELETE: &str = "nico.homystack.com/force-delete";
/// Annotation on a cluster: do what was pending when it was adopted.
pub const ACCEPT_PENDING: &str = "nico.homystack.com/accept-pending";

/// Field manager of what NICO orders, and of what it must remember to do so.
pub const FIELD_MANAGER: &str = "nico";
/// Field manager of what NICO tells about a cluster in its status.
pub const STATUS_MANAGER: &str = "nico-status";

/// NICO's finalizer on a cluster: its configurations go in order before it does.
pub const CLEANUP_FINALIZER: &str = "nico.homystack.com/cleanup";
/// The finalizer of kopf, the framework that both Python operators are written with: NIO's on a
/// configuration, the former NICO's on a cluster.
pub const KOPF_FINALIZER: &str = "kopf.zalando.org/KopfFinalizerMarker";
/// Field managers that the Python operators write under: their client's name, and their framework's.
pub const PYTHON_MANAGERS: [&str; 2] = ["OpenAPI-Generator", "kopf"];
/// The finalizer of a deletion that leaves dependents alone (Kubernetes' own).
pub const ORPHAN_FINALIZER: &str = "orphan";
/// The finalizer of a deletion that takes dependents first (Kubernetes' own).
pub const FOREGROUND_FINALIZER: &str = "foregroundDeletion";

/// The path of the file that tells a flake about its cluster, relative to the flake.
pub const CLUSTER_NIX: &str = "cluster.nix";
/// The path of the file that holds the cluster's join token, and nothing else.
pub const JOIN_TOKEN: &str = "join-token";
/// The path of the file that holds the machine's private key, where it is asked for.
pub const MACHINE_SSH_KEY: &str = "machine-ssh-key";
/// The one key of the Secret with the join token.
pub const TOKEN_KEY: &str = "token";
/// The key of a Machine's key Secret (the type `kubernetes.io/ssh-auth`).
pub const SSH_KEY_KEY: &str = "ssh-privatekey";
/// The keys of the Secret with a cluster's kubeconfig: that of Flux and Argo CD, and that of Cluster API. Both hold
/// the same.
pub const KUBECONFIG_KEYS: [&str; 2] = ["kubeconfig", "value"];
/// The label by which the tools of Cluster API find that Secret.
pub const LABEL_CLUSTER_API: &str = "cluster.x-k8s.io/cluster-name";
/// The key of a Machine's key Secret that holds the host keys to expect (`sshd(8)`, "`SSH_KNOWN_HOSTS` FILE FORMAT").
pub const KNOWN_HOSTS_KEY: &str = "known_hosts";
/// The flake that NIO puts on a machine that is let go.
pub const REMOVE_FLAKE: &str = "#minimal";

/// The role of a machine in its cluster. Control planes are chosen first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the control plane. The first one bootstraps the cluster.
    ControlPlane,
    /// Runs workloads only.
    Worker,
}

impl Role {
    /// Both, in the order in which they choose their machines.
    pub const ALL: [Self; 2] = [Self::ControlPlane, Self::Worker];

    /// The value of [`LABEL_ROLE`].
    pub const fn label(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
        }
    }

    /// The role that a label names, if it names one.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.label() == label)
    }

    /// The field of the cluster's spec that asks for machines of this role.
    pub const fn field(self) -> &'static str {
        match self {
            Self::ControlPlane => "spec.controlPlane",
            Self::Worker => "spec.dataPlane",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ControlPlane => "control plane",
            Self::Worker => "worker",
        })
    }
}

/// The name of the configuration of a machine in a cluster. Not injective: `a-b` + `c` and `a` + `b-c`
/// give the same one, so whoever creates it must look who has it.
pub fn configuration_name(cluster: &str, machine: &str) -> String {
    format!("{cluster}-{machine}")
}

/// The name of the Secret that holds a cluster's join token.
pub fn join_token_secret(cluster: &str) -> String {
    format!("{cluster}-join-token")
}

/// The name of the Secret that holds a cluster's kubeconfig.
pub fn kubeconfig_secret(cluster: &str) -> String {
    format!("{cluster}-kubeconfig")
}

/// The name of the `ConfigMap` that holds the host keys of a cluster's machines.
pub fn known_hosts_config_map(cluster: &str) -> String {
    format!("{cluster}-known-hosts")
}
