//! One turn of one cluster: what was planned is written, what there is to tell is told.

use nico_render::ClusterKey;
use nico_render::rollout::{FinalizerChange, Purpose, Step};
use tracing::warn;

use super::decision::Made;
use crate::aggregator::Desk;
use crate::events::Herald;
use crate::hands::writer::Writer;
use crate::hands::{Done, Hands, Turn};
use crate::lease::Term;
use crate::token::Tokens;
use crate::usher::Tray;

/// What a turn needs.
#[derive(Clone)]
pub(crate) struct Tools {
    pub writer: Writer,
    pub tokens: std::sync::Arc<Tokens>,
    pub herald: Herald,
    pub desk: Desk,
    pub tray: Tray,
}

impl Tools {
    /// The same, for what is decided in this term.
    pub fn within(&self, term: &Term) -> Self {
        Self {
            writer: self.writer.clone().within(term.clone()),
            tokens: self.tokens.clone(),
            herald: self.herald.within(term),
            desk: self.desk.clone(),
            tray: self.tray.clone(),
        }
    }
}

/// Takes it, in this term.
pub(crate) async fn take(tools: Tools, term: Term, made: Made) -> Turn {
    let Made { cluster, plan, status, uncleaned, error: _, told: _, laps: _, ground: _ } = made;
    let mut hands = Hands::new(&tools.writer, &tools.tokens, (*cluster).clone(), true);
    // What is done in the cluster itself is no write of this turn, which would wait for it.
    let quiet = plan.steps.iter().all(|step| matches!(step, Step::Node(_)));
    hands.execute(plan.steps).await;
    let Hands { mut turn, .. } = hands;
    tools.tray.hand_in(&cluster, std::mem::take(&mut turn.nodes), &term);
    // Of what is just changing the next plan tells more.
    if let Some(status) = status
        && (quiet || !turn.errors.is_empty())
        && !turn.looked
        && turn.done.is_empty()
    {
        tools.desk.hand_in(&cluster, status, &term);
    }
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
        | Step::ReleaseFromNio(_)
        | Step::Node(_) => false,
    }
}
