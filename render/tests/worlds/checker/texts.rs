//! S10: no files twice; what replaced undelivered content is written once more, and only once.

use nico_crds::{KubernetesCluster, NixosConfiguration};
use nico_render::Desired;

use super::view::View;
use super::{Checker, Invariant, name};
use crate::model::snapshot::uid;

impl Checker {
    pub fn text_allowed(
        &mut self,
        view: &View,
        cluster: &KubernetesCluster,
        desired: &Desired,
        before: &NixosConfiguration,
        after: &NixosConfiguration,
    ) {
        let text = self.facts(after).text.clone();
        let history = self.histories.get(uid(before)).cloned().unwrap_or_default();
        let case = self.case(view, cluster, desired, before);
        self.check(Invariant::S10, !history.written.contains(&text.hash), || {
            format!("{} gets files that it had before", name(after))
        });
        if !case.current {
            return;
        }
        self.antecedent(Invariant::S10);
        let due = history.confirm_from.is_some_and(|from| view.now >= from);
        self.check(Invariant::S10, due && case.settled, || {
            let pending = history.confirm_from.map_or("nothing to confirm".to_owned(), |from| {
                format!("to confirm in {} s", from - view.now)
            });
            format!("{} is current and gets new content ({pending}, settled: {})", case.name, case.settled)
        });
    }
}
