//! One turn of one cluster: what was planned is written, what there is to tell is told.

use nico_render::ClusterKey;
use nico_render::rollout::{FinalizerChange, Purpose, Step};
use nico_render::status::{Transition, transitions};
use tracing::{debug, info, warn};

use super::decision::Made;
use crate::ApplyError;
use crate::events::Herald;
use crate::hands::writer::Writer;
use crate::hands::{Done, Hands, Turn};
use crate::lease::Term;
use crate::token::Tokens;

/// What a turn needs.
#[derive(Clone)]
pub(crate) struct Tools {
    pub writer: Writer,
    pub tokens: std::sync::Arc<Tokens>,
    pub herald: Herald,
}

impl Tools {
    /// The same, for what is decided in this term.
    pub fn within(&self, term: &Term) -> Self {
        Self {
            writer: self.writer.clone().within(term.clone()),
            tokens: self.tokens.clone(),
            herald: self.herald.within(term),
        }
    }
}

/// Takes it.
pub(crate) async fn take(tools: Tools, made: Made) -> Turn {
    let Made { cluster, plan, status, uncleaned, error: _, told: _, laps: _ } = made;
    let mut hands = Hands::new(&tools.writer, &tools.tokens, (*cluster).clone(), true);
    let quiet = plan.steps.is_empty();
    hands.execute(plan.steps).await;
    // Of what is just changing the next plan tells more.
    if (quiet || !hands.turn.errors.is_empty()) && !hands.turn.looked && hands.turn.done.is_empty() {
        tell(&tools, &mut hands, &status).await;
    }
    let Hands { turn, .. } = hands;
    for done in &turn.done {
        tools.herald.done(&cluster, done);
    }
    let goes = turn.done.iter().any(|done| matches!(done, Done::Finalizers(FinalizerChange::Released)));
    if goes && !uncleaned.is_empty() {
        let machines = uncleaned.join(", ");
        warn!(cluster = %ClusterKey::of(&cluster), machines, "goes, and NIO does not show that it cleaned these");
        tools.herald.not_cleaned(&cluster, &machines);
    }
    turn
}

async fn tell(tools: &Tools, hands: &mut Hands<'_>, status: &nico_crds::KubernetesClusterStatus) {
    let before = hands.cluster.clone();
    match hands.tell(status).await {
        Ok(true) => {
            let previous = before.status.clone().unwrap_or_default();
            let found = transitions(&previous, status);
            log(&ClusterKey::of(&before), &found);
            tools.herald.transitions(&before, &found);
            hands.turn.transitions.extend(found);
        }
        Ok(false) => {}
        Err(error) => {
            debug!(cluster = %ClusterKey::of(&before), error = crate::error::chain(&error), "cannot tell the status");
            if !matches!(error, ApplyError::Conflict { .. } | ApplyError::NotLeading) {
                hands.turn.errors.push(error);
            }
        }
    }
}

fn log(cluster: &ClusterKey, transitions: &[Transition]) {
    for Transition { condition, status, reason, message, warning } in transitions {
        if *warning {
            warn!(%cluster, condition, status, reason, "{message}");
        } else {
            info!(%cluster, condition, status, reason, "{message}");
        }
    }
}

/// What must not wait, whatever else goes wrong with a cluster.
pub(crate) fn is_urgent(step: &Step) -> bool {
    match step {
        Step::Write(write) => write.purpose == Purpose::ClearFullInstall,
        Step::Finalizers { .. }
        | Step::AdoptStatus
        | Step::Remember(_)
        | Step::LookAtToken
        | Step::CreateToken
        | Step::OwnToken { .. }
        | Step::Adopt(_)
        | Step::Create(_)
        | Step::Delete { .. }
        | Step::ReleaseFromNio(_) => false,
    }
}
