//! The clusters that were asked for, among all that there are.

use std::collections::BTreeMap;

use nico_render::ClusterKey;

/// What was asked for cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// There is no such cluster.
    #[error("{option}{wanted}: there is no such KubernetesCluster; there are: {known}")]
    NoSuchCluster {
        /// How.
        option: &'static str,
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// There is more than one.
    #[error("{option}{wanted}: there are several of that name; name the namespace too: {known}")]
    SeveralClusters {
        /// How.
        option: &'static str,
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// The namespace has none.
    #[error("--namespace {namespace}: there is no KubernetesCluster in it; there are: {known}")]
    NoneInNamespace {
        /// What was asked for.
        namespace: String,
        /// What there is.
        known: String,
    },
    /// There is no form for several.
    #[error("-o nix prints the cluster.nix of one cluster; choose one of {known} with --cluster")]
    OneClusterOnly {
        /// What there is.
        known: String,
    },
}

/// What there is of each cluster.
pub type Chosen<T> = BTreeMap<ClusterKey, T>;

/// What is asked for.
pub struct Choice<'a> {
    /// Those of one namespace; absent: of all.
    pub namespace: Option<&'a str>,
    /// How they are asked for: by an option, or by nothing but their names.
    pub option: &'static str,
    /// By name, or by namespace and name; none: all.
    pub clusters: &'a [String],
}

impl Choice<'_> {
    /// The option of commands that are about something else than clusters.
    pub const OPTION: &'static str = "--cluster ";

    /// Those of them that are asked for.
    pub fn of<T>(&self, mut all: Chosen<T>) -> Result<Chosen<T>, ChoiceError> {
        let known = names(all.keys());
        if let Some(namespace) = self.namespace {
            all.retain(|key, _| key.namespace == *namespace);
            if all.is_empty() {
                return Err(ChoiceError::NoneInNamespace { namespace: namespace.to_owned(), known });
            }
        }
        if !self.clusters.is_empty() {
            let found = self.clusters.iter().map(|wanted| self.find(wanted, &all));
            let keys = found.collect::<Result<Vec<_>, _>>()?;
            all.retain(|key, _| keys.contains(key));
        }
        Ok(all)
    }

    fn find<T>(&self, wanted: &str, all: &Chosen<T>) -> Result<ClusterKey, ChoiceError> {
        let found: Vec<_> =
            all.keys().filter(|key| key.name == wanted || key.to_string() == wanted).collect();
        let (option, wanted) = (self.option, wanted.to_owned());
        match found.as_slice() {
            [key] => Ok((*key).clone()),
            [] => Err(ChoiceError::NoSuchCluster { option, wanted, known: names(all.keys()) }),
            [..] => {
                let known = names(found.iter().copied());
                Err(ChoiceError::SeveralClusters { option, wanted, known })
            }
        }
    }
}

/// In words.
pub fn names<'k>(keys: impl Iterator<Item = &'k ClusterKey>) -> String {
    let names: Vec<_> = keys.map(ToString::to_string).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
