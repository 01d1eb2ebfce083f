//! What is done in one cluster, in one go: step by step, each told and counted.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use nico_crds::KubernetesCluster;
use nico_render::ClusterKey;
use nico_render::rollout::{NodeAct, NodeStep};
use nico_render::workload::Pod;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::requests::{Answer, Requests};
use crate::board::Board;
use crate::events::Herald;
use crate::lease::Term;
use crate::metrics::{Metrics, WriteResult};
use crate::probe::Door;

/// So many pods are evicted at once.
const AT_ONCE: usize = 8;
/// The whole takes no longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// So many pods are named.
const NAMED: usize = 5;

const NODES: &str = "nodes";
const EVICTIONS: &str = "pods/eviction";

/// What it is done with.
pub(super) struct Batch {
    pub cluster: Arc<KubernetesCluster>,
    pub key: ClusterKey,
    pub term: Term,
    pub door: Arc<Door>,
    pub board: Arc<Board>,
    pub herald: Herald,
    pub metrics: Metrics,
}

impl Batch {
    /// Does it. True: something was done, and the cluster has something else to say now.
    pub async fn carry_out(&self, steps: Vec<NodeStep>) -> bool {
        let mut has_done = false;
        if timeout(PATIENCE, self.all(&steps, &mut has_done)).await.is_err() {
            warn!(cluster = %self.key, seconds = PATIENCE.as_secs(), "what is to be done there takes too long");
        }
        has_done
    }

    async fn all(&self, steps: &[NodeStep], has_done: &mut bool) {
        let requests = Requests { client: self.door.who_answers(), limit: self.door.limit() };
        for step in steps {
            let goes_on = match &step.act {
                NodeAct::Cordon { since } => {
                    let request = requests.cordon(step, *since);
                    let done = Words {
                        verb: "patch",
                        reason: "NodeCordoned",
                        note: "is cordoned, as its machine leaves",
                    };
                    self.one(step, request, &done, has_done).await
                }
                NodeAct::RemoveMember { of, at } => {
                    let request = requests.remove_member(step, of, *at);
                    let done =
                        Words { verb: "patch", reason: "MemberRemoval", note: "is asked to leave etcd" };
                    self.one(step, request, &done, has_done).await
                }
                NodeAct::Delete => {
                    let request = requests.delete(step);
                    let done = Words {
                        verb: "delete",
                        reason: "NodeDeleted",
                        note: "is deleted, as its machine leaves",
                    };
                    self.one(step, request, &done, has_done).await
                }
                NodeAct::Evict(pods) => self.evict(&requests, step, pods, has_done).await,
            };
            if !goes_on {
                return;
            }
        }
    }
}

/// What is said of a write to a Node.
struct Words {
    verb: &'static str,
    reason: &'static str,
    note: &'static str,
}

impl Batch {
    /// Makes a write to a Node. False: nobody answers, or this replica leads no longer.
    async fn one(
        &self,
        step: &NodeStep,
        request: impl Future<Output = Answer>,
        words: &Words,
        has_done: &mut bool,
    ) -> bool {
        if !self.term.is_valid() {
            return false;
        }
        let answer = request.await;
        let what = format!("the Node {}", step.node);
        if let Answer::Refused(error) = &answer {
            self.board.refused(&self.key, &step.machine, &what, error);
        }
        if self.counts(words.verb, NODES, &step.machine, &what, &answer) {
            *has_done = true;
            self.board.accepted(&self.key, &step.machine);
            let note = format!("the Node {} {}", step.node, words.note);
            info!(cluster = %self.key, machine = step.machine, "{note}");
            self.herald.of_node(&self.cluster, &step.machine, words.reason, &note);
        }
        !matches!(answer, Answer::Silent)
    }

    /// The same with what runs on it.
    async fn evict(&self, requests: &Requests, step: &NodeStep, pods: &[Pod], has_done: &mut bool) -> bool {
        let each = pods.iter().cloned().map(|pod| async move {
            if !self.term.is_valid() {
                return (pod, None);
            }
            let answer = requests.evict(&pod).await;
            (pod, Some(answer))
        });
        let mut answers = stream::iter(each).buffered(AT_ONCE);
        let (mut evicted, mut is_refused, mut goes_on) = (Vec::new(), false, true);
        while let Some((pod, answer)) = answers.next().await {
            let Some(answer) = answer else {
                goes_on = false;
                continue;
            };
            let name = format!("{}/{}", pod.namespace, pod.name);
            goes_on &= !matches!(answer, Answer::Silent);
            if self.counts("create", EVICTIONS, &step.machine, &name, &answer) {
                *has_done = true;
                evicted.push(name);
            } else if let Answer::Refused(error) = answer
                && !std::mem::replace(&mut is_refused, true)
            {
                self.board.refused(&self.key, &step.machine, &format!("the pod {name}"), &error);
            }
        }
        if goes_on && !is_refused {
            self.board.accepted(&self.key, &step.machine);
        }
        if !evicted.is_empty() {
            let note = format!("evicted from the Node {}: {}", step.node, named(&evicted));
            info!(cluster = %self.key, machine = step.machine, "{note}");
            self.herald.of_node(&self.cluster, &step.machine, "Evicting", &note);
        }
        goes_on
    }

    /// Counts an answer, and tells what went wrong. True: it is done.
    fn counts(
        &self,
        verb: &'static str,
        resource: &'static str,
        machine: &str,
        what: &str,
        answer: &Answer,
    ) -> bool {
        let result = match answer {
            Answer::Done => WriteResult::Success,
            Answer::Gone => {
                debug!(cluster = %self.key, machine, what, "is gone, or has changed meanwhile");
                WriteResult::Conflict
            }
            Answer::Later => {
                debug!(cluster = %self.key, machine, what, "a PodDisruptionBudget forbids it now");
                WriteResult::Budget
            }
            Answer::Refused(error) => {
                warn!(cluster = %self.key, machine, what, error, "{verb} {resource} failed");
                WriteResult::Error
            }
            Answer::Silent => {
                warn!(cluster = %self.key, machine, what, "{verb} {resource}: no answer");
                WriteResult::Error
            }
        };
        self.metrics.written_there(verb, resource, result);
        matches!(answer, Answer::Done)
    }
}

/// How many, and the first ones.
fn named(pods: &[String]) -> String {
    let first: Vec<_> = pods.iter().take(NAMED).map(String::as_str).collect();
    let more = if pods.len() > NAMED { ", ..." } else { "" };
    let noun = if pods.len() == 1 { "pod" } else { "pods" };
    format!("{} {noun}: {}{more}", pods.len(), first.join(", "))
}
