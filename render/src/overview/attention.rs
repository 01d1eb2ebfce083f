//! What asks something of a person.

use std::cmp::Reverse;

use k8s_openapi::jiff::Timestamp;
use nico_crds::KubernetesClusterStatus;
use nico_crds::status::ClusterCondition;
use serde::Serialize;

use super::time;
use crate::status::{Gravity, of_condition, rank};

/// A condition that asks something of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// How grave it is.
    pub severity: Gravity,
    /// The condition.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why, in one CamelCase word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in words, and what a person can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when the condition has this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The condition that says in other words what one of the others is about.
const SUMMARY: &str = "Ready";

/// Of a status, the gravest first.
pub(super) fn of(status: &KubernetesClusterStatus) -> Vec<Attention> {
    let conditions = status.conditions.iter().flatten();
    let asks =
        |condition: &ClusterCondition| Some(Attention::of(condition, of_condition(condition, status.phase)?));
    let mut all = said_once(conditions.filter_map(asks).collect());
    all.sort_by_cached_key(|one| (Reverse(one.severity), rank(&one.type_)));
    all
}

/// Where another condition says what the summary says, it speaks for both.
fn said_once(all: Vec<Attention>) -> Vec<Attention> {
    let (summaries, mut others): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.type_ == SUMMARY);
    for summary in summaries {
        let words = summary.message.as_deref().filter(|words| !words.is_empty());
        let says = |one: &&mut Attention| {
            words.is_some_and(|words| one.message.as_deref().is_some_and(|message| message.contains(words)))
        };
        match others.iter_mut().find(says) {
            Some(one) => one.severity = one.severity.max(summary.severity),
            None => others.push(summary),
        }
    }
    others
}

impl Attention {
    fn of(condition: &ClusterCondition, severity: Gravity) -> Self {
        Self {
            severity,
            type_: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: time(condition.last_transition_time.as_deref()),
        }
    }
}
