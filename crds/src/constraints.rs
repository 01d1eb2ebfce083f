//! What a `KubernetesCluster` must satisfy: sizes, and rules in CEL with their words.
//!
//! All but one stand under `spec`, so that they ratchet: an object that was accepted once can be changed
//! elsewhere. Every list and string has a greatest size, or the API server refuses the rules for their
//! cost.

use serde_json::{Value, json};

/// A rule in CEL (the API server's dialect) at a place of the schema.
pub(crate) struct Rule {
    /// Dotted; `[]` stands for the items of a list, `{}` for the values of a map; empty for the root.
    pub path: &'static str,
    /// True where all is well. `self` is the value at the path.
    pub rule: &'static str,
    /// What is wrong, and what would be right.
    pub message: &'static str,
}

const fn rule(path: &'static str, rule: &'static str, message: &'static str) -> Rule {
    Rule { path, rule, message }
}

/// The most machines that can be listed by name in one role (a selector takes more): the rule that looks
/// for doubles compares
/// all with all, and the API server bounds what that may cost.
const MAX_LISTED: u32 = 256;
/// The most machines that a selector may take in one role.
const MAX_COUNT: u32 = 5000;
/// The longest name of an object (RFC 1123 subdomain).
const MAX_NAME: u32 = 253;
/// The longest label, without its prefix (Kubernetes' own bound).
const MAX_LABEL: u32 = 63;
/// The longest label key: a prefix of 253, a slash, and a name of 63.
const MAX_LABEL_KEY: u32 = 317;

const GROUPS: [&str; 2] = ["spec.controlPlane", "spec.dataPlane"];

/// Sizes, as members of the schema at a path.
pub(crate) fn sizes() -> Vec<(String, Value)> {
    let mut sizes: Vec<(String, Value)> = [
        ("spec.gitRepo", json!({ "maxLength": 2048 })),
        ("spec.ref", json!({ "maxLength": 255 })),
        ("spec.configurationSubdir", json!({ "maxLength": 1024 })),
        ("spec.credentialsRef.name", json!({ "maxLength": MAX_NAME })),
        ("spec.controlPlaneEndpoint.host", json!({ "maxLength": MAX_NAME })),
        ("spec.rollout.trigger", json!({ "maxLength": 1024 })),
        ("spec.rollout.maxUnavailable", json!({ "maxLength": 4 })),
        ("spec.kubeconfig.path", json!({ "maxLength": 4096 })),
    ]
    .into_iter()
    .map(|(path, size)| (path.to_owned(), size))
    .collect();
    for group in GROUPS {
        let selector = format!("{group}.machineSelector");
        sizes.extend([
            (format!("{group}.machines"), json!({ "maxItems": MAX_LISTED })),
            (format!("{group}.machines[]"), json!({ "maxLength": MAX_NAME })),
            (format!("{group}.count"), json!({ "maximum": MAX_COUNT })),
            (format!("{selector}.matchLabels"), json!({ "maxProperties": 64 })),
            (format!("{selector}.matchLabels{{}}"), json!({ "maxLength": MAX_LABEL })),
            (format!("{selector}.matchExpressions"), json!({ "maxItems": 64 })),
            (format!("{selector}.matchExpressions[].key"), json!({ "maxLength": MAX_LABEL_KEY })),
            (format!("{selector}.matchExpressions[].values"), json!({ "maxItems": 128 })),
            (format!("{selector}.matchExpressions[].values[]"), json!({ "maxLength": MAX_LABEL })),
        ]);
    }
    sizes
}

/// The rules, those of both roles at both places.
pub(crate) fn rules() -> impl Iterator<Item = (String, &'static Rule)> {
    let of_groups = GROUPS
        .into_iter()
        .flat_map(|group| GROUP_RULES.iter().map(move |rule| (format!("{group}{}", rule.path), rule)));
    RULES.iter().map(|rule| (rule.path.to_owned(), rule)).chain(of_groups)
}

const RULES: &[Rule] = &[
    rule(
        "",
        "size(self.metadata.name) <= 63",
        "the name of a KubernetesCluster must have at most 63 characters, as it becomes the value of a label",
    ),
    rule(
        "spec",
        "!has(self.dataPlane) || !has(self.dataPlane.machines) || !has(self.controlPlane.machines) || \
         !self.dataPlane.machines.exists(m, m in self.controlPlane.machines)",
        "a machine cannot have both roles: it stands in controlPlane.machines and in dataPlane.machines",
    ),
    rule(
        "spec",
        "!has(self.rollout) || !has(self.rollout.bootstrap) || self.rollout.bootstrap != 'AllAtOnce' || \
         (has(self.installPolicy) && self.installPolicy == 'SwitchOnly')",
        "rollout.bootstrap AllAtOnce needs installPolicy SwitchOnly: with installations, a first control plane \
         that is wiped twice would leave two clusters",
    ),
    rule(
        "spec.controlPlane",
        "(has(self.machines) && size(self.machines) > 0) || (has(self.count) && self.count >= 1)",
        "the control plane needs machines, or a machineSelector with a count of at least 1",
    ),
    rule(
        "spec.gitRepo",
        "self.matches('^(https|http|ssh|git)://[^/]+/.+$') || \
         self.matches('^([A-Za-z0-9_.-]+@)?[A-Za-z0-9.-]+:(/?[^/:]).*$')",
        "gitRepo must be a URL with a host and a path (https://, ssh://, git://, http://), or host:path as scp has it",
    ),
    rule(
        "spec.gitRepo",
        "!self.matches('^(https|http|git)://[^/]*@') && !self.matches('^[A-Za-z+.-]+://[^/]*:[^/]*@')",
        "gitRepo must not hold credentials: put them into a Secret, and name it in credentialsRef",
    ),
    rule(
        "spec.gitRepo",
        "!self.matches('^[A-Za-z0-9+.-]+::')",
        "gitRepo must not name a transport helper such as ext::, which runs commands",
    ),
    rule(
        "spec.gitRepo",
        "!self.startsWith('-') && !self.matches('^[A-Za-z+.-]+://([^/@]*@)?-') && !self.matches('^[^/:@]*@-')",
        "gitRepo and its host must not start with a dash: git would take it for an option",
    ),
    rule(
        "spec.gitRepo",
        "!self.matches('[;$`|&\\\\s\\\\x00-\\\\x1f\\\\x7f]')",
        "gitRepo must not hold white space, control characters, or any of ; $ ` | & which NIO refuses",
    ),
    rule(
        "spec.ref",
        "!self.startsWith('-')",
        "ref must not start with a dash: git would take it for an option",
    ),
    rule(
        "spec.ref",
        "self.matches('^[^;$`|&\\\\s\\\\x00-\\\\x1f\\\\x7f~^:?*\\\\[\\\\\\\\]+$') && !self.contains('..') && \
         !self.contains('@{') && !self.contains('//') && !self.startsWith('/') && !self.endsWith('/') && \
         !self.endsWith('.') && !self.endsWith('.lock')",
        "ref must be the name of a branch or tag as git allows it, without any of ; $ ` | & which NIO refuses",
    ),
    rule(
        "spec.configurationSubdir",
        "!self.startsWith('/')",
        "configurationSubdir must be relative to the repository: without a leading slash",
    ),
    rule(
        "spec.configurationSubdir",
        "!self.matches('(^|/)[.][.](/|$)')",
        "configurationSubdir must stay within the repository: without ..",
    ),
    rule(
        "spec.configurationSubdir",
        "!self.startsWith('-') && !self.matches('[;$`|&\\\\x00-\\\\x1f\\\\x7f\\\\\\\\]')",
        "configurationSubdir must not start with a dash or hold a backslash, control characters, or any of ; $ ` | &",
    ),
    rule(
        "spec.credentialsRef.name",
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        "credentialsRef.name must be the name of a Secret: lower-case letters, digits, dashes and dots",
    ),
    rule(
        "spec.controlPlaneEndpoint.host",
        "isIP(self) || self.matches('^[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?([.][A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*$')",
        "controlPlaneEndpoint.host must be a DNS name or an IP address, without scheme, port or brackets",
    ),
    rule(
        "spec.controlPlaneEndpoint.port",
        "self >= 1 && self <= 65535",
        "controlPlaneEndpoint.port must be between 1 and 65535",
    ),
    rule(
        "spec.rollout",
        "(has(self.progressDeadlineSeconds) ? self.progressDeadlineSeconds : 4200) > \
         (has(self.minReadySeconds) ? self.minReadySeconds : 60)",
        "progressDeadlineSeconds (default 4200) must be longer than minReadySeconds (default 60)",
    ),
    rule(
        "spec.rollout.maxUnavailable",
        "self == string(self) ? string(self).matches('^([1-9][0-9]?|100)%$') : string(self).matches('^[1-9][0-9]{0,4}$')",
        "maxUnavailable must be a number from 1 on, or a percentage from \"1%\" to \"100%\"",
    ),
    rule("spec.rollout.minReadySeconds", "self >= 0", "minReadySeconds must not be negative"),
    rule("spec.rollout.drainTimeoutSeconds", "self >= 0", "drainTimeoutSeconds must not be negative"),
    rule(
        "spec.kubeconfig.path",
        "self.startsWith('/') && !self.matches('(^|/)[.][.](/|$)') && !self.matches('[\\\\x00-\\\\x1f\\\\x7f]')",
        "kubeconfig.path must be absolute, without .. and control characters",
    ),
];

/// Paths are relative to a role.
const GROUP_RULES: &[Rule] = &[
    rule(
        "",
        "!has(self.count) || self.count <= 0 || (has(self.machines) && size(self.machines) > 0) || \
         (has(self.machineSelector) && \
         ((has(self.machineSelector.matchLabels) && size(self.machineSelector.matchLabels) > 0) || \
         (has(self.machineSelector.matchExpressions) && size(self.machineSelector.matchExpressions) > 0)))",
        "count needs a machineSelector that says something: at least one label or expression",
    ),
    rule(".count", "self >= 0", "count must not be negative"),
    rule(".machines", "self.all(m, self.exists_one(other, other == m))", "a machine can be listed only once"),
    rule(
        ".machines[]",
        "self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        "machines must be names of Machines: lower-case letters, digits, dashes and dots",
    ),
    rule(
        ".machineSelector.matchLabels",
        "self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && \
         self[key].matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$'))",
        "matchLabels must hold labels and values as Kubernetes allows them",
    ),
    rule(
        ".machineSelector.matchExpressions[]",
        "self.operator in ['In', 'NotIn'] ? (has(self.values) && size(self.values) > 0) : \
         (!has(self.values) || size(self.values) == 0)",
        "values must hold at least one value with In and NotIn, and none with Exists and DoesNotExist",
    ),
    rule(
        ".machineSelector.matchExpressions[].key",
        "self.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$')",
        "key must be a label as Kubernetes allows it",
    ),
    rule(
        ".machineSelector.matchExpressions[].values[]",
        "self.matches('^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$')",
        "values must be values of labels as Kubernetes allows them",
    ),
];
