//! The join token: created once, kept for ever, never invented anew (S4).

use nico_crds::names::join_token_secret;

use super::{Planner, Step, WaitReason};
use crate::inventory::name;
use crate::observed::TokenState;

impl Planner<'_> {
    /// Whether there is, or will be by then, a token for what is created.
    pub(super) fn see_to_token(&mut self) -> bool {
        if self.desired.configurations.is_empty() {
            return false;
        }
        let secret = join_token_secret(name(&self.cluster.metadata));
        match self.observed.token(self.cluster) {
            Some(TokenState::Own { guessable: _ }) => true,
            Some(TokenState::Unclaimed { guessable }) => {
                self.step(Step::OwnToken { guessable });
                true
            }
            Some(TokenState::Absent) if self.may_be_in_use() => {
                self.wait_cluster(WaitReason::TokenLost { secret });
                false
            }
            Some(TokenState::Absent) => {
                self.step(Step::CreateToken);
                true
            }
            Some(TokenState::Foreign) => {
                self.wait_cluster(WaitReason::ForeignToken { secret });
                false
            }
            None => {
                self.step(Step::LookAtToken);
                self.wait_cluster(WaitReason::TokenUnknown);
                false
            }
        }
    }

    /// Some machine may have the token that was: whoever joined with another one would be alone.
    fn may_be_in_use(&self) -> bool {
        self.desired.bootstrapped
            || !self.desired.memory.applied_machines.is_empty()
            || self.desired.configurations.iter().any(|configuration| !configuration.is_new)
    }
}
